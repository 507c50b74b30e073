//! What is known of tokens: their decimals and symbols, and who waits for them.
//!
//! A token's own word is a stranger's: it is used for reading amounts, and verifies nothing.

use super::Reactor;
use super::effect::{Effect, Suspect};
use super::event::{Reported, TokenFacts};
use super::rows::{Deadline, Row, TokenRow, TransferRow};
use crate::types::{Address, Asset, ChainId, Name, TransferId};
use std::time::Duration;

/// An alert on an unknown token waits this long for its decimals, then speaks in raw units.
const LONGEST_TOKEN_WAIT: Duration = Duration::from_secs(5);

impl Reactor {
    pub(super) fn token(&mut self, facts: TokenFacts, effects: &mut Vec<Effect>) {
        let TokenFacts { chain, contract, decimals, symbol } = facts;
        self.put_token(TokenRow { chain, contract, decimals, symbol }, effects);
        self.timers.clear(&Deadline::TokenWait(chain, contract), effects);
        self.speak_of_token(chain, contract, effects);
    }

    pub(super) fn token_wait_over(&mut self, chain: ChainId, contract: Address, effects: &mut Vec<Effect>) {
        self.soft.waited.insert((chain, contract));
        self.speak_of_token(chain, contract, effects);
    }

    /// What a row says of its token, where nothing better is known.
    pub(super) fn learn_token(&mut self, id: ChainId, reported: &Reported, effects: &mut Vec<Effect>) {
        let (Asset::Token(contract), Some((decimals, symbol))) = (reported.movement.asset, reported.token.clone())
        else {
            return;
        };
        let known = self.settings.tokens.contains_key(&(id, contract));
        if known || self.tokens.contains_key(&(id, contract)) {
            return;
        }
        self.put_token(TokenRow { chain: id, contract, decimals, symbol }, effects);
    }

    pub(super) fn put_token(&mut self, row: TokenRow, effects: &mut Vec<Effect>) {
        self.unpublished.insert(row.chain);
        let key = (row.chain, row.contract);
        let asset = Asset::Token(row.contract);
        effects.push(Effect::Put(Row::Token(row.clone())));
        self.tokens.insert(key, row);
        // A symbol that is known on this chain, on a contract that is not, marks every transfer of it.
        let marked: Vec<TransferRow> =
            self.transfers.of_asset(key.0, asset).filter_map(|id| self.transfers.get(id)).collect();
        for row in marked {
            // What it looked like when it came stays: who became known since says nothing of it.
            let suspect = Suspect { look_alike: row.suspect.look_alike, ..self.suspect(&row.key) };
            if suspect != row.suspect {
                self.transfers.put(TransferRow { suspect, ..row }, effects);
            }
        }
    }

    pub(super) fn is_waiting_for_token(&self, row: &TransferRow) -> bool {
        match row.key.asset {
            Asset::Coin => false,
            Asset::Token(contract) => self.timers.contains(&Deadline::TokenWait(row.key.chain, contract)),
        }
    }

    /// Whether a token's own word is still to come: nothing knows its decimals, and it was not waited for in vain.
    pub(super) fn is_unknown(&self, chain: ChainId, contract: Address) -> bool {
        !self.settings.tokens.contains_key(&(chain, contract)) && !self.tokens.contains_key(&(chain, contract))
    }

    fn speak_of_token(&mut self, chain: ChainId, contract: Address, effects: &mut Vec<Effect>) {
        let waiting: Vec<TransferId> = self.transfers.of_asset(chain, Asset::Token(contract)).collect();
        for transfer in waiting {
            self.speak(transfer, effects);
        }
        let bound = self.settle_bound(chain);
        self.settle_up_to(chain, bound, effects);
    }

    /// Whether the transfer has to wait for its token's decimals. Nobody waits for a token that no rule would speak of.
    pub(super) fn wait_for_token(&mut self, row: &TransferRow, effects: &mut Vec<Effect>) -> bool {
        let Asset::Token(contract) = row.key.asset else { return false };
        let chain = row.key.chain;
        if !self.is_unknown(chain, contract) || self.soft.waited.contains(&(chain, contract)) || !self.is_spoken_of(row)
        {
            return false;
        }
        let deadline = Deadline::TokenWait(chain, contract);
        if !self.timers.contains(&deadline) {
            self.timers.set(self.at, deadline, LONGEST_TOKEN_WAIT, effects);
            self.unpublished.insert(chain);
        }
        true
    }

    /// Decimals, symbol, whether anything at all is known, and whether the contract is one that we know.
    pub(super) fn asset_facts(&self, chain: ChainId, asset: Asset) -> (Option<u8>, Option<Name>, bool, bool) {
        match asset {
            Asset::Coin => self.settings.chains.get(&chain).map_or((None, None, false, true), |settings| {
                (Some(settings.coin_decimals), Some(settings.coin.clone()), true, true)
            }),
            Asset::Token(contract) => match self.settings.tokens.get(&(chain, contract)) {
                Some(token) => (Some(token.decimals), Some(token.symbol.clone()), true, true),
                None => self
                    .tokens
                    .get(&(chain, contract))
                    .map_or((None, None, false, false), |token| (token.decimals, token.symbol.clone(), true, false)),
            },
        }
    }
}
