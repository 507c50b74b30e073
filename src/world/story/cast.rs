//! Who plays: accounts and tokens of the story, made of the seed. Pure.

use crate::types::{Address, B256, ChainId, Timestamp, U256, chain};
use crate::world::chain::{Chain, Genesis, Plan, Token};
use alloy::primitives::keccak256;
use std::collections::BTreeMap;
use std::time::Duration;

/// Id of the chain that has a node: the one that development chains usually have.
pub const SIMNET: ChainId = ChainId(31_337);
/// Id of the chain that only an explorer shows.
pub const EXPLORED: ChainId = ChainId(1);
/// Base fee in quiet times, in wei: 8 gwei.
pub(super) const CALM_FEE: u64 = 8_000_000_000;
/// Blocks that are there before anybody looks.
const HISTORY: u64 = 12;
/// A block's own time.
const BLOCK_TIME: Duration = Duration::from_secs(1);
/// Confirmations until `safe`, and until `finalized`.
const DEPTHS: (u64, u64) = (3, 8);
/// What a hostile token calls itself: a script, and the mark that turns what follows it around.
const HOSTILE: &str = "<script>alert(1)</script>\u{202e}CDSU";
/// Coin and tokens of everybody, in whole units: more than any story spends.
const PURSE: u64 = 1_000_000;

/// Who plays.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cast {
    /// Watched: where large sums come in.
    pub treasury: Address,
    /// Watched: where customers pay.
    pub deposits: Address,
    /// Watched: what pays out.
    pub hot: Address,
    /// People who pay in and are paid.
    pub customers: Vec<Address>,
    /// Looks like the first customer, and is not.
    pub poisoner: Address,
    /// A contract that passes coin on.
    pub splitter: Address,
    /// Gets what rules would pay.
    pub payee: Address,
    /// The simulated chain's own token, of 6 decimals.
    pub sim: Address,
    /// Calls itself USDC and is nothing.
    pub fake_usdc: Address,
    /// A token that does not say its decimals.
    pub mute: Address,
    /// A token whose name is an attack on whoever shows it.
    pub hostile: Address,
    /// Circle's USDC on the explored chain, as the chain table has it.
    pub usdc: Address,
}

impl Cast {
    /// The cast of a seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        let of = |name: &str| Self::address(seed, name);
        let customers: Vec<Address> = (0..4).map(|nth| of(&format!("customer {nth}"))).collect();
        let first = customers.first().copied().unwrap_or_default();
        Self {
            treasury: of("treasury"),
            deposits: of("deposits"),
            hot: of("hot"),
            poisoner: look_alike(first, of("poisoner")),
            customers,
            splitter: of("splitter"),
            payee: of("payee"),
            sim: of("SIM"),
            fake_usdc: of("fake USDC"),
            mute: of("mute"),
            hostile: of("hostile"),
            usdc: chain::by_id(EXPLORED)
                .and_then(|known| known.usdc.as_ref())
                .map_or_else(|| of("USDC"), |token| token.address),
        }
    }

    /// The address of somebody in a seed's world.
    pub(super) fn address(seed: u64, name: &str) -> Address {
        Address::from_word(keccak256(format!("walletwatch world {seed} {name}")))
    }

    /// The first customer, whom the poisoner imitates.
    pub(super) fn regular(&self) -> Address {
        self.customers.first().copied().unwrap_or_default()
    }

    /// The chain with a node, with a little history that ends now.
    pub(super) fn simnet(&self, seed: u64, now: Timestamp) -> Chain {
        let tokens = [
            token(self.sim, "SIM", Some(6)),
            token(self.fake_usdc, "USDC", Some(6)),
            token(self.mute, "MUTE", None),
            token(self.hostile, HOSTILE, Some(6)),
        ];
        self.chain(SIMNET, seed, now, tokens.map(|token| (token, 6)).into())
    }

    /// The chain that only the explorer shows, likewise.
    pub(super) fn explored(&self, seed: u64, now: Timestamp) -> Chain {
        let tokens = [token(self.usdc, "USDC", Some(6)), token(self.fake_usdc, "USDC", Some(6))];
        self.chain(EXPLORED, seed, now, tokens.map(|token| (token, 6)).into())
    }

    fn chain(&self, id: ChainId, seed: u64, now: Timestamp, tokens: Vec<(Token, u8)>) -> Chain {
        let rich = || self.customers.iter().chain([&self.treasury, &self.deposits, &self.hot, &self.poisoner]).copied();
        let purse = |decimals: u8| -> BTreeMap<Address, U256> {
            let amount = U256::from(PURSE).saturating_mul(U256::from(10).pow(U256::from(decimals)));
            rich().map(|account| (account, amount)).collect()
        };
        let back = |blocks: u64| {
            let span = BLOCK_TIME.saturating_mul(u32::try_from(blocks).unwrap_or(u32::MAX));
            Timestamp::from_millis(now.millis().saturating_sub(i64::try_from(span.as_millis()).unwrap_or(0)))
        };
        let mut chain = Chain::new(Genesis {
            id,
            seed: seed ^ id.0,
            at: back(HISTORY),
            base_fee: U256::from(CALM_FEE),
            safe_after: DEPTHS.0,
            final_after: DEPTHS.1,
            coin: purse(18),
            tokens: tokens.into_iter().map(|(token, decimals)| (token, purse(decimals))).collect(),
        });
        // The first block is empty, and an empty block lowers the fee: it comes back to calm by itself.
        for left in (0..HISTORY).rev() {
            chain.mine(back(left), &Plan { fullness: 50, ..Plan::default() });
        }
        chain
    }
}

fn token(contract: Address, symbol: &str, decimals: Option<u8>) -> Token {
    Token { contract, symbol: symbol.into(), name: format!("Simulated {symbol}"), decimals }
}

/// `other` with the ends of `model`, which is all that most people compare.
fn look_alike(model: Address, other: Address) -> Address {
    /// As many bytes at each end as wallets show.
    const ENDS: usize = 3;
    let last = Address::len_bytes().saturating_sub(ENDS);
    let mixed = model.iter().zip(other.iter()).enumerate();
    let bytes: Vec<u8> =
        mixed.map(|(at, (model, other))| if at < ENDS || at >= last { *model } else { *other }).collect();
    Address::from_slice(&bytes)
}

/// A 32-byte key out of the seed, for what is no secret in a simulated world.
pub(super) fn key(seed: u64, name: &str) -> B256 {
    keccak256(format!("walletwatch world {seed} key {name}"))
}
