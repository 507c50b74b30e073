//! Second opinions: what would pay is read once more, by an endpoint of every operator, the one that read it first among them.
//!
//! Each says what it read itself. Nothing here compares or decides.

use super::Shared;
use super::balances;
use super::endpoint::Endpoint;
use super::read::{How, read_blocks};
use super::traces::Turn;
use crate::reactor::event::{Event, Opinion, Witnessed};
use crate::reactor::wants::{ChainWants, OpinionWant};
use crate::sources::queue::{Closed, Lane, SMALL_EVENT_BYTES, blocks_bytes};
use crate::types::{B256, Block, Name};
use crate::wire::jsonrpc::{Call, parse_header};
use futures::future::join_all;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use tokio::time::{Instant, timeout};

/// Before an operator is asked the same again: it may be a moment behind, and catch up.
const AGAIN_AFTER: Duration = Duration::from_secs(5);
/// How often it is looked whether something is due, when nothing changes.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Most questions at once: what would pay in a burst must not crowd out blocks.
const AT_ONCE: usize = 8;

/// When each operator was last asked for each.
#[derive(Debug, Default)]
struct Asked(BTreeMap<(OpinionWant, Name), Instant>);

impl Asked {
    /// What these operators are to be asked now; it counts as asked from here on.
    fn due(&mut self, wants: &ChainWants, operators: &[&Name], now: Instant) -> Vec<(OpinionWant, Name)> {
        self.0.retain(|(want, _), _| wants.opinions.contains(want));
        let all = wants.opinions.iter().flat_map(|want| operators.iter().map(|operator| (*want, (*operator).clone())));
        let is_due = |key: &(OpinionWant, Name)| self.0.get(key).is_none_or(|asked| now >= *asked + AGAIN_AFTER);
        let due: Vec<_> = all.filter(is_due).take(AT_ONCE).collect();
        self.0.extend(due.iter().map(|key| (key.clone(), now)));
        due
    }
}

/// Asks until the pump is gone.
pub(super) async fn give(shared: &Shared) -> Closed {
    let mut wants = shared.wants.clone();
    let mut asked = Asked::default();
    loop {
        let chain = shared.chain_wants();
        let mut readers: BTreeMap<&Name, &Endpoint> = BTreeMap::new();
        for endpoint in shared.endpoints().filter(|endpoint| endpoint.standing().usable && !chain.stopped) {
            readers.entry(&endpoint.operator).or_insert(endpoint);
        }
        let operators: Vec<&Name> = readers.keys().copied().collect();
        let due = asked.due(&chain, &operators, Instant::now());
        let questions = due.iter().filter_map(|(want, operator)| Some((want, *readers.get(operator)?)));
        for event in join_all(questions.map(|(want, reader)| opinion(shared, reader, want))).await.into_iter().flatten()
        {
            let bytes = match &event.read {
                Witnessed::Block(block) => blocks_bytes(std::slice::from_ref(block)),
                Witnessed::Balance { .. } => SMALL_EVENT_BYTES,
            };
            if let Err(closed) = shared.queue.send(Lane::New, Event::Opinion(Box::new(event)), bytes).await {
                return closed;
            }
        }
        if due.is_empty() && matches!(timeout(LOOK_EVERY, wants.changed()).await, Ok(Err(_))) {
            // Nobody publishes any more: nothing new will be wanted.
            return std::future::pending().await;
        }
    }
}

async fn opinion(shared: &Shared, reader: &Endpoint, want: &OpinionWant) -> Option<Opinion> {
    let read = match want {
        OpinionWant::Block(hash) => Witnessed::Block(block(shared, reader, *hash).await?),
        OpinionWant::Balance { address, asset, number, block } => {
            let mut by_height = BTreeSet::new();
            let read = balances::read_at(reader, *number, *block, &[(*address, *asset)], &mut by_height).await;
            let raw = read.into_iter().next()?.ok()?;
            Witnessed::Balance { address: *address, asset: *asset, block: *block, raw }
        }
    };
    Some(Opinion { chain: shared.chain, endpoint: reader.name.clone(), operator: reader.operator.clone(), read })
}

/// A block with its logs. Traces are not asked for: what only they show never pays.
async fn block(shared: &Shared, reader: &Endpoint, hash: B256) -> Option<Block> {
    let header = reader.rpc.ask(&Call::BlockByHash { hash, whole: false }).await.ok()?;
    let header = parse_header(&header).ok().filter(|header| header.at.hash == hash)?;
    let (watched, untraced) = (shared.watched(), BTreeSet::from([hash]));
    let how = How { watched: &watched, ways: &shared.ways, untraced: &untraced, turn: Turn::New };
    read_blocks(reader, &[header.at], how).await.pop()?.ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn each_operator_is_asked_once_and_again_later_for_what_stays_wanted() {
        let (one, two) = (OpinionWant::Block(B256::repeat_byte(1)), OpinionWant::Block(B256::repeat_byte(2)));
        let wants = |opinions: &[OpinionWant]| ChainWants {
            opinions: opinions.iter().copied().collect(),
            ..ChainWants::default()
        };
        let (me, them): (Name, Name) = ("me".into(), "them".into());
        let start = Instant::now();
        let mut asked = Asked::default();
        let key = |want: OpinionWant, operator: &Name| (want, operator.clone());
        assert_eq!(asked.due(&wants(&[one]), &[&me], start), [key(one, &me)]);
        assert_eq!(asked.due(&wants(&[one]), &[&me, &them], start), [key(one, &them)]);
        assert_eq!(asked.due(&wants(&[one, two]), &[&me], start), [key(two, &me)]);
        assert_eq!(asked.due(&wants(&[one]), &[&me, &them], start), []);
        let later = start + AGAIN_AFTER;
        assert_eq!(asked.due(&wants(&[one]), &[&me, &them], later), [key(one, &me), key(one, &them)]);
        assert_eq!(asked.due(&wants(&[two]), &[&me], later), [key(two, &me)], "it was dropped and wanted anew");
    }
}
