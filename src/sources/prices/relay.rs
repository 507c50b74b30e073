//! One connection after another without a gap: where one grows old, its successor stands and has prices before it goes.
//!
//! Binance cuts every connection after 24 hours and announces when a server goes down. What the successor goes through until it has a price
//! nobody hears of: the old one still speaks for the feed.

use futures::future::join;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

/// How long both stand after the successor's first price, so that it has those of the other pairs too.
const TOGETHER: Duration = Duration::from_secs(5);

/// The turn of one connection (and of those that are made when it breaks). Cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct Shift(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    speaks: AtomicBool,
    aging: Notify,
    priced: Notify,
    stop: CancellationToken,
}

impl Shift {
    /// One that speaks for the feed from the start.
    #[must_use]
    pub(super) fn first(stop: CancellationToken) -> Self {
        Self::new(true, stop)
    }

    fn new(speaks: bool, stop: CancellationToken) -> Self {
        let (speaks, aging, priced) = (AtomicBool::new(speaks), Notify::new(), Notify::new());
        Self(Arc::new(Inner { speaks, aging, priced, stop }))
    }

    /// Whether it speaks for the feed: a successor does once it has taken over.
    #[must_use]
    pub(super) fn speaks(&self) -> bool {
        self.0.speaks.load(Ordering::Acquire)
    }

    /// Its connection will end before long.
    pub(super) fn is_aging(&self) {
        self.0.aging.notify_one();
    }

    /// It has a price.
    pub(super) fn has_a_price(&self) {
        if !self.speaks() {
            self.0.priced.notify_one();
        }
    }

    /// Ends it.
    pub(super) fn stop(&self) -> &CancellationToken {
        &self.0.stop
    }
}

/// Runs one shift after another until `cancel`; `begin` keeps a connection alive until its shift's token is cancelled, and `takes_over` is
/// told of each successor that speaks from now on.
pub(super) async fn relay<F>(mut begin: impl FnMut(Shift) -> F, takes_over: impl Fn(), cancel: &CancellationToken)
where
    F: Future<Output = ()>,
{
    let mut shift = Shift::first(cancel.child_token());
    let mut running: Pin<Box<F>> = Box::pin(begin(shift.clone()));
    loop {
        tokio::select! {
            () = &mut running => return,
            () = shift.0.aging.notified() => {}
        }
        let heir = Shift::new(false, cancel.child_token());
        let mut next = Box::pin(begin(heir.clone()));
        let stands = async {
            heir.0.priced.notified().await;
            sleep(TOGETHER).await;
        };
        tokio::select! {
            // Both end when they are told to, and for no other reason.
            _ended = join(&mut running, &mut next) => return,
            () = stands => {}
        }
        heir.0.speaks.store(true, Ordering::Release);
        takes_over();
        shift.0.stop.cancel();
        running.await;
        (shift, running) = (heir, next);
    }
}
