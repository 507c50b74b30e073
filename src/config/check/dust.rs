//! What is next to nothing, of each asset whose decimals are known.

use super::chains::Chains;
use crate::reactor::settings::KnownToken;
use crate::types::chain::known;
use crate::types::{Address, Asset, ChainId, Name, U256};
use std::collections::BTreeMap;

/// Less than 10^-1 of a dollar token of the chain table is dust: ten cents …
const OF_A_DOLLAR: u8 = 1;
/// … and less than 10^-5 of any other coin or token: of ether, some cents.
const OF_OTHERS: u8 = 5;

/// By asset, in raw units.
pub(super) fn dust(
    chains: &Chains,
    tokens: &BTreeMap<(ChainId, Address), KnownToken>,
) -> BTreeMap<(ChainId, Asset), U256> {
    let least = |decimals: u8, below: u8| U256::from(10_u8).checked_pow(U256::from(decimals.checked_sub(below)?));
    let coins = chains
        .all
        .values()
        .filter_map(|chain| Some(((chain.settings.id, Asset::Coin), least(chain.settings.coin_decimals, OF_OTHERS)?)));
    let tokens = tokens.iter().filter_map(|((chain, contract), token)| {
        let below = if is_dollar(*chain, *contract, &token.symbol) { OF_A_DOLLAR } else { OF_OTHERS };
        Some(((*chain, Asset::Token(*contract)), least(token.decimals, below)?))
    });
    coins.chain(tokens).collect()
}

/// Whether it is a dollar token of the chain table, under its own name.
fn is_dollar(chain: ChainId, contract: Address, symbol: &Name) -> bool {
    let of_chain = known().iter().filter(|known| known.id == chain);
    let mut tokens = of_chain.flat_map(|chain| chain.usdc.iter().chain(chain.look_alikes));
    tokens.any(|token| token.address == contract && token.symbol == symbol.as_str())
}
