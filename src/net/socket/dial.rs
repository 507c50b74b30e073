//! How a connection is made: name and TCP here, TLS and upgrade in `open`, all under one deadline.
//!
//! Never lets one dead address (a broken IPv6 route, say) use up the whole deadline: each address gets a share of it.

use super::machine::Ending;
use super::{Reason, SocketSettings};
use crate::net::http::{is_no_name, no_such_name, parse_retry_after};
use crate::types::Timestamp;
use std::future::Future;
use std::io;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, lookup_host};
use tokio::time::{Instant, timeout, timeout_at};
use tokio_tungstenite::tungstenite::error::CapacityError;
use tokio_tungstenite::tungstenite::handshake::client::Response;
use tokio_tungstenite::tungstenite::http::header;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{self, Error};
use tokio_tungstenite::{Connector, MaybeTlsStream, WebSocketStream, client_async_tls_with_config};

/// Share of one address: three dead ones leave time for a fourth within the ten seconds of a connection.
pub(in crate::net) const PER_ADDRESS: Duration = Duration::from_millis(2_500);

/// Makes the byte stream under a connection. A seam for tests, which bring streams without a network.
pub trait Dial: Send {
    /// What it makes.
    type Stream: AsyncRead + AsyncWrite + Unpin + Send + 'static;

    /// Connects to a host (a name or an address) and a port.
    fn dial(&mut self, host: &str, port: u16) -> impl Future<Output = io::Result<Self::Stream>> + Send;
}

/// TCP, by the system's resolver.
#[derive(Debug, Clone, Copy, Default)]
pub struct TcpDial;

impl Dial for TcpDial {
    type Stream = TcpStream;

    async fn dial(&mut self, host: &str, port: u16) -> io::Result<TcpStream> {
        let mut last = io::Error::from(io::ErrorKind::AddrNotAvailable);
        for address in alternated(lookup_host((host, port)).await.map_err(|_| no_such_name())?.collect()) {
            match timeout(PER_ADDRESS, TcpStream::connect(address)).await {
                Ok(Ok(stream)) => {
                    stream.set_nodelay(true)?;
                    return Ok(stream);
                }
                Ok(Err(error)) => last = error,
                Err(_) => last = io::ErrorKind::TimedOut.into(),
            }
        }
        Err(last)
    }
}

/// The addresses with the two families taking turns, the resolver's first choice first.
pub(in crate::net) fn alternated(addresses: Vec<std::net::SocketAddr>) -> Vec<std::net::SocketAddr> {
    let first_is_v6 = addresses.first().is_some_and(std::net::SocketAddr::is_ipv6);
    let (mut one, mut other): (Vec<_>, Vec<_>) = addresses.into_iter().partition(|it| it.is_ipv6() == first_is_v6);
    one.reverse();
    other.reverse();
    let mut turns = Vec::with_capacity(one.len() + other.len());
    while !(one.is_empty() && other.is_empty()) {
        turns.extend(one.pop());
        turns.extend(other.pop());
    }
    turns
}

pub(super) type Socket<S> = WebSocketStream<MaybeTlsStream<S>>;

/// One attempt at a connection.
pub(super) async fn open<D: Dial>(settings: &SocketSettings, dial: &mut D) -> Result<Socket<D::Stream>, Ending> {
    let deadline = Instant::now() + settings.timing.connect;
    let (host, port) = settings.endpoint.host_and_port();
    let request = settings.endpoint.request().map_err(|_| Ending::from(Reason::Upgrade))?;
    let stream = match timeout_at(deadline, dial.dial(&host, port)).await {
        Ok(Ok(stream)) => stream,
        Ok(Err(error)) if is_no_name(&error) => return Err(Reason::Name.into()),
        Ok(Err(_)) | Err(_) => return Err(Reason::Connect.into()),
    };
    let limits = settings.limits;
    let config = WebSocketConfig::default()
        .read_buffer_size(limits.buffer)
        .write_buffer_size(limits.buffer)
        .max_frame_size(Some(limits.frame))
        .max_message_size(Some(limits.message));
    let connector = Connector::Rustls(settings.tls.config.clone());
    let upgrade = client_async_tls_with_config(request, stream, Some(config), Some(connector));
    // Boxed: the handshake's 20 kB live as long as it does, not as long as the socket.
    match timeout_at(deadline, Box::pin(upgrade)).await {
        Ok(Ok((socket, _))) => Ok(socket),
        Ok(Err(error)) => Err(ending_of_upgrade(&error)),
        Err(_) => Err(Reason::UpgradeTimeout.into()),
    }
}

fn ending_of_upgrade(error: &Error) -> Ending {
    match error {
        Error::Http(response) => refused(response),
        Error::Tls(_) => Reason::Tls.into(),
        Error::Io(error) if crate::net::http::is_tls(error) => Reason::Tls.into(),
        Error::Io(_) | Error::ConnectionClosed | Error::AlreadyClosed => Reason::Close.into(),
        Error::Capacity(_)
        | Error::Protocol(_)
        | Error::WriteBufferFull(_)
        | Error::Utf8(_)
        | Error::AttackAttempt
        | Error::Url(_)
        | Error::HttpFormat(_) => Reason::Upgrade.into(),
    }
}

fn refused(response: &Response) -> Ending {
    let text = |name| response.headers().get(name).and_then(|value| value.to_str().ok());
    // A date is relative to the server's own clock; one without `Date` cannot be read without ours and is left.
    let date = text(header::DATE).and_then(crate::net::http::parse_http_date);
    let asked = text(header::RETRY_AFTER)
        .filter(|asked| date.is_some() || asked.trim().starts_with(|first: char| first.is_ascii_digit()))
        .and_then(|asked| parse_retry_after(asked, date.unwrap_or(Timestamp::default())));
    Ending { stay_away: asked, ..Ending::from(Reason::RefusedHttp(response.status().as_u16())) }
}

/// Why reading from an open connection failed.
pub(super) const fn reason_of_read(error: &Error) -> Reason {
    match error {
        Error::Capacity(CapacityError::MessageTooLong { .. }) => Reason::TooLarge,
        // A peer that dies leaves no closing handshake: that is a close, not a breach.
        Error::Io(_)
        | Error::Tls(_)
        | Error::ConnectionClosed
        | Error::AlreadyClosed
        | Error::Protocol(tungstenite::error::ProtocolError::ResetWithoutClosingHandshake) => Reason::Close,
        Error::Capacity(_)
        | Error::Protocol(_)
        | Error::WriteBufferFull(_)
        | Error::Utf8(_)
        | Error::AttackAttempt
        | Error::Url(_)
        | Error::Http(_)
        | Error::HttpFormat(_) => Reason::Protocol,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_leads_nowhere_is_told_from_a_port_that_does() {
        assert!(is_no_name(&no_such_name()));
        for kind in [io::ErrorKind::NotFound, io::ErrorKind::ConnectionRefused, io::ErrorKind::TimedOut] {
            assert!(!is_no_name(&kind.into()), "{kind}");
        }
    }

    #[test]
    fn address_families_take_turns() {
        let parse = |list: &[&str]| list.iter().map(|it| it.parse().expect("an address")).collect::<Vec<_>>();
        let given = parse(&["[2a00::1]:1", "[2a00::2]:1", "[2a00::3]:1", "1.1.1.1:1", "1.1.1.2:1"]);
        let expected = parse(&["[2a00::1]:1", "1.1.1.1:1", "[2a00::2]:1", "1.1.1.2:1", "[2a00::3]:1"]);
        assert_eq!(alternated(given), expected);
        assert_eq!(alternated(Vec::new()), Vec::new());
    }
}
