//! As much of an HTTP/1.1 server as the faces need: read a request, answer it, or misbehave on purpose. By hand,
//! because a face has to close in the middle, say nothing at all, or turn into a WebSocket on the same port.

use base64::Engine as _;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::future::Future;
use std::io;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::Role;
use tokio_util::sync::CancellationToken;

/// The longest head of a request, as of common servers.
const MOST_HEAD: usize = 16 * 1024;
/// The longest body: far above any batch or message that the monitor sends.
const MOST_BODY: usize = 16 * 1024 * 1024;

/// A request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Request {
    /// `GET` or `POST`.
    pub method: String,
    /// Without its query.
    pub path: String,
    /// Behind the `?`, decoded; the last one of a name counts.
    pub query: BTreeMap<String, String>,
    /// Names in small letters.
    pub headers: BTreeMap<String, String>,
    /// The body.
    pub body: Vec<u8>,
}

impl Request {
    /// A header's value, by its name in small letters.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }

    /// The key of a request that asks for a WebSocket.
    pub(super) fn upgrade_key(&self) -> Option<&str> {
        let wants = self.header("upgrade").is_some_and(|to| to.eq_ignore_ascii_case("websocket"));
        self.header("sec-websocket-key").filter(|key| {
            wants && base64::engine::general_purpose::STANDARD.decode(key).is_ok_and(|key| key.len() == 16)
        })
    }
}

/// A connection, with what was read of the next request.
pub(super) struct Connection {
    stream: TcpStream,
    read: Vec<u8>,
}

impl Connection {
    /// Over a fresh stream.
    pub(super) const fn new(stream: TcpStream) -> Self {
        Self { stream, read: Vec::new() }
    }

    /// The next request; `None` when the peer closed between two.
    ///
    /// # Errors
    /// For what is no HTTP, is too long, or broke off.
    pub(super) async fn request(&mut self) -> io::Result<Option<Request>> {
        let Some(head) = self.head().await? else { return Ok(None) };
        let mut request = parse_head(&head).ok_or(io::ErrorKind::InvalidData)?;
        let length = request.header("content-length").map_or(Ok(0), str::parse::<usize>);
        let length = length.ok().filter(|length| *length <= MOST_BODY).ok_or(io::ErrorKind::InvalidData)?;
        while self.read.len() < length {
            self.more().await?;
        }
        request.body = self.read.drain(..length).collect();
        Ok(Some(request))
    }

    /// Reads up to the blank line, which is left out.
    async fn head(&mut self) -> io::Result<Option<String>> {
        const END: &[u8] = b"\r\n\r\n";
        loop {
            if let Some(end) = self.read.windows(END.len()).position(|window| window == END) {
                let head = self.read.drain(..end.saturating_add(END.len())).collect();
                return String::from_utf8(head).map(Some).map_err(|_| io::ErrorKind::InvalidData.into());
            }
            if self.read.len() > MOST_HEAD {
                return Err(io::ErrorKind::InvalidData.into());
            }
            match self.more().await {
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof && self.read.is_empty() => return Ok(None),
                outcome => outcome?,
            }
        }
    }

    async fn more(&mut self) -> io::Result<()> {
        if self.stream.read_buf(&mut self.read).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(())
    }

    /// Answers, and keeps the connection open.
    ///
    /// # Errors
    /// When the peer is gone.
    pub(super) async fn answer(&mut self, status: u16, headers: &[(&str, String)], body: &str) -> io::Result<()> {
        let mut text = format!("HTTP/1.1 {status} {}\r\ncontent-length: {}\r\n", reason(status), body.len());
        for (name, value) in headers {
            let _ = write!(text, "{name}: {value}\r\n");
        }
        text.push_str("\r\n");
        text.push_str(body);
        self.stream.write_all(text.as_bytes()).await
    }

    /// Answers with the start of a body that was said to be longer; whoever calls closes behind it.
    ///
    /// # Errors
    /// When the peer is gone.
    pub(super) async fn answer_cut(
        &mut self,
        status: u16,
        headers: &[(&str, String)],
        start: &str,
        length: usize,
    ) -> io::Result<()> {
        let mut text = format!("HTTP/1.1 {status} {}\r\ncontent-length: {length}\r\n", reason(status));
        for (name, value) in headers {
            let _ = write!(text, "{name}: {value}\r\n");
        }
        self.stream.write_all(format!("{text}\r\n{start}").as_bytes()).await
    }

    /// Answers with JSON.
    ///
    /// # Errors
    /// When the peer is gone.
    pub(super) async fn answer_json(&mut self, body: &str) -> io::Result<()> {
        self.answer(200, &[("content-type", "application/json; charset=utf-8".into())], body).await
    }

    /// Becomes a WebSocket, by the key of its request.
    ///
    /// # Errors
    /// When the peer is gone.
    pub(super) async fn upgrade(mut self, key: &str) -> io::Result<WebSocketStream<TcpStream>> {
        let accept = derive_accept_key(key.as_bytes());
        let answer = format!(
            "HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: Upgrade\r\nsec-websocket-accept: {accept}\r\n\r\n"
        );
        self.stream.write_all(answer.as_bytes()).await?;
        Ok(WebSocketStream::from_partially_read(self.stream, self.read, Role::Server, None).await)
    }
}

fn reason(status: u16) -> &'static str {
    match status {
        200..=299 => "OK",
        300..=399 => "Elsewhere",
        400..=499 => "Refused",
        _ => "Failed",
    }
}

/// Reads a request line and headers.
fn parse_head(head: &str) -> Option<Request> {
    let mut lines = head.trim_end().split("\r\n");
    let mut first = lines.next()?.split(' ');
    let (method, target) = (first.next()?.to_owned(), first.next()?);
    first.next().filter(|version| version.starts_with("HTTP/1."))?;
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let query = url::form_urlencoded::parse(query.as_bytes()).into_owned().collect();
    let header = |line: &str| {
        let (name, value) = line.split_once(':')?;
        Some((name.trim().to_ascii_lowercase(), value.trim().to_owned()))
    };
    let headers: BTreeMap<String, String> = lines.map(header).collect::<Option<_>>()?;
    // Nobody here sends a body in chunks; who did would be misread.
    (!headers.contains_key("transfer-encoding")).then(|| Request {
        method,
        path: path.to_owned(),
        query,
        headers,
        body: Vec::new(),
    })
}

/// Takes connections until told to stop; `talk` has each. Ends with all of them closed.
pub(super) async fn serve<F, T>(listener: TcpListener, cancel: CancellationToken, mut talk: F)
where
    F: FnMut(Connection) -> T,
    T: Future<Output = ()> + Send + 'static,
{
    let mut open = JoinSet::new();
    loop {
        tokio::select! {
            () = cancel.cancelled() => break,
            accepted = listener.accept() => {
                // A connection that was gone before it was taken is no matter; a port that is gone ends everything.
                if let Ok((stream, _)) = accepted {
                    let _slow = stream.set_nodelay(true);
                    open.spawn(talk(Connection::new(stream)));
                }
            }
            Some(_) = open.join_next() => {}
        }
    }
    open.shutdown().await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_read_or_refused() {
        let request =
            parse_head("GET /v2/api?a=1&b=x%20y HTTP/1.1\r\nHost: me\r\nX-Key:  Value \r\n\r\n").expect("it is one");
        assert_eq!((request.method.as_str(), request.path.as_str()), ("GET", "/v2/api"));
        assert_eq!(request.query.get("b").map(String::as_str), Some("x y"));
        assert_eq!((request.header("x-key"), request.upgrade_key()), (Some("Value"), None));
        for head in
            ["", "GET /", "GET / SSH-2", "GET / HTTP/1.1\r\nno header", "GET / HTTP/1.1\r\nTransfer-Encoding: chunked"]
        {
            assert_eq!(parse_head(head), None, "{head}");
        }
    }
}
