//! What the simulated Circle knows: a wallet, its transactions, and the keys under which they were asked for. Pure; time is an argument.

use crate::types::{Address, B256, Name, Timestamp, U256, Untrusted, Uuid};
use crate::wire::circle::{
    AmountText, CircleError, CircleState, Direction, TokenBalance, TokenFacts, Transaction, TransferTerms,
    USDC_DECIMALS, Wallet,
};
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

/// Circle may forget a key that is so old: nothing is promised, and this is the worst that is assumed.
const KEY_LIFE: Duration = Duration::from_hours(24);
/// What a transfer costs, in wei: 65,000 gas at 2 gwei.
const FEE: u64 = 130_000_000_000_000;
/// Decimals of the coin.
const COIN_DECIMALS: u8 = 18;

/// The wallet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WalletFacts {
    /// Circle's id of it.
    pub id: Name,
    /// Its address.
    pub address: Address,
    /// Circle's word for its chain.
    pub blockchain: Name,
    /// The USDC contract there.
    pub token: Address,
    /// Raw USDC that it holds.
    pub usdc: U256,
    /// Wei that it holds.
    pub coin: U256,
    /// An account whose gas others pay.
    pub contract_account: bool,
}

/// What becomes of a transfer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It is paid.
    Complete,
    /// It fails before anything moved, with this reason.
    Fail(&'static str),
    /// A screening refuses it.
    Deny,
    /// It is stuck until it is told otherwise.
    Stick,
    /// It is paid so much later than others.
    Late(Duration),
    /// It goes through a state that nobody knows.
    Strange,
}

/// One transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Circle's id.
    pub id: Name,
    /// What was asked.
    pub terms: TransferTerms,
    /// When.
    pub created: Timestamp,
    /// When it changed.
    pub updated: Timestamp,
    /// Where it stands.
    pub state: CircleState,
    /// What becomes of it.
    pub fate: Fate,
    /// On the chain.
    pub tx: Option<B256>,
    /// Somebody wants it cancelled.
    cancel: bool,
    /// Its money has left.
    moved: bool,
}

impl Entry {
    /// Whether its money has left the wallet.
    #[must_use]
    pub const fn has_moved(&self) -> bool {
        self.moved
    }
}

/// A transfer for whoever mines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outgoing {
    /// Circle's id: for [`Book::mined`].
    pub id: Name,
    /// From.
    pub from: Address,
    /// To.
    pub to: Address,
    /// Which token.
    pub token: Address,
    /// Raw.
    pub amount: U256,
}

/// The book.
#[derive(Debug, Clone)]
pub struct Book {
    wallet: WalletFacts,
    /// Oldest first.
    entries: Vec<Entry>,
    /// Which entry a key made, and when.
    keys: BTreeMap<Uuid, (usize, Timestamp)>,
    /// Fates of the next transfers.
    fates: VecDeque<Fate>,
    /// Between two states.
    pace: Duration,
    /// Transfers are mined by somebody else, who says with which hash.
    on_chain: bool,
    outgoing: Vec<Outgoing>,
    /// More than the wallet holds is taken, and fails later; else it is refused.
    overdraws: bool,
    now: Timestamp,
}

/// What became of a request.
pub(super) type Created = Result<(bool, Entry), (u16, CircleError)>;

/// Circle's own error.
pub(super) fn error(code: i64, words: &str) -> CircleError {
    CircleError { code, words: Untrusted::new(words), field: None }
}

impl Book {
    pub(super) fn new(wallet: WalletFacts) -> Self {
        Self {
            wallet,
            entries: Vec::new(),
            keys: BTreeMap::new(),
            fates: VecDeque::new(),
            pace: Duration::ZERO,
            on_chain: false,
            outgoing: Vec::new(),
            overdraws: false,
            now: Timestamp::default(),
        }
    }

    /// The wallet.
    #[must_use]
    pub const fn wallet(&self) -> &WalletFacts {
        &self.wallet
    }

    /// Every transaction, oldest first.
    #[must_use]
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// What becomes of the next transfers, one each; the others are paid.
    pub fn fates(&mut self, fates: impl IntoIterator<Item = Fate>) {
        self.fates.extend(fates);
    }

    /// Time between two states; zero is at once.
    pub const fn paced(&mut self, pace: Duration) {
        self.pace = pace;
    }

    /// Somebody else mines: see [`super::Circle::outgoing`] and [`Book::mined`].
    pub const fn on_chain(&mut self) {
        self.on_chain = true;
    }

    /// What the wallet lacks is found out later, as Circle does sometimes.
    pub const fn overdraws(&mut self) {
        self.overdraws = true;
    }

    /// More money comes in.
    ///
    /// # Panics
    /// When the wallet would hold more than there is.
    pub fn fund(&mut self, usdc: U256, coin: U256) {
        let sum = |held: U256, more| held.checked_add(more).expect("no simulated wallet holds 2^256");
        (self.wallet.usdc, self.wallet.coin) = (sum(self.wallet.usdc, usdc), sum(self.wallet.coin, coin));
    }

    /// The transfer was mined in this transaction.
    pub fn mined(&mut self, id: &Name, tx: B256) {
        if let Some(entry) = self.entries.iter_mut().find(|entry| entry.id == *id) {
            entry.tx = Some(tx);
            entry.updated = self.now;
        }
    }

    /// Somebody else asked for a transfer: a twin, a process of yesterday, a person at the console.
    ///
    /// # Panics
    /// When Circle would refuse it: then the story is wrong.
    pub fn asked_elsewhere(&mut self, terms: &TransferTerms, at: Timestamp) -> Name {
        self.create(terms, at).expect("the story asks for what can be had").1.id
    }

    /// It shows a transfer otherwise from now on than it was asked for.
    pub fn shows(&mut self, id: &Name, otherwise: impl FnOnce(&mut TransferTerms)) {
        if let Some(entry) = self.entries.iter_mut().find(|entry| entry.id == *id) {
            otherwise(&mut entry.terms);
        }
    }

    /// What was stuck goes on.
    pub fn loosen(&mut self) {
        self.entries.iter_mut().filter(|entry| entry.fate == Fate::Stick).for_each(|entry| entry.fate = Fate::Complete);
    }

    pub(super) fn take_outgoing(&mut self) -> Vec<Outgoing> {
        std::mem::take(&mut self.outgoing)
    }

    /// Takes a transfer: a known key gives what it made before, if it was the same.
    pub(super) fn create(&mut self, terms: &TransferTerms, at: Timestamp) -> Created {
        self.advance(at);
        if let Some((index, since)) = self.keys.get(&terms.key).copied()
            && at.since(since) < KEY_LIFE
            && let Some(entry) = self.entries.get(index)
        {
            let conflict = error(1_083, "The idempotency key is bound to another request.");
            return if entry.terms == *terms { Ok((false, entry.clone())) } else { Err((409, conflict)) };
        }
        if terms.wallet != self.wallet.id {
            return Err((404, error(156_001, "Cannot find target wallet in the system.")));
        }
        if terms.blockchain != self.wallet.blockchain {
            return Err((400, error(155_225, "Wallet and request's blockchain mismatch.")));
        }
        if terms.token != self.wallet.token {
            return Err((400, error(155_239, "Invalid token address for transfer.")));
        }
        if terms.amount > self.free() && !self.overdraws {
            let words = "The asset amount owned by the wallet is insufficient for the transaction.";
            return Err((400, error(155_258, words)));
        }
        let fate = self.fates.pop_front().unwrap_or(Fate::Complete);
        let digest = Sha256::digest([&terms.key.0[..], &at.millis().to_be_bytes()].concat());
        let mut id = [0; 16];
        id.copy_from_slice(&digest[..16]);
        let entry = Entry {
            id: Uuid::v4(id).to_string().into(),
            terms: terms.clone(),
            created: at,
            updated: at,
            state: CircleState::Initiated,
            fate,
            tx: None,
            cancel: false,
            moved: false,
        };
        self.keys.insert(terms.key, (self.entries.len(), at));
        self.entries.push(entry.clone());
        Ok((true, entry))
    }

    /// Takes the wish to cancel one.
    pub(super) fn cancel(&mut self, id: &str, at: Timestamp) -> Result<Entry, (u16, CircleError)> {
        self.advance(at);
        let entry = self.entries.iter_mut().find(|entry| entry.id.as_str() == id);
        let entry = entry.ok_or_else(|| (404, error(156_003, "Cannot find target transaction in the system.")))?;
        if !entry.state.can_be_cancelled() {
            return Err((400, error(155_229, "Transaction is not eligible for operation.")));
        }
        entry.cancel = !entry.moved;
        Ok(entry.clone())
    }

    /// What is not promised to an open transfer.
    fn free(&self) -> U256 {
        let open = self.entries.iter().filter(|entry| !entry.moved && !entry.state.is_final());
        let promised = open.fold(U256::ZERO, |sum, entry| sum.saturating_add(entry.terms.amount));
        self.wallet.usdc.saturating_sub(promised)
    }

    /// Goes on to this time.
    pub(super) fn advance(&mut self, now: Timestamp) {
        self.now = self.now.max(now);
        for at in 0..self.entries.len() {
            while self.step(at) {}
        }
    }

    /// One transaction's next state, if it is time for it.
    fn step(&mut self, at: usize) -> bool {
        let entry = &mut self.entries[at];
        let age = self.now.since(entry.created);
        let late = if let Fate::Late(by) = entry.fate { by } else { Duration::ZERO };
        let reached = |steps: u32| age >= self.pace.saturating_mul(steps).saturating_add(late);
        let next = match (&entry.state, entry.fate) {
            (CircleState::Initiated | CircleState::Cleared | CircleState::Queued, _) if entry.cancel => {
                CircleState::Cancelled
            }
            (CircleState::Initiated, Fate::Deny) if reached(1) => CircleState::Denied,
            (CircleState::Initiated, _) if reached(1) => CircleState::Cleared,
            (CircleState::Cleared, Fate::Fail(_)) if reached(2) => CircleState::Failed,
            (CircleState::Cleared, Fate::Strange) if reached(2) => CircleState::read("WAITING_FOR_THE_MOON"),
            (CircleState::Cleared | CircleState::Other(_), _) if reached(2) => CircleState::Queued,
            (CircleState::Queued, _) if reached(3) && entry.terms.amount > self.wallet.usdc => CircleState::Failed,
            (CircleState::Queued, _) if reached(3) => CircleState::Sent,
            (CircleState::Sent, Fate::Stick) if reached(4) => CircleState::Stuck,
            (CircleState::Stuck, fate) if fate != Fate::Stick => CircleState::Sent,
            (CircleState::Sent, _) if reached(4) && entry.tx.is_some() => CircleState::Confirmed,
            (CircleState::Confirmed, _) if reached(5) => CircleState::Complete,
            _ => return false,
        };
        if next == CircleState::Sent && entry.state == CircleState::Queued {
            self.leave(at);
        }
        // An unknown state is left at the next step, so it must not be entered from itself.
        let entry = &mut self.entries[at];
        if matches!(next, CircleState::Other(_)) {
            entry.fate = Fate::Complete;
        }
        entry.state = next;
        entry.updated = self.now;
        true
    }

    /// The money of one leaves the wallet.
    fn leave(&mut self, at: usize) {
        let entry = &mut self.entries[at];
        entry.moved = true;
        self.wallet.usdc = self.wallet.usdc.saturating_sub(entry.terms.amount);
        if !self.wallet.contract_account {
            self.wallet.coin = self.wallet.coin.saturating_sub(U256::from(FEE));
        }
        if self.on_chain {
            let Entry { id, terms, .. } = entry;
            let (to, token, amount) = (terms.destination, terms.token, terms.amount);
            self.outgoing.push(Outgoing { id: id.clone(), from: self.wallet.address, to, token, amount });
        } else {
            let hash: [u8; 32] = Sha256::digest(entry.id.as_str().as_bytes()).into();
            entry.tx = Some(hash.into());
        }
    }

    /// As Circle shows it.
    pub(super) fn shown(&self, entry: &Entry, empty_references: bool) -> Transaction {
        let failed = entry.state == CircleState::Failed;
        let reason = match entry.fate {
            Fate::Fail(reason) if failed => Some(Untrusted::new(reason)),
            _ if failed => Some(Untrusted::new("INSUFFICIENT_TOKEN_BALANCE")),
            _ => None,
        };
        Transaction {
            id: entry.id.clone(),
            state: entry.state.clone(),
            blockchain: Some(entry.terms.blockchain.clone()),
            direction: Direction::Outbound,
            operation: Some(Untrusted::new("TRANSFER")),
            wallet: Some(entry.terms.wallet.clone()),
            source: Some(self.wallet.address),
            destination: Some(entry.terms.destination),
            token: Some(self.usdc_token().id),
            amounts: Some(vec![AmountText::of(entry.terms.amount, USDC_DECIMALS)]),
            tx: entry.tx,
            network_fee: entry.moved.then(|| AmountText::of(U256::from(FEE), COIN_DECIMALS)),
            reference: Some(entry.terms.reference.clone()).filter(|_| !empty_references),
            reason,
            details: None,
            created: Some(entry.created),
            updated: Some(entry.updated),
        }
    }

    /// The wallet as Circle shows it.
    pub(super) fn shown_wallet(&self) -> Wallet {
        Wallet {
            id: self.wallet.id.clone(),
            address: self.wallet.address,
            blockchain: self.wallet.blockchain.clone(),
            live: true,
            contract_account: self.wallet.contract_account,
        }
    }

    pub(super) fn usdc_token(&self) -> TokenFacts {
        TokenFacts {
            id: "7adb2b7d-c9cd-5164-b2d4-000000000001".into(),
            blockchain: Some(self.wallet.blockchain.clone()),
            contract: Some(self.wallet.token),
            native: false,
            decimals: Some(USDC_DECIMALS),
            symbol: Some(Untrusted::new("USDC")),
        }
    }

    fn coin_token(&self) -> TokenFacts {
        TokenFacts {
            id: "e4f549f9-a910-59b1-b5cd-000000000002".into(),
            contract: None,
            native: true,
            decimals: Some(COIN_DECIMALS),
            symbol: Some(Untrusted::new(self.wallet.blockchain.as_str())),
            ..self.usdc_token()
        }
    }

    /// What it holds, as Circle shows it: nothing is not listed.
    pub(super) fn balances(&self) -> Vec<TokenBalance> {
        let rows = [
            (self.coin_token(), self.wallet.coin, COIN_DECIMALS),
            (self.usdc_token(), self.wallet.usdc, USDC_DECIMALS),
        ];
        let held = rows.into_iter().filter(|(_, raw, _)| !raw.is_zero());
        held.map(|(token, raw, decimals)| TokenBalance { token, amount: AmountText::of(raw, decimals) }).collect()
    }
}
