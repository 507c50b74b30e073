//! What gas costs by a node's own word: the tips of the newest blocks, and the base fee of the one to come (`eth_feeHistory`).
//!
//! One question, asked behind everything else: at each new block where a rule looks at what it tells, else seldom. What fails is asked
//! again later each time, and a node that has no such method hardly ever. An answer that nobody took is replaced by the next.

use super::Shared;
use super::ask_fault::AskFault;
use super::endpoint::Endpoint;
use crate::reactor::event::{Event, Fees, SourceId, SourceKind};
use crate::sources::queue::Closed;
use crate::types::gas::Tips;
use crate::wire::jsonrpc::{Call, fee_history};
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// So many of the newest blocks: a few minutes of a slow chain, and enough of a fast one that some have transactions.
const BLOCKS: u16 = 20;
/// Between two questions where no rule looks at the answers.
const SELDOM: Duration = Duration::from_secs(12);
/// Between two questions where one does and blocks come faster.
const OFTEN: Duration = Duration::from_secs(1);
/// How often it is looked whether there is a new block.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// The longest wait after what failed.
const LONGEST_WAIT: Duration = Duration::from_mins(5);
/// The wait after a node said that it has no such method.
const MISSING_WAIT: Duration = Duration::from_hours(1);

/// When to ask whom again.
#[derive(Debug, Default)]
struct Asked {
    /// The endpoint, by its place, and the height of its head when it was asked.
    last: Option<(usize, u64)>,
    not_before: Option<Instant>,
    failures: u32,
}

/// Asks for ever.
pub(super) async fn follow(shared: &Shared) -> Closed {
    let slot = shared.queue.slot();
    let mut asked = Asked::default();
    loop {
        sleep(LOOK_EVERY).await;
        let chain = shared.chain_wants();
        let busy = chain.stopped || shared.tip_is_busy.load(Ordering::Relaxed);
        let Some(place) = shared.lead().filter(|_| !busy) else { continue };
        let Some(endpoint) = shared.endpoints.get(place) else { continue };
        let Some(head) = endpoint.head().map(|head| head.at.number) else { continue };
        let other = asked.last.is_none_or(|(before, _)| before != place);
        let waits = asked.not_before.is_some_and(|until| Instant::now() < until);
        if !other && (waits || asked.last == Some((place, head))) {
            continue;
        }
        let every = if chain.fees_often { OFTEN } else { SELDOM.max(shared.block_time) };
        asked.failures = if other { 0 } else { asked.failures };
        let wait = match ask(shared, endpoint).await {
            Ok(fees) => {
                asked.failures = 0;
                slot.put(Event::Fees(fees));
                every
            }
            Err(fault) => {
                asked.failures = asked.failures.saturating_add(1);
                let longer = every.saturating_mul(1 << asked.failures.min(8)).min(LONGEST_WAIT.max(every));
                if fault.is_missing_method() { MISSING_WAIT } else { longer }
            }
        };
        asked.last = Some((place, head));
        asked.not_before = Some(Instant::now() + wait);
    }
}

async fn ask(shared: &Shared, endpoint: &Endpoint) -> Result<Fees, AskFault> {
    let call = Call::FeeHistory { blocks: BLOCKS, percentiles: Tips::PERCENTILES.to_vec() };
    let answer = endpoint.rpc.ask(&call).await?;
    let history = fee_history(&answer).map_err(|_| AskFault::Unreadable)?;
    let block = history.newest().ok_or(AskFault::Unreadable)?;
    let source = SourceId { kind: SourceKind::Rpc, chain: Some(shared.chain), name: endpoint.name.clone() };
    Ok(Fees { source, block, next_base_fee: history.next_base_fee(), tips: history.usual_tips() })
}
