//! Reading token transfers of the past by their logs: only those that name a watched address, over ranges of blocks.
//!
//! A range that a node refuses is halved, or cut to what it would take; one that went well is doubled. A log says no time: the headers
//! of the blocks that have one are read too, and their hashes are held against it. Whole ranges come out, or nothing.

use super::Shared;
use super::ask_fault::AskFault;
use super::beside::{Beside, Told};
use super::endpoint::Endpoint;
use super::past::{Ahead, may_read};
use super::read::ReadFault;
use crate::reactor::event::{Event, Logs, Reported};
use crate::reactor::wants::{ChainWants, LogsWant};
use crate::sources::queue::SMALL_EVENT_BYTES;
use crate::types::{Address, B256, Timestamp};
use crate::wire::Fault;
use crate::wire::erc20::{Log, TRANSFER, TRANSFER_BATCH, TRANSFER_SINGLE, read_log};
use crate::wire::jsonrpc::{At, Call, Refusal, Suggestion, parse_header, parse_logs};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The first range: what nearly every node takes (facts/streams.md §2).
const FIRST_RANGE: u64 = 1_000;
/// No range is longer: where more is taken, answers become too large.
const LONGEST_RANGE: u64 = 50_000;
/// Addresses that one question names: some nodes take no more topics (facts/streams.md §2).
const NAMED_AT_ONCE: usize = 100;

/// Reads logs of the past.
pub(super) struct PastLogs {
    ahead: Ahead,
    /// Whose logs were asked for.
    asked: Arc<[Address]>,
    /// Blocks of one question.
    range: u64,
}

impl Default for PastLogs {
    fn default() -> Self {
        Self { ahead: Ahead::default(), asked: Arc::default(), range: FIRST_RANGE }
    }
}

impl Beside for PastLogs {
    type Part = LogsWant;

    fn next(&mut self, _: &Shared, wants: &ChainWants) -> Option<LogsWant> {
        let want = wants.history.logs.as_ref().filter(|_| may_read(wants))?;
        // What was sent is without those who joined since, and is not taken.
        if want.addresses != self.asked {
            (self.ahead, self.asked) = (Ahead::default(), Arc::clone(&want.addresses));
        }
        let from = self.ahead.go_on(want.from, want.to, None)?.0;
        let to = want.to.min(from.saturating_add(self.range - 1));
        Some(LogsWant { from, to, ..want.clone() })
    }

    async fn read(&mut self, shared: &Shared, reader: &Endpoint, part: &LogsWant) -> Result<Told, ReadFault> {
        let rows = logs(shared, reader, part).await?;
        let bytes = SMALL_EVENT_BYTES + rows.len() * size_of::<Reported>();
        let LogsWant { from, to, until, .. } = *part;
        let (chain, endpoint, addresses) = (shared.chain, reader.name.clone(), Arc::clone(&part.addresses));
        Ok((Event::Logs(Logs { chain, endpoint, from, to, until, addresses, rows }), bytes))
    }

    fn sent(&mut self, part: LogsWant) {
        self.ahead.note(part.to + 1, None);
        self.range = self.range.saturating_mul(2).min(LONGEST_RANGE);
    }

    fn failed(&mut self, part: LogsWant, fault: &ReadFault) -> bool {
        let smaller = smaller(fault, part.from, part.to);
        self.range = smaller.unwrap_or(self.range);
        smaller.is_none()
    }
}

/// The range that may go better, where the fault is that it was too long.
fn smaller(fault: &ReadFault, from: u64, to: u64) -> Option<u64> {
    let asked = to - from + 1;
    let half = (asked > 1).then_some(asked / 2);
    let ReadFault::Ask(fault) = fault else { return None };
    match fault {
        AskFault::Refused { error, .. } => match error.refusal {
            Refusal::RangeTooLarge { suggested } => {
                let said = match suggested {
                    Some(Suggestion::Range { from: first, to: last }) if first == from => {
                        Some(last.saturating_sub(from) + 1)
                    }
                    Some(Suggestion::Blocks(blocks)) => Some(blocks),
                    Some(Suggestion::Range { .. }) | None => None,
                };
                said.filter(|said| (1..asked).contains(said)).or(half)
            }
            Refusal::BeyondHead
            | Refusal::RateLimited { .. }
            | Refusal::NotFound
            | Refusal::MethodMissing
            | Refusal::Busy
            | Refusal::SubscriptionEnded
            | Refusal::Reverted
            | Refusal::BadRequest
            | Refusal::Other => None,
        },
        AskFault::TooLarge | AskFault::Timeout | AskFault::Status(413) => half,
        AskFault::Gone | AskFault::RateLimited | AskFault::Status(_) | AskFault::Http(_) | AskFault::Unreadable => None,
    }
}

/// The questions that together bring every transfer that names one of these addresses.
fn questions(addresses: &[Address], from: u64, to: u64) -> Vec<Call> {
    let of = |some: &[Address]| {
        let named: Vec<B256> = some.iter().map(|address| B256::left_padding_from(address.as_slice())).collect();
        let (erc20, erc1155) = (vec![TRANSFER], vec![TRANSFER_SINGLE, TRANSFER_BATCH]);
        let every = [erc20.as_slice(), erc1155.as_slice()].concat();
        // Of ERC-20 and ERC-721 the parties are the second and third topic, of ERC-1155 the third and fourth.
        [vec![erc20, named.clone()], vec![every, vec![], named.clone()], vec![erc1155, vec![], vec![], named]]
            .map(|topics| Call::Logs { from, to, topics })
    };
    addresses.chunks(NAMED_AT_ONCE).flat_map(of).collect()
}

async fn logs(shared: &Shared, reader: &Endpoint, part: &LogsWant) -> Result<Vec<Reported>, ReadFault> {
    let LogsWant { from, to, .. } = *part;
    let reading = shared.ways.reading();
    // By place in the chain: what two questions bring is one log.
    let mut found: BTreeMap<(u64, u64), (B256, Vec<crate::types::Movement>)> = BTreeMap::new();
    for answer in reader.rpc.ask_all(&questions(&part.addresses, from, to)).await {
        let answer = answer?;
        for log in parse_logs(&answer)? {
            let place = log.number.zip(log.log.index).filter(|(number, _)| (from..=to).contains(number));
            let place = place.ok_or(Fault::NotReady { what: "the place of a log" })?;
            let mut moved = Vec::new();
            let (contract, topics, data, index) =
                (log.log.contract, log.log.topics.as_slice(), log.log.data, log.log.index);
            read_log(&Log { tx: log.tx, contract, topics, data, index }, &reading, &mut moved);
            found.insert(place, (log.block, moved));
        }
    }
    let ours: BTreeSet<Address> = part.addresses.iter().copied().collect();
    found.retain(|_, (_, moved)| {
        moved.retain(|it| it.parties().any(|address| ours.contains(address)));
        !moved.is_empty()
    });
    let times = times(reader, found.iter().map(|((number, _), (hash, _))| (*number, *hash)).collect()).await?;
    let rows = found.into_iter().flat_map(|((block, _), (hash, moved))| {
        let time = times.get(&block).copied().unwrap_or_default();
        moved.into_iter().map(move |movement| Reported { block, block_hash: Some(hash), time, movement, token: None })
    });
    Ok(rows.collect())
}

/// The times of blocks, which must have these hashes.
async fn times(reader: &Endpoint, blocks: BTreeMap<u64, B256>) -> Result<BTreeMap<u64, Timestamp>, ReadFault> {
    let calls: Vec<Call> =
        blocks.keys().map(|number| Call::BlockByNumber { at: At::Number(*number), whole: false }).collect();
    let mut times = BTreeMap::new();
    for ((number, hash), answer) in blocks.into_iter().zip(reader.rpc.ask_all(&calls).await) {
        let header = parse_header(&answer?)?;
        if (header.at.number, header.at.hash) != (number, hash) {
            return Err(ReadFault::Other);
        }
        times.insert(number, header.time);
    }
    Ok(times)
}
