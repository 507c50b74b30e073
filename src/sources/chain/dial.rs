//! TCP that acknowledges at once what it has read.
//!
//! Several answers come in a row after one head. A server that has not switched Nagle's algorithm off (anvil has not) holds the second
//! back until the first is acknowledged, and Linux takes 40 ms for that when we have nothing to say: measured, p50 from head to block
//! 45 ms instead of half a millisecond. Nothing else is changed, and where the system cannot do it nothing is.

use crate::net::socket::{Dial, TcpDial};
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

/// Dials as [`TcpDial`] does.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct PromptDial(TcpDial);

/// The stream.
#[derive(Debug)]
pub(super) struct Prompt(TcpStream);

impl Dial for PromptDial {
    type Stream = Prompt;

    async fn dial(&mut self, host: &str, port: u16) -> io::Result<Prompt> {
        self.0.dial(host, port).await.map(Prompt)
    }
}

/// Sends the acknowledgement that is due. The system falls back to waiting by itself, so this is said after each read.
fn acknowledge(stream: &TcpStream) {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    // It is only faster: a system that refuses is as it was.
    let _slower = stream.set_quickack(true);
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    let _ = stream;
}

impl AsyncRead for Prompt {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let read = ready!(Pin::new(&mut self.0).poll_read(context, buffer));
        acknowledge(&self.0);
        Poll::Ready(read)
    }
}

impl AsyncWrite for Prompt {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write_vectored(context, bytes)
    }

    fn is_write_vectored(&self) -> bool {
        self.0.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(context)
    }
}
