//! A byte stream to a host and a port, in the clear or under TLS: for protocols that are neither HTTP nor WebSocket.
//!
//! Every address of a name is vetted when it is used, as by the HTTP client. What is to go in the clear reaches only this machine and
//! private networks. Never caches a name, never retries, never takes an invalid certificate; its faults hold no name and no address.

use super::Tls;
use super::address_guard::{Forbidden, check_address};
use super::socket::{PER_ADDRESS, alternated};
use rustls::pki_types::ServerName;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// How far a stream may reach.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StreamReach {
    /// Public addresses only.
    PublicOnly,
    /// This machine and private networks only: for what goes in the clear.
    PrivateOnly,
    /// This machine only.
    LoopbackOnly,
    /// Any address: the operator wrote this destination and says that it may be inside.
    Anywhere,
}

/// Why there is no stream.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StreamFault {
    /// The name does not resolve.
    #[error("the host's name does not resolve")]
    Name,
    /// An address that may not be reached.
    #[error("the destination is not public ({}): allow a private destination if it is meant", why.label())]
    Refused {
        /// What kind of address it is.
        why: Forbidden,
    },
    /// A public address, over which nothing goes in the clear.
    #[error("the destination is public, and nothing goes there in the clear")]
    Public,
    /// No connection could be made.
    #[error("no connection could be made: refused, unreachable or reset")]
    Connect,
    /// The TLS handshake failed.
    #[error("the TLS handshake failed: unknown authority, wrong name, expired certificate, or no TLS on this port")]
    Tls,
}

/// A stream, before and under TLS.
#[derive(Debug)]
pub enum ByteStream {
    /// In the clear.
    Clear(TcpStream),
    /// Encrypted, and the other side is who it should be.
    Secure(Box<TlsStream<TcpStream>>),
}

impl ByteStream {
    /// Connects, in the clear. Takes at most [`PER_ADDRESS`] for each address; the whole has no deadline of its own.
    ///
    /// # Errors
    /// When the name leads nowhere, to where `reach` forbids, or nobody takes the connection.
    pub async fn connect(host: &str, port: u16, reach: StreamReach) -> Result<Self, StreamFault> {
        // An address of the sixth version is written in brackets.
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let addresses: Vec<SocketAddr> = lookup_host((host, port)).await.map_err(|_| StreamFault::Name)?.collect();
        if addresses.is_empty() {
            return Err(StreamFault::Name);
        }
        addresses.iter().try_for_each(|address| vet(address.ip(), reach))?;
        for address in alternated(addresses) {
            if let Ok(Ok(stream)) = timeout(PER_ADDRESS, TcpStream::connect(address)).await {
                let _slow = stream.set_nodelay(true);
                return Ok(Self::Clear(stream));
            }
        }
        Err(StreamFault::Connect)
    }

    /// Puts TLS over it; the certificate has to be for `host`. What is encrypted already stays as it is.
    ///
    /// # Errors
    /// When the handshake fails.
    pub async fn secure(self, host: &str, tls: &Tls) -> Result<Self, StreamFault> {
        let Self::Clear(stream) = self else { return Ok(self) };
        let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        let name = ServerName::try_from(host).map_err(|_| StreamFault::Tls)?;
        let connector = TlsConnector::from(tls.config.clone());
        let stream = connector.connect(name, stream).await.map_err(|_| StreamFault::Tls)?;
        Ok(Self::Secure(Box::new(stream)))
    }

    /// The addresses of our end and of the other one.
    ///
    /// # Errors
    /// When it is not connected any more.
    pub fn ends(&self) -> io::Result<(SocketAddr, SocketAddr)> {
        let stream = match self {
            Self::Clear(stream) => stream,
            Self::Secure(stream) => stream.get_ref().0,
        };
        Ok((stream.local_addr()?, stream.peer_addr()?))
    }
}

fn vet(address: IpAddr, reach: StreamReach) -> Result<(), StreamFault> {
    let found = check_address(address);
    match (reach, found) {
        (StreamReach::Anywhere, _) | (StreamReach::PublicOnly, Ok(())) => Ok(()),
        (StreamReach::PublicOnly, Err(why)) => Err(StreamFault::Refused { why }),
        // The meta-data services of clouds are one link away, and no mail server is there.
        (StreamReach::PrivateOnly, Err(Forbidden::Loopback | Forbidden::Private | Forbidden::CarrierShared)) => Ok(()),
        (StreamReach::LoopbackOnly, Err(Forbidden::Loopback)) => Ok(()),
        (StreamReach::PrivateOnly | StreamReach::LoopbackOnly, Err(why)) => Err(StreamFault::Refused { why }),
        (StreamReach::PrivateOnly | StreamReach::LoopbackOnly, Ok(())) => Err(StreamFault::Public),
    }
}

impl AsyncRead for ByteStream {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Clear(stream) => Pin::new(stream).poll_read(context, buffer),
            Self::Secure(stream) => Pin::new(stream).poll_read(context, buffer),
        }
    }
}

impl AsyncWrite for ByteStream {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Clear(stream) => Pin::new(stream).poll_write(context, bytes),
            Self::Secure(stream) => Pin::new(stream).poll_write(context, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Clear(stream) => Pin::new(stream).poll_flush(context),
            Self::Secure(stream) => Pin::new(stream).poll_flush(context),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Clear(stream) => Pin::new(stream).poll_shutdown(context),
            Self::Secure(stream) => Pin::new(stream).poll_shutdown(context),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_goes_in_the_clear_stays_inside_and_the_rest_outside_unless_it_is_allowed() {
        use StreamReach::{Anywhere, PrivateOnly, PublicOnly};
        let check = |address: &str, public: bool, private: bool| {
            let address: IpAddr = address.parse().expect("an address");
            assert_eq!(vet(address, PublicOnly).is_ok(), public, "{address}");
            assert_eq!(vet(address, PrivateOnly).is_ok(), private, "{address}");
            assert_eq!(vet(address, Anywhere), Ok(()));
        };
        check("8.8.8.8", true, false);
        check("127.0.0.1", false, true);
        check("::1", false, true);
        check("10.1.2.3", false, true);
        check("192.168.1.1", false, true);
        check("fd00::1", false, true);
        check("169.254.169.254", false, false);
        check("0.0.0.0", false, false);
        for (address, here) in
            [("127.0.0.1", true), ("127.8.8.8", true), ("::1", true), ("10.1.2.3", false), ("8.8.8.8", false)]
        {
            assert_eq!(vet(address.parse().expect("an address"), StreamReach::LoopbackOnly).is_ok(), here, "{address}");
        }
        check("2606:4700::1111", true, false);
    }

    #[tokio::test]
    async fn a_private_server_is_not_reached_unless_it_is_allowed() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("loopback has a free port");
        let port = listener.local_addr().expect("it is bound").port();
        for host in ["127.0.0.1", "localhost"] {
            let refused = ByteStream::connect(host, port, StreamReach::PublicOnly).await.err();
            assert_eq!(refused, Some(StreamFault::Refused { why: Forbidden::Loopback }));
            assert!(ByteStream::connect(host, port, StreamReach::PrivateOnly).await.is_ok());
        }
        drop(listener);
        let gone = ByteStream::connect("127.0.0.1", port, StreamReach::Anywhere).await.err();
        assert_eq!(gone, Some(StreamFault::Connect));
        let nowhere = ByteStream::connect("no-such-host.invalid", port, StreamReach::Anywhere).await.err();
        assert_eq!(nowhere, Some(StreamFault::Name));
    }
}
