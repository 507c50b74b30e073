//! TLS for everything that leaves the process: rustls with ring and the certificate authorities baked into the binary.
//!
//! Never accepts an invalid certificate, a wrong name or an unknown authority; there is no switch for that.

use rustls::pki_types::{CertificateDer, pem::PemObject};
use rustls::{ClientConfig, RootCertStore};
use std::sync::Arc;

/// Installs ring as the process's rustls provider; calling it again changes nothing. rustls panics at the first
/// handshake when none is installed, so `app/` calls this before anything else.
pub fn install_crypto_provider() {
    // Fails only when one is installed already: ours, since this crate compiles no other one in.
    let _already = rustls::crypto::ring::default_provider().install_default();
}

/// Whom to trust, shared by the HTTP client and the sockets. Cheap to clone.
#[derive(Clone)]
pub struct Tls {
    pub(in crate::net) config: Arc<ClientConfig>,
}

impl std::fmt::Debug for Tls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Tls")
    }
}

/// Why a list of own certificate authorities was not taken.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum TlsFault {
    /// A certificate in the list could not be read.
    #[error("certificate {nth} of the given authorities cannot be read: give a PEM file of CERTIFICATE blocks")]
    Unreadable {
        /// Which one, from 1.
        nth: usize,
    },
    /// There is nothing in it.
    #[error("the given authorities hold no certificate: give a PEM file of CERTIFICATE blocks")]
    Empty,
}

impl Tls {
    /// Trusts Mozilla's list, as baked into the binary: works in an empty container.
    #[must_use]
    pub fn baked() -> Self {
        Self::from_roots(mozilla())
    }

    /// Trusts Mozilla's list and the certificate authorities of this PEM text, for receivers inside a company.
    ///
    /// # Errors
    /// When a certificate is unreadable or there is none.
    pub fn with_authorities(pem: &[u8]) -> Result<Self, TlsFault> {
        let mut roots = mozilla();
        let mut taken = 0;
        for certificate in CertificateDer::pem_slice_iter(pem) {
            taken += 1;
            let unreadable = TlsFault::Unreadable { nth: taken };
            let Ok(certificate) = certificate else { return Err(unreadable) };
            roots.add(certificate).map_err(|_| unreadable)?;
        }
        if taken == 0 {
            return Err(TlsFault::Empty);
        }
        Ok(Self::from_roots(roots))
    }

    fn from_roots(roots: RootCertStore) -> Self {
        install_crypto_provider();
        Self { config: Arc::new(ClientConfig::builder().with_root_certificates(roots).with_no_client_auth()) }
    }
}

fn mozilla() -> RootCertStore {
    RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn authorities_that_cannot_be_read_are_named_by_their_number() {
        assert_eq!(Tls::with_authorities(b"").err(), Some(TlsFault::Empty));
        let junk = b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        assert_eq!(Tls::with_authorities(junk).err(), Some(TlsFault::Unreadable { nth: 1 }));
    }
}
