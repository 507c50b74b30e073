//! Whatever reports: settings in, events out.
//!
//! A source is a future that reads the outside world and hands [`crate::reactor::event::Event`]s to its queue. It decides nothing
//! about money or alerts, writes nothing, starts no task, and never lets a url reach an event, a reason or a log.

pub mod chain;
pub mod etherscan;
pub mod hooks;
pub mod prices;
pub mod queue;

use crate::types::Timestamp;
use std::sync::Arc;

/// The wall time, given by `app/clock`: no source reads it by itself.
pub type WallClock = Arc<dyn Fn() -> Timestamp + Send + Sync>;
