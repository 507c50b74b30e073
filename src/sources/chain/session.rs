//! Keeping one endpoint: who it is, what it can do, its heads, its tags, whether it has our tip. For as long as the process runs.
//!
//! It reads no blocks and decides nothing about the chain.

use super::ask_fault::AskFault;
use super::endpoint::Endpoint;
use super::line::{Line, LineState};
use super::rpc::Way;
use super::{Shared, abilities};
use crate::net::Backoff;
use crate::reactor::event::SourceState;
use crate::types::{B256, ChainId, Name};
use crate::wire::jsonrpc::{At, Call, Header, parse_header, parse_number};
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{Instant, sleep};

/// An endpoint of another chain, or one that denies access, is asked again after this long: somebody may have repaired it.
const REFUSED_PAUSE: Duration = Duration::from_mins(10);
/// Shortest and longest time between two polls for the head.
const POLL_EVERY: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(15));
/// Shortest silence that counts (facts/streams.md §4: newHeads max(4 block times, 30 s)).
const SHORTEST_SILENCE: Duration = Duration::from_secs(30);
/// Tags move about each epoch; asked for no more often than this, or every four blocks.
const TAGS_EVERY: Duration = Duration::from_secs(4);
/// A head that is not above the tip for this long is asked whether it has the tip at all.
const DOUBT_AFTER: Duration = Duration::from_secs(2);
/// Between two such questions.
const DOUBT_EVERY: Duration = Duration::from_secs(4);
/// How often pauses, doubts and lost subscriptions are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// A subscription that was refused, or died, is asked for again after this long.
const SUBSCRIBE_AGAIN: Duration = Duration::from_mins(1);

/// The silence after which a source of this block time is stale.
pub(super) fn silence(block_time: Duration) -> Duration {
    block_time.saturating_mul(4).max(SHORTEST_SILENCE)
}

/// Why a session ended.
enum Ending {
    /// It is of no use until somebody changes something, for this reason.
    Refused(Name),
    /// It failed, for this reason.
    Failed(Name),
    /// The line changed.
    Line,
}

impl From<AskFault> for Ending {
    fn from(fault: AskFault) -> Self {
        if fault.is_denied() { Self::Refused(fault.reason()) } else { Self::Failed(fault.reason()) }
    }
}

/// Keeps the endpoint for ever, and what is asked of it for longer than anybody waits.
pub(super) async fn keep(endpoint: &Endpoint, shared: &Shared) {
    tokio::join!(keep_talking(endpoint, shared), endpoint.desk.keep());
}

async fn keep_talking(endpoint: &Endpoint, shared: &Shared) {
    let session = Session { endpoint, shared };
    let mut backoff = Backoff::new();
    loop {
        session.wait_for_line().await;
        let began = Instant::now();
        let ending = tokio::select! {
            ending = session.talk() => ending,
            () = session.line_ends() => Ending::Line,
        };
        match ending {
            Ending::Line => {}
            Ending::Refused(reason) => {
                endpoint.say(SourceState::Refused(reason));
                session.rest(REFUSED_PAUSE).await;
            }
            Ending::Failed(reason) => {
                endpoint.say(SourceState::BackingOff(reason));
                session.rest(backoff.failed(began.elapsed(), fastrand::u64(..)).max(LOOK_EVERY)).await;
            }
        }
    }
}

struct Session<'a> {
    endpoint: &'a Endpoint,
    shared: &'a Shared,
}

impl Session<'_> {
    fn line(&self) -> Option<&Line> {
        match &self.endpoint.rpc.way {
            Way::Socket(line) => Some(line),
            Way::Http { .. } => None,
        }
    }

    /// Waits until questions may be asked, and says how it stands meanwhile.
    async fn wait_for_line(&self) {
        let Some(line) = self.line() else { return };
        let mut states = line.states();
        loop {
            let state = states.borrow_and_update().clone();
            match state {
                LineState::Up(_) => return,
                LineState::Connecting => {
                    // A reason that was said stays until there is something better to say.
                    if !self.endpoint.has_spoken() {
                        self.endpoint.say(SourceState::Connecting);
                    }
                }
                LineState::Stale => self.endpoint.say(SourceState::Stale),
                LineState::Down(reason) => self.endpoint.say(SourceState::BackingOff(reason)),
                LineState::Refused(reason) => self.endpoint.say(SourceState::Refused(reason)),
            }
            if states.changed().await.is_err() {
                return std::future::pending().await;
            }
        }
    }

    /// Ends when the line is not up any more, or is another connection.
    async fn line_ends(&self) {
        let Some(line) = self.line() else { return std::future::pending().await };
        let mut states = line.states();
        let now = states.borrow_and_update().clone();
        if matches!(now, LineState::Up(_)) {
            // The sender lives as long as the line does.
            let _closed = states.wait_for(|state| *state != now).await;
        }
    }

    /// Rests, or until the line is another connection.
    async fn rest(&self, span: Duration) {
        tokio::select! { () = sleep(span) => {}, () = self.line_ends() => {} }
    }

    async fn talk(&self) -> Ending {
        // From here on no announcement is missed, also while it is asked who it is; older ones are over.
        let notices = self.line().map(Line::heads);
        if !self.endpoint.has_spoken() {
            self.endpoint.say(SourceState::Connecting);
        }
        let head = match self.identify().await {
            Ok(head) => head,
            Err(ending) => return ending,
        };
        self.endpoint.take_head(head, self.shared.published_tip());
        tokio::select! {
            ending = self.follow_notices(notices) => ending,
            ending = self.poll() => ending,
            ending = self.follow_tags() => ending,
            ending = self.look_after() => ending,
            ending = self.watch_silence() => ending,
        }
    }

    /// Asks who it is and what it can do, and makes contact. Returns its head.
    async fn identify(&self) -> Result<Header, Ending> {
        let rpc = &self.endpoint.rpc;
        let first = [Call::ChainId, by_number(At::Number(0)), by_number(At::Latest)];
        let [id, genesis, latest]: [_; 3] = rpc.ask_all(&first).await.try_into().map_err(|_| AskFault::Unreadable)?;
        match parse_number(&id?) {
            Ok(id) if ChainId(id) == self.endpoint.chain => {}
            Ok(id) => {
                let meant = self.endpoint.chain;
                let words = format!(
                    "wrong chain: it says chain id {id}, the config says {meant}; is the url that of another chain?"
                );
                return Err(Ending::Refused(words.into()));
            }
            Err(_) => return Err(AskFault::Unreadable.into()),
        }
        let genesis = genesis.ok().and_then(|block| parse_header(&block).ok()).filter(|block| block.at.number == 0);
        let latest = parse_header(&latest?).map_err(|_| Ending::Failed("it gives no newest block".into()))?;
        let abilities = abilities::probe(self.endpoint, latest.at).await?;
        self.endpoint.contacted(genesis.map(|block| block.at.hash), abilities);
        Ok(latest)
    }

    /// Takes announced heads as they come.
    async fn follow_notices(&self, heads: Option<watch::Receiver<Option<Header>>>) -> Ending {
        let Some(mut heads) = heads else { return std::future::pending().await };
        while heads.changed().await.is_ok() {
            let head = *heads.borrow_and_update();
            if let Some(head) = head {
                self.endpoint.take_head(head, self.shared.published_tip());
            }
        }
        Ending::Line
    }

    /// Polls for the head: always where nothing is announced, otherwise when it was silent for half the limit.
    async fn poll(&self) -> Ending {
        let every = self.shared.block_time.clamp(POLL_EVERY.0, POLL_EVERY.1);
        let half_silence = silence(self.shared.block_time) / 2;
        let mut last = Instant::now();
        let mut asked_again = Instant::now();
        let mut failing_since: Option<Instant> = None;
        loop {
            let announced = self.line().is_some_and(Line::is_announced);
            let patience = if announced { half_silence } else { every };
            let since = if announced { self.endpoint.head_at().map_or(last, |at| at.max(last)) } else { last };
            let due = since + patience;
            if Instant::now() < due {
                // While heads are announced, the wait is cut short to notice when they no longer are.
                sleep((due - Instant::now()).min(every)).await;
                continue;
            }
            last = Instant::now();
            match self.latest().await {
                Ok(head) => {
                    failing_since = None;
                    let is_news = self.endpoint.head().is_none_or(|known| known.at.hash != head.at.hash);
                    self.endpoint.take_head(head, self.shared.published_tip());
                    self.say_fresh();
                    let is_dead = !announced || is_news;
                    if let Some(line) = self.line()
                        && is_dead
                        && asked_again.elapsed() >= SUBSCRIBE_AGAIN
                    {
                        asked_again = Instant::now();
                        line.subscribe_again();
                    }
                }
                Err(AskFault::RateLimited) => {}
                Err(fault) => {
                    let since = *failing_since.get_or_insert(last);
                    if since.elapsed() >= silence(self.shared.block_time) {
                        return fault.into();
                    }
                    if !self.endpoint.rpc.is_silent() {
                        self.endpoint.say(SourceState::BackingOff(fault.reason()));
                    }
                }
            }
        }
    }

    async fn latest(&self) -> Result<Header, AskFault> {
        let answer = self.endpoint.rpc.ask(&by_number(At::Latest)).await?;
        parse_header(&answer).map_err(|_| AskFault::Unreadable)
    }

    /// Asks for the tags; where the node has none, that is said once.
    async fn follow_tags(&self) -> Ending {
        let every = self.shared.block_time.saturating_mul(4).max(TAGS_EVERY);
        loop {
            let answers = self.endpoint.rpc.ask_all(&[by_number(At::Safe), by_number(At::Finalized)]).await;
            let unanswered = |answer: &Result<_, AskFault>| matches!(answer, Err(fault) if !matches!(fault, AskFault::Refused { .. }));
            if let [safe, finalized] = answers.as_slice()
                && !unanswered(safe)
                && !unanswered(finalized)
            {
                let header = |answer: &Result<Box<_>, _>| answer.as_ref().ok().and_then(|it| parse_header(it).ok());
                let place = |header: Option<Header>| header.map(|header| header.at);
                self.endpoint.take_tags(place(header(safe)), place(header(finalized)));
            }
            sleep(every).await;
        }
    }

    /// Looks whether it owes its answers for too long, also while somebody waits for one.
    async fn watch_silence(&self) -> Ending {
        loop {
            sleep(LOOK_EVERY).await;
            if self.endpoint.rpc.is_silent() {
                self.shared.fall_silent(self.endpoint);
            }
        }
    }

    /// Looks after pauses and doubts.
    async fn look_after(&self) -> Ending {
        let mut last_doubt: Option<Instant> = None;
        loop {
            sleep(LOOK_EVERY).await;
            if self.endpoint.rpc.is_paused() {
                self.endpoint.hold_back(SourceState::BackingOff(AskFault::RateLimited.reason()));
                continue;
            }
            if self.endpoint.is_released() {
                self.say_fresh();
            }
            if let Some(tip) = self.doubted_tip()
                && last_doubt.is_none_or(|at| at.elapsed() >= DOUBT_EVERY)
            {
                last_doubt = Some(Instant::now());
                let answer = self.endpoint.rpc.ask(&Call::BlockByHash { hash: tip, whole: false }).await;
                if let Ok(answer) = answer {
                    let lacks = (answer.get() == "null").then_some(tip);
                    self.endpoint.take_agreement(lacks);
                }
            }
        }
    }

    /// The published tip, when this endpoint's head is another and not above it for a while.
    fn doubted_tip(&self) -> Option<B256> {
        let tip = self.shared.published_tip()?;
        let head = self.endpoint.head()?;
        let settled = self.endpoint.head_at()?.elapsed() >= DOUBT_AFTER;
        (settled && head.at.hash != tip.hash && head.at.number <= tip.number).then_some(tip.hash)
    }

    /// Fresh, unless something holds it back that a head says nothing about.
    fn say_fresh(&self) {
        if !self.endpoint.is_shunned() && !self.endpoint.rpc.is_paused() && !self.endpoint.rpc.is_silent() {
            self.endpoint.say(SourceState::Fresh);
        }
    }
}

/// A header by number or tag.
const fn by_number(at: At) -> Call {
    Call::BlockByNumber { at, whole: false }
}
