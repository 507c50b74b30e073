//! A simulated chain: pure, made of a genesis and what is mined on it. Time comes in; the same calls give the same
//! chain, hash for hash. Blocks that a reorg took off stay readable by hash, as they do on nodes for a while.

pub mod action;
pub mod block;

pub use action::{Action, Fails, Ledger};
pub use block::{Frame, GAS_LIMIT, Included, SimBlock, SimLog, SimTx, Token};

use super::WorldFault;
use crate::types::gas::next_base_fee;
use crate::types::{Address, B256, BlockRef, ChainId, Timestamp, U256};
use alloy::primitives::Keccak256;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Balances are kept for so many blocks behind the head, as by nodes that are no archive.
pub const STATE_KEPT: u64 = 128;

/// How a chain begins.
#[derive(Debug, Clone)]
pub struct Genesis {
    /// Its id.
    pub id: ChainId,
    /// Another seed, other hashes.
    pub seed: u64,
    /// Time of the first block.
    pub at: Timestamp,
    /// Of the first block, in wei.
    pub base_fee: U256,
    /// So many blocks behind the head is the `safe` one.
    pub safe_after: u64,
    /// So many blocks behind the head is the `finalized` one; no reorg reaches it.
    pub final_after: u64,
    /// Who has coin, in wei.
    pub coin: BTreeMap<Address, U256>,
    /// Tokens, and who has how much in the smallest unit.
    pub tokens: Vec<(Token, BTreeMap<Address, U256>)>,
}

/// What goes into a block.
#[derive(Debug, Clone, Default)]
pub struct Plan {
    /// New transactions, in order.
    pub actions: Vec<Action>,
    /// Transactions that a reorg dropped, to be mined again before them. Unknown and mined ones are passed over.
    pub again: Vec<B256>,
    /// How full the block is at least, in percent of its gas: above 50 the base fee rises.
    pub fullness: u8,
}

/// What a reorg puts in place of what it takes off.
#[derive(Debug, Clone, Default)]
pub struct Reorg {
    /// So many blocks are taken off.
    pub depth: u64,
    /// So many come instead; none is a chain that falls back.
    pub blocks: u64,
    /// These transactions do not come back; all others do, as far behind the fork as they were, plus `later`.
    pub dropped: BTreeSet<B256>,
    /// So many blocks later than before; the last new block at the latest.
    pub later: u64,
    /// New transactions in the first new block.
    pub actions: Vec<Action>,
    /// How full the new blocks are at least.
    pub fullness: u8,
}

/// The chain.
#[derive(Debug, Clone)]
pub struct Chain {
    id: ChainId,
    safe_after: u64,
    final_after: u64,
    tokens: BTreeMap<Address, Token>,
    /// Hash of each height, from 0.
    canonical: Vec<B256>,
    /// All blocks, those off the chain too.
    blocks: BTreeMap<B256, Arc<SimBlock>>,
    /// Who has what behind each of the newest blocks.
    ledgers: BTreeMap<B256, Ledger>,
    /// Everything ever signed.
    signed: BTreeMap<B256, Arc<SimTx>>,
    /// In which block of the chain a transaction stands.
    places: BTreeMap<B256, B256>,
    nonces: BTreeMap<Address, u64>,
    /// The highest that was ever called final.
    finalized: u64,
    /// Makes the hash of each block differ from that of a sibling with the same content.
    salt: u64,
}

impl Chain {
    /// With its first block, of height 0.
    #[must_use]
    pub fn new(genesis: Genesis) -> Self {
        let Genesis { id, seed, at, base_fee, safe_after, final_after, coin, tokens } = genesis;
        let mut chain = Self {
            id,
            safe_after,
            final_after,
            tokens: BTreeMap::new(),
            canonical: Vec::new(),
            blocks: BTreeMap::new(),
            ledgers: BTreeMap::new(),
            signed: BTreeMap::new(),
            places: BTreeMap::new(),
            nonces: BTreeMap::new(),
            finalized: 0,
            salt: seed,
        };
        let mut ledger = Ledger { coin, ..Ledger::default() };
        for (token, holders) in tokens {
            ledger.tokens.extend(holders.into_iter().map(|(holder, amount)| ((token.contract, holder), amount)));
            chain.tokens.insert(token.contract, token);
        }
        chain.append(
            BlockRef { number: 0, hash: B256::ZERO, parent: B256::ZERO },
            seconds(at),
            base_fee,
            0,
            vec![],
            ledger,
        );
        chain
    }

    /// Its id.
    #[must_use]
    pub const fn id(&self) -> ChainId {
        self.id
    }

    /// Height of the newest block.
    #[must_use]
    pub fn height(&self) -> u64 {
        u64::try_from(self.canonical.len()).unwrap_or(u64::MAX).saturating_sub(1)
    }

    /// The newest block.
    ///
    /// # Panics
    /// Never: the first block is not taken off.
    #[must_use]
    pub fn head(&self) -> &Arc<SimBlock> {
        self.at(self.height()).expect("the first block is never taken off")
    }

    /// The chain's block of this height.
    #[must_use]
    pub fn at(&self, number: u64) -> Option<&Arc<SimBlock>> {
        self.block(*self.canonical.get(usize::try_from(number).ok()?)?)
    }

    /// A block by hash, also one that a reorg took off.
    #[must_use]
    pub fn block(&self, hash: B256) -> Option<&Arc<SimBlock>> {
        self.blocks.get(&hash)
    }

    /// Every block there ever was, those off the chain too, in no order that means anything.
    pub fn all_blocks(&self) -> impl Iterator<Item = &Arc<SimBlock>> {
        self.blocks.values()
    }

    /// Whether the chain runs through this block.
    #[must_use]
    pub fn has(&self, at: BlockRef) -> bool {
        self.at(at.number).is_some_and(|block| block.at.hash == at.hash)
    }

    /// A mined transaction with its block and its place in it.
    #[must_use]
    pub fn mined(&self, tx: B256) -> Option<(&Arc<SimBlock>, usize)> {
        let block = self.block(*self.places.get(&tx)?)?;
        Some((block, block.txs.iter().position(|included| included.tx.hash == tx)?))
    }

    /// Height of the newest `safe` block, seen from a head of this height.
    #[must_use]
    pub fn safe(&self, head: u64) -> u64 {
        head.saturating_sub(self.safe_after).max(self.finalized(head))
    }

    /// Height of the newest `finalized` block, seen from a head of this height. It never falls back.
    #[must_use]
    pub fn finalized(&self, head: u64) -> u64 {
        if head == self.height() { self.finalized } else { head.saturating_sub(self.final_after) }
    }

    /// The blocks above the youngest block that the chain still shares with the one of this hash, up to `height`;
    /// only the newest where that is unknown.
    #[must_use]
    pub fn since(&self, hash: B256, height: u64) -> Vec<Arc<SimBlock>> {
        let mut shared = self.block(hash);
        while let Some(block) = shared.filter(|block| !self.has(block.at)) {
            shared = self.block(block.at.parent);
        }
        let first = shared.map_or(height, |block| block.at.number.saturating_add(1));
        (first..=height).filter_map(|number| self.at(number).cloned()).collect()
    }

    /// Who has what behind this block; `None` when it is unknown or too old.
    #[must_use]
    pub fn ledger(&self, hash: B256) -> Option<&Ledger> {
        self.ledgers.get(&hash)
    }

    /// The token behind this address.
    #[must_use]
    pub fn token(&self, contract: Address) -> Option<&Token> {
        self.tokens.get(&contract)
    }

    /// Mines one block, not before its parent's time. Its new transactions are its last ones, in the plan's order.
    pub fn mine(&mut self, at: Timestamp, plan: &Plan) -> Arc<SimBlock> {
        let again = plan.again.iter().filter(|hash| !self.places.contains_key(*hash));
        let mut txs: Vec<_> = again.filter_map(|hash| self.signed.get(hash).cloned()).collect();
        for action in &plan.actions {
            txs.push(self.sign(action.clone()));
        }
        self.put(at, &txs, plan.fullness)
    }

    /// Takes the newest blocks off and puts others there. Returns the new ones.
    ///
    /// # Errors
    /// [`WorldFault`] when nothing would change, or what is final would; then nothing happened.
    pub fn reorg(&mut self, at: Timestamp, reorg: &Reorg) -> Result<Vec<Arc<SimBlock>>, WorldFault> {
        let head = self.height();
        if reorg.depth == 0 {
            return Err(WorldFault::NoReorg);
        }
        let lowest = self.finalized.max(head.saturating_sub(STATE_KEPT)).saturating_add(1);
        let first = head.saturating_add(1).checked_sub(reorg.depth).filter(|first| *first >= lowest);
        let first = first.ok_or(WorldFault::TooDeep { depth: reorg.depth, head, lowest })?;
        let last = reorg.blocks.saturating_sub(1);
        let mut places: BTreeMap<u64, Vec<Arc<SimTx>>> = BTreeMap::new();
        for (offset, number) in (first..=head).enumerate() {
            let place = u64::try_from(offset).unwrap_or(u64::MAX).saturating_add(reorg.later).min(last);
            let old = self.at(number).cloned();
            for tx in old.iter().flat_map(|block| &block.txs).map(|included| &included.tx) {
                self.places.remove(&tx.hash);
                if !reorg.dropped.contains(&tx.hash) {
                    places.entry(place).or_default().push(tx.clone());
                }
            }
        }
        self.canonical.truncate(usize::try_from(first).unwrap_or(usize::MAX));
        for action in &reorg.actions {
            let tx = self.sign(action.clone());
            places.entry(0).or_default().push(tx);
        }
        Ok((0..reorg.blocks)
            .map(|place| self.put(at, &places.remove(&place).unwrap_or_default(), reorg.fullness))
            .collect())
    }

    fn sign(&mut self, action: Action) -> Arc<SimTx> {
        let nonce = self.nonces.entry(action.signer()).or_default();
        let serial = u64::try_from(self.signed.len()).unwrap_or(u64::MAX);
        let tx = Arc::new(action.sign(self.id.0, *nonce, serial));
        *nonce = nonce.saturating_add(1);
        self.signed.insert(tx.hash, tx.clone());
        tx
    }

    /// Executes transactions in a block on top of the head.
    fn put(&mut self, at: Timestamp, txs: &[Arc<SimTx>], fullness: u8) -> Arc<SimBlock> {
        let parent = self.head().clone();
        let base_fee = next_base_fee(parent.base_fee, parent.gas_used, GAS_LIMIT);
        let mut ledger = self.ledgers.get(&parent.at.hash).cloned().expect("the newest blocks' state is kept");
        let mut included: Vec<Included> = Vec::with_capacity(txs.len());
        let mut logs = 0_u64;
        for tx in txs {
            let done = ledger.execute(tx, base_fee, logs);
            logs = logs.saturating_add(u64::try_from(done.logs.len()).unwrap_or(u64::MAX));
            included.push(done);
        }
        let of_txs = included.iter().fold(0_u64, |sum, done| sum.saturating_add(done.gas_used));
        let filled = GAS_LIMIT / 100 * u64::from(fullness.min(100));
        let number = parent.at.number.saturating_add(1);
        let at_ref = BlockRef { number, hash: B256::ZERO, parent: parent.at.hash };
        self.append(at_ref, seconds(at).max(parent.time), base_fee, filled.max(of_txs).min(GAS_LIMIT), included, ledger)
    }

    /// Adds a block whose hash is made here, of all that it holds.
    fn append(
        &mut self,
        at: BlockRef,
        time: u64,
        base_fee: U256,
        gas_used: u64,
        txs: Vec<Included>,
        ledger: Ledger,
    ) -> Arc<SimBlock> {
        let mut hasher = Keccak256::new();
        for number in [self.id.0, self.salt, at.number, time, gas_used] {
            hasher.update(number.to_be_bytes());
        }
        hasher.update(at.parent);
        hasher.update(base_fee.to_be_bytes::<32>());
        for included in &txs {
            hasher.update(included.tx.hash);
        }
        self.salt = self.salt.wrapping_add(1);
        let hash = hasher.finalize();
        let block = Arc::new(SimBlock { at: BlockRef { hash, ..at }, time, base_fee, gas_used, txs });
        self.places.extend(block.txs.iter().map(|included| (included.tx.hash, hash)));
        self.canonical.push(hash);
        self.blocks.insert(hash, block.clone());
        self.ledgers.insert(hash, ledger);
        self.finalized = self.finalized.max(at.number.saturating_sub(self.final_after));
        let oldest = at.number.saturating_sub(STATE_KEPT);
        let blocks = &self.blocks;
        self.ledgers.retain(|hash, _| blocks.get(hash).is_some_and(|block| block.at.number >= oldest));
        block
    }
}

/// Whole seconds since the epoch.
fn seconds(at: Timestamp) -> u64 {
    u64::try_from(at.millis().div_euclid(1_000)).unwrap_or(0)
}

#[cfg(test)]
mod tests;
