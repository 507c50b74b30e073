//! Reading whole blocks by hash: the block, its receipts, its traces, asked for at once and put together, or nothing.
//!
//! Nothing is tried twice here, and nothing incomplete comes out: receipts that do not cover the block are "not ready".

use super::ask_fault::AskFault;
use super::endpoint::{Abilities, Endpoint, Tracer};
use super::line::Answer;
use crate::reactor::match_set::MatchSet;
use crate::types::{Address, B256, Block, BlockRef, ChainId, U256, chain};
use crate::wire::Fault;
use crate::wire::erc20::Reading;
use crate::wire::jsonrpc::{
    Call, RawBlock, TxTrace, assemble, assemble_from_logs, parse_block, parse_call_traces, parse_logs, parse_receipt,
    parse_receipts, parse_trace_block,
};

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

    fn reading(&self) -> Reading<'_> {
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
    /// Another block came than the one that was asked for.
    #[error("another block came than the one that was asked for")]
    Other,
}

impl ReadFault {
    /// A short fixed word for people and metrics.
    pub(super) const fn reason(&self) -> &'static str {
        match self {
            Self::Ask(fault) => fault.reason(),
            Self::Parts(Fault::NotReady { .. } | Fault::LogsMissing | Fault::Missing { .. }) => "blocks missing",
            Self::Parts(Fault::Untraced { .. } | Fault::TraceDisagrees { .. }) => "traces missing",
            Self::Parts(_) => "unreadable block",
            Self::Other => "wrong block",
        }
    }

    /// Whether fewer blocks at once may go better.
    pub(super) const fn is_too_much(&self) -> bool {
        matches!(self, Self::Ask(AskFault::TooLarge | AskFault::Timeout))
    }
}

/// What reading needs to know besides the blocks.
#[derive(Clone, Copy)]
pub(super) struct How<'a> {
    /// The watched addresses: decides which receipts are read where they come one by one.
    pub(super) watched: &'a MatchSet,
    /// The chain's ways.
    pub(super) ways: &'a LogWays,
    /// Whether traces are read, where the endpoint can trace; a block without them is refused then. The last resort is to leave
    /// them out: a trace may be larger than what a connection survives.
    pub(super) with_traces: bool,
}

/// Reads blocks, each by itself: one that fails takes no other with it.
pub(super) async fn read_blocks(
    endpoint: &Endpoint,
    blocks: &[BlockRef],
    how: How<'_>,
) -> Vec<Result<Block, ReadFault>> {
    let mut abilities = endpoint.abilities();
    abilities.tracer = abilities.tracer.filter(|_| how.with_traces);
    let calls: Vec<Call> = blocks.iter().flat_map(|block| calls_of(*block, abilities)).collect();
    let mut answers = endpoint.rpc.ask_all(&calls).await.into_iter();
    let mut read = Vec::with_capacity(blocks.len());
    for block in blocks {
        let whole = answers.next().unwrap_or(Err(AskFault::Unreadable));
        let logs = answers.next().unwrap_or(Err(AskFault::Unreadable));
        let traced = abilities.tracer.and_then(|tracer| Some((tracer, answers.next()?)));
        read.push(put_together(endpoint, *block, abilities, how, Parts { whole, logs, traced }).await);
    }
    read
}

fn calls_of(block: BlockRef, abilities: Abilities) -> impl Iterator<Item = Call> {
    let hash = block.hash;
    let logs = if abilities.receipts { Call::Receipts(hash) } else { Call::BlockLogs(hash) };
    let traces = abilities.tracer.map(|tracer| match tracer {
        Tracer::Calls => Call::CallTraces(hash),
        Tracer::Flat => Call::TraceBlock(block.number),
    });
    [Call::BlockByHash { hash, whole: true }, logs].into_iter().chain(traces)
}

/// The answers about one block.
struct Parts {
    whole: Answer,
    /// Receipts, or logs where there are no receipts of blocks.
    logs: Answer,
    traced: Option<(Tracer, Answer)>,
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
        let receipts = receipts.collect::<Result<Vec<_>, _>>()?;
        return Ok(assemble_from_logs(&block, &parse_logs(&logs)?, &receipts, &reading)?);
    }
    let receipts = parse_receipts(&logs)?;
    let traces = match parts.traced {
        None => None,
        Some((tracer, answer)) => read_traces(endpoint, tracer, answer, at.hash)?,
    };
    Ok(assemble(&block, &receipts, traces.as_deref(), &reading)?)
}

/// Reads traces. A node that turns out not to have the method loses the ability, and the block goes on without.
fn read_traces(
    endpoint: &Endpoint,
    tracer: Tracer,
    answer: Answer,
    hash: B256,
) -> Result<Option<Vec<TxTrace>>, ReadFault> {
    match answer {
        Ok(result) => Ok(Some(match tracer {
            Tracer::Calls => parse_call_traces(&result)?,
            Tracer::Flat => parse_trace_block(&result, hash)?,
        })),
        Err(fault) if fault.is_missing_method() => {
            endpoint.lose_traces();
            Ok(None)
        }
        Err(fault) => Err(fault.into()),
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
