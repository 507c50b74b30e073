//! Where commands go. Everything that changes something is one of these.

use crate::reactor::hush::{SilenceAnswer, SilenceOrder};
use crate::reactor::money::Sha256;
use crate::reactor::payments::desk::{Order, Refusal as NotDone};
use crate::reactor::rows::{AlertRow, TransferRow};
use crate::reactor::waits::Waits;
use crate::reactor::watch_list::{WatchAnswer, WatchOrder};
use crate::reactor::why::Looked;
use crate::types::{MessageId, Name, PaymentId};
use futures::future::{BoxFuture, ready};
use serde::Serialize;
use utoipa::ToSchema;

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

/// What the config in force says of live money.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MoneyInForce {
    /// Its fingerprint.
    #[serde(skip)]
    pub fingerprint: Sha256,
    /// What it says, a line each.
    pub lines: Vec<String>,
    /// What is otherwise than in the config that was accepted last: lines that are gone with `-`, new ones with `+`.
    pub difference: Vec<String>,
}

/// What the config in force says of a payment, and what it waits for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WhyPayment {
    /// What its rule pays, a line each; empty where it pays nothing any more.
    pub rule: Vec<String>,
    /// What it waits for; nothing of one that ended long ago.
    pub waits: Option<Waits>,
}

/// What a reload did, in words.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, ToSchema)]
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

    /// The same of an order for silences.
    fn silences(&self, by: Name, order: SilenceOrder) -> BoxFuture<'_, Result<SilenceAnswer, Refusal>>;

    /// Which rules look at a transfer, and what each of their conditions says. Changes nothing.
    fn why(&self, _row: TransferRow) -> BoxFuture<'_, Result<Vec<Looked>, Refusal>> {
        Box::pin(ready(Err(no_monitor())))
    }

    /// Where the rule of an alert stands that is not about a transfer. Changes nothing.
    fn why_alert(&self, _row: AlertRow) -> BoxFuture<'_, Result<Vec<Looked>, Refusal>> {
        Box::pin(ready(Err(no_monitor())))
    }

    /// What a payment by this rule waits for, and what the config in force says of it. Changes nothing.
    fn why_payment(&self, _id: PaymentId, _rule: Name) -> BoxFuture<'_, Result<WhyPayment, Refusal>> {
        Box::pin(ready(Err(no_monitor())))
    }

    /// The same of an order about payments; `Err` within is why it was not done, or not yet.
    fn order(&self, by: Name, order: Order) -> BoxFuture<'_, Result<Result<(), NotDone>, Refusal>>;

    /// Begins to show what Circle does on this account. What came of it stands in the audit and in the log.
    fn probe(&self, _by: Name) -> BoxFuture<'_, Result<Result<(), NotDone>, Refusal>> {
        Box::pin(ready(Err(no_monitor())))
    }

    /// What the config in force says of live money; `None` where nothing is live.
    fn money(&self) -> BoxFuture<'_, Option<MoneyInForce>> {
        Box::pin(ready(None))
    }

    /// Reads the config again and puts it into force. Ready when it is.
    fn reload(&self, _by: Name) -> BoxFuture<'_, Result<Reloaded, Refusal>> {
        Box::pin(ready(Err(Refusal::NotNow("no monitor runs here: the config is read when one starts".to_owned()))))
    }
}

/// Why something is not done where only the store is.
#[must_use]
pub fn no_monitor() -> Refusal {
    Refusal::NotNow("no monitor runs here, and only a running one does that: start it first".to_owned())
}
