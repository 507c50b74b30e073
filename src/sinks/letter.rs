//! A mail on its way: the values between the email sink's pure functions and whoever speaks to the mail server.
//!
//! No fault here holds a mail server's own words, which can quote a password back: only its codes, which are numbers.

use super::answer::SendFault;
use super::nats::{Publication, PublishAnswer, PublishFault};
use crate::config::checked::MailSecurity;
use crate::types::{Name, Secret};
use bytes::Bytes;
use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

/// How long an attempt may take. RFC 5321 allows a server ten minutes behind the last byte; most need a second, and one that scans
/// what it takes some. Longer saves a repeat, shorter says sooner that the server is unwell.
pub const DEADLINE: Duration = Duration::from_mins(2);

/// A mail server, and how it is spoken to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MailServer {
    /// A name, or an address.
    pub host: Name,
    /// Its port.
    pub port: u16,
    /// How it is spoken to.
    pub security: MailSecurity,
    /// User and password.
    pub login: Option<(Name, Arc<Secret>)>,
    /// Whether it may be this machine or in a private network.
    pub allow_private: bool,
}

/// A mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Letter {
    /// By way of whom.
    pub server: Arc<MailServer>,
    /// Its `Message-ID`, without brackets.
    pub id: Name,
    /// The address that it is from.
    pub from: Name,
    /// The addresses that it is for.
    pub to: Vec<Name>,
    /// Headers and body, in ASCII.
    pub content: Bytes,
    /// Nobody is to have it while somebody is refused who may be taken later.
    pub together: bool,
    /// For the whole attempt.
    pub deadline: Duration,
}

/// Where in the dialogue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// What the server says first.
    Greeting,
    /// `EHLO`.
    Hello,
    /// `STARTTLS`.
    StartTls,
    /// `AUTH`.
    Login,
    /// `MAIL FROM`.
    Sender,
    /// `RCPT TO`, of the recipient with this number, from 1.
    Recipient(usize),
    /// `DATA`, and what follows it.
    Content,
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Greeting => f.write_str("us, at once"),
            Self::Hello => f.write_str("the greeting"),
            Self::StartTls => f.write_str("to encrypt"),
            Self::Login => f.write_str("the login"),
            Self::Sender => f.write_str("the sender"),
            Self::Recipient(nth) => write!(f, "recipient {nth}"),
            Self::Content => f.write_str("the message"),
        }
    }
}

/// A refusal: the server's codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refusal {
    /// Of what.
    pub at: Step,
    /// 400 to 599.
    pub code: u16,
    /// The finer code of RFC 3463, where the server gives one.
    pub finer: Option<[u16; 3]>,
}

impl Refusal {
    /// Whether it may pass.
    #[must_use]
    pub const fn may_pass(&self) -> bool {
        self.code < 500
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the mail server refuses {} ({}", self.at, self.code)?;
        if let Some([class, subject, detail]) = self.finer {
            write!(f, " {class}.{subject}.{detail}")?;
        }
        f.write_str(")")
    }
}

/// The server has the message now.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Taken {
    /// Recipients that it does not take it for.
    pub refused: Vec<Refusal>,
}

/// Why the server does not have it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LetterFault {
    /// It said no.
    Refused(Refusal),
    /// There is no answer.
    Broken(SendFault),
}

/// What an attempt ended with.
pub type LetterAnswer = Result<Taken, LetterFault>;

/// Whoever speaks what is no HTTP: the clients of SMTP and NATS, or a world that a test made up.
pub trait Carry {
    /// Sends once. Never retries.
    ///
    /// # Errors
    /// [`LetterFault`] where the server did not take it, or it cannot be known.
    fn carry(&self, letter: Letter) -> impl Future<Output = LetterAnswer> + Send;

    /// Publishes once. Never retries. Who carries letters alone publishes nothing.
    ///
    /// # Errors
    /// [`PublishFault`] where no stream answered.
    fn publish(&self, publication: Publication) -> impl Future<Output = PublishAnswer> + Send {
        drop(publication);
        std::future::ready(Err(PublishFault::Broken(SendFault {
            ambiguous: false,
            reason: Name::from("nobody here speaks NATS"),
        })))
    }
}
