//! Where commands go. Everything that changes something is one of these.

use crate::reactor::watch_list::{WatchAnswer, WatchOrder};
use crate::types::{MessageId, Name};
use futures::future::{BoxFuture, ready};
use serde::Serialize;

/// What a person asks for through the API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Deliver a dead or delivered message again.
    Replay(MessageId),
    /// Give a message up.
    Drop(MessageId),
    /// Send a test message to a sink.
    TestSink(Name),
    /// Call a sink again that its receiver had disabled.
    EnableSink(Name),
    /// Go on after a chain was found to be another one.
    AcceptChain(Name),
}

impl Command {
    /// A few words for the log, without what the asker wrote.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Replay(_) => "replay of a message",
            Self::Drop(_) => "drop of a message",
            Self::TestSink(_) => "test of a sink",
            Self::EnableSink(_) => "enabling of a sink",
            Self::AcceptChain(_) => "acceptance of a chain",
        }
    }
}

/// What a reload did, in words.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Reloaded {
    /// What is otherwise now; empty where the config says what it said before.
    pub changes: Vec<String>,
    /// What the file says otherwise and stays as it was: each with the reason.
    pub not_applied: Vec<String>,
    /// What is allowed, and should be said.
    pub warnings: Vec<String>,
}

/// Why a command was not done.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// There is no such message, sink or chain.
    #[error("there is no {0}")]
    Unknown(String),
    /// It is there, and not in a state in which this can be done.
    #[error("{0}")]
    Conflict(String),
    /// The config cannot come into force: every fault of it. The old one goes on.
    #[error("the config is not taken, and the one in force goes on:\n{}", .0.join("\n"))]
    Config(Vec<String>),
    /// It cannot be done now: stopping, or the queue is full.
    #[error("{0}; trying again may help")]
    NotNow(String),
}

/// Takes commands; `app` implements it.
pub trait Control: Send + Sync {
    /// Does it. Ready after the commit that holds it, so that who is answered can rely on it. `by` is the token's name.
    fn command(&self, by: Name, command: Command) -> BoxFuture<'_, Result<(), Refusal>>;

    /// The same of an order for the watch list.
    fn watches(&self, by: Name, order: WatchOrder) -> BoxFuture<'_, Result<WatchAnswer, Refusal>>;

    /// Reads the config again and puts it into force. Ready when it is.
    fn reload(&self, _by: Name) -> BoxFuture<'_, Result<Reloaded, Refusal>> {
        Box::pin(ready(Err(Refusal::NotNow("no monitor runs here: the config is read when one starts".to_owned()))))
    }
}
