//! A chain that several faces look at while it grows.

use super::chain::Chain;
use std::sync::{Mutex, PoisonError};
use tokio::sync::watch;

/// A chain behind a lock, and a signal at each change.
#[derive(Debug)]
pub struct LiveChain {
    chain: Mutex<Chain>,
    changed: watch::Sender<u64>,
}

impl LiveChain {
    /// Takes the chain over.
    #[must_use]
    pub fn new(chain: Chain) -> Self {
        Self { chain: Mutex::new(chain), changed: watch::Sender::new(0) }
    }

    /// Looks at it.
    pub fn read<T>(&self, look: impl FnOnce(&Chain) -> T) -> T {
        look(&self.chain.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Changes it and tells those who wait for that.
    pub fn change<T>(&self, change: impl FnOnce(&mut Chain) -> T) -> T {
        let outcome = change(&mut self.chain.lock().unwrap_or_else(PoisonError::into_inner));
        self.changed.send_modify(|count| *count = count.wrapping_add(1));
        outcome
    }

    /// Ticks at each change.
    #[must_use]
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }
}
