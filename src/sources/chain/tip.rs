//! Following the tip: from each new head back to what is known, and the blocks between, at once.
//!
//! Every round begins anew from the newest head and what is known by then, so that nothing that went wrong has to be undone. It
//! never decides what a block means; that is the reactor's.

use super::Shared;
use super::ask_fault::AskFault;
use super::endpoint::Endpoint;
use super::in_time::read_in_time;
use super::owed::patience;
use super::pace::Portion;
use super::read::{How, ReadFault};
use super::traces::{self, Turn};
use super::vain::InVain;
use super::walk::{Known, Step};
use crate::reactor::event::{Event, Run, RunPart, SourceState};
use crate::sources::queue::{Closed, Lane, blocks_bytes};
use crate::types::{B256, Block, BlockRef, Name};
use crate::wire::jsonrpc::{At, Call, parse_header};
use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::time::{Instant, timeout};

/// First wait after a block that was announced and is not there; doubled up to [`LONGEST_WAIT`].
const FIRST_WAIT: Duration = Duration::from_millis(50);
/// See [`FIRST_WAIT`].
const LONGEST_WAIT: Duration = Duration::from_millis(800);
/// After so long without a block that is there, another endpoint is asked for it.
const ASK_OTHERS_AFTER: Duration = Duration::from_millis(1_500);
/// Where a node gives no more traces for now, and everything else, blocks wait for them so long, and are taken without them then: what
/// an explorer says of the inner movements comes later, but nothing else does.
const SHORT_AFTER: Duration = Duration::from_secs(10);
/// After so long the endpoint hands the lead over for a while.
const GIVE_UP_AFTER: Duration = Duration::from_secs(6);
/// What was sent and is not published after so long was not taken: it is read again. Longer than a cursor waits for its commit.
const PATIENCE: Duration = Duration::from_secs(10);
/// How often it looks again when nothing changes.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// A node tells a reorg block by block. A fork that is not above the tip is not read before its head has stood still for so long:
/// what it dropped may be in the very next block, and would be taken back and told again.
const FORK_SETTLES: Duration = Duration::from_millis(250);
/// A run is cut into parts of about this size, so that many fit into the queue.
const RUN_BYTES: usize = 1024 * 1024;
/// Most headers asked for at once while walking.
const LONGEST_STRIDE: u64 = 64;
/// Headers kept: four times what the longest walk needs.
const MOST_HEADERS: usize = 1_024;

/// What a round came to.
enum Round {
    /// There is nothing to do until something changes.
    Idle,
    /// Go on at once.
    Again,
    /// There is more to come: wait so long, less if something changes.
    Wait(Duration),
    /// Something was not there: wait a little, less if something changes.
    Trouble(Name),
}

/// The memory between rounds.
#[derive(Default)]
struct Tip {
    known: Known,
    lead: Option<usize>,
    headers: BTreeMap<B256, BlockRef>,
    stride: u64,
    portion: Portion,
    /// Since when nothing was read, and how often it was tried.
    trouble: Option<(Instant, u32)>,
    /// Since when the lead gave nothing in time that another gave.
    outdone: Option<Instant>,
    /// Traces that did not come.
    in_vain: InVain,
    /// Since when no block came with its traces because the node gives no more of them.
    short: Option<Instant>,
    /// When something was last sent or published.
    moved: Option<Instant>,
    /// The version of the watch list that chose what was last sent, where receipts were chosen at all.
    chosen_by: Option<u64>,
}

/// Follows the tip until the pump is gone.
pub(super) async fn follow(shared: &Shared) -> Closed {
    let mut tip = Tip::default();
    let mut wants = shared.wants.clone();
    loop {
        let round = tip.round(shared).await;
        shared.tip_is_busy.store(false, Ordering::Relaxed);
        match round {
            Err(closed) => return closed,
            Ok(Round::Again) => {}
            Ok(Round::Wait(wait)) => drop(timeout(wait, shared.changed.notified()).await),
            Ok(Round::Trouble(reason)) => {
                let wait = tip.note_trouble(shared, reason);
                // Only a head cuts it short: what is published says nothing about what a node has.
                drop(timeout(wait, shared.changed.notified()).await);
            }
            Ok(Round::Idle) => {
                let change = async {
                    tokio::select! {
                        () = shared.changed.notified() => {}
                        published = wants.changed() => if published.is_err() {
                            // Nobody publishes any more: only heads can change anything.
                            shared.changed.notified().await;
                        }
                    }
                };
                // What was sent is given up after a while; otherwise a look now and then costs nothing and forgets nothing, such as
                // the end of a pause.
                drop(timeout(LOOK_EVERY, change).await);
            }
        }
    }
}

impl Tip {
    async fn round(&mut self, shared: &Shared) -> Result<Round, Closed> {
        if let Some(lead) = shared.lead().and_then(|place| shared.endpoint(place))
            && lead.rpc.is_silent()
        {
            shared.fall_silent(lead);
        }
        let lead = shared.lead();
        // One that comes back is the same: its trouble may be why it went.
        if lead.is_some() && lead != self.lead {
            // What another sent may be refused; and a walk begins from what is published.
            (self.lead, self.trouble, self.outdone, self.short) = (lead, None, None, None);
            self.known.forget_sent();
            self.headers.clear();
            self.in_vain.forget_all();
        }
        // What was chosen by an older list may be refused: it is read again. Where it was taken in time, that is known soon.
        if self.chosen_by.is_some_and(|version| version != shared.watched().version()) {
            self.chosen_by = None;
            self.known.forget_sent();
        }
        let wants = shared.chain_wants();
        let before = self.known.published_tip();
        self.known.publish(&wants.window, wants.tip_endpoint.as_ref());
        if before != self.known.published_tip() {
            self.moved = Some(Instant::now());
        }
        if self.known.is_waiting() && self.moved.is_none_or(|moved| moved.elapsed() >= PATIENCE) {
            self.known.forget_sent();
        }
        let Some(endpoint) = lead.and_then(|place| shared.endpoint(place)) else { return Ok(Round::Idle) };
        let Some(head) = endpoint.head().filter(|_| !wants.stopped) else { return Ok(Round::Idle) };
        let step = self.known.step(&endpoint.name, head.at, |hash| self.headers.get(&hash));
        shared.tip_is_busy.store(step != Step::Nothing, Ordering::Relaxed);
        // Not above the tip and not known: a fork.
        let forks = step != Step::Nothing && self.known.tip().is_some_and(|tip| head.at.number <= tip.number);
        if let (true, Some(since)) = (forks, endpoint.head_at())
            && let Some(wait) = FORK_SETTLES.checked_sub(since.elapsed())
            && !wait.is_zero()
        {
            return Ok(Round::Wait(wait));
        }
        match step {
            Step::Nothing => {
                self.trouble = None;
                Ok(Round::Idle)
            }
            Step::Ask { number, hash } => Ok(self.walk(shared, endpoint, number, hash).await),
            Step::Jump(block) => self.read(shared, endpoint, &[block], 1).await,
            Step::Read { blocks, together } => self.read(shared, endpoint, &blocks, together).await,
        }
    }

    /// Fetches the header that the walk needs, and with it those below that it will need next.
    async fn walk(&mut self, shared: &Shared, endpoint: &Endpoint, number: u64, hash: B256) -> Round {
        let above_tip = self.known.tip().map_or(0, |tip| number.saturating_sub(tip.number));
        self.stride = (self.stride * 2).clamp(1, LONGEST_STRIDE);
        let below = self.stride.max(above_tip).min(LONGEST_STRIDE) - 1;
        let lowest = number.saturating_sub(below);
        let by_number = (lowest..number).map(|number| Call::BlockByNumber { at: At::Number(number), whole: false });
        let calls: Vec<Call> = [Call::BlockByHash { hash, whole: false }].into_iter().chain(by_number).collect();
        let asking = endpoint.rpc.ask_all(&calls);
        let answers = if shared.has_other(endpoint) {
            match timeout(patience(shared.block_time), asking).await {
                Ok(answers) => answers,
                Err(_) => return Round::Trouble(AskFault::Timeout.reason()),
            }
        } else {
            asking.await
        };
        if self.headers.len() > MOST_HEADERS {
            self.headers.clear();
        }
        let mut fault = None;
        for (nth, answer) in answers.into_iter().enumerate() {
            match answer.map_err(ReadFault::from).and_then(|it| Ok(parse_header(&it)?)) {
                Ok(header) if nth > 0 || (header.at.hash == hash && header.at.number == number) => {
                    self.headers.insert(header.at.hash, header.at);
                }
                Ok(_) => fault = Some(ReadFault::Other),
                // Only the first was needed.
                Err(error) if nth == 0 => fault = Some(error),
                Err(_) => {}
            }
        }
        fault.map_or(Round::Again, |fault| Round::Trouble(fault.reason()))
    }

    /// Reads the next portion of these blocks and sends what came of it.
    async fn read(
        &mut self,
        shared: &Shared,
        lead: &Endpoint,
        blocks: &[BlockRef],
        together: usize,
    ) -> Result<Round, Closed> {
        self.stride = 0;
        let portion = usize::try_from(self.portion.blocks()).unwrap_or(1).max(together).min(blocks.len());
        let Some(wanted) = blocks.get(..portion) else { return Ok(Round::Idle) };
        let since = self.trouble.map_or(Duration::ZERO, |(since, _)| since.elapsed());
        let traces = lead.abilities().tracer.is_some();
        let others = since >= ASK_OTHERS_AFTER || lead.rpc.is_short_of_traces() || lead.desk.hangs(Turn::New);
        let reader = if others { self.other_reader(shared, traces).unwrap_or(lead) } else { lead };
        let watched = shared.watched();
        let mut untraced = self.in_vain.given_up(traces::PATIENCE, 1);
        // It is known by now that none come in time: the blocks do not wait for them.
        if reader.desk.hangs(Turn::New) {
            untraced.extend(wanted.iter().map(|block| block.hash));
        }
        if let Some(since) = self.short.filter(|_| reader.rpc.is_short_of_traces()) {
            if since.elapsed() < SHORT_AFTER {
                return Ok(Round::Wait(LOOK_EVERY));
            }
            untraced.extend(wanted.iter().map(|block| block.hash));
        }
        let how = How { watched: &watched, ways: &shared.ways, untraced: &untraced, turn: Turn::New };
        // Of a node that gives no receipts of whole blocks only those that matter are read: for another list others may.
        let chosen_by = (!reader.abilities().receipts).then(|| watched.version());
        let mut whole = Vec::with_capacity(wanted.len());
        let mut fault = None;
        let asked = Instant::now();
        let (reader, read) = read_in_time(shared, reader, wanted, how).await;
        if read.iter().all(Result::is_ok) {
            self.note_outdone(shared, lead, reader, asked);
        }
        for (block, read) in wanted.iter().zip(read) {
            match &read {
                Err(fault) if fault.is_in_vain() => self.in_vain.note(block.hash, asked, Instant::now()),
                Err(ReadFault::TracesLimited) => self.short = self.short.or(Some(asked)),
                Ok(block) if block.traced => self.short = None,
                Ok(_) | Err(_) => {}
            }
            match read {
                Ok(block) if fault.is_none() => whole.push(block),
                Ok(_) => {}
                Err(error) => fault = fault.or(Some(error)),
            }
        }
        match &fault {
            Some(fault) if fault.is_too_much() => self.portion.too_much(),
            Some(_) => {}
            None => self.portion.went_well(),
        }
        if chosen_by.is_some_and(|version| version != shared.watched().version()) {
            return Ok(Round::Again);
        }
        if whole.len() >= together.min(wanted.len()) {
            self.chosen_by = chosen_by;
            self.trouble = None;
            for block in &whole {
                self.in_vain.forget(block.at.hash);
            }
            // One that turned out not to trace at all has said so.
            shared.note_traces(reader, reader.abilities().tracer.is_some(), &whole);
            self.send(shared, lead, whole, together, chosen_by).await?;
        }
        // Of a node that gives everything but traces the tip is not taken away: that would cost all of the chain, and not a part.
        if fault == Some(ReadFault::TracesLimited) {
            return Ok(Round::Wait(LOOK_EVERY));
        }
        match fault {
            // What was waited for is given up now, or its turn comes.
            None | Some(ReadFault::TracesSlow | ReadFault::TracesLater) => Ok(Round::Again),
            Some(fault) => Ok(Round::Trouble(fault.reason())),
        }
    }

    /// Notes whether the lead itself gave what was read. One that never does in time, and answers other things, hands over.
    fn note_outdone(&mut self, shared: &Shared, lead: &Endpoint, reader: &Endpoint, asked: Instant) {
        if std::ptr::eq(lead, reader) {
            self.outdone = None;
            return;
        }
        let since = *self.outdone.get_or_insert(asked);
        if since.elapsed() >= patience(shared.block_time) * 2 && shared.has_other(lead) {
            self.outdone = None;
            lead.shun_longer(SourceState::BackingOff("it does not give its blocks in time".into()));
        }
    }

    /// Another endpoint to ask for blocks that the lead does not give: a different one each time, and one that traces if the lead
    /// does.
    fn other_reader<'a>(&self, shared: &'a Shared, traces: bool) -> Option<&'a Endpoint> {
        let usable = |(place, endpoint): &(usize, &Endpoint)| {
            let as_able = !traces || endpoint.abilities().tracer.is_some();
            Some(*place) != self.lead && endpoint.standing().usable && as_able
        };
        let others: Vec<_> = shared.endpoints().enumerate().filter(usable).map(|(_, endpoint)| endpoint).collect();
        let tries = self.trouble.map_or(0, |(_, tries)| tries) as usize;
        // The lead itself takes its turn among them.
        others.get(tries % (others.len() + 1)).copied()
    }

    /// Sends blocks as one run, or several when they are large; the first holds at least `together`.
    async fn send(
        &mut self,
        shared: &Shared,
        lead: &Endpoint,
        blocks: Vec<Block>,
        together: usize,
        chosen_by: Option<u64>,
    ) -> Result<(), Closed> {
        for part in parts(blocks, together) {
            let refs: Vec<BlockRef> = part.iter().map(|block| block.at).collect();
            let bytes = blocks_bytes(&part);
            let (chain, endpoint) = (shared.chain, lead.name.clone());
            let run = Run { chain, endpoint, blocks: part, part: RunPart::Tip, chosen_by };
            shared.queue.send(Lane::New, Event::Run(run), bytes).await?;
            self.known.note_sent(&lead.name, &refs);
            self.moved = Some(Instant::now());
        }
        Ok(())
    }

    /// Notes a round that came to nothing, and says how long to wait. An endpoint that never gives what it announces hands over.
    fn note_trouble(&mut self, shared: &Shared, reason: Name) -> Duration {
        let (since, tries) = self.trouble.unwrap_or_else(|| (Instant::now(), 0));
        self.trouble = Some((since, tries.saturating_add(1)));
        if since.elapsed() >= GIVE_UP_AFTER
            && let Some(lead) = self.lead.and_then(|place| shared.endpoint(place))
        {
            let why = SourceState::BackingOff(reason);
            if shared.has_other(lead) {
                lead.shun_longer(why);
            } else {
                lead.shun(why);
            }
            self.trouble = None;
        }
        FIRST_WAIT.saturating_mul(1 << tries.min(8)).min(LONGEST_WAIT)
    }
}

/// Cuts a run into parts of about [`RUN_BYTES`]; the first holds at least `together` blocks.
fn parts(blocks: Vec<Block>, together: usize) -> Vec<Vec<Block>> {
    let mut parts: Vec<Vec<Block>> = Vec::new();
    let mut bytes = 0;
    for block in blocks {
        let size = blocks_bytes(std::slice::from_ref(&block));
        let first = parts.len() <= 1;
        match parts.last_mut() {
            Some(part) if bytes + size <= RUN_BYTES || (first && part.len() < together) => {
                bytes += size;
                part.push(block);
            }
            Some(_) | None => {
                bytes = size;
                parts.push(vec![block]);
            }
        }
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::{Address, Asset, Kind, Movement, Timestamp, U256};

    fn block(movements: usize) -> Block {
        let movement = Movement {
            tx: B256::ZERO,
            kind: Kind::Coin,
            asset: Asset::Coin,
            from: Address::ZERO,
            to: Address::ZERO,
            token_id: None,
            amount: U256::ZERO,
            log_index: None,
        };
        let at = BlockRef { number: 0, hash: B256::ZERO, parent: B256::ZERO };
        Block {
            at,
            time: Timestamp::default(),
            base_fee: None,
            next_base_fee: None,
            movements: vec![movement; movements],
            traced: false,
        }
    }

    #[test]
    fn a_large_run_is_cut_but_never_before_it_is_above_the_tip() {
        let large = RUN_BYTES / size_of::<Movement>();
        let check = |sizes: &[usize], together: usize, expected: &[usize]| {
            let cut = parts(sizes.iter().map(|size| block(*size)).collect(), together);
            assert_eq!(cut.iter().map(Vec::len).collect::<Vec<_>>(), expected, "{sizes:?}");
        };
        check(&[0, 1, 2], 1, &[3]);
        check(&[large, large, 1, 1], 1, &[1, 1, 2]);
        check(&[large, large, large], 3, &[3]);
        check(&[large, large, large], 2, &[2, 1]);
        check(&[large / 2, large / 3, large / 2], 1, &[2, 1]);
        check(&[], 1, &[]);
    }
}
