//! What the history that watches ask for costs to read, said before anything is read.

use super::checked::Config;
use super::forecast::lists_of;
use crate::reactor::settings::Watch;
use crate::types::ChainId;

/// Calls that reading one old block takes: its header, the block, its receipts, and its traces where the endpoint has them.
const CALLS_A_BLOCK: u64 = 4;
/// Blocks that one range of logs covers at first: it grows to fifty times as many where the endpoint takes that.
const RANGE: u64 = 1_000;
/// Blocks a second that one endpoint gives, as seen on a usual one: for an estimate, and nothing else.
const BLOCKS_A_SECOND: u64 = 100;
/// Beyond so many blocks it is said that an explorer would do it in a few calls.
const HUGE: u64 = 100_000;

/// The history of a chain that watches ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct History {
    /// Which chain.
    pub chain: ChainId,
    /// Addresses that ask for it.
    pub addresses: usize,
    /// The lowest block.
    pub from: u64,
    /// Calls that its lists take at least, one for each list of an address.
    pub calls: u64,
    /// Whether an explorer lists it. Otherwise the chain is read block by block.
    pub listed: bool,
}

/// The history of every chain that any watch asks for.
#[must_use]
pub fn histories(config: &Config) -> Vec<History> {
    let of = |chain: &ChainId| {
        let listed = config.settings.chains.get(chain)?.explorer.is_some();
        let on_chain = |watch: &&Watch| watch.chains.contains(chain);
        let asked = config.settings.watches.iter().filter(on_chain).filter_map(|watch| {
            let froms = watch.addresses.iter().filter_map(|address| watch.from_block_of(&address));
            let (many, from) =
                froms.fold((0_usize, None), |(many, least), from| (many + 1, least.min(Some(from)).or(Some(from))));
            let lists = lists_of(&config.settings, watch, *chain).iter().count();
            Some((many, from?, many.saturating_mul(lists)))
        });
        let asked: Vec<(usize, u64, usize)> = asked.collect();
        let from = asked.iter().map(|(_, from, _)| *from).min()?;
        let addresses = asked.iter().map(|(many, ..)| many).sum();
        let calls = asked.iter().map(|(.., calls)| u64::try_from(*calls).unwrap_or(u64::MAX)).sum();
        Some(History { chain: *chain, addresses, from, calls, listed })
    };
    config.settings.chains.keys().filter_map(of).collect()
}

impl History {
    /// What it costs, by the kind of reading.
    #[must_use]
    pub fn words(&self, chain: &str) -> String {
        let addresses = if self.addresses == 1 { "address" } else { "addresses" };
        let who = format!("{chain}: {} {addresses} from block {} on", self.addresses, self.from);
        if self.listed {
            return format!(
                "{who}, by the explorer's lists: at least {} calls (one for each list of an address, and for each further page), one \
                 call in four while it lasts",
                self.calls
            );
        }
        format!(
            "{who}, by the chain's own blocks: about {CALLS_A_BLOCK} calls a block for coin, and 3 for each {RANGE} blocks or more for \
            tokens, which come first; `check --probe` counts the blocks"
        )
    }

    /// What it costs where the chain is this high.
    #[must_use]
    pub fn words_at(&self, head: u64) -> Option<String> {
        let blocks = head.saturating_sub(self.from);
        if self.listed || blocks == 0 {
            return None;
        }
        let (calls, logs) = (blocks.saturating_mul(CALLS_A_BLOCK), blocks.div_ceil(RANGE).saturating_mul(3));
        let hours = blocks / BLOCKS_A_SECOND / 3_600;
        let time = if hours == 0 { "less than an hour".to_owned() } else { format!("{hours} hours or more") };
        let advice =
            if blocks > HUGE { "; an explorer ([etherscan]) would read it in a few calls an address" } else { "" };
        Some(format!(
            "history from block {}: {blocks} blocks, about {calls} calls for coin ({time}) and at most {logs} for tokens{advice}",
            self.from
        ))
    }
}
