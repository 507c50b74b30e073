//! What is kept quiet, as rows, orders and digests: values that nothing happens in.

use crate::types::{Address, Name, Severity, Timestamp};
use std::time::Duration;

/// A row of this room.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum QuietRow {
    /// A silence.
    Silence(Silence),
    /// A counterparty that is known.
    Known(Counterparty),
    /// What was not said yet.
    Kept(Kept),
}

/// The key of a row of this room.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum QuietKey {
    /// Of [`Silence`].
    Silence(u32),
    /// Of [`Counterparty`]: whose, and who.
    Known(Address, Address),
    /// Of [`Kept`].
    Kept(u64),
}

impl QuietRow {
    /// Its key.
    #[must_use]
    pub const fn key(&self) -> QuietKey {
        match self {
            Self::Silence(row) => QuietKey::Silence(row.number),
            Self::Known(row) => QuietKey::Known(row.owner, row.other),
            Self::Kept(row) => QuietKey::Kept(row.number),
        }
    }
}

/// Alerts that are not said for a time. Every label that is set has to fit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Silence {
    /// Its id.
    pub number: u32,
    /// Of this rule.
    pub rule: Option<Name>,
    /// About this watch.
    pub watch: Option<Name>,
    /// On this chain.
    pub chain: Option<Name>,
    /// Of these types: `transfer.*`, `source.blind`. Payments are silenced only by naming them here.
    pub types: Option<Name>,
    /// Up to this severity.
    pub up_to: Severity,
    /// From then.
    pub from: Timestamp,
    /// To then.
    pub until: Timestamp,
    /// Who set it.
    pub author: Name,
    /// Why.
    pub comment: Name,
    /// It ended, and what it kept was told. It stays, so that its id means nothing else and who asks is told what was silent.
    pub over: bool,
}

impl Silence {
    /// Why an alert was told to nobody while it lasted; as true when it is over.
    #[must_use]
    pub fn keeps(&self) -> Name {
        let Self { number, author, comment, from, .. } = self;
        format!(
            "silence {number} by {author} ({comment}), set at {from}: at its end it is told, or its digest names it"
        )
        .into()
    }
}

/// An address that a watched one dealt with in earnest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counterparty {
    /// The watched address.
    pub owner: Address,
    /// The other.
    pub other: Address,
    /// Counts up: the lowest is forgotten first.
    pub number: u64,
}

/// Why something is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cause {
    /// It is meant to deceive.
    Suspect,
    /// This silence.
    Silence(u32),
    /// It comes and goes too often to be told of one by one.
    Outages,
}

/// What was not said, until its digest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// In the order in which it came.
    pub number: u64,
    /// Why.
    pub cause: Cause,
    /// Who would have heard it.
    pub sinks: Vec<Name>,
    /// What it is, in a line: the matter, what became of it and its alert, apart by `; `.
    pub line: Name,
    /// How many are only counted.
    pub more: u64,
}

/// What people order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SilenceOrder {
    /// Set one; its number and times are given here.
    Add {
        /// Its labels, author and comment.
        silence: Silence,
        /// How long.
        lasts: Duration,
    },
    /// End one before its time.
    End(u32),
}

/// What came of an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SilenceAnswer {
    /// The silences in force, behind the order, and the one that it set.
    Silences(Vec<Silence>, Option<u32>),
    /// There is no such silence.
    Unknown(u32),
    /// There are as many as there may be.
    TooMany,
    /// A live payment that is held meanwhile would be refused after this, and nobody would have heard of it.
    OverPayments(Duration),
}

/// The facts of a `digest`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DigestBody {
    /// Why there is one.
    pub reason: Name,
    /// A line for each.
    pub entries: Vec<Name>,
    /// How many more there were.
    pub more: u64,
}
