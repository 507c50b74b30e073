//! Reads the balances that the reactor wants, all of one round at one block: the newest that was committed.
//!
//! It lives beside the reader of blocks because the connection, the lead and the pace are there. A block is named by hash (EIP-1898);
//! where a node does not take that, by height, and the answers count only if the block of that height still is the one that was meant.
//! An empty or short answer is no balance, and is never taken for zero.

use super::Shared;
use super::ask_fault::AskFault;
use super::endpoint::Endpoint;
use super::line::Answer;
use crate::reactor::event::{Balances, Event, NoBalance, ReadAt};
use crate::reactor::wants::BalanceWant;
use crate::sources::queue::{Closed, Lane, SMALL_EVENT_BYTES};
use crate::types::{Address, Asset, B256, BlockRef, ChainId, Name, U256};
use crate::wire::erc20::decode_balance;
use crate::wire::jsonrpc::{At, Call, Refusal, StateAt, parse_amount, parse_header, parse_text};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use tokio::time::{Instant, timeout};

/// How old a balance may get that a rule looks at, or that moves by itself.
const OFTEN: Duration = Duration::from_mins(1);
/// How old any other may get: what moves it without a transfer that is seen are fees and rewards.
const SELDOM: Duration = Duration::from_mins(10);
/// Shortest time before the same balance is asked again.
const AGAIN_AFTER: Duration = Duration::from_secs(2);
/// Longest time between two tries at one that is not answered.
const LONGEST_AGAIN: Duration = Duration::from_mins(1);
/// So often a node may not have the block yet, or not answer, before that is said: it is a moment behind, and catches up.
const QUIET_TRIES: u32 = 3;
/// Most balances of one round: what is due in a burst must not crowd out blocks.
const AT_ONCE: usize = 100;
/// How often it is looked whether something is due, when nothing changes.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Of whom, and of what.
pub(super) type Key = (Address, Asset);

/// What was asked, and how often in vain.
#[derive(Debug, Clone, Copy)]
struct Asked {
    at: Instant,
    in_vain: u32,
}

/// When each balance was last asked.
#[derive(Debug, Default)]
struct Pace(BTreeMap<Key, Asked>);

impl Pace {
    /// What is due: what is wanted soon first, then what was asked longest ago. It counts as asked from here on.
    fn due(&mut self, wants: &[BalanceWant], now: Instant) -> Vec<Key> {
        let wanted: BTreeSet<Key> = wants.iter().map(|want| (want.address, want.asset)).collect();
        self.0.retain(|key, _| wanted.contains(key));
        let mut due: Vec<(bool, Option<Instant>, Key)> = Vec::new();
        for want in wants {
            let key = (want.address, want.asset);
            let asked = self.0.get(&key).copied();
            if asked.is_none_or(|asked| now >= asked.at + gap(want, asked.in_vain)) {
                due.push((!want.soon, asked.map(|asked| asked.at), key));
            }
        }
        due.sort_unstable();
        due.truncate(AT_ONCE);
        for (_, _, key) in &due {
            let in_vain = self.0.get(key).map_or(0, |asked| asked.in_vain);
            self.0.insert(*key, Asked { at: now, in_vain });
        }
        due.into_iter().map(|(_, _, key)| key).collect()
    }

    fn answered(&mut self, key: Key) {
        if let Some(asked) = self.0.get_mut(&key) {
            asked.in_vain = 0;
        }
    }

    /// Nobody answered. Gives whether that is to be said by now.
    fn in_vain(&mut self, key: Key) -> bool {
        let Some(asked) = self.0.get_mut(&key) else { return false };
        asked.in_vain = asked.in_vain.saturating_add(1);
        asked.in_vain >= QUIET_TRIES
    }
}

/// How long after the last question the next may come.
fn gap(want: &BalanceWant, in_vain: u32) -> Duration {
    let usual = match (want.soon, want.often) {
        (true, _) => AGAIN_AFTER,
        (false, true) => OFTEN,
        (false, false) => SELDOM,
    };
    if in_vain == 0 { usual } else { AGAIN_AFTER.saturating_mul(1 << in_vain.min(5)).min(LONGEST_AGAIN) }
}

/// Asks until the pump is gone.
pub(super) async fn read(shared: &Shared) -> Closed {
    let mut wants = shared.wants.clone();
    let mut pace = Pace::default();
    // Nodes that do not take a block by its hash; learnt.
    let mut by_height: BTreeSet<Name> = BTreeSet::new();
    loop {
        let chain = shared.chain_wants();
        let reader = shared.lead().and_then(|place| shared.endpoint(place)).filter(|_| !chain.stopped);
        if let (Some(reader), Some(block)) = (reader, chain.window.last()) {
            let due = pace.due(&chain.balances, Instant::now());
            if !due.is_empty() {
                if let Err(closed) = round(shared, reader, *block, &due, &mut pace, &mut by_height).await {
                    return closed;
                }
                continue;
            }
        }
        if matches!(timeout(LOOK_EVERY, wants.changed()).await, Ok(Err(_))) {
            // Nobody publishes any more: nothing new will be wanted.
            return std::future::pending().await;
        }
    }
}

/// Reads these balances at this block, and says what came of it.
async fn round(
    shared: &Shared,
    reader: &Endpoint,
    block: BlockRef,
    due: &[Key],
    pace: &mut Pace,
    by_height: &mut BTreeSet<Name>,
) -> Result<(), Closed> {
    let mut read = Vec::with_capacity(due.len());
    for (key, amount) in due.iter().zip(read_at(reader, block.number, block.hash, due, by_height).await) {
        let said = match amount {
            Err(NoBalance::NoAnswer) => pace.in_vain(*key),
            Ok(_) | Err(NoBalance::Empty | NoBalance::Reverted) => {
                pace.answered(*key);
                true
            }
        };
        if said {
            read.push((key.0, key.1, amount));
        }
    }
    if read.is_empty() {
        return Ok(());
    }
    let bytes = SMALL_EVENT_BYTES + size_of_val(read.as_slice());
    let at = ReadAt { number: block.number, hash: Some(block.hash) };
    let event = Event::Balances(Balances { chain: shared.chain, source: reader.name.clone(), at, read });
    shared.queue.send(Lane::New, event, bytes).await
}

/// Balances of a past block.
pub(super) async fn at_block(chain: ChainId, reader: &Endpoint, block: BlockRef, of: &[Key]) -> Balances {
    let answers = read_at(reader, block.number, block.hash, of, &mut BTreeSet::new()).await;
    let read = of.iter().zip(answers).map(|(key, amount)| (key.0, key.1, amount)).collect();
    let at = ReadAt { number: block.number, hash: Some(block.hash) };
    Balances { chain, source: reader.name.clone(), at, read }
}

/// What there is of these in a block. Which nodes do not take a block by its hash is learnt.
pub(super) async fn read_at(
    reader: &Endpoint,
    number: u64,
    hash: B256,
    due: &[Key],
    by_height: &mut BTreeSet<Name>,
) -> Vec<Result<U256, NoBalance>> {
    let mut answers = Vec::new();
    if !by_height.contains(&reader.name) {
        answers = ask(reader, due, StateAt::Hash(hash)).await;
        if answers.iter().any(refuses_hash) {
            by_height.insert(reader.name.clone());
        }
    }
    if by_height.contains(&reader.name) {
        answers = ask(reader, due, StateAt::Number(number)).await;
        if !is_still(reader, number, hash).await {
            // Another block stands there, or nobody can say: what was read is of no known block.
            answers = due.iter().map(|_| Err(AskFault::Unreadable)).collect();
        }
    }
    due.iter().zip(answers).map(|(key, answer)| amount(key.1, answer)).collect()
}

async fn ask(reader: &Endpoint, due: &[Key], at: StateAt) -> Vec<Answer> {
    let call = |(of, asset): &Key| match asset {
        Asset::Coin => Call::Balance { of: *of, at },
        Asset::Token(contract) => Call::TokenBalance { contract: *contract, of: *of, at },
    };
    let calls: Vec<Call> = due.iter().map(call).collect();
    reader.rpc.ask_all(&calls).await
}

/// Whether a node does not understand a block by its hash: it calls the request malformed.
fn refuses_hash(answer: &Answer) -> bool {
    matches!(answer, Err(AskFault::Refused { error, .. }) if error.refusal == Refusal::BadRequest)
}

/// Whether the block of this height still is this one.
async fn is_still(reader: &Endpoint, number: u64, hash: B256) -> bool {
    let call = Call::BlockByNumber { at: At::Number(number), whole: false };
    let answer = reader.rpc.ask(&call).await;
    answer.is_ok_and(|answer| parse_header(&answer).is_ok_and(|header| header.at.hash == hash))
}

/// What an answer says of a balance.
fn amount(asset: Asset, answer: Answer) -> Result<U256, NoBalance> {
    match answer {
        Ok(output) => {
            let text = parse_text(&output).map_err(|_| NoBalance::Empty)?;
            match asset {
                // Elsewhere "0x" may stand for zero; here it says that there was nothing to say.
                Asset::Coin if text.len() <= 2 => Err(NoBalance::Empty),
                Asset::Coin => parse_amount(&output).map_err(|_| NoBalance::Empty),
                Asset::Token(_) => decode_balance(&text).ok_or(NoBalance::Empty),
            }
        }
        Err(AskFault::Refused { error, .. }) if error.refusal == Refusal::Reverted => Err(NoBalance::Reverted),
        Err(_) => Err(NoBalance::NoAnswer),
    }
}

#[cfg(test)]
#[path = "balances_tests.rs"]
mod tests;
