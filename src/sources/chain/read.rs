//! Reading whole blocks by hash: the block, its receipts, its traces, asked for at once and put together, or nothing.
//!
//! Nothing is tried twice here, and nothing incomplete comes out: receipts that do not cover the block are "not ready". Traces are not waited
//! for longer than `traces` says.

use super::abilities;
use super::ask_fault::AskFault;
use super::endpoint::{Abilities, Endpoint};
use super::line::Answer;
use super::traces::{Traced, Turn};
use crate::reactor::match_set::MatchSet;
use crate::types::{Address, B256, Block, BlockRef, ChainId, Name, Tracer, U256, chain};
use crate::wire::Fault;
use crate::wire::erc20::Reading;
use crate::wire::jsonrpc::{
    Call, RawBlock, TxTrace, assemble, assemble_from_logs, parse_block, parse_logs, parse_receipt, parse_receipts,
};
use futures::future::join_all;
use std::collections::BTreeSet;

/// A chain's own ways of writing logs.
#[derive(Debug, Clone, Default)]
pub(super) struct LogWays {
    silent: Vec<Address>,
}

impl LogWays {
    /// By the chain table.
    pub(super) fn of(chain: ChainId) -> Self {
        let face = chain::by_id(chain).and_then(|known| known.coin_face);
        Self { silent: face.filter(|face| face.repeats_the_coin).map(|face| face.address).into_iter().collect() }
    }

    pub(super) fn reading(&self) -> Reading<'_> {
        Reading { unindexed: &[], silent: &self.silent, loose_bloom: false }
    }
}

/// Why a block was not read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum ReadFault {
    /// The question was not answered.
    #[error(transparent)]
    Ask(#[from] AskFault),
    /// What came is not, or not yet, the whole block.
    #[error(transparent)]
    Parts(#[from] Fault),
    /// Everything of the block came but its traces, for this reason.
    #[error("the block came without its traces: {0}")]
    Traces(Box<ReadFault>),
    /// Everything of the block came but its traces, of which the node gives no more for now.
    #[error("the block came without its traces: too many were asked for")]
    TracesLimited,
    /// Everything of the block came but its traces, on which the node still works.
    #[error("the block came without its traces: the node works on them for too long")]
    TracesSlow,
    /// Everything of the block came but its traces, whose turn did not come: other blocks' go first.
    #[error("the block came before its traces: those of other blocks go first")]
    TracesLater,
    /// Another block came than the one that was asked for.
    #[error("another block came than the one that was asked for")]
    Other,
}

impl ReadFault {
    /// For people.
    pub(super) fn reason(&self) -> Name {
        match self {
            Self::Ask(fault) => fault.reason(),
            Self::Parts(Fault::NotReady { .. } | Fault::LogsMissing | Fault::Missing { .. }) => "blocks missing".into(),
            Self::Traces(_) | Self::TracesLimited => "traces missing".into(),
            Self::TracesSlow | Self::TracesLater => "traces are slow".into(),
            Self::Parts(_) => "unreadable block".into(),
            Self::Other => "wrong block".into(),
        }
    }

    /// Whether fewer blocks at once may go better.
    pub(super) fn is_too_much(&self) -> bool {
        match self {
            Self::Ask(fault) => matches!(fault, AskFault::TooLarge | AskFault::Timeout),
            Self::Traces(fault) => fault.is_too_much(),
            Self::TracesLater => true,
            Self::Parts(_) | Self::Other | Self::TracesLimited | Self::TracesSlow => false,
        }
    }

    /// Whether the block's own traces were asked for in vain, and all else of it came.
    pub(super) const fn is_in_vain(&self) -> bool {
        matches!(self, Self::Traces(_) | Self::TracesSlow)
    }
}

/// What reading needs to know besides the blocks.
#[derive(Clone, Copy)]
pub(super) struct How<'a> {
    /// The watched addresses: decides which receipts are read where they come one by one.
    pub(super) watched: &'a MatchSet,
    /// The chain's ways.
    pub(super) ways: &'a LogWays,
    /// Blocks whose traces are not asked for. Where the endpoint can trace, every other block is refused without them. It is the
    /// last resort: a trace may be larger than what a connection survives.
    pub(super) untraced: &'a BTreeSet<B256>,
    /// Whose turn it is for traces, and so how long they are waited for.
    pub(super) turn: Turn,
}

/// Reads blocks, each by itself: one that fails takes no other with it.
pub(super) async fn read_blocks(
    endpoint: &Endpoint,
    blocks: &[BlockRef],
    how: How<'_>,
) -> Vec<Result<Block, ReadFault>> {
    let abilities = endpoint.abilities();
    let calls: Vec<Call> = blocks.iter().flat_map(|block| calls_of(*block, abilities)).collect();
    let traced = join_all(blocks.iter().map(async |block| {
        let tracer = abilities.tracer.filter(|_| !how.untraced.contains(&block.hash))?;
        Some((tracer, endpoint.desk.ask(tracer, *block, how.turn).await))
    }));
    let (answers, traced) = tokio::join!(endpoint.rpc.ask_all(&calls), traced);
    let mut answers = answers.into_iter();
    let mut read = Vec::with_capacity(blocks.len());
    for (block, traced) in blocks.iter().zip(traced) {
        let whole = answers.next().unwrap_or(Err(AskFault::Unreadable));
        let logs = answers.next().unwrap_or(Err(AskFault::Unreadable));
        read.push(put_together(endpoint, *block, abilities, how, Parts { whole, logs, traced }).await);
    }
    read
}

fn calls_of(block: BlockRef, abilities: Abilities) -> [Call; 2] {
    let hash = block.hash;
    let logs = if abilities.receipts { Call::Receipts(hash) } else { Call::BlockLogs(hash) };
    [Call::BlockByHash { hash, whole: true }, logs]
}

/// The answers about one block.
struct Parts {
    whole: Answer,
    /// Receipts, or logs where there are no receipts of blocks.
    logs: Answer,
    traced: Option<(Tracer, Traced)>,
}

async fn put_together(
    endpoint: &Endpoint,
    at: BlockRef,
    abilities: Abilities,
    how: How<'_>,
    parts: Parts,
) -> Result<Block, ReadFault> {
    let block = parse_block(&parts.whole?)?;
    if block.header.at != at {
        return Err(ReadFault::Other);
    }
    let logs = parts.logs?;
    let reading = how.ways.reading();
    if !abilities.receipts {
        let answers = single_receipts(endpoint, &block, how.watched).await?;
        let receipts = answers.iter().map(|answer| parse_receipt(answer)?.ok_or(Fault::NotReady { what: "receipt" }));
        let (receipts, logs) = (receipts.collect::<Result<Vec<_>, _>>()?, parse_logs(&logs)?);
        return with_traces(endpoint, at.hash, parts.traced, |traces| {
            assemble_from_logs(&block, &logs, &receipts, traces, &reading)
        });
    }
    let receipts = parse_receipts(&logs)?;
    with_traces(endpoint, at.hash, parts.traced, |traces| assemble(&block, &receipts, traces, &reading))
}

/// Puts a block together with its traces, where they were asked for. [`ReadFault::Traces`] where all is well without them; that a node
/// is in a hurry is no word about this block's traces, and is told from it.
fn with_traces(
    endpoint: &Endpoint,
    hash: B256,
    traced: Option<(Tracer, Traced)>,
    assembled: impl Fn(Option<&[TxTrace]>) -> Result<Block, Fault>,
) -> Result<Block, ReadFault> {
    let Some((tracer, traced)) = traced else { return Ok(assembled(None)?) };
    let traces = read_traces(endpoint, tracer, traced, hash);
    match traces.and_then(|traces| Ok(assembled(traces.as_deref())?)) {
        Ok(block) => Ok(block),
        Err(fault) => {
            assembled(None)?;
            Err(match fault {
                ReadFault::Ask(AskFault::RateLimited) => ReadFault::TracesLimited,
                ReadFault::TracesSlow | ReadFault::TracesLater => fault,
                ReadFault::Ask(_)
                | ReadFault::Parts(_)
                | ReadFault::Traces(_)
                | ReadFault::TracesLimited
                | ReadFault::Other => ReadFault::Traces(Box::new(fault)),
            })
        }
    }
}

/// Reads traces. A node that turns out not to have the method loses the ability, and the block goes on without.
fn read_traces(
    endpoint: &Endpoint,
    tracer: Tracer,
    traced: Traced,
    hash: B256,
) -> Result<Option<Vec<TxTrace>>, ReadFault> {
    let answer = match traced {
        Traced::Answered(answer) => answer,
        Traced::Slow => return Err(ReadFault::TracesSlow),
        Traced::Later => return Err(ReadFault::TracesLater),
    };
    match &*answer {
        Ok(result) => Ok(Some(abilities::read(tracer, result, hash)?)),
        Err(fault) if fault.is_missing_method() => {
            endpoint.lose_traces();
            Ok(None)
        }
        Err(fault) => Err(fault.clone().into()),
    }
}

/// The receipts that matter of a node that has none of whole blocks: of transactions that carry value and name a watched address,
/// or create a contract, whose address only the receipt tells.
async fn single_receipts(
    endpoint: &Endpoint,
    block: &RawBlock,
    watched: &MatchSet,
) -> Result<Vec<Box<serde_json::value::RawValue>>, ReadFault> {
    let names_ours =
        |from: &Address, to: Option<&Address>| to.is_none_or(|to| watched.contains(to)) || watched.contains(from);
    let matter = block.txs.iter().filter(|tx| tx.value > U256::ZERO && names_ours(&tx.from, tx.to.as_ref()));
    let calls: Vec<Call> = matter.map(|tx| Call::Receipt(tx.hash)).collect();
    let answers = endpoint.rpc.ask_all(&calls).await;
    Ok(answers.into_iter().collect::<Result<Vec<_>, _>>()?)
}
