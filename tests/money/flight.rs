//! Requests on their way: they may be copied, lost, or arrive after nobody waits for them any more.

use crate::process::Outside;
use std::collections::BTreeMap;
use walletwatch::reactor::payments::ask::{Ask, Outcome, Ticket};

/// What is followed is looked at every five seconds; what is asked for again sooner has a reason of its own, a payment that leaves …
const SOON_MS: i64 = 5_000;
/// … and so many of those come one behind the other, and no more.
const MOST_SOON: u32 = 25;

/// What a process asked by itself: when it did last, and how often it did so soon.
#[derive(Debug, Clone, Default)]
pub struct Pace(BTreeMap<String, (i64, u32)>);

impl Pace {
    /// Circle is asked for one thing at a pace: a fault where it is not.
    pub fn count(&mut self, ask: &Ask, now: i64) -> Option<String> {
        let what = match ask {
            Ask::Create(create) => format!("a transfer for {}", create.payment()),
            Ask::Get { id } => format!("transaction {}", id.as_str()),
            Ask::Scan(_) => "the list".to_owned(),
            Ask::Funds { .. } => "the funds".to_owned(),
            Ask::Fee { .. } => "a fee".to_owned(),
            // Only people have something cancelled.
            Ask::Cancel { .. } | Ask::Wallet { .. } => return None,
        };
        let fault =
            format!("pace: Circle was asked for {what} {MOST_SOON} times, each within five seconds of the last");
        let (last, times) = self.0.entry(what).or_insert((now, 0));
        *times = if now - *last < SOON_MS { *times + 1 } else { 0 };
        *last = now;
        (*times == MOST_SOON).then_some(fault)
    }
}

/// A request on its way.
#[derive(Debug, Clone)]
pub struct Flight {
    pub ticket: Ticket,
    pub ask: Ask,
    /// Whether it left our machine.
    pub left: bool,
    pub leaves: i64,
    /// Its copies, in the order in which they arrive: one, or two where something between us and Circle had no answer to the first.
    pub arrives: Vec<i64>,
    /// The one ciphertext of all of its copies.
    pub ciphertext: u64,
    pub answers: i64,
    /// What the last copy that arrived was answered; nothing else is passed on.
    pub outcome: Option<Outcome>,
    /// Nobody hears what it is answered.
    pub unheard: bool,
}

impl Flight {
    /// What did not arrive by now arrives later, and nobody hears of it.
    pub fn drift(&mut self, out: &mut Outside) {
        let Ask::Create(create) = &self.ask else { return };
        let (body, ciphertext) = (create.body(), self.ciphertext);
        let copies = self.arrives.drain(..).map(|at| Drifting { at, body: body.to_vec(), ciphertext });
        out.drifting.extend(copies);
    }
}

/// A request that left a process which is gone, or heard nothing in time, and still arrives.
#[derive(Debug)]
pub struct Drifting {
    pub at: i64,
    pub body: Vec<u8>,
    pub ciphertext: u64,
}
