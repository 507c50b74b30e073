//! Honest readers of what endpoints and explorers say: a walker that follows the reactor's wants, and a poller.
//!
//! The endpoints lag, show siblings, fall silent and come back, one by one or all for a long time; an explorer has two back ends that stand
//! at different heads and on different forks, hides rows for a while, answers nothing, and changes while its pages are read. The readers
//! only pass on what they were told.

use crate::chain::Chain;
use crate::explorer::Explorer;
use fastrand::Rng;
use std::sync::Arc;
use walletwatch::reactor::LARGEST_STEP;
use walletwatch::reactor::event::{
    Balances, Contact, Event, Head, Logs, NoBalance, ReadAt, Reported, Run, RunPart, SourceId, SourceKind,
    SourceReport, SourceState, Tags, TokenFacts,
};
use walletwatch::reactor::match_set::MatchSet;
use walletwatch::reactor::rows::GapRow;
use walletwatch::reactor::wants::ChainWants;
use walletwatch::types::{Asset, B256, Block, BlockRef, Name, Tracer};

/// A back end is so many blocks behind …
const LARGEST_LAG: u64 = 30;
/// … and shows every row that is this many blocks old: both together are less than the ten minutes that the reactor waits for.
pub const LATEST_ROW: u64 = 10;

/// One RPC endpoint.
#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "what goes wrong with it, each by itself")]
pub struct Endpoint {
    pub name: Name,
    pub up: bool,
    pub traces: bool,
    /// It shows only what concerns the watch list.
    pub chooses: bool,
    /// Index of the block that it calls its head.
    pub head: usize,
    /// Whether the reactor was told that it is up, and who it is.
    pub introduced: bool,
    /// It does not give old blocks.
    pub forgetful: bool,
}

impl Endpoint {
    /// A block as it gives it.
    fn block(&self, chain: &Chain, index: usize, watched: &MatchSet) -> Block {
        let mut block = chain.block(index, self.traces);
        if self.chooses {
            block.movements.retain(|it| watched.contains(&it.from) || watched.contains(&it.to));
        }
        block
    }
}

/// The sources of a chain.
#[derive(Debug)]
pub struct Sources {
    pub endpoints: Vec<Endpoint>,
    pub explorer: Option<Explorer>,
    pub tags: bool,
    pub final_after: u64,
    /// For so many steps no endpoint can be reached.
    pub cut: u8,
}

impl Sources {
    /// Something changes at an endpoint or an explorer.
    pub fn trouble(&mut self, chain: &mut Chain, rng: &mut Rng, faulty: bool) {
        self.cut = match self.cut {
            0 if faulty && rng.u8(0..100) == 0 => rng.u8(20..100),
            _ if !faulty => 0,
            cut => cut.saturating_sub(1),
        };
        for endpoint in &mut self.endpoints {
            if self.cut > 0 {
                endpoint.up = false;
                continue;
            }
            if !faulty {
                (endpoint.up, endpoint.head, endpoint.forgetful) = (true, chain.tip, false);
                continue;
            }
            match rng.u8(0..24) {
                0 => endpoint.up = !endpoint.up,
                1 => endpoint.forgetful = rng.bool(),
                2..6 => endpoint.head = chain.ancestor(chain.tip, rng.u64(0..4)),
                6 => {
                    // A sibling of the newest block, alone or with a block on top.
                    let root = chain.ancestor(chain.tip, rng.u64(1..3));
                    let now = chain.blocks[chain.tip].time;
                    let txs: Vec<usize> = chain.waiting.iter().copied().filter(|_| rng.bool()).collect();
                    let mut lie = chain.mine_on(root, txs, now, rng);
                    for _ in 0..rng.usize(0..2) {
                        lie = chain.mine_on(lie, Vec::new(), now, rng);
                    }
                    endpoint.head = lie;
                }
                7..10 => {}
                _ => endpoint.head = chain.tip,
            }
        }
        if let Some(explorer) = &mut self.explorer {
            if !faulty {
                (explorer.up, explorer.backends) = (true, [chain.tip; 2]);
                explorer.hidden.clear();
                return;
            }
            match rng.u8(0..16) {
                0 => explorer.up = !explorer.up,
                1 => {
                    let tx = chain.txs.get(rng.usize(..=chain.txs.len().saturating_sub(1))).map(|tx| tx.hash);
                    explorer.hidden.extend(tx);
                }
                2..4 => explorer.hidden.clear(),
                4..8 => explorer.backends[0] = chain.ancestor(chain.tip, rng.u64(0..3)),
                8..10 => explorer.backends[1] = chain.ancestor(chain.tip, rng.u64(0..8)),
                10 => explorer.backends[1] = chain.ancestor(chain.tip, rng.u64(0..LARGEST_LAG)),
                // Some newest block, of whichever fork.
                11 => explorer.backends[0] = chain.blocks.len() - 1 - rng.usize(..chain.blocks.len().min(8)),
                _ => {}
            }
        }
    }

    /// Much time passes: an index is never later than that.
    pub fn catch_up(&mut self, chain: &Chain) {
        if let Some(explorer) = &mut self.explorer {
            explorer.hidden.clear();
            explorer.backends = [chain.tip; 2];
        }
    }

    /// The process starts: everything introduces itself anew.
    pub fn forget(&mut self) {
        self.endpoints.iter_mut().for_each(|endpoint| endpoint.introduced = false);
        self.explorer.iter_mut().for_each(|explorer| explorer.introduced = false);
    }

    /// What the sources say now.
    pub fn speak(
        &mut self,
        chain: &Chain,
        (wants, watched): (&ChainWants, &MatchSet),
        rng: &mut Rng,
        faulty: bool,
        events: &mut Vec<Event>,
    ) {
        for endpoint in &mut self.endpoints {
            if endpoint.up != endpoint.introduced {
                endpoint.introduced = endpoint.up;
                let source = SourceId { kind: SourceKind::Rpc, chain: Some(chain.id), name: endpoint.name.clone() };
                let state = if endpoint.up { SourceState::Fresh } else { SourceState::BackingOff("silence".into()) };
                if endpoint.up {
                    events.push(Event::Contact(Contact {
                        chain: chain.id,
                        endpoint: endpoint.name.clone(),
                        genesis: Some(B256::repeat_byte(9)),
                        traces: endpoint.traces.then_some(Tracer::Flat),
                    }));
                }
                events.push(Event::Source(SourceReport { source, state }));
            }
            if endpoint.up && (!faulty || rng.u8(0..3) > 0) {
                events.push(Event::Head(head(chain, endpoint, wants)));
            }
            if endpoint.up && self.tags && (!faulty || rng.u8(0..4) == 0) {
                events.push(Event::Tags(tags(chain, endpoint, self.final_after)));
            }
        }
        if let Some(lead) = self.endpoints.iter().find(|endpoint| endpoint.up) {
            let portion = if faulty { rng.usize(1..80) } else { 256 };
            let tip = walk(chain, lead, wants, watched, portion);
            if tip.is_some() && faulty && rng.u8(0..12) == 0 {
                events.extend(tip.clone());
            }
            let idle = tip.is_none() || rng.bool();
            events.extend(tip);
            if let Some(gap) = wants.gaps.last().filter(|_| !wants.stopped && idle && !lead.forgetful) {
                events.extend(fill(chain, lead, *gap, watched, portion));
            }
            if wants.gaps.is_empty() && !wants.stopped && !lead.forgetful && (!faulty || rng.bool()) {
                events.extend(past(chain, lead, wants, watched, portion));
            }
        }
        if let Some(explorer) = &mut self.explorer {
            explorer.speak(chain, wants, rng, faulty, events);
        }
        let lead = self.endpoints.iter().find(|endpoint| endpoint.up).filter(|_| !wants.stopped);
        if let (Some(lead), Some(tip)) = (lead, wants.window.last()) {
            events.extend(balances(chain, lead, *tip, wants, rng, faulty));
        }
        for contract in &wants.tokens {
            if !faulty || rng.u8(0..5) == 0 {
                let decimals = rng.bool().then_some(18);
                let facts = TokenFacts { chain: chain.id, contract: *contract, decimals, symbol: Some("USDC".into()) };
                events.push(Event::Token(facts));
            }
        }
    }
}

/// What an endpoint says of balances at the newest block that was committed: it may not have it, or not answer.
fn balances(
    chain: &Chain,
    lead: &Endpoint,
    tip: BlockRef,
    wants: &ChainWants,
    rng: &mut Rng,
    faulty: bool,
) -> Option<Event> {
    let known = chain.index(tip.hash).filter(|_| chain.is_beneath(tip.hash, lead.head));
    let mut read = Vec::new();
    for want in wants.balances.iter() {
        // What nobody looks at and nothing moved is read seldom.
        if faulty && rng.u8(0..if want.soon { 3 } else { 12 }) > 0 {
            continue;
        }
        let fault = match rng.u8(0..24) {
            0 if faulty => Some(NoBalance::Empty),
            1 if faulty => Some(NoBalance::NoAnswer),
            _ => None,
        };
        let amount = match (fault, known) {
            (Some(fault), _) => Err(fault),
            (None, Some(index)) => Ok(chain.blocks[index].balance(want.address, want.asset)),
            (None, None) => Err(NoBalance::NoAnswer),
        };
        read.push((want.address, want.asset, amount));
    }
    let at = ReadAt { number: tip.number, hash: Some(tip.hash) };
    let answer = Balances { chain: chain.id, source: lead.name.clone(), at, read };
    (!answer.read.is_empty()).then_some(Event::Balances(answer))
}

fn head(chain: &Chain, endpoint: &Endpoint, wants: &ChainWants) -> Head {
    let mined = &chain.blocks[endpoint.head];
    let tip = wants.window.last().filter(|tip| !chain.is_beneath(tip.hash, endpoint.head));
    Head {
        chain: chain.id,
        endpoint: endpoint.name.clone(),
        at: mined.at,
        time: mined.time,
        base_fee: Some(mined.base_fee),
        lacks: tip.map(|tip| tip.hash),
    }
}

fn tags(chain: &Chain, endpoint: &Endpoint, final_after: u64) -> Tags {
    let number = chain.blocks[endpoint.head].at.number;
    let mark = |depth: u64| {
        let goal = chain.highest.saturating_sub(depth);
        let index = chain.ancestor(endpoint.head, number.saturating_sub(goal));
        let at = chain.blocks[index].at;
        // No node calls final what another fork has replaced.
        (goal <= number && chain.is_beneath(at.hash, chain.tip)).then_some((at.number, at.hash))
    };
    Tags { chain: chain.id, endpoint: endpoint.name.clone(), safe: mark(final_after / 2), finalized: mark(final_after) }
}

/// From the head back to what is known (as `sources::chain::walk`, which is private and knows of what was sent as well).
fn walk(chain: &Chain, lead: &Endpoint, wants: &ChainWants, watched: &MatchSet, portion: usize) -> Option<Event> {
    let head = chain.blocks[lead.head].at;
    let run = |indices: &[usize]| {
        let blocks = indices.iter().map(|index| lead.block(chain, *index, watched)).collect();
        Some(Event::Run(Run {
            chain: chain.id,
            endpoint: lead.name.clone(),
            blocks,
            part: RunPart::Tip,
            chosen_by: lead.chooses.then(|| watched.version()),
        }))
    };
    if wants.stopped {
        return None;
    }
    let (Some(first), Some(tip)) = (wants.window.first(), wants.window.last()) else { return run(&[lead.head]) };
    let knows = |number: u64, hash: B256| {
        let place = wants.window.binary_search_by_key(&number, |block: &BlockRef| block.number);
        place.is_ok_and(|place| wants.window[place].hash == hash)
    };
    if knows(head.number, head.hash) || head.number < first.number {
        return None;
    }
    if head.number <= tip.number && wants.tip_endpoint.as_ref() != Some(&lead.name) {
        return None;
    }
    if head.number > tip.number + LARGEST_STEP {
        return run(&[lead.head]);
    }
    let mut indices = vec![lead.head];
    let mut last = head;
    while !knows(last.number - 1, last.parent) {
        if indices.len() as u64 >= LARGEST_STEP || last.number < first.number {
            return run(&[lead.head]);
        }
        let parent = chain.index(last.parent)?;
        indices.push(parent);
        last = chain.blocks[parent].at;
    }
    indices.reverse();
    let below = indices.iter().filter(|index| chain.blocks[**index].at.number <= tip.number).count();
    let together = if last.parent == tip.hash { 1 } else { (below + 1).min(indices.len()) };
    run(&indices[..portion.max(together).min(indices.len())])
}

/// The upper end of a gap, by hash.
fn fill(chain: &Chain, lead: &Endpoint, gap: GapRow, watched: &MatchSet, portion: usize) -> Option<Event> {
    let mut index = chain.index(gap.above).filter(|_| chain.is_beneath(gap.above, lead.head))?;
    let mut blocks = vec![lead.block(chain, index, watched)];
    while blocks.len() < portion && chain.blocks[index].at.number > gap.from {
        index = chain.parent(index)?;
        blocks.push(lead.block(chain, index, watched));
    }
    blocks.reverse();
    Some(Event::Run(Run { chain: chain.id, endpoint: lead.name.clone(), blocks, part: RunPart::Gap, chosen_by: None }))
}

/// What is wanted of the past, upwards: blocks, and logs.
fn past(chain: &Chain, lead: &Endpoint, wants: &ChainWants, watched: &MatchSet, portion: usize) -> Vec<Event> {
    let head = chain.blocks[lead.head].at.number;
    let at = |number: u64| (number <= head).then(|| chain.ancestor(lead.head, head - number));
    let mut events = Vec::new();
    if let Some(want) = wants.history.blocks {
        let last = want.to.min(want.from + portion as u64 - 1);
        let blocks: Option<Vec<_>> =
            (want.from..=last).map(|number| at(number).map(|index| lead.block(chain, index, watched))).collect();
        let run = |blocks| Run {
            chain: chain.id,
            endpoint: lead.name.clone(),
            blocks,
            part: RunPart::History,
            chosen_by: lead.chooses.then(|| watched.version()),
        };
        events.extend(blocks.map(run).map(Event::Run));
    }
    if let Some(want) = wants.history.logs.as_ref().filter(|want| want.to <= head) {
        let to = want.to.min(want.from + 4 * portion as u64);
        let mut rows = Vec::new();
        for index in (want.from..=to).filter_map(at) {
            let block = chain.block(index, true);
            let tokens = block.movements.into_iter().filter(|it| {
                let transfer = it.asset != Asset::Coin && !it.kind.is_approval();
                transfer && (want.addresses.contains(&it.from) || want.addresses.contains(&it.to))
            });
            let (number, block_hash, time) = (block.at.number, Some(block.at.hash), block.time);
            rows.extend(tokens.map(|movement| Reported { block: number, block_hash, time, movement, token: None }));
        }
        let (chain, endpoint, from, until) = (chain.id, lead.name.clone(), want.from, want.until);
        let addresses = Arc::clone(&want.addresses);
        events.push(Event::Logs(Logs { chain, endpoint, from, to, until, addresses, rows }));
    }
    events
}
