//! The only output of the reactor: rows to write, messages to deliver, things worth a log line and a metric.

pub use super::decisions::Reply;
pub use super::holdings::BalanceBody;
use super::holdings::NoBalance;
pub use super::hushed::DigestBody;
pub use super::paying::{FrozenBody, LiveWords, PaymentBody};
pub use super::quote::{ChangeBody, Quote, Worth};
use super::rows::{Row, RowKey};
pub use super::source::{HeartbeatBody, SinkBody, SourceBody};
pub use super::suspect::Suspect;
use crate::types::{
    Address, AlertId, Asset, B256, BlockRef, ChainId, MessageId, Name, Pair, PaymentId, Price, Severity, Stage,
    Timestamp, TransferId, TransferKey, U256, gas::Fee,
};

/// One thing that the reactor asks for. All effects of a turn are one commit; nothing leaves the process before it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// Insert or replace a row.
    Put(Row),
    /// Remove a row.
    Delete(RowKey),
    /// Tell people: one outbox row for each sink.
    Tell(Box<Message>),
    /// For the log and the metrics, after the commit.
    Notice(Notice),
    /// For whoever gave the order, after the commit.
    Answer(Box<Reply>),
}

/// One message of an alert, before it is rendered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// To whom; never empty.
    pub sinks: Vec<Name>,
    /// Whose life it belongs to.
    pub alert: AlertId,
    /// Counts per alert, from 1.
    pub revision: u32,
    /// What it says.
    pub kind: MessageKind,
    /// How much it matters.
    pub severity: Severity,
    /// The rule that speaks; built-in alerts have none.
    pub rule: Option<Name>,
    /// When it was made.
    pub at: Timestamp,
    /// The facts.
    pub body: Body,
    /// It comes from a simulation.
    pub simulated: bool,
}

impl Message {
    /// The id under which `sink` gets it, the same on every attempt.
    #[must_use]
    pub fn id(&self, sink: &Name) -> MessageId {
        let revision = self.revision.to_be_bytes();
        MessageId::hash("message", &[&self.alert.0, &revision, sink.as_str().as_bytes()])
    }

    /// Whether it takes back all that was said. What moved and is not as deep there keeps stages, and has confirmations.
    #[must_use]
    pub fn takes_all_back(&self) -> bool {
        let stands = matches!(&self.body, Body::Transfer(of) | Body::Approval(of) if of.confirmations > 0);
        self.kind.retracts() && !stands
    }
}

/// What a message says. `word` is the `type` of a webhook body.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum MessageKind {
    /// `transfer.seen` … `transfer.retracted`
    Transfer(Stage),
    /// `approval.seen` … `approval.retracted`
    Approval(Stage),
    /// `price.crossed`
    PriceCrossed,
    /// `price.recovered`
    PriceRecovered,
    /// `gas.crossed`
    GasCrossed,
    /// `gas.recovered`
    GasRecovered,
    /// `balance.crossed`
    BalanceCrossed,
    /// `balance.recovered`
    BalanceRecovered,
    /// `balance.retracted`: the block at which it had crossed is gone, and it did not cross in what replaced it.
    BalanceRetracted,
    /// `source.blind`
    SourceBlind,
    /// `source.recovered`
    SourceRecovered,
    /// `source.disagrees`
    SourceDisagrees,
    /// `sink.failing`
    SinkFailing,
    /// `sink.recovered`
    SinkRecovered,
    /// `payment.rehearsed`
    PaymentRehearsed,
    /// `payment.held`
    PaymentHeld,
    /// `payment.approved`
    PaymentApproved,
    /// `payment.refused`
    PaymentRefused,
    /// `payment.sent`
    PaymentSent,
    /// `payment.complete`
    PaymentComplete,
    /// `payment.failed`
    PaymentFailed,
    /// `payment.needs_person`
    PaymentNeedsPerson,
    /// `payment.trigger_retracted`
    PaymentTriggerRetracted,
    /// `payments.frozen`
    PaymentsFrozen,
    /// `payments.unfrozen`
    PaymentsUnfrozen,
    /// `alert.resolved`: it is over for a reason that is none of its subject's, such as a rule that left the config.
    AlertResolved,
    /// `heartbeat`
    Heartbeat,
    /// `digest`: what was not said at once.
    Digest,
    /// `test`
    Test,
}

impl MessageKind {
    /// Every kind, for schemas and filters.
    pub const ALL: [Self; 35] = [
        Self::Transfer(Stage::Seen),
        Self::Transfer(Stage::Confirmed),
        Self::Transfer(Stage::Final),
        Self::Transfer(Stage::Retracted),
        Self::Approval(Stage::Seen),
        Self::Approval(Stage::Confirmed),
        Self::Approval(Stage::Final),
        Self::Approval(Stage::Retracted),
        Self::PriceCrossed,
        Self::PriceRecovered,
        Self::GasCrossed,
        Self::GasRecovered,
        Self::BalanceCrossed,
        Self::BalanceRecovered,
        Self::BalanceRetracted,
        Self::SourceBlind,
        Self::SourceRecovered,
        Self::SourceDisagrees,
        Self::SinkFailing,
        Self::SinkRecovered,
        Self::PaymentRehearsed,
        Self::PaymentHeld,
        Self::PaymentApproved,
        Self::PaymentRefused,
        Self::PaymentSent,
        Self::PaymentComplete,
        Self::PaymentFailed,
        Self::PaymentNeedsPerson,
        Self::PaymentTriggerRetracted,
        Self::PaymentsFrozen,
        Self::PaymentsUnfrozen,
        Self::AlertResolved,
        Self::Heartbeat,
        Self::Digest,
        Self::Test,
    ];

    /// The `type` of a webhook body.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Transfer(Stage::Seen) => "transfer.seen",
            Self::Transfer(Stage::Confirmed) => "transfer.confirmed",
            Self::Transfer(Stage::Final) => "transfer.final",
            Self::Transfer(Stage::Retracted) => "transfer.retracted",
            Self::Approval(Stage::Seen) => "approval.seen",
            Self::Approval(Stage::Confirmed) => "approval.confirmed",
            Self::Approval(Stage::Final) => "approval.final",
            Self::Approval(Stage::Retracted) => "approval.retracted",
            Self::PriceCrossed => "price.crossed",
            Self::PriceRecovered => "price.recovered",
            Self::GasCrossed => "gas.crossed",
            Self::GasRecovered => "gas.recovered",
            Self::BalanceCrossed => "balance.crossed",
            Self::BalanceRecovered => "balance.recovered",
            Self::BalanceRetracted => "balance.retracted",
            Self::SourceBlind => "source.blind",
            Self::SourceRecovered => "source.recovered",
            Self::SourceDisagrees => "source.disagrees",
            Self::SinkFailing => "sink.failing",
            Self::SinkRecovered => "sink.recovered",
            Self::PaymentRehearsed => "payment.rehearsed",
            Self::PaymentHeld => "payment.held",
            Self::PaymentApproved => "payment.approved",
            Self::PaymentRefused => "payment.refused",
            Self::PaymentSent => "payment.sent",
            Self::PaymentComplete => "payment.complete",
            Self::PaymentFailed => "payment.failed",
            Self::PaymentNeedsPerson => "payment.needs_person",
            Self::PaymentTriggerRetracted => "payment.trigger_retracted",
            Self::PaymentsFrozen => "payments.frozen",
            Self::PaymentsUnfrozen => "payments.unfrozen",
            Self::AlertResolved => "alert.resolved",
            Self::Heartbeat => "heartbeat",
            Self::Digest => "digest",
            Self::Test => "test",
        }
    }

    /// Whether it takes something back.
    #[must_use]
    pub const fn retracts(self) -> bool {
        matches!(self, Self::Transfer(Stage::Retracted) | Self::Approval(Stage::Retracted) | Self::BalanceRetracted)
    }
}

/// The facts of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Body {
    /// Of `transfer.*`.
    Transfer(Box<TransferBody>),
    /// Of `approval.*`: the key says who allows whom how much ([`crate::types::Allowance::of`]).
    Approval(Box<TransferBody>),
    /// Of `price.*`, `gas.*` and `balance.*`.
    Crossing(CrossingBody),
    /// Of `source.*`.
    Source(SourceBody),
    /// Of `sink.*`.
    Sink(SinkBody),
    /// Of `payment.*`.
    Payment(Box<PaymentBody>),
    /// Of `payments.*`.
    Frozen(FrozenBody),
    /// Of `alert.resolved`: why.
    Resolved(Name),
    /// Of `heartbeat`.
    Heartbeat(HeartbeatBody),
    /// Of `digest`.
    Digest(DigestBody),
    /// Of `test`.
    Test,
}

/// The facts of a `transfer.*` message (FACES §3).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TransferBody {
    /// What moved.
    pub key: TransferKey,
    /// The hash of `key`: what receivers credit on.
    pub transfer: TransferId,
    /// Name of the chain.
    pub chain: Name,
    /// Whose transfer.
    pub watch: Name,
    /// The watched address.
    pub address: Address,
    /// What the owner calls the address in their own books.
    pub reference: Option<Name>,
    /// What people call it.
    pub label: Option<Name>,
    /// Of the watch.
    pub tags: Vec<Name>,
    /// As seen from the watch; `Both` is a transfer to itself and is written "self".
    pub direction: super::settings::Direction,
    /// The asset's symbol: ours where `verified`, else hostile text that was cleaned.
    pub symbol: Option<Name>,
    /// The asset's decimals, where known.
    pub decimals: Option<u8>,
    /// Whether the contract is one that the table or the config names (the coin always is).
    pub verified: bool,
    /// The block.
    pub block: u64,
    /// Its hash, where the reporter has it.
    pub block_hash: Option<B256>,
    /// Its time.
    pub block_time: Timestamp,
    /// Position of the log in the block, where the reporter has it.
    pub log_index: Option<u64>,
    /// Confirmations when this was said; the own block is the first. None of what is gone.
    pub confirmations: u64,
    /// The stage that is said.
    pub stage: Stage,
    /// The stage that was said before.
    pub previous_stage: Option<Stage>,
    /// Why, of a retraction.
    pub reason: Option<Name>,
    /// Why it is suspect; empty is not.
    pub suspect: Suspect,
    /// It was read from a gap.
    pub late: bool,
    /// It lies before the watch.
    pub history: bool,
    /// What it is worth, where that is known.
    pub usd: Option<Worth>,
    /// Why that is not known, of an asset that has a price.
    pub usd_unknown: Option<Name>,
    /// Link to the transaction, where the chain has a known explorer.
    pub url: Option<Name>,
}

/// The facts of a crossing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CrossingBody {
    /// What crossed.
    pub subject: CrossingSubject,
    /// The how-manieth crossing of the rule, from 1.
    pub crossing: u64,
    /// Below or above.
    pub side: super::settings::Side,
    /// Since when the value has been past the level (or back).
    pub since: Timestamp,
    /// The value's own time.
    pub as_of: Timestamp,
}

/// What crossed, with value, level and way back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CrossingSubject {
    /// A price.
    Price {
        /// The price now, and where it comes from.
        quote: Quote,
        /// The rule's level.
        level: Price,
        /// The rule's way back.
        recovers_at: Price,
    },
    /// How far a price moved within a time.
    Change(Box<ChangeBody>),
    /// A fee for gas, in wei.
    Gas {
        /// Name of the chain.
        chain: Name,
        /// Its id.
        chain_id: ChainId,
        /// Which fee.
        of: Fee,
        /// The fee now.
        value: U256,
        /// The rule's level.
        level: U256,
        /// The rule's way back.
        recovers_at: U256,
        /// The newest block when it was known.
        block: u64,
    },
    /// A balance.
    Balance(Box<BalanceBody>),
}

/// Worth a log line or a metric, after the commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Notice {
    /// The window grew.
    Committed {
        /// Which chain.
        chain: ChainId,
        /// The new tip.
        tip: BlockRef,
        /// Its time.
        time: Timestamp,
        /// Blocks that were added.
        blocks: u64,
    },
    /// Blocks were replaced.
    Reorged {
        /// Which chain.
        chain: ChainId,
        /// How many blocks were taken back.
        depth: u64,
        /// The new tip.
        tip: BlockRef,
    },
    /// Blocks were taken back without new ones.
    Reverted {
        /// Which chain.
        chain: ChainId,
        /// How many.
        depth: u64,
        /// The new tip.
        tip: BlockRef,
    },
    /// Blocks of a gap were read.
    GapFilled {
        /// Which chain.
        chain: ChainId,
        /// First block of the run.
        from: u64,
        /// Last block of the run.
        to: u64,
        /// Blocks still to read on this chain.
        left: u64,
    },
    /// The traces of a block that was read without them came, or never did: it left the window.
    LateTraces(ChainId, u64, bool),
    /// A chain is stopped until a person accepts it.
    Stopped {
        /// Which chain.
        chain: ChainId,
        /// Why.
        reason: Name,
    },
    /// A chain that was blind is not any more: since when it was, and the blocks that were missed, first and last.
    Back(ChainId, Timestamp, Option<(u64, u64)>),
    /// The chain does not move, though its endpoints answer.
    Stalled(ChainId),
    /// A transfer reached a stage.
    Transfer {
        /// Which chain.
        chain: ChainId,
        /// Which stage.
        stage: Stage,
        /// Whether it is suspect.
        suspect: bool,
    },
    /// An approval reached a stage.
    Approval {
        /// Which chain.
        chain: ChainId,
        /// Which stage.
        stage: Stage,
        /// Whether it is suspect.
        suspect: bool,
    },
    /// An alert was raised, updated, resolved or retracted.
    Alert {
        /// The rule; built-in alerts carry their type's word.
        rule: Name,
        /// How much it matters.
        severity: Severity,
        /// What happened to it.
        state: super::rows::AlertState,
        /// Why nobody was told of that, where nobody was.
        untold: Option<Name>,
    },
    /// Matched a rule and was not said, for a reason that is counted.
    Suppressed {
        /// The rule.
        rule: Name,
        /// Why.
        reason: &'static str,
    },
    /// A source's state changed.
    Source {
        /// Which.
        source: super::event::SourceId,
        /// To what.
        state: super::event::SourceState,
    },
    /// A price was taken.
    Price {
        /// Which pair.
        pair: Pair,
        /// Which feed.
        feed: Name,
        /// The price.
        price: Price,
    },
    /// A base fee was taken, in wei.
    BaseFee {
        /// Which chain.
        chain: ChainId,
        /// The fee.
        fee: U256,
    },
    /// Balances of a chain were read.
    BalancesRead {
        /// Which chain.
        chain: ChainId,
        /// How many.
        read: u64,
    },
    /// A balance could not be read.
    BalanceFailed {
        /// Which chain.
        chain: ChainId,
        /// Whose.
        watch: Name,
        /// Of what.
        asset: Asset,
        /// Why.
        reason: NoBalance,
        /// It could be read before.
        first: bool,
    },
    /// An explorer and the chain's authority differ about a transfer.
    Disagrees {
        /// Which chain.
        chain: ChainId,
        /// Which explorer.
        source: Name,
        /// About what.
        transfer: TransferId,
    },
    /// An address's list was read.
    Viewed {
        /// Which chain.
        chain: ChainId,
        /// When.
        at: Timestamp,
    },
    /// The history of addresses was read to its end.
    Backfilled {
        /// Which chain.
        chain: ChainId,
        /// How many addresses.
        addresses: u64,
    },
    /// A payment changed its state.
    Payment {
        /// Which.
        payment: PaymentId,
        /// By which rule.
        rule: Name,
        /// To what.
        state: super::rows::PaymentState,
    },
    /// Something of live payments that concerns all of them.
    Money {
        /// What, in a few fixed words.
        what: &'static str,
        /// Why, or by whom.
        why: Name,
    },
    /// A token moved in a way that no ordinary transfer does, or an asset is unknown.
    UnknownAsset {
        /// Which chain.
        chain: ChainId,
        /// Which.
        asset: Asset,
    },
    /// A clock jumped.
    Clock {
        /// By how many milliseconds.
        ahead_ms: i64,
    },
    /// Something was reported that cannot be: it was left out.
    Ignored {
        /// Which chain.
        chain: ChainId,
        /// What, in a few fixed words.
        reason: &'static str,
    },
}
