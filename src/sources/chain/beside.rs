//! What is read beside the tip: gaps, and the past of watches. What is new always goes first; what comes to nothing waits longer each
//! time, and then somebody else is asked.

use super::Shared;
use super::endpoint::Endpoint;
use super::read::{How, ReadFault, read_blocks};
use super::vain::InVain;
use crate::reactor::event::Event;
use crate::reactor::wants::ChainWants;
use crate::sources::queue::{Closed, Lane};
use crate::types::{Block, BlockRef};
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::time::{Instant, sleep, timeout};

/// How soon it looks again whether the tip is done.
const YIELD: Duration = Duration::from_millis(20);
/// How often it looks whether somebody can be asked, when nothing changes.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// First wait after a part that could not be read; doubled up to [`LONGEST_WAIT`].
const FIRST_WAIT: Duration = Duration::from_millis(500);
/// See [`FIRST_WAIT`].
const LONGEST_WAIT: Duration = Duration::from_secs(30);
/// A block whose traces did not come so often, though all else of it did, is taken without them, and says so: old states are pruned
/// first. Before so many tries in a row only endpoints that trace are asked, where the lead does.
pub(super) const TRIES_WITH_TRACES: u32 = 4;
/// What was sent and is not committed after so long was not taken: it is read again.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);

/// What is to be told of a part, and its size in bytes.
pub(super) type Told = (Event, usize);

/// One kind of reading.
pub(super) trait Beside {
    /// A part of what is wanted.
    type Part;

    /// What to read next.
    fn next(&mut self, shared: &Shared, wants: &ChainWants) -> Option<Self::Part>;

    /// Reads a part.
    async fn read(&mut self, shared: &Shared, reader: &Endpoint, part: &Self::Part) -> Result<Told, ReadFault>;

    /// It was sent.
    fn sent(&mut self, part: Self::Part);

    /// It could not be read. Gives whether that is a try in vain, to be waited after.
    fn failed(&mut self, part: Self::Part, fault: &ReadFault) -> bool;
}

/// Reads until the pump is gone.
pub(super) async fn read<R: Beside>(shared: &Shared, mut reading: R) -> Closed {
    let mut wants = shared.wants.clone();
    // Tries in a row that came to nothing.
    let mut tries = 0_u32;
    loop {
        let chain = shared.chain_wants();
        let part = reading.next(shared, &chain).filter(|_| !chain.stopped);
        let (Some(part), Some(reader)) = (part, reader(shared, tries)) else {
            drop(timeout(LOOK_EVERY, wants.changed()).await);
            // Where nobody publishes any more, `changed` fails at once.
            sleep(YIELD).await;
            continue;
        };
        if shared.tip_is_busy.load(Ordering::Relaxed) {
            sleep(YIELD).await;
            continue;
        }
        match reading.read(shared, reader, &part).await {
            Ok((event, bytes)) => {
                if let Err(closed) = shared.queue.send(Lane::Later, event, bytes).await {
                    return closed;
                }
                reading.sent(part);
                tries = 0;
            }
            Err(fault) if reading.failed(part, &fault) => {
                tries = tries.saturating_add(1);
                sleep(FIRST_WAIT.saturating_mul(1 << tries.min(8)).min(LONGEST_WAIT)).await;
            }
            Err(_) => {}
        }
    }
}

/// Who is asked for what is old after so many tries in vain: the lead, and after failures each usable endpoint in turn, for not every
/// node keeps old blocks.
pub(super) fn reader(shared: &Shared, tries: u32) -> Option<&Endpoint> {
    let lead = shared.lead()?;
    let traces = |endpoint: &Endpoint| endpoint.abilities().tracer.is_some();
    let anyone = tries >= TRIES_WITH_TRACES || !shared.endpoint(lead).is_some_and(traces);
    let usable = |(place, endpoint): &(usize, &Endpoint)| {
        *place == lead || (endpoint.standing().usable && (anyone || traces(endpoint)))
    };
    let readers: Vec<_> = shared.endpoints().enumerate().filter(usable).collect();
    let first = readers.iter().position(|(place, _)| *place == lead).unwrap_or(0);
    readers.get((first + tries as usize) % readers.len().max(1)).map(|(_, endpoint)| *endpoint)
}

/// Reads linked blocks in the order in which they can be sent: those before the first that could not be read.
///
/// # Errors
/// Why the first could not.
pub(super) async fn read_in_order(
    reader: &Endpoint,
    blocks: &[BlockRef],
    how: How<'_>,
    in_vain: &mut InVain,
) -> Result<Vec<Block>, ReadFault> {
    let asked = Instant::now();
    let mut read = Vec::with_capacity(blocks.len());
    let mut fault = None;
    for (block, result) in blocks.iter().zip(read_blocks(reader, blocks, how).await) {
        match result {
            Ok(whole) if fault.is_none() => {
                in_vain.forget(block.hash);
                read.push(whole);
            }
            Ok(_) => {}
            Err(error) => {
                if error.is_in_vain() {
                    in_vain.note(block.hash, asked, Instant::now());
                }
                fault = fault.or(Some(error));
            }
        }
    }
    match fault {
        Some(fault) if read.is_empty() => Err(fault),
        _ => Ok(read),
    }
}
