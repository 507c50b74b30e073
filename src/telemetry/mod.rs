//! What the monitor says about itself: logs without secrets, metrics with public names, and whether it can do its work.
//!
//! It reads no clock and starts nothing: times are passed in, and what runs for long is a future that `app` starts.

pub mod balances;
pub mod changes;
mod circle;
pub mod faults;
pub mod gas;
pub mod health;
pub mod labels;
pub mod logs;
pub mod metrics;
pub mod names;
pub mod observe;
pub mod redact;
mod retired;
pub mod secrets;
mod show_gas;
mod show_worth;
pub mod snapshot;
pub mod tally;
pub mod trend;
pub mod worth;

pub use health::{Unready, unready};
pub use labels::Labels;
pub use metrics::Metrics;
pub use names::{Metric, MetricKind};
pub use observe::Observer;
pub use redact::Redactor;
pub use snapshot::Snapshot;
pub use tally::Tally;
