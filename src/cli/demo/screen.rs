//! The terminal: lines that stay, and below them, where there is a terminal, one that is always up to date.
//!
//! Every line says SIMULATED: one that is copied out of here says so too. Where there is no terminal nothing is ever rewritten.

use std::io::{self, Write};
use std::time::Duration;

/// The live line is cut to this: most terminals are wider, and a line that wraps cannot be rewritten.
const WIDTH: usize = 79;

/// What a line is about, for its colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tone {
    /// Something happens in the world.
    Story,
    /// For information.
    Plain,
    /// Good news.
    Good,
    /// A warning.
    Warning,
    /// Bad news.
    Bad,
    /// Money.
    Money,
}

impl Tone {
    const fn code(self) -> &'static str {
        match self {
            Self::Story => "2",
            Self::Plain => "36",
            Self::Good => "32",
            Self::Warning => "33",
            Self::Bad => "1;31",
            Self::Money => "1;35",
        }
    }
}

/// The terminal, or whatever stands for it.
#[derive(Debug)]
pub(super) struct Screen<W> {
    out: W,
    terminal: bool,
    live: String,
}

impl<W: Write> Screen<W> {
    pub(super) const fn new(out: W, terminal: bool) -> Self {
        Self { out, terminal, live: String::new() }
    }

    /// A line without time or kind.
    pub(super) fn say(&mut self, text: &str) -> io::Result<()> {
        self.put(&format!("SIMULATED  {text}"))
    }

    /// A line: when, of which kind, and what.
    pub(super) fn tell(&mut self, since: Duration, kind: &str, tone: Tone, text: &str) -> io::Result<()> {
        let (minutes, seconds) = (since.as_secs() / 60, since.as_secs() % 60);
        let kind = format!("{kind:<10}");
        let line = match (self.terminal, tone) {
            (false, _) => format!("SIMULATED {minutes:>2}:{seconds:02}  {kind} {text}"),
            (true, Tone::Story) => format!("\x1b[2mSIMULATED {minutes:>2}:{seconds:02}  {kind} {text}\x1b[0m"),
            (true, tone) => {
                format!("\x1b[2mSIMULATED {minutes:>2}:{seconds:02}\x1b[0m  \x1b[{}m{kind}\x1b[0m {text}", tone.code())
            }
        };
        self.put(&line)
    }

    /// How things stand; rewritten in place, so only where there is a terminal.
    pub(super) fn now(&mut self, text: &str) -> io::Result<()> {
        if !self.terminal {
            return Ok(());
        }
        let live: String = format!("SIMULATED  {text}").chars().take(WIDTH).collect();
        if live == self.live {
            return Ok(());
        }
        self.live = live;
        write!(self.out, "\r\x1b[2K{}", self.live)?;
        self.out.flush()
    }

    /// Whether [`Self::now`] shows anything.
    pub(super) const fn is_terminal(&self) -> bool {
        self.terminal
    }

    /// The last live line is removed.
    pub(super) fn end(&mut self) -> io::Result<()> {
        if self.terminal {
            write!(self.out, "\r\x1b[2K")?;
        }
        self.live.clear();
        self.out.flush()
    }

    fn put(&mut self, line: &str) -> io::Result<()> {
        if self.terminal {
            write!(self.out, "\r\x1b[2K{line}\n{}", self.live)?;
        } else {
            writeln!(self.out, "{line}")?;
        }
        self.out.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(terminal: bool) -> String {
        let mut out = Vec::new();
        let mut screen = Screen::new(&mut out, terminal);
        screen.now("block 1").expect("memory takes it");
        screen.tell(Duration::from_secs(75), "seen", Tone::Plain, "1 ETH").expect("memory takes it");
        screen.now(&"x".repeat(500)).expect("memory takes it");
        screen.end().expect("memory takes it");
        String::from_utf8(out).expect("it is text")
    }

    #[test]
    fn every_line_says_simulated_and_nothing_is_rewritten_without_a_terminal() {
        assert_eq!(shown(false), "SIMULATED  1:15  seen       1 ETH\n");
        let terminal = shown(true);
        assert!(terminal.starts_with("\r\x1b[2KSIMULATED  block 1\r\x1b[2K"));
        assert!(terminal.contains("1 ETH\nSIMULATED  block 1"), "the live line comes back below");
        assert!(terminal.contains(&"x".repeat(WIDTH - 11)) && !terminal.contains(&"x".repeat(WIDTH - 10)));
    }
}
