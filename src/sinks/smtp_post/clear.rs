//! What is said in the clear before STARTTLS: a greeting, an introduction, and the wish to encrypt. Nothing else is ever said here.
//!
//! Whatever the server sent beyond its answer is a stranger's, put in on the way: the connection ends. What it said in the clear is
//! forgotten but for its greeting, which it says once and lettre's client wants to hear; behind it that client asks everything anew.

use super::{LetterFault, broken};
use crate::net::ByteStream;
use crate::sinks::letter::{Refusal, Step};
use lettre::transport::smtp::client::AsyncTokioStream;
use lettre::transport::smtp::extension::ClientId;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, ReadBuf};

/// The most of an answer: far above the longest list of extensions.
const MOST_ANSWER: usize = 16 * 1024;

/// What is said of a dialogue that ends where it should not.
pub(super) const BROKE: &str = "the connection to the mail server broke, or what it says is no SMTP";

/// An answer: its code, and its lines behind the codes.
struct Said {
    code: u16,
    lines: Vec<String>,
}

/// Asks to encrypt. Gives the greeting's code, and the stream at the place where TLS begins.
pub(super) async fn ask_to_encrypt(mut stream: ByteStream, me: &ClientId) -> Result<(u16, ByteStream), LetterFault> {
    let greeting = answer(&mut stream, Step::Greeting).await?;
    say(&mut stream, &format!("EHLO {me}\r\n")).await?;
    let hello = answer(&mut stream, Step::Hello).await?;
    let offered = hello.lines.iter().any(|line| line.trim().eq_ignore_ascii_case("STARTTLS"));
    if !offered {
        return Err(broken(false, "the mail server offers no STARTTLS, and nothing goes in the clear: look at `url`"));
    }
    say(&mut stream, "STARTTLS\r\n").await?;
    answer(&mut stream, Step::StartTls).await?;
    Ok((greeting.code, stream))
}

async fn say(stream: &mut ByteStream, words: &str) -> Result<(), LetterFault> {
    stream.write_all(words.as_bytes()).await.map_err(|_| gone())
}

fn gone() -> LetterFault {
    broken(false, BROKE)
}

/// Reads one answer and not a byte more; a refusal is a fault.
async fn answer(stream: &mut ByteStream, at: Step) -> Result<Said, LetterFault> {
    let mut bytes = Vec::new();
    let said = loop {
        if let Some(said) = parse(&bytes)? {
            break said;
        }
        if bytes.len() > MOST_ANSWER || stream.read_buf(&mut bytes).await.map_err(|_| gone())? == 0 {
            return Err(gone());
        }
    };
    if said.code >= 400 {
        let finer = said.lines.first().and_then(|line| finer(line));
        return Err(LetterFault::Refused(Refusal { at, code: said.code, finer }));
    }
    Ok(said)
}

/// The answer, once it is whole; there may be nothing behind it.
fn parse(bytes: &[u8]) -> Result<Option<Said>, LetterFault> {
    let Ok(text) = std::str::from_utf8(bytes) else { return Err(gone()) };
    let mut lines = Vec::new();
    let mut rest = text;
    while let Some((line, behind)) = rest.split_once('\n') {
        let line = line.trim_end_matches('\r');
        let code = line.get(..3).and_then(|digits| digits.parse().ok()).filter(|code| (200..600).contains(code));
        let code: u16 = code.ok_or_else(gone)?;
        lines.push(line.get(4..).unwrap_or_default().to_owned());
        rest = behind;
        match line.as_bytes().get(3) {
            Some(b'-') => {}
            Some(b' ') | None if rest.is_empty() => return Ok(Some(Said { code, lines })),
            _ => return Err(gone()),
        }
    }
    Ok(None)
}

/// The finer code that a refusal's words begin with.
pub(super) fn finer(words: &str) -> Option<[u16; 3]> {
    let mut parts = words.split_whitespace().next()?.split('.');
    let mut part = || parts.next().filter(|part| part.len() <= 3).and_then(|part| part.parse::<u16>().ok());
    let code = [part()?, part()?, part()?];
    (parts.next().is_none() && matches!(code[0], 2 | 4 | 5)).then_some(code)
}

/// A stream of which a greeting is read first, where the real one was read already.
#[derive(Debug)]
pub(super) struct Greeted {
    greeting: Vec<u8>,
    stream: ByteStream,
}

impl Greeted {
    /// Nothing was read yet.
    pub(super) const fn new(stream: ByteStream) -> Self {
        Self { greeting: Vec::new(), stream }
    }

    /// The server greeted with this code, before it was encrypted.
    pub(super) fn again(stream: ByteStream, code: u16) -> Self {
        Self { greeting: format!("{code} \r\n").into_bytes(), stream }
    }
}

impl AsyncTokioStream for Greeted {
    fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.stream.ends().map(|(_, other)| other)
    }
}

impl AsyncRead for Greeted {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.greeting.is_empty() {
            return Pin::new(&mut self.stream).poll_read(context, buffer);
        }
        let length = buffer.remaining().min(self.greeting.len());
        buffer.put_slice(&self.greeting[..length]);
        self.greeting.drain(..length);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Greeted {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_whole_or_awaited_and_nothing_stands_behind_it() {
        let check = |text: &str, expected: Result<Option<(u16, usize)>, ()>| {
            let got = parse(text.as_bytes()).map(|said| said.map(|said| (said.code, said.lines.len()))).map_err(|_| ());
            assert_eq!(got, expected, "{text:?}");
        };
        check("", Ok(None));
        check("220 mail.example.com", Ok(None));
        check("220 mail.example.com\r\n", Ok(Some((220, 1))));
        check("250-mail\r\n250-STARTTLS\r\n", Ok(None));
        check("250-mail\r\n250-STARTTLS\r\n250 8BITMIME\r\n", Ok(Some((250, 3))));
        check("250\r\n", Ok(Some((250, 1))));
        check("220 go on\r\n250 injected\r\n", Err(()));
        check("220 go on\r\n25", Err(()));
        check("HTTP/1.1 400 Bad Request\r\n", Err(()));
        check("22é\r\n", Err(()));
    }

    #[test]
    fn a_finer_code_is_three_numbers_and_nothing_else() {
        let check = |words: &str, expected: Option<[u16; 3]>| assert_eq!(finer(words), expected, "{words:?}");
        check("5.1.1 no such user", Some([5, 1, 1]));
        check("4.7.1", Some([4, 7, 1]));
        check("no 5.1.1", None);
        check("5.1", None);
        check("5.1.1.1 x", None);
        check("9.1.1 x", None);
        check("5.1.secret", None);
        check("", None);
    }
}
