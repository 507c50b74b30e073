//! What people do on a simulated chain, and what the chain makes of it. Pure.

use super::block::{Frame, Included, SimLog, SimTx};
use crate::types::{Address, B256, U256};
use crate::wire::erc20;
use alloy::primitives::keccak256;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Tip per gas of every transaction: 1 gwei.
pub const TIP: u64 = 1_000_000_000;
/// Who gets the tips.
pub const COINBASE: Address = Address::repeat_byte(0xcb);

/// Which call of a transaction fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fails {
    /// None.
    Nothing,
    /// The inner one: the contract keeps the coin.
    Inner,
    /// The outermost: nothing moves, though the inner call succeeded.
    Whole,
}

/// What one transaction is meant to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Coin to another account.
    Pay {
        /// Who signs and gives.
        from: Address,
        /// Who gets.
        to: Address,
        /// In wei.
        value: U256,
    },
    /// The same, and it is reverted: it keeps its value in every list and moves nothing.
    PayInVain {
        /// Who signs.
        from: Address,
        /// Who would get.
        to: Address,
        /// In wei.
        value: U256,
    },
    /// An ERC-20 transfer; reverted where `from` has too little.
    Send {
        /// The contract.
        token: Address,
        /// Who signs and gives.
        from: Address,
        /// Who gets.
        to: Address,
        /// In the token's smallest unit.
        amount: U256,
    },
    /// Two equal ERC-20 transfers in one transaction: two logs that only their index tells apart.
    SendTwice {
        /// The contract.
        token: Address,
        /// Who signs and gives.
        from: Address,
        /// Who gets.
        to: Address,
        /// Of each, in the token's smallest unit.
        amount: U256,
    },
    /// A `Transfer` log that moves nothing: anybody can have one written for zero in anybody's name, and a contract
    /// of one's own writes any amount.
    Forge {
        /// The contract that writes it.
        token: Address,
        /// Who signs.
        by: Address,
        /// Who seems to give.
        from: Address,
        /// Who seems to get.
        to: Address,
        /// How much seems to move.
        amount: U256,
    },
    /// One NFT (ERC-721). Nobody keeps count of who has which.
    GiveOne {
        /// The contract.
        token: Address,
        /// Who signs and gives.
        from: Address,
        /// Who gets.
        to: Address,
        /// Which.
        id: U256,
    },
    /// Some of many kinds (ERC-1155), in one log: `TransferSingle` for one kind, else `TransferBatch`. Nobody keeps count either.
    GiveSome {
        /// The contract.
        token: Address,
        /// Who signs and gives.
        from: Address,
        /// Who gets.
        to: Address,
        /// Which, and how many of each.
        items: Vec<(U256, U256)>,
    },
    /// Leave for a spender to move some of a token (ERC-20). Nobody keeps count of who may move what.
    Approve {
        /// The contract.
        token: Address,
        /// Who signs, and whose tokens they are.
        from: Address,
        /// Who may move them.
        spender: Address,
        /// How much; zero takes it back.
        amount: U256,
    },
    /// Leave to move everything of a contract of NFTs (ERC-721, ERC-1155), or the end of it.
    ApproveAll {
        /// The contract.
        token: Address,
        /// Who signs, and whose they are.
        from: Address,
        /// Who may move them.
        operator: Address,
        /// Whether it is given, or taken back.
        given: bool,
    },
    /// Coin through a contract, which passes it on in an internal call.
    Through {
        /// Who signs and gives.
        from: Address,
        /// The contract.
        contract: Address,
        /// Who gets.
        to: Address,
        /// In wei.
        value: U256,
        /// Which call fails.
        fails: Fails,
    },
    /// A contract that is made with coin in it.
    Create {
        /// Who signs and gives.
        from: Address,
        /// In wei.
        value: U256,
    },
}

impl Action {
    /// Who signs.
    #[must_use]
    pub const fn signer(&self) -> Address {
        match self {
            Self::Pay { from, .. }
            | Self::PayInVain { from, .. }
            | Self::Send { from, .. }
            | Self::SendTwice { from, .. }
            | Self::GiveOne { from, .. }
            | Self::GiveSome { from, .. }
            | Self::Approve { from, .. }
            | Self::ApproveAll { from, .. }
            | Self::Through { from, .. }
            | Self::Create { from, .. } => *from,
            Self::Forge { by, .. } => *by,
        }
    }

    /// The transaction that does it: whom it calls, with how much coin and which call data.
    fn call(&self) -> (Option<Address>, U256, String) {
        let transfer = |to: &Address, amount: &U256| format!("0xa9059cbb{:x}{amount:064x}", to.into_word());
        match self {
            Self::Pay { to, value, .. } | Self::PayInVain { to, value, .. } => (Some(*to), *value, "0x".into()),
            Self::Send { token, to, amount, .. } => (Some(*token), U256::ZERO, transfer(to, amount)),
            Self::SendTwice { token, to, amount, .. } => {
                (Some(*token), U256::ZERO, format!("0x1a2b3c4d{:x}{amount:064x}", to.into_word()))
            }
            Self::Forge { token, from, to, amount, .. } => {
                let (from, to) = (from.into_word(), to.into_word());
                (Some(*token), U256::ZERO, format!("0x23b872dd{from:x}{to:x}{amount:064x}"))
            }
            Self::GiveOne { token, from, to, id } => {
                let (from, to) = (from.into_word(), to.into_word());
                (Some(*token), U256::ZERO, format!("0x42842e0e{from:x}{to:x}{id:064x}"))
            }
            Self::GiveSome { token, to, items, .. } => {
                (Some(*token), U256::ZERO, format!("0x2eb2c2d6{:x}{:064x}", to.into_word(), items.len()))
            }
            Self::Approve { token, spender, amount, .. } => {
                (Some(*token), U256::ZERO, format!("0x095ea7b3{:x}{amount:064x}", spender.into_word()))
            }
            Self::ApproveAll { token, operator, given, .. } => {
                (Some(*token), U256::ZERO, format!("0xa22cb465{:x}{:064x}", operator.into_word(), u8::from(*given)))
            }
            Self::Through { contract, to, value, .. } => {
                (Some(*contract), *value, format!("0x6ea056a9{:x}", to.into_word()))
            }
            Self::Create { value, .. } => (None, *value, "0x60006000".into()),
        }
    }

    /// Gas of it; what a plain payment, a token and a contract usually need.
    const fn gas(&self) -> u64 {
        match self {
            Self::Pay { .. } => 21_000,
            Self::PayInVain { .. } => 24_500,
            Self::Send { .. } => 52_000,
            Self::SendTwice { .. } => 81_000,
            Self::Forge { .. } | Self::Approve { .. } | Self::ApproveAll { .. } => 45_000,
            Self::GiveOne { .. } | Self::Through { .. } => 63_000,
            Self::GiveSome { .. } => 90_000,
            Self::Create { .. } => 120_000,
        }
    }

    /// Signs it: `serial` tells equal actions of one world apart.
    pub(super) fn sign(self, chain: u64, nonce: u64, serial: u64) -> SimTx {
        let from = self.signer();
        let (to, value, input) = self.call();
        let text = format!("tx {chain} {serial} {nonce} {from:x} {to:?} {value:x} {input}");
        SimTx { hash: keccak256(text), nonce, from, to, value, input, action: self }
    }
}

/// Who has what.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ledger {
    /// Coin of each account, in wei.
    pub coin: BTreeMap<Address, U256>,
    /// Tokens, by contract and holder, in the smallest unit.
    pub tokens: BTreeMap<(Address, Address), U256>,
    /// Base fees so far, which nobody has any more.
    pub burned: U256,
}

/// Takes `amount` from one entry to another; false, and nothing happens, when there is too little.
fn shift<K: Ord + Copy>(table: &mut BTreeMap<K, U256>, from: K, to: K, amount: U256) -> bool {
    let Some(left) = table.get(&from).copied().unwrap_or_default().checked_sub(amount) else { return false };
    table.insert(from, left);
    let held = table.entry(to).or_default();
    // What is taken was there: no sum is larger than all there is.
    *held = held.saturating_add(amount);
    true
}

impl Ledger {
    /// Executes a transaction in a block with this base fee; its logs are numbered from `first_log`.
    pub(super) fn execute(&mut self, tx: &Arc<SimTx>, base_fee: U256, first_log: u64) -> Included {
        let gas_used = tx.action.gas();
        self.pay_fee(tx.from, gas_used, base_fee);
        let created = tx.to.is_none().then(|| created_by(tx));
        let callee = tx.to.or(created).unwrap_or_default();
        let kind = if created.is_some() { "CREATE" } else { "CALL" };
        let mut root = Frame { kind, from: tx.from, to: callee, value: tx.value, failed: false, calls: vec![] };
        let logs = self.act(&tx.action, callee, &mut root);
        let succeeded = logs.is_some();
        root.failed = !succeeded;
        let number = |(log, index)| SimLog { index, ..log };
        let logs = logs.unwrap_or_default().into_iter().zip(first_log..).map(number).collect();
        Included { tx: tx.clone(), succeeded, gas_used, created: created.filter(|_| succeeded), logs, root }
    }

    /// Burns the base fee and tips; who has too little pays what there is.
    fn pay_fee(&mut self, from: Address, gas: u64, base_fee: U256) {
        let has = self.coin.get(&from).copied().unwrap_or_default();
        let tip = U256::from(gas).saturating_mul(U256::from(TIP)).min(has);
        shift(&mut self.coin, from, COINBASE, tip);
        let rest = has.saturating_sub(tip);
        let burn = U256::from(gas).saturating_mul(base_fee).min(rest);
        self.coin.insert(from, rest.saturating_sub(burn));
        self.burned = self.burned.saturating_add(burn);
    }

    /// Does what is meant and returns the logs, their index not yet set; `None`, and nothing moved, when it fails.
    fn act(&mut self, action: &Action, callee: Address, root: &mut Frame) -> Option<Vec<SimLog>> {
        match action {
            Action::Pay { from, value, .. } | Action::Create { from, value } => {
                shift(&mut self.coin, *from, callee, *value).then(Vec::new)
            }
            Action::PayInVain { .. } => None,
            Action::Send { token, from, to, amount } => {
                shift(&mut self.tokens, (*token, *from), (*token, *to), *amount)
                    .then(|| vec![transfer(*token, *from, *to, *amount)])
            }
            Action::SendTwice { token, from, to, amount } => {
                let both = amount.saturating_add(*amount);
                let log = transfer(*token, *from, *to, *amount);
                shift(&mut self.tokens, (*token, *from), (*token, *to), both).then(|| vec![log.clone(), log])
            }
            Action::Forge { token, from, to, amount, .. } => Some(vec![transfer(*token, *from, *to, *amount)]),
            Action::GiveOne { token, from, to, id } => {
                let topics = vec![erc20::TRANSFER, from.into_word(), to.into_word(), B256::from(*id)];
                Some(vec![SimLog { index: 0, contract: *token, topics, data: "0x".into() }])
            }
            Action::Approve { token, from, spender, amount } => {
                let topics = vec![erc20::APPROVAL, from.into_word(), spender.into_word()];
                Some(vec![SimLog { index: 0, contract: *token, topics, data: word(*amount) }])
            }
            Action::ApproveAll { token, from, operator, given } => {
                let topics = vec![erc20::APPROVAL_FOR_ALL, from.into_word(), operator.into_word()];
                Some(vec![SimLog { index: 0, contract: *token, topics, data: word(U256::from(u8::from(*given))) }])
            }
            Action::GiveSome { token, from, to, items } => Some(vec![give_some(*token, *from, *to, items)]),
            Action::Through { from, contract, to, value, fails } => {
                let inner =
                    Frame { kind: "CALL", from: *contract, to: *to, value: *value, failed: false, calls: vec![] };
                root.calls.push(Frame { failed: *fails == Fails::Inner, ..inner });
                if *fails == Fails::Whole || !shift(&mut self.coin, *from, *contract, *value) {
                    return None;
                }
                if *fails == Fails::Nothing {
                    shift(&mut self.coin, *contract, *to, *value);
                }
                Some(vec![])
            }
        }
    }
}

/// The log of a transfer.
fn transfer(contract: Address, from: Address, to: Address, amount: U256) -> SimLog {
    let topics = vec![erc20::TRANSFER, from.into_word(), to.into_word()];
    SimLog { index: 0, contract, topics, data: word(amount) }
}

/// One word of data.
fn word(number: U256) -> String {
    format!("{:#x}", B256::from(number))
}

/// The log of an ERC-1155 transfer. Its operator is who gives.
fn give_some(contract: Address, from: Address, to: Address, items: &[(U256, U256)]) -> SimLog {
    let text = |words: &[U256]| words.iter().fold("0x".to_owned(), |text, word| format!("{text}{word:064x}"));
    let (topic, data) = if let [(id, amount)] = items {
        (erc20::TRANSFER_SINGLE, text(&[*id, *amount]))
    } else {
        let count = U256::from(items.len());
        // Two lists behind the places where they begin.
        let second = U256::from(96_usize.saturating_add(items.len().saturating_mul(32)));
        let ids = items.iter().map(|(id, _)| *id);
        let amounts = items.iter().map(|(_, amount)| *amount);
        let words: Vec<U256> =
            [U256::from(64), second, count].into_iter().chain(ids).chain([count]).chain(amounts).collect();
        (erc20::TRANSFER_BATCH, text(&words))
    };
    let topics = vec![topic, from.into_word(), from.into_word(), to.into_word()];
    SimLog { index: 0, contract, topics, data }
}

/// The address of what a transaction creates. Real chains hash it otherwise; what matters is that it is nobody's yet.
fn created_by(tx: &SimTx) -> Address {
    Address::from_word(keccak256(tx.hash))
}
