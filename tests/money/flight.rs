//! Requests on their way: they may be copied, lost, or arrive after nobody waits for them any more.

use crate::process::Outside;
use walletwatch::reactor::payments::ask::{Ask, Outcome, Ticket};

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
