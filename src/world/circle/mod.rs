//! Circle Wallets, simulated: the real bodies on loopback, state by state, with everything that can go wrong on the way.
//!
//! It holds one wallet. Whatever it accepted is in its book, which a checker can read: what was asked, when, under which key, and what
//! moved. It is told nothing about the monitor.

mod book;
mod fault;
mod hook;
mod key;
mod serve;
#[cfg(test)]
mod tests;

pub use book::{Book, Entry, Fate, Outgoing, WalletFacts};
pub use fault::{Manner, Trouble};
pub use hook::SignedHook;
pub use key::{API_KEY, ENTITY_SECRET, HookKey, SimulatedKey};

use super::Clock;
use crate::types::{Secret, Uuid};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

/// Circle.
pub struct Circle {
    clock: Clock,
    secret: Vec<u8>,
    entity: SimulatedKey,
    signer: HookKey,
    state: Mutex<State>,
}

struct State {
    book: Book,
    trouble: Trouble,
    asked: VecDeque<Posted>,
}

/// Requests that are kept: a demo that runs for days must not grow without end.
const MOST_KEPT: usize = 10_000;

/// One request that could move money, as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Posted {
    /// When it had come whole.
    pub at: crate::types::Timestamp,
    /// Its path.
    pub path: String,
    /// Its idempotency key, where it has one.
    pub key: Option<Uuid>,
    /// SHA-256 of its body without the ciphertext: the same in every attempt.
    pub frozen: [u8; 32],
    /// Its ciphertext; never the same twice.
    pub ciphertext: Option<String>,
    /// Its `X-Request-Id`.
    pub request_id: Option<String>,
    /// The status that it was judged with, whether that was answered or not.
    pub status: u16,
}

impl std::fmt::Debug for Circle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Circle")
    }
}

impl Circle {
    /// With this wallet. `ENTITY_SECRET` authorizes, `API_KEY` opens.
    ///
    /// # Panics
    /// Never: the simulated secret is written in digits.
    #[must_use]
    pub fn new(clock: Clock, wallet: WalletFacts) -> Self {
        let digits = ENTITY_SECRET.as_bytes().chunks_exact(2).map(|pair| std::str::from_utf8(pair).expect("ASCII"));
        let secret = digits.map(|pair| u8::from_str_radix(pair, 16).expect("it is written in digits")).collect();
        let signer = HookKey::new(Uuid::v4([0x5a; 16]), clock());
        let state = State { book: Book::new(wallet), trouble: Trouble::default(), asked: VecDeque::new() };
        Self { clock, secret, entity: SimulatedKey::new(), signer, state: Mutex::new(state) }
    }

    /// The api key that it knows.
    #[must_use]
    pub fn api_key() -> Secret {
        Secret::new(API_KEY.to_owned())
    }

    /// The entity secret that it knows.
    #[must_use]
    pub fn entity_secret() -> Secret {
        Secret::new(ENTITY_SECRET.to_owned())
    }

    /// Looks into its book, as it is now.
    pub fn read<T>(&self, look: impl FnOnce(&Book) -> T) -> T {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.book.advance((self.clock)());
        look(&state.book)
    }

    /// Changes its book.
    pub fn change<T>(&self, change: impl FnOnce(&mut Book) -> T) -> T {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.book.advance((self.clock)());
        change(&mut state.book)
    }

    /// Changes what is wrong with it.
    pub fn set(&self, change: impl FnOnce(&mut Trouble)) {
        change(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner).trouble);
    }

    /// Requests that could move money, oldest first, refused ones too.
    #[must_use]
    pub fn posted(&self) -> Vec<Posted> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).asked.iter().cloned().collect()
    }

    /// What moves out and is not on the chain yet, for whoever mines; only of a book that says so.
    #[must_use]
    pub fn outgoing(&self) -> Vec<Outgoing> {
        self.change(Book::take_outgoing)
    }

    /// The key that signs its hooks.
    #[must_use]
    pub const fn signer(&self) -> &HookKey {
        &self.signer
    }

    /// Shared.
    #[must_use]
    pub fn shared(self) -> Arc<Self> {
        Arc::new(self)
    }
}
