//! What a node can do, tried on its newest block. Nothing is believed that was not seen, but a block that is too large says nothing.

use super::ask_fault::AskFault;
use super::endpoint::{Abilities, Endpoint};
use super::traces::{Traced, Turn};
use crate::types::{B256, BlockRef, Tracer};
use crate::wire::Fault;
use crate::wire::jsonrpc::{Call, Refusal, TxTrace, parse_call_traces, parse_trace_block};
use serde_json::value::RawValue;

/// How sure it is that a method is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum There {
    /// It is not, or cannot be used here.
    No,
    /// It refused this block alone: it was replaced meanwhile, or a backend is behind.
    NotForThis,
    /// This block's traces take too long or are too large: each block decides for itself.
    TooMuch,
    /// It answered as it should.
    Yes,
}

/// Tries what an endpoint can do. A method that answers at all is there; only traces must be readable too, for some nodes have the
/// method and not the tracer.
///
/// # Errors
/// Nothing is learnt about a method from a broken line or a node in a hurry.
pub(super) async fn probe(endpoint: &Endpoint, head: BlockRef) -> Result<Abilities, AskFault> {
    let receipts = Call::Receipts(head.hash);
    // What it could before the line broke it can still, and it is not asked for more while it rests.
    let known = endpoint.abilities().tracer.filter(|_| endpoint.desk.rests());
    let flat =
        async { if known.is_some() { Traced::Later } else { endpoint.desk.ask(Tracer::Flat, head, Turn::Try).await } };
    let (receipts, flat) = tokio::join!(endpoint.rpc.ask(&receipts), flat);
    let receipts = match receipts {
        Ok(_) => true,
        Err(AskFault::Refused { error, .. }) => !is_absent(&error.refusal),
        Err(fault) => return Err(fault),
    };
    if known.is_some() {
        return Ok(Abilities { receipts, tracer: known });
    }
    // A node that has it has an index for it or keeps what it made of a block, mostly: it is asked only here, as a rule.
    let flat = is_there(Tracer::Flat, flat, head.hash)?;
    let calls = match flat {
        There::Yes => There::No,
        There::No | There::NotForThis | There::TooMuch => {
            is_there(Tracer::Calls, endpoint.desk.ask(Tracer::Calls, head, Turn::Try).await, head.hash)?
        }
    };
    let tracer = match (flat, calls) {
        (There::No, There::No) => None,
        (flat, calls) if flat >= calls => Some(Tracer::Flat),
        _ => Some(Tracer::Calls),
    };
    Ok(Abilities { receipts, tracer })
}

fn is_there(tracer: Tracer, traced: Traced, block: B256) -> Result<There, AskFault> {
    let answer = match traced {
        Traced::Answered(answer) => answer,
        Traced::Slow | Traced::Later => return Ok(There::TooMuch),
    };
    Ok(match &*answer {
        Ok(result) if read(tracer, result, block).is_ok_and(|it| it.iter().all(|trace| trace.moves.is_ok())) => {
            There::Yes
        }
        Ok(_) => There::No,
        Err(fault @ (AskFault::Gone | AskFault::RateLimited)) => return Err(fault.clone()),
        Err(AskFault::Timeout | AskFault::TooLarge) => There::TooMuch,
        Err(AskFault::Refused { error, .. }) if !is_absent(&error.refusal) => There::NotForThis,
        Err(AskFault::Refused { .. } | AskFault::Status(_) | AskFault::Http(_) | AskFault::Unreadable) => There::No,
    })
}

/// Reads a block's traces.
///
/// # Errors
/// See [`parse_call_traces`] and [`parse_trace_block`].
pub(super) fn read(tracer: Tracer, result: &RawValue, block: B256) -> Result<Vec<TxTrace>, Fault> {
    match tracer {
        Tracer::Calls => parse_call_traces(result),
        Tracer::Flat => parse_trace_block(result, block),
    }
}

/// Whether a refusal means that the method cannot be used here: missing, for another plan, with other parameters.
const fn is_absent(refusal: &Refusal) -> bool {
    match refusal {
        Refusal::MethodMissing | Refusal::BadRequest | Refusal::Other => true,
        Refusal::RateLimited { .. }
        | Refusal::RangeTooLarge { .. }
        | Refusal::BeyondHead
        | Refusal::NotFound
        | Refusal::Busy
        | Refusal::SubscriptionEnded
        | Refusal::Reverted => false,
    }
}
