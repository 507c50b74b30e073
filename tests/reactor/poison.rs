//! Address poisoning: a corpus of what poisoners do, and of what honest people do that looks like it. Patterns: zero-value `transferFrom`, dust
//! and counterfeit tokens, from and to addresses that share their ends with one that the victim deals with.

use crate::names::{CHAIN, FAKE, USDC, address};
use crate::settings::paying;
use std::collections::BTreeMap;
use std::io::Write as _;
use std::time::Duration;
use walletwatch::reactor::Reactor;
use walletwatch::reactor::effect::{Body, Effect, Message, TransferBody};
use walletwatch::reactor::event::{Event, Run, RunPart, SourceId, SourceKind, SourceReport, SourceState, TokenFacts};
use walletwatch::reactor::quiet::{MOST_SUSPECTS, look_alike};
use walletwatch::reactor::settings::{Approval, Condition, Direction, Settings};
use walletwatch::types::{
    Address, Asset, B256, Block, BlockRef, Kind, Movement, Stage, Timestamp, TransferId, TransferKey, U256,
};

/// What becomes of a transfer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    /// Nothing is said at once: it is named in the daily digest.
    Folded,
    /// It is said, with these marks.
    Told(&'static str),
}

/// A movement, what it is called here, and what has to become of it.
struct Case {
    name: String,
    movement: Movement,
    fate: Fate,
}

/// Whom the treasury deals with.
fn counterparties() -> Vec<Address> {
    let made = |nth: u8| {
        let byte =
            |place: u8| nth.wrapping_mul(29).wrapping_add(0x31).wrapping_add(place.wrapping_mul(nth.wrapping_add(7)));
        Address::from(std::array::from_fn(|place| byte(u8::try_from(place).expect("there are twenty"))))
    };
    (0..10).map(made).collect()
}

/// An address with so many hexadecimal digits of `model` at its beginning and its end; the rest differs.
fn like(model: Address, begin: usize, end: usize) -> Address {
    let digits: Vec<u8> = model.iter().flat_map(|byte| [byte >> 4, byte & 0x0f]).collect();
    let made: Vec<u8> =
        (0..40).map(|nth| if nth < begin || nth >= 40 - end { digits[nth] } else { digits[nth] ^ 0x5 }).collect();
    let mut bytes = [0; 20];
    for (byte, pair) in bytes.iter_mut().zip(made.chunks(2)) {
        *byte = pair[0] << 4 | pair[1];
    }
    Address::from(bytes)
}

fn corpus() -> Vec<Case> {
    let treasury = address("A");
    let mut cases = Vec::new();
    let mut add = |name: String, asset: Asset, from: Address, to: Address, amount: u128, fate: Fate| {
        let mut tx = [0x7e; 32];
        tx[..8].copy_from_slice(&(cases.len() as u64).to_be_bytes());
        let kind = if asset == Asset::Coin { Kind::Coin } else { Kind::Token };
        let movement = Movement {
            tx: B256::from(tx),
            kind,
            asset,
            from,
            to,
            token_id: None,
            amount: U256::from(amount),
            log_index: None,
        };
        cases.push(Case { name, movement, fate });
    };
    let (usdc, fake) = (Asset::Token(USDC), Asset::Token(FAKE));
    for (nth, honest) in counterparties().into_iter().enumerate() {
        // The ends that poisoners grind for: what wallets show, and more.
        for (begin, end) in [(3, 4), (4, 3), (4, 4), (6, 6), (8, 8)] {
            let poison = like(honest, begin, end);
            let of = |what: &str| format!("{what} {begin}+{end} of {nth}");
            add(of("a zero-value transfer to a look-alike"), usdc, treasury, poison, 0, Fate::Folded);
            add(of("a counterfeit payment to a look-alike"), fake, treasury, poison, 250_000_000, Fate::Folded);
            add(of("dust of a dollar from a look-alike"), usdc, poison, treasury, 10_000, Fate::Folded);
        }
        let poison = like(honest, 5, 5);
        let of = |what: &str| format!("{what} of {nth}");
        add(of("a zero-value transfer to the honest one itself"), usdc, treasury, honest, 0, Fate::Folded);
        add(of("a counterfeit payment from a look-alike"), fake, poison, treasury, 9_000_000, Fate::Folded);
        add(of("dust of the coin from a look-alike"), Asset::Coin, poison, treasury, 1_000_000_000, Fate::Folded);
        // Honest, or not to be hidden whatever it is.
        let stranger = like(honest, 0, 0);
        add(of("a payment from the honest one"), usdc, honest, treasury, 250_000_000, Fate::Told(""));
        add(of("a payment to the honest one"), usdc, treasury, honest, 250_000_000, Fate::Told(""));
        add(of("a payment from a stranger"), usdc, stranger, treasury, 250_000_000, Fate::Told(""));
        let alike = Fate::Told("look_alike");
        add(
            of("real money from one who happens to look alike"),
            usdc,
            like(honest, 4, 4),
            treasury,
            250_000_000,
            alike,
        );
        add(
            of("real money to a look-alike: somebody copied it"),
            usdc,
            treasury,
            like(honest, 4, 5),
            5_000_000_000,
            alike,
        );
        let chance = like(honest, 4, 2);
        add(of("a little from one who is alike at one end only"), usdc, chance, treasury, 10_000, Fate::Told("dust"));
        let other = like(honest, 2, 6);
        add(of("a counterfeit of one who is not alike"), fake, other, treasury, 7_000_000, Fate::Told("known_symbol"));
        add(
            of("a little of the coin from a stranger"),
            Asset::Coin,
            like(honest, 1, 1),
            treasury,
            1_000,
            Fate::Told("dust"),
        );
    }
    cases
}

fn settings() -> Settings {
    let mut settings = paying(Approval::None);
    settings.dust = BTreeMap::from([
        ((CHAIN, Asset::Token(USDC)), U256::from(100_000)),
        ((CHAIN, Asset::Coin), U256::from(10_000_000_000_000_u64)),
    ]);
    let payment = &mut settings.payments[0];
    let all = U256::from(u128::MAX);
    (payment.per_payment, payment.per_day, payment.in_total, payment.max_per_day) = (all, all, all, 10_000);
    settings.payees.values_mut().for_each(|payee| payee.per_day = all);
    // One rule pays for what comes in; another one speaks of everything.
    let mut everything = settings.rules[0].clone();
    everything.name = "everything".into();
    for (rule, direction, stage) in
        [(&mut settings.rules[0], Direction::In, Stage::Final), (&mut everything, Direction::Both, Stage::Seen)]
    {
        if let Condition::Transfer(condition) = &mut rule.condition {
            (condition.direction, condition.stages) = (direction, [stage].into());
        }
    }
    if let Condition::Transfer(condition) = &mut everything.condition {
        (condition.assets, condition.at_least) = (None, None);
    }
    settings.rules.push(everything);
    settings
}

fn key(it: &Movement) -> TransferKey {
    let Movement { tx, kind, asset, from, to, token_id, amount, .. } = *it;
    TransferKey { chain: CHAIN, tx, kind, asset, from, to, token_id, amount, nth: 0 }
}

/// A reactor and a chain of blocks.
struct Chain {
    reactor: Reactor,
    now: Timestamp,
    next: u64,
    told: Vec<Message>,
    /// What triggered a payment.
    paid: Vec<TransferId>,
}

impl Chain {
    fn new(settings: Settings) -> Self {
        let now = Timestamp::from_secs(1_700_000_000);
        let mut chain = Self { reactor: Reactor::default(), now, next: 100, told: Vec::new(), paid: Vec::new() };
        chain.handle(Event::Configured(Box::new(settings)));
        let source = SourceId { kind: SourceKind::Rpc, chain: Some(CHAIN), name: "a".into() };
        chain.handle(Event::Source(SourceReport { source, state: SourceState::Fresh }));
        let symbol = Some("USDC".into());
        chain.handle(Event::Token(TokenFacts { chain: CHAIN, contract: FAKE, decimals: Some(6), symbol }));
        chain
    }

    fn handle(&mut self, event: Event) {
        for effect in self.reactor.handle(self.now, event) {
            if let Effect::Tell(message) = effect {
                if let Body::Payment(payment) = &message.body {
                    self.paid.extend(payment.transfer);
                }
                self.told.push(*message);
            }
        }
    }

    fn block(&mut self, movements: Vec<Movement>) {
        let hash = |number: u64| B256::from(U256::from(number));
        self.now = self.now.after(Duration::from_secs(1));
        let at = BlockRef { number: self.next, hash: hash(self.next), parent: hash(self.next - 1) };
        let block = Block { at, time: self.now, base_fee: None, next_base_fee: None, movements, traced: true };
        self.next += 1;
        let (endpoint, blocks) = ("a".into(), vec![block]);
        self.handle(Event::Run(Run { chain: CHAIN, endpoint, blocks, part: RunPart::Tip, chosen_by: None }));
    }

    fn wait(&mut self, span: Duration) {
        let until = self.now.after(span);
        while let Some((due, deadline)) = self.reactor.next_deadline().filter(|(due, _)| *due <= until) {
            self.now = due.max(self.now);
            self.handle(Event::Deadline(deadline));
        }
        self.now = until;
    }

    fn transfers(&self) -> impl Iterator<Item = &TransferBody> {
        self.told.iter().filter_map(|message| match &message.body {
            Body::Transfer(transfer) => Some(&**transfer),
            _ => None,
        })
    }
}

/// A payment of each counterparty, which makes it known.
fn acquainted(settings: Settings) -> Chain {
    let mut chain = Chain::new(settings);
    for (nth, honest) in (0_u8..).zip(counterparties()) {
        let (kind, asset, amount) = (Kind::Token, Asset::Token(USDC), U256::from(1_000_000));
        let tx = B256::repeat_byte(nth);
        let (from, to) = if nth % 2 == 0 { (honest, address("A")) } else { (address("A"), honest) };
        chain.block(vec![Movement { tx, kind, asset, from, to, token_id: None, amount, log_index: None }]);
    }
    chain.told.clear();
    chain
}

#[test]
fn the_corpus_is_told_folded_and_never_paid_for_as_it_should_be() {
    let cases = corpus();
    assert!(cases.len() >= 200, "{}", cases.len());
    let mut chain = acquainted(settings());
    let (mut right, mut folded_rightly, mut folded, mut poison) = (0, 0, 0, 0);
    for case in &cases {
        chain.told.clear();
        chain.block(vec![case.movement]);
        let marks = chain
            .transfers()
            .find(|told| told.key.tx == case.movement.tx && told.stage == Stage::Seen)
            .map(|told| told.suspect.words().join(" "));
        let fate = match &marks {
            None => Fate::Folded,
            Some(marks) => Fate::Told(
                if let Fate::Told(expected) = case.fate
                    && expected == marks
                {
                    expected
                } else {
                    "other marks"
                },
            ),
        };
        poison += usize::from(case.fate == Fate::Folded);
        folded += usize::from(fate == Fate::Folded);
        folded_rightly += usize::from(fate == Fate::Folded && case.fate == Fate::Folded);
        assert_eq!(fate, case.fate, "{}: {marks:?}", case.name);
        right += 1;
    }
    // Not by `println`: what a passing test prints is not shown.
    let _ = writeln!(
        std::io::stderr(),
        "poisoning corpus: {right} cases, {poison} of poison; {folded} folded, of which {folded_rightly} are poison: precision {:.3}, recall {:.3}",
        f64::from(u32::try_from(folded_rightly).expect("few")) / f64::from(u32::try_from(folded).expect("few")),
        f64::from(u32::try_from(folded_rightly).expect("few")) / f64::from(u32::try_from(poison).expect("few")),
    );
    // Final, by which time everything that may be paid for is.
    chain.told.clear();
    for _ in 0..10 {
        chain.block(Vec::new());
    }
    let paid = chain.paid;
    assert!(!paid.is_empty(), "honest payments are paid for: this could fail");
    let marked = cases.iter().filter(|case| case.fate != Fate::Told(""));
    for case in marked {
        assert!(!paid.contains(&key(&case.movement).id()), "{}: nothing that is marked is paid for", case.name);
    }
    let honest = cases.iter().filter(|case| case.fate == Fate::Told("") && case.movement.to == address("A"));
    assert!(honest.clone().count() > 0 && honest.into_iter().any(|case| paid.contains(&key(&case.movement).id())));
}

#[test]
fn what_was_folded_is_named_once_a_day_and_what_is_too_much_is_counted() {
    let mut chain = acquainted(settings());
    let poison: Vec<Case> = corpus().into_iter().filter(|case| case.fate == Fate::Folded).collect();
    for case in &poison {
        chain.block(vec![case.movement]);
    }
    chain.told.clear();
    // The day goes on over a restart.
    chain.reactor = Reactor::restore(chain.reactor.tables(), chain.now);
    chain.handle(Event::Configured(Box::new(settings())));
    chain.wait(Duration::from_hours(25));
    let digests = chain.told.iter().filter_map(|message| match &message.body {
        Body::Digest(digest) => Some(digest),
        _ => None,
    });
    let (mut named, mut more) = (Vec::new(), 0);
    for digest in digests {
        assert!(digest.entries.len() <= 10, "each chat shows it whole");
        named.extend(digest.entries.iter().map(ToString::to_string));
        more += digest.more;
    }
    assert_eq!(
        (named.len(), more),
        (MOST_SUSPECTS, (poison.len() - MOST_SUSPECTS) as u64),
        "each is named, or counted"
    );
    let first = &poison[0].movement;
    assert!(
        named[0].contains(&first.to.to_string()) && named[0].contains(&first.tx.to_string()),
        "whole: {}",
        named[0]
    );
    chain.told.clear();
    chain.wait(Duration::from_hours(48));
    assert!(
        !chain.told.iter().any(|message| matches!(message.body, Body::Digest(_))),
        "a day without suspects has no digest"
    );
}

#[test]
fn who_asks_for_suspects_hears_of_them_at_once() {
    let mut settings = settings();
    for rule in &mut settings.rules {
        if let Condition::Transfer(condition) = &mut rule.condition {
            condition.show_suspect = true;
        }
    }
    let mut chain = acquainted(settings);
    let cases = corpus();
    for case in &cases {
        chain.block(vec![case.movement]);
    }
    assert_eq!(chain.transfers().filter(|told| told.stage == Stage::Seen).count(), cases.len());
    chain.told.clear();
    chain.wait(Duration::from_hours(25));
    assert!(!chain.told.iter().any(|message| matches!(message.body, Body::Digest(_))));
}

#[test]
fn alike_is_what_shares_both_ends() {
    let one = counterparties()[3];
    let check = |begin: usize, end: usize, expected: bool| {
        assert_eq!(look_alike(one, like(one, begin, end)), expected, "{begin} and {end}");
    };
    for (begin, end) in [(3, 4), (4, 3), (4, 4), (10, 10), (3, 20)] {
        check(begin, end, true);
    }
    for (begin, end) in [(0, 0), (2, 12), (12, 2), (3, 3), (6, 0), (0, 6)] {
        check(begin, end, false);
    }
    assert!(!look_alike(one, one));
}
