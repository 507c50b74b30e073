//! Reading new blocks while nobody may keep them waiting: who is slow is not waited for where another can be asked.

use super::Shared;
use super::endpoint::Endpoint;
use super::owed::patience;
use super::read::{How, ReadFault, read_blocks};
use crate::types::{Block, BlockRef};
use futures::future::{Either, select};
use std::pin::pin;
use std::time::Duration;
use tokio::time::timeout;

/// How often it is looked whether who is waited for is silent altogether.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Reads blocks from an endpoint. Where they do not come for as long as one is patient, they are read from another one too, and
/// who is first with all of them is taken. Nobody is interrupted who may still answer: a trace may take long everywhere.
pub(super) async fn read_in_time<'a>(
    shared: &'a Shared,
    reader: &'a Endpoint,
    wanted: &[BlockRef],
    how: How<'_>,
) -> (&'a Endpoint, Vec<Result<Block, ReadFault>>) {
    let traces = reader.abilities().tracer.is_some();
    let able = |other: &&Endpoint| {
        !std::ptr::eq(*other, reader) && other.standing().usable && (!traces || other.abilities().tracer.is_some())
    };
    let other = shared.endpoints().find(able);
    let all = |read: &[Result<Block, ReadFault>]| read.iter().all(Result::is_ok);
    let slow = |read: &[Result<Block, ReadFault>]| read.iter().any(|it| it == &Err(ReadFault::TracesSlow));
    let mut first = pin!(read_blocks(reader, wanted, how));
    let early = timeout(patience(shared.block_time), &mut first).await;
    let Some(other) = other else {
        return (reader, if let Ok(read) = early { read } else { first.await });
    };
    if let Ok(read) = early {
        if slow(&read) {
            let second = read_blocks(other, wanted, how).await;
            return if all(&second) { (other, second) } else { (reader, read) };
        }
        return (reader, read);
    }
    match select(first, pin!(read_blocks(other, wanted, how))).await {
        Either::Left((read, second)) => {
            if all(&read) {
                return (reader, read);
            }
            (other, second.await)
        }
        Either::Right((read, mut first)) => {
            // The other may lack the block still. Who is silent altogether is not waited for.
            while !all(&read) && !reader.rpc.is_silent() {
                if let Ok(read) = timeout(LOOK_EVERY, &mut first).await {
                    return (reader, read);
                }
            }
            (other, read)
        }
    }
}
