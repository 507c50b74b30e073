//! Price feeds: one supervised socket each, prices exact, the newest only.
//!
//! [`run`] keeps a feed alive until it is cancelled. A price carries the venue's own time; how old is too old is the
//! reactor's to say. Never invents, repeats or rounds a price.

mod coinbase;
mod report;

pub use coinbase::Coinbase;
pub use report::Reporter;

use crate::config::checked::{FeedConfig, FeedKind};
use crate::net::Tls;
use crate::net::socket::{
    BadEndpoint, Dial, Endpoint, Limits, SocketSettings, SocketState, TcpDial, Timing, supervise,
};
use crate::reactor::event::{SourceId, SourceKind};
use crate::sources::queue::EventQueue;
use crate::telemetry::Tally;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// A feed without a price of any pair for this long is stale; it is replaced after another minute.
const PRICE_WITHIN: Duration = Duration::from_secs(90);

/// Keeps a feed alive until cancelled.
///
/// # Errors
/// [`BadEndpoint`] when its url cannot be a socket's; it ends for no other reason.
pub async fn run(
    config: &FeedConfig,
    tls: Tls,
    queue: &EventQueue,
    tally: Tally,
    cancel: CancellationToken,
) -> Result<(), BadEndpoint> {
    run_over(config, tls, TcpDial, queue, tally, cancel).await
}

/// The same over connections of another making.
async fn run_over<D: Dial>(
    config: &FeedConfig,
    tls: Tls,
    dial: D,
    queue: &EventQueue,
    tally: Tally,
    cancel: CancellationToken,
) -> Result<(), BadEndpoint> {
    let endpoint = Endpoint::parse(&config.url)?;
    let source = SourceId { kind: SourceKind::Feed, chain: None, name: config.name.clone() };
    let reporter = Reporter::new(source.clone(), queue.slot());
    let slots: Vec<_> = config.pairs.iter().map(|pair| (pair.clone(), queue.slot())).collect();
    let protocol = match config.kind {
        FeedKind::Coinbase => {
            Coinbase::new(config.name.clone(), slots, reporter.clone(), tally.clone(), Instant::now())
        }
    };
    // Heartbeats come every second: silence is shorter than the time between our pings.
    let timing = Timing {
        subscribe: coinbase::ACK_WITHIN,
        silence: coinbase::HEARTBEAT_WITHIN,
        useful_within: PRICE_WITHIN,
        ..Timing::default()
    };
    let settings = SocketSettings { endpoint, timing, limits: Limits::FEED, tls };
    // Nothing is ever asked besides what the protocol sends.
    let (_requests, outgoing) = mpsc::channel(1);
    supervise(&settings, dial, protocol, outgoing, |state| told(&source, &state, &reporter, &tally), cancel).await;
    Ok(())
}

/// Says and counts a change of the socket.
fn told(source: &SourceId, state: &SocketState, reporter: &Reporter, tally: &Tally) {
    if let SocketState::BackingOff { reason, .. } = state {
        tally.ended(source, reason.label());
    }
    reporter.socket(state);
}

#[cfg(test)]
mod tests;
