//! The truth: chains that mine, fork and forget, and every block that ever was.

use fastrand::Rng;
use std::collections::BTreeMap;
use std::sync::Arc;
use walletwatch::types::{Address, Asset, B256, Block, BlockRef, ChainId, Kind, Movement, Timestamp, U256};

/// The height of every chain when a simulation begins.
pub const BASE: u64 = 1_000;
/// No fork reaches further below the highest block that ever was.
pub const DEEPEST_FORK: u64 = 12;
/// What gas costs in the end.
pub const DEAR: u64 = 90;

/// What a transaction moves. It moves the same in whichever block it is mined.
#[derive(Debug, Clone)]
pub struct Tx {
    pub hash: B256,
    pub movements: Vec<Movement>,
}

/// A block of some fork.
#[derive(Debug, Clone)]
pub struct Mined {
    pub at: BlockRef,
    pub time: Timestamp,
    pub base_fee: U256,
    pub txs: Vec<usize>,
    /// What everybody holds after it, less what they began with: it wraps, as amounts here may be absurd.
    ledger: Arc<BTreeMap<(Address, Asset), U256>>,
}

/// What everybody holds of everything when a simulation begins.
const ENDOWMENT: u64 = 10_000;

impl Mined {
    /// What an address holds of an asset after this block.
    pub fn balance(&self, of: Address, asset: Asset) -> U256 {
        U256::from(ENDOWMENT).wrapping_add(self.ledger.get(&(of, asset)).copied().unwrap_or_default())
    }
}

/// One chain with all of its forks.
#[derive(Debug)]
pub struct Chain {
    pub id: ChainId,
    pub blocks: Vec<Mined>,
    pub txs: Vec<Tx>,
    /// Index of the newest canonical block.
    pub tip: usize,
    /// Transactions that are in no canonical block, and will be.
    pub waiting: Vec<usize>,
    /// The highest number that any block has.
    pub highest: u64,
    /// No fork reaches to this block or below: what stood there when the watching began is nobody's news.
    pub floor: u64,
    /// So many of the transactions lie before the watch.
    pub past: usize,
    /// Whether gas is dear in every block from now on.
    pub dear: bool,
}

impl Chain {
    pub fn new(id: ChainId, now: Timestamp) -> Self {
        let mut chain = Self {
            id,
            blocks: Vec::new(),
            txs: Vec::new(),
            tip: 0,
            waiting: Vec::new(),
            highest: BASE,
            floor: BASE,
            past: 0,
            dear: false,
        };
        let at = BlockRef { number: BASE, hash: chain.next_hash(), parent: B256::repeat_byte(0xee) };
        let ledger = Arc::default();
        chain.blocks.push(Mined { at, time: now, base_fee: U256::from(1), txs: Vec::new(), ledger });
        chain
    }

    /// What was there before anybody watched: `blocks` with transactions, and `still` empty ones.
    pub fn live_through(
        &mut self,
        blocks: u64,
        still: u64,
        cast: &Cast,
        kinds: &[Kind],
        now: Timestamp,
        rng: &mut Rng,
    ) {
        for _ in 0..blocks {
            for _ in 0..rng.usize(0..3) {
                self.transact(cast, kinds, rng);
            }
            self.mine(now, rng);
        }
        while !self.waiting.is_empty() {
            self.mine(now, rng);
        }
        for _ in 0..still {
            self.tip = self.mine_on(self.tip, Vec::new(), now, rng);
        }
        self.past = self.txs.len();
        self.floor = self.highest;
    }

    /// A block's hash holds its index, so that it is found without a search.
    fn next_hash(&self) -> B256 {
        let mut hash = [0x5a; 32];
        hash[..8].copy_from_slice(&self.id.0.to_be_bytes());
        hash[8..16].copy_from_slice(&(self.blocks.len() as u64).to_be_bytes());
        B256::from(hash)
    }

    pub fn index(&self, hash: B256) -> Option<usize> {
        let mut bytes = [0; 8];
        bytes.copy_from_slice(&hash[8..16]);
        let index = usize::try_from(u64::from_be_bytes(bytes)).ok()?;
        self.blocks.get(index).filter(|block| block.at.hash == hash).map(|_| index)
    }

    pub fn parent(&self, index: usize) -> Option<usize> {
        self.index(self.blocks[index].at.parent)
    }

    pub fn ancestor(&self, mut index: usize, generations: u64) -> usize {
        for _ in 0..generations {
            index = self.parent(index).unwrap_or(index);
        }
        index
    }

    /// Whether `hash` is `head` or beneath it.
    pub fn is_beneath(&self, hash: B256, head: usize) -> bool {
        let Some(index) = self.index(hash) else { return false };
        let (low, high) = (self.blocks[index].at.number, self.blocks[head].at.number);
        low <= high && self.ancestor(head, high - low) == index
    }

    /// A block on top of another.
    pub fn mine_on(&mut self, parent: usize, txs: Vec<usize>, now: Timestamp, rng: &mut Rng) -> usize {
        let below = self.blocks[parent].at;
        let at = BlockRef { number: below.number + 1, hash: self.next_hash(), parent: below.hash };
        self.highest = self.highest.max(at.number);
        let drawn = rng.u64(10..100);
        let base_fee = U256::from(if self.dear { DEAR } else { drawn });
        let mut ledger = Arc::clone(&self.blocks[parent].ledger);
        let all = txs.iter().flat_map(|tx| &self.txs[*tx].movements);
        for movement in all.filter(|movement| !movement.kind.is_approval()) {
            let ledger = Arc::make_mut(&mut ledger);
            let given = ledger.entry((movement.from, movement.asset)).or_default();
            *given = given.wrapping_sub(movement.amount);
            let taken = ledger.entry((movement.to, movement.asset)).or_default();
            *taken = taken.wrapping_add(movement.amount);
        }
        self.blocks.push(Mined { at, time: now, base_fee, txs, ledger });
        self.blocks.len() - 1
    }

    /// A canonical block with some of what waits.
    pub fn mine(&mut self, now: Timestamp, rng: &mut Rng) {
        let mut txs = Vec::new();
        self.waiting.retain(|tx| {
            let take = rng.u8(0..3) > 0;
            if take {
                txs.push(*tx);
            }
            !take
        });
        self.tip = self.mine_on(self.tip, txs, now, rng);
    }

    /// The canonical chain goes back; most of what was in the blocks waits again, the rest is gone for good.
    pub fn go_back(&mut self, depth: u64, rng: &mut Rng) -> u64 {
        let lowest = self.highest.saturating_sub(DEEPEST_FORK).max(self.floor);
        let mut gone = 0;
        while gone < depth && self.blocks[self.tip].at.number > lowest {
            let block = &self.blocks[self.tip];
            let back: Vec<usize> = block.txs.iter().copied().filter(|_| rng.u8(0..4) > 0).collect();
            self.waiting.extend(back);
            self.tip = self.parent(self.tip).expect("it is above the base");
            gone += 1;
        }
        gone
    }

    /// The block as a node gives it.
    pub fn block(&self, index: usize, traced: bool) -> Block {
        let mined = &self.blocks[index];
        let all = mined.txs.iter().flat_map(|tx| self.txs[*tx].movements.iter());
        let movements = all.filter(|movement| traced || movement.kind != Kind::Internal).enumerate();
        let movements = movements.map(|(place, movement)| Movement { log_index: Some(place as u64), ..*movement });
        let (base_fee, next_base_fee) = (Some(mined.base_fee), None);
        Block { at: mined.at, time: mined.time, base_fee, next_base_fee, movements: movements.collect(), traced }
    }

    /// Which canonical block holds each transaction.
    pub fn canonical_txs(&self) -> BTreeMap<usize, u64> {
        let mut found = BTreeMap::new();
        let mut index = Some(self.tip);
        while let Some(at) = index {
            for tx in &self.blocks[at].txs {
                found.insert(*tx, self.blocks[at].at.number);
            }
            index = self.parent(at);
        }
        found
    }

    /// A new transaction, which waits to be mined.
    pub fn transact(&mut self, cast: &Cast, kinds: &[Kind], rng: &mut Rng) {
        let mut hash = [0x77; 32];
        hash[..8].copy_from_slice(&self.id.0.to_be_bytes());
        hash[8..16].copy_from_slice(&(self.txs.len() as u64).to_be_bytes());
        let hash = B256::from(hash);
        let mut movements = Vec::new();
        for _ in 0..rng.usize(1..4) {
            let kind = kinds[rng.usize(..kinds.len())];
            let asset = match kind {
                Kind::Token | Kind::Approval => Asset::Token([cast.usdc, cast.fake][usize::from(rng.u8(0..4) == 0)]),
                _ => Asset::Coin,
            };
            let (from, to) = (cast.anyone(rng), cast.anyone(rng));
            let amount = [0, 1, 999, 1_000, 5_000][rng.usize(..5)];
            let amount = if rng.u8(0..40) == 0 { U256::MAX } else { U256::from(amount) };
            let movement = Movement { tx: hash, kind, asset, from, to, token_id: None, amount, log_index: None };
            let copies = if kind == Kind::Coin { 1 } else { 1 + usize::from(rng.u8(0..6) == 0) };
            // A transaction has one value of its own.
            if kind != Kind::Coin || movements.iter().all(|other: &Movement| other.kind != Kind::Coin) {
                movements.extend(std::iter::repeat_n(movement, copies));
            }
        }
        self.txs.push(Tx { hash, movements });
        self.waiting.push(self.txs.len() - 1);
    }
}

/// Who is there.
#[derive(Debug, Clone)]
pub struct Cast {
    /// Name of the watch and its addresses.
    pub watches: Vec<(&'static str, Vec<Address>)>,
    /// The same of those that come and go; empty in most worlds.
    pub late: Vec<(&'static str, Vec<Address>)>,
    pub strangers: Vec<Address>,
    pub usdc: Address,
    /// A token that calls itself USDC.
    pub fake: Address,
}

impl Cast {
    pub fn new() -> Self {
        let address = Address::repeat_byte;
        Self {
            watches: vec![
                ("treasury", vec![address(0xa1), address(0xa2)]),
                ("hot", vec![address(0xb1)]),
                ("cold", vec![address(0xc1)]),
            ],
            late: Vec::new(),
            strangers: vec![address(0x01), address(0x02), address(0x03)],
            usdc: address(0x55),
            fake: address(0x66),
        }
    }

    pub fn watch_of(&self, address: Address) -> Option<&'static str> {
        self.watches.iter().find(|(_, addresses)| addresses.contains(&address)).map(|(name, _)| *name)
    }

    /// The watch that comes and goes, and may have this address.
    pub fn late_of(&self, address: Address) -> Option<&'static str> {
        self.late.iter().find(|(_, addresses)| addresses.contains(&address)).map(|(name, _)| *name)
    }

    fn anyone(&self, rng: &mut Rng) -> Address {
        let ours: Vec<Address> =
            self.watches.iter().chain(&self.late).flat_map(|(_, addresses)| addresses.clone()).collect();
        match rng.u8(0..5) {
            0..3 => ours[rng.usize(..ours.len())],
            _ => self.strangers[rng.usize(..self.strangers.len())],
        }
    }
}
