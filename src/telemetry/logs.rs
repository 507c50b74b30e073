//! The log: lines for people on stderr, without secrets.
//!
//! `WALLETWATCH_LOG` chooses what is said (tracing's filter syntax); without it everything from INFO up. Nothing is sent anywhere.

use super::redact::Redactor;
use std::io::{self, Write};
use tracing::Subscriber;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;

/// The variable that chooses what is said.
pub const VARIABLE: &str = "WALLETWATCH_LOG";
/// What is said without it. Our own lines; parts we build on speak only of trouble.
const DEFAULT: &str = "warn,walletwatch=info";

/// Why there is no log.
#[derive(Debug, thiserror::Error)]
pub enum LogFault {
    /// The filter cannot be read.
    #[error("WALLETWATCH_LOG cannot be read: {0}; it looks like \"info\" or \"walletwatch=debug\"")]
    Filter(#[from] tracing_subscriber::filter::ParseError),
    /// A log stands already.
    #[error("a log was set up before")]
    Twice,
}

/// Starts the log of this process on stderr. `filter` is the value of [`VARIABLE`]; `color` is whether stderr is a terminal.
///
/// # Errors
/// [`LogFault`] when the filter cannot be read, or a log stands already.
pub fn start(redactor: Redactor, filter: Option<&str>, color: bool) -> Result<(), LogFault> {
    let subscriber = subscriber(redactor, filter, color, io::stderr)?;
    tracing::subscriber::set_global_default(subscriber).map_err(|_| LogFault::Twice)
}

/// The log with another end, for tests.
///
/// # Errors
/// [`LogFault::Filter`].
pub fn subscriber<W>(
    redactor: Redactor,
    filter: Option<&str>,
    color: bool,
    end: W,
) -> Result<impl Subscriber + Send + Sync, LogFault>
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let filter = EnvFilter::try_new(filter.filter(|filter| !filter.trim().is_empty()).unwrap_or(DEFAULT))?;
    Ok(tracing_subscriber::fmt().with_env_filter(filter).with_ansi(color).with_writer(Clean { redactor, end }).finish())
}

/// Makes a writer for each line that holds it back until it is whole: a secret cannot slip through in two halves.
struct Clean<W> {
    redactor: Redactor,
    end: W,
}

impl<'a, W: MakeWriter<'a>> MakeWriter<'a> for Clean<W> {
    type Writer = CleanLine<'a, W::Writer>;

    fn make_writer(&'a self) -> Self::Writer {
        CleanLine { redactor: &self.redactor, end: self.end.make_writer(), held: Vec::new() }
    }

    fn make_writer_for(&'a self, metadata: &tracing::Metadata<'_>) -> Self::Writer {
        CleanLine { redactor: &self.redactor, end: self.end.make_writer_for(metadata), held: Vec::new() }
    }
}

/// One line on its way.
struct CleanLine<'a, W: Write> {
    redactor: &'a Redactor,
    end: W,
    held: Vec<u8>,
}

impl<W: Write> Write for CleanLine<'_, W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.held.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        let held = std::mem::take(&mut self.held);
        let text = String::from_utf8_lossy(&held);
        self.end.write_all(self.redactor.clean(&text).as_bytes())?;
        self.end.flush()
    }
}

impl<W: Write> Drop for CleanLine<'_, W> {
    fn drop(&mut self) {
        // Nobody is left who could be told that the log cannot be written.
        let _ = self.flush();
    }
}
