//! The simulated world: a chain and its node, an explorer, a price feed and a receiver, all on loopback and all
//! speaking the real protocols, so that the monitor runs against them unchanged. For `demo` and the tests only.
//!
//! The chain is pure and made of a seed. The faces are futures `serve(listener, state, cancel)` that answer from it
//! and fail on demand; whoever calls decides where they run. Nothing here is told what the monitor does with it.
#![deny(clippy::float_arithmetic)]

pub mod chain;
pub mod chance;
pub mod circle;
pub mod explorer;
mod http;
pub mod live;
pub mod node;
pub mod prices;
pub mod receiver;
mod render;
pub mod story;
#[cfg(test)]
mod testing;

/// What the world refuses to do.
#[derive(Debug, thiserror::Error)]
pub enum WorldFault {
    /// A reorg of no block at all.
    #[error("a reorg takes off at least one block")]
    NoReorg,
    /// A reorg that would take back what was called final, or what lies below the kept state.
    #[error("a reorg of {depth} blocks at height {head} reaches below block {lowest}, which is final or too old")]
    TooDeep {
        /// How many blocks it would take back.
        depth: u64,
        /// The height it starts from.
        head: u64,
        /// The lowest block that may be taken back.
        lowest: u64,
    },
    /// Loopback gave no port.
    #[error("loopback gave no port to the simulated {face}: {reason}")]
    Listen {
        /// Which face.
        face: &'static str,
        /// What the system said.
        reason: std::io::Error,
    },
}

/// The time of day as whoever runs the world sees it; nothing in the world reads a clock of its own.
pub type Clock = std::sync::Arc<dyn Fn() -> crate::types::Timestamp + Send + Sync>;
