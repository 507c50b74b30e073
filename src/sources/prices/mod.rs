//! Price feeds: one supervised socket each, prices exact, the newest only.
//!
//! [`run`] keeps a feed alive until it is cancelled. A price carries the venue's own time; how old is too old is the reactor's to say, and
//! which of several feeds is right too. Never invents, repeats or rounds a price.

mod dialect;
mod exchange;
mod outlet;
mod relay;
mod report;

use crate::config::checked::FeedConfig;
use crate::net::Tls;
use crate::net::socket::{BadEndpoint, Dial, Endpoint, Limits, SocketSettings, SocketState, TcpDial, supervise};
use crate::reactor::event::{SourceId, SourceKind, SourceState};
use crate::sources::WallClock;
use crate::sources::queue::EventQueue;
use crate::telemetry::Tally;
use dialect::Dialect;
use exchange::Exchange;
use outlet::Outlet;
use relay::{Shift, relay};
use report::Reporter;
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// Keeps a feed alive until cancelled.
///
/// # Errors
/// [`BadEndpoint`] when its url cannot be a socket's; it ends for no other reason.
pub async fn run(
    config: &FeedConfig,
    tls: Tls,
    queue: &EventQueue,
    tally: Tally,
    clock: WallClock,
    cancel: CancellationToken,
) -> Result<(), BadEndpoint> {
    run_over(config, tls, &TcpDial, queue, tally, clock, cancel).await
}

/// The same over connections of another making.
async fn run_over<D: Dial + Clone + Sync>(
    config: &FeedConfig,
    tls: Tls,
    dial: &D,
    queue: &EventQueue,
    tally: Tally,
    clock: WallClock,
    cancel: CancellationToken,
) -> Result<(), BadEndpoint> {
    let endpoint = Endpoint::parse(&config.url)?;
    let source = SourceId { kind: SourceKind::Feed, chain: None, name: config.name.clone() };
    // Its slot is before those of prices: that a feed is fresh is taken before what it says.
    let voice = Reporter::new(source.clone(), config.kind, queue.slot());
    let outlets: Vec<_> = config.pairs.iter().map(|pair| (pair.clone(), Outlet::new(queue.slot()))).collect();
    let begin = |shift: Shift| {
        let dialect = Dialect::new(config.kind, config.pairs.iter());
        let timing = dialect.timing(fastrand::u64(..));
        let settings = SocketSettings { endpoint: endpoint.clone(), timing, limits: Limits::FEED, tls: tls.clone() };
        let reporter = voice.of(&shift);
        let said = (shift.clone(), reporter.clone());
        let protocol = Exchange::new(
            (config.name.clone(), dialect),
            outlets.clone(),
            said,
            tally.clone(),
            clock.clone(),
            Instant::now(),
        );
        let (dial, source, tally) = (dial.clone(), &source, &tally);
        async move {
            // Nothing is ever asked besides what the protocol sends.
            let (_requests, outgoing) = mpsc::channel(1);
            let told = |state: SocketState| {
                if let SocketState::BackingOff { reason, .. } = &state {
                    tally.ended(source, reason.label());
                }
                if state == SocketState::Aging {
                    shift.is_aging();
                }
                reporter.socket(&state);
            };
            supervise(&settings, dial, protocol, outgoing, told, shift.stop().clone()).await;
        }
    };
    relay(begin, || voice.say(SourceState::Fresh), &cancel).await;
    Ok(())
}

#[cfg(test)]
mod tests;
#[cfg(test)]
mod tests_venues;
