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
    use crate::net::http::{HttpClient, HttpFault, Reach, Request, Target};
    use crate::types::Secret;
    use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, date_time_ymd};
    use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
    use rustls::{ServerConfig, ServerConnection, StreamOwned};
    use std::io::{Read, Write};
    use std::net::{SocketAddr, TcpListener};

    fn params(name: &str) -> CertificateParams {
        CertificateParams::new(vec![name.to_owned()]).expect("it is a name")
    }

    /// A certificate and its key, in DER.
    type Identity = (CertificateDer<'static>, Vec<u8>);

    fn signed(params: &CertificateParams, issuer: &Issuer<'_, KeyPair>) -> Identity {
        let key = KeyPair::generate().expect("ring makes keys");
        (params.signed_by(&key, issuer).expect("it can be signed").der().clone(), key.serialize_der())
    }

    /// Answers every request on its own thread; a handshake that the client breaks off is what is tested.
    fn serve((certificate, key): Identity) -> SocketAddr {
        install_crypto_provider();
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key));
        let config = ServerConfig::builder().with_no_client_auth().with_single_cert(vec![certificate], key);
        let config = Arc::new(config.expect("the key belongs to the certificate"));
        let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
        let address = listener.local_addr().expect("it is bound");
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let connection = ServerConnection::new(config.clone()).expect("the config is whole");
                let mut stream = StreamOwned::new(connection, stream);
                let mut request = [0; 4_096];
                if stream.read(&mut request).is_ok() {
                    let _gone = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
                    let _flushed = stream.flush();
                }
            }
        });
        address
    }

    #[tokio::test]
    async fn only_a_valid_certificate_of_a_trusted_authority_for_this_name_is_taken() {
        let mut authority = params("authority.example");
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("ring makes keys");
        let pem = authority.self_signed(&key).expect("it can be signed").pem();
        let issuer = Issuer::new(authority, key);
        let mut expired = params("127.0.0.1");
        expired.not_after = date_time_ymd(2020, 1, 1);
        let own_key = KeyPair::generate().expect("ring makes keys");
        let own = params("127.0.0.1").self_signed(&own_key).expect("it can be signed");

        let company = Tls::with_authorities(pem.as_bytes()).expect("it is a certificate");
        let good = serve(signed(&params("127.0.0.1"), &issuer));
        let cases = [
            ("good", good, &company, Ok(200)),
            ("unknown authority", good, &Tls::baked(), Err(HttpFault::Tls)),
            ("wrong name", serve(signed(&params("other.example"), &issuer)), &company, Err(HttpFault::Tls)),
            ("expired", serve(signed(&expired, &issuer)), &company, Err(HttpFault::Tls)),
            ("self-signed", serve((own.der().clone(), own_key.serialize_der())), &company, Err(HttpFault::Tls)),
        ];
        for (name, address, tls, expected) in cases {
            let target = Target::parse(&Secret::new(format!("https://{address}/"))).expect("it is a url");
            let client = HttpClient::new(tls).expect("TLS can be set up");
            let got = client.send(Request::get(target).reaching(Reach::Anywhere)).await;
            assert_eq!(got.map(|it| it.status), expected, "{name}");
        }
    }

    #[test]
    fn authorities_that_cannot_be_read_are_named_by_their_number() {
        assert_eq!(Tls::with_authorities(b"").err(), Some(TlsFault::Empty));
        let junk = b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        assert_eq!(Tls::with_authorities(junk).err(), Some(TlsFault::Unreadable { nth: 1 }));
    }
}
