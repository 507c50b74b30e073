//! The domain's values: chains, addresses, amounts, assets, movements, ids, times, secrets.
//!
//! Everything here is checked when it is made and cannot be wrong afterwards. Nothing here reads a clock,
//! does I/O or knows serde: text and bytes become these values at the edges (`config`, `wire`, `store`).
#![deny(clippy::float_arithmetic)]

pub mod address;
pub mod allowance;
pub mod amount;
pub mod asset;
pub mod block;
pub mod chain;
pub mod gas;
pub mod id;
pub mod money;
pub mod pace;
pub mod secret;
pub mod severity;
pub mod symbol;
pub mod text;
pub mod time;
pub mod transfer;
pub mod uuid;

pub use address::{Address, parse_address};
pub use allowance::Allowance;
pub use alloy::primitives::{B256, U256};
pub use asset::{Asset, Holding, Kind};
pub use block::{Block, BlockRef, Tracer};
pub use chain::ChainId;
pub use id::{AlertId, MessageId, Name, PaymentId, RequestId, TransferId};
pub use money::{Pair, Percent, Price, Usd};
pub use secret::Secret;
pub use severity::Severity;
pub use text::Untrusted;
pub use time::Timestamp;
pub use transfer::{Movement, Stage, TransferKey};
pub use uuid::Uuid;
