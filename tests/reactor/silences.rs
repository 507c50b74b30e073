//! Silences as a table, on a clock of the test's own.

use crate::names::{CHAIN, USDC, address};
use crate::settings::{balance_rule, base, price_rule};
use std::collections::BTreeMap;
use std::time::Duration;
use walletwatch::reactor::Reactor;
use walletwatch::reactor::effect::{Body, Effect, Message, Reply};
use walletwatch::reactor::event::{
    Balances, Command, DeliveryReport, Event, ReadAt, Run, RunPart, SourceId, SourceKind, SourceReport, SourceState,
    Tick,
};
use walletwatch::reactor::hush::{SilenceAnswer, SilenceOrder};
use walletwatch::reactor::quiet::{QuietRow, Silence};
use walletwatch::reactor::rows::{AlertRow, Row, TransferRow};
use walletwatch::reactor::settings::Settings;
use walletwatch::reactor::why::Looked;
use walletwatch::types::{
    AlertId, Asset, B256, Block, BlockRef, Kind, Movement, Name, Price, Severity, Timestamp, TransferId, U256,
};

const HOUR: Duration = Duration::from_hours(1);

/// A silence of everything that its labels leave open.
fn silence(labels: &[(&str, &str)]) -> Silence {
    let label = |key: &str| labels.iter().find(|(is, _)| *is == key).map(|(_, value)| Name::from(*value));
    Silence {
        number: 0,
        rule: label("rule"),
        watch: label("watch"),
        chain: label("chain"),
        types: label("types"),
        up_to: label("up_to").and_then(|word| Severity::from_word(word.as_str())).unwrap_or(Severity::Critical),
        from: Timestamp::default(),
        until: Timestamp::default(),
        author: "admin".into(),
        comment: "the vault moves".into(),
        over: false,
    }
}

pub(crate) struct Stage {
    pub(crate) reactor: Reactor,
    pub(crate) settings: Settings,
    pub(crate) now: Timestamp,
    next: u64,
    pub(crate) told: Vec<Message>,
    /// What the last digest named.
    entries: Vec<String>,
    /// Every row of an alert, as it was last written.
    pub(crate) alerts: BTreeMap<AlertId, AlertRow>,
    /// Every row of a transfer, as it was last written.
    pub(crate) transfers: BTreeMap<TransferId, TransferRow>,
    pub(crate) looked: Vec<Looked>,
}

impl Stage {
    pub(crate) fn new(settings: Settings) -> Self {
        let mut stage = Self {
            reactor: Reactor::default(),
            settings: settings.clone(),
            now: Timestamp::from_secs(1_700_000_000),
            next: 100,
            told: Vec::new(),
            entries: Vec::new(),
            alerts: BTreeMap::new(),
            transfers: BTreeMap::new(),
            looked: Vec::new(),
        };
        stage.handle(Event::Configured(Box::new(settings)));
        let source = SourceId { kind: SourceKind::Rpc, chain: Some(CHAIN), name: "a".into() };
        stage.handle(Event::Source(SourceReport { source, state: SourceState::Fresh }));
        stage
    }

    pub(crate) fn handle(&mut self, event: Event) -> Option<SilenceAnswer> {
        let mut answer = None;
        for effect in self.reactor.handle(self.now, event) {
            match effect {
                Effect::Tell(message) => self.told.push(*message),
                Effect::Answer(answered) => match *answered {
                    Reply::Silences(silences) => answer = Some(silences),
                    Reply::Why(looked) => self.looked = looked,
                    Reply::Watches(_) | Reply::Payments(_) | Reply::WhyPayment(_) => {}
                },
                Effect::Put(Row::Alert(row)) => drop(self.alerts.insert(row.id, *row)),
                Effect::Put(Row::Transfer(row)) => drop(self.transfers.insert(row.id, *row)),
                Effect::Put(_) | Effect::Delete(_) | Effect::Notice(_) => {}
            }
        }
        answer
    }

    pub(crate) fn silence(&mut self, labels: &[(&str, &str)], lasts: Duration) -> u32 {
        let order = SilenceOrder::Add { silence: silence(labels), lasts };
        match self.handle(Event::Command(Command::Silence(Box::new(order)))) {
            Some(SilenceAnswer::Silences(_, Some(number))) => number,
            other => panic!("{other:?}"),
        }
    }

    /// A payment to A in a block of its own.
    fn pay(&mut self) {
        self.moves(Kind::Coin, Asset::Coin, "S", "A", 7);
    }

    /// A movement in a block of its own.
    pub(crate) fn moves(&mut self, kind: Kind, asset: Asset, from: &str, to: &str, amount: u128) {
        let tx = B256::from(U256::from(self.next));
        let (from, to, amount) = (address(from), address(to), U256::from(amount));
        let movement = Movement { tx, kind, asset, from, to, token_id: None, amount, log_index: None };
        self.mine(0, vec![movement]);
    }

    /// A block on the tip, or in the place of the newest ones.
    fn mine(&mut self, instead_of: u64, movements: Vec<Movement>) {
        let hash = |number: u64| B256::from(U256::from(number));
        self.now = self.now.after(Duration::from_secs(1));
        let first = self.next - instead_of;
        let mut blocks = Vec::new();
        for number in first..=self.next {
            // What replaces a block has another hash.
            let own =
                |number: u64| if number < first || instead_of == 0 { hash(number) } else { hash(number + 1_000_000) };
            let at = BlockRef { number, hash: own(number), parent: own(number - 1) };
            let movements = if number == self.next { movements.clone() } else { Vec::new() };
            blocks.push(Block { at, time: self.now, base_fee: None, next_base_fee: None, movements, traced: true });
        }
        self.next += 1;
        self.handle(Event::Run(Run {
            chain: CHAIN,
            endpoint: "a".into(),
            blocks,
            part: RunPart::Tip,
            chosen_by: None,
        }));
    }

    /// The newest block, as a balance is read in it.
    pub(crate) fn tip(&self) -> ReadAt {
        let number = self.next - 1;
        ReadAt { number, hash: Some(B256::from(U256::from(number))) }
    }

    pub(crate) fn price(&mut self, value: &str) {
        let (feed, pair) = ("feed".into(), crate::names::pair());
        let price = Price::parse(value).expect("a price");
        self.handle(Event::Tick(Tick { feed, pair, price, time: self.now }));
    }

    pub(crate) fn wait(&mut self, span: Duration) {
        let until = self.now.after(span);
        while let Some((due, deadline)) = self.reactor.next_deadline().filter(|(due, _)| *due <= until) {
            self.now = due.max(self.now);
            self.handle(Event::Deadline(deadline));
        }
        self.now = until;
    }

    /// What was told since it was last asked, in words.
    pub(crate) fn said(&mut self) -> Vec<String> {
        // An hour without blocks is another matter.
        let told = self.told.drain(..).filter(|message| !matches!(message.body, Body::Source(_)));
        let entries = &mut self.entries;
        let words = told.map(|message| match &message.body {
            Body::Digest(digest) => {
                *entries = digest.entries.iter().map(ToString::to_string).collect();
                format!("digest of {}", digest.entries.len())
            }
            _ => message.kind.word().to_owned(),
        });
        words.collect()
    }
}

#[test]
fn a_silence_keeps_what_fits_every_label_and_nothing_else() {
    let check = |labels: &[(&str, &str)], silent: bool| {
        let mut stage = Stage::new(base());
        stage.silence(labels, HOUR);
        stage.pay();
        let said = stage.said();
        assert_eq!(said.is_empty(), silent, "{labels:?}: {said:?}");
    };
    check(&[("rule", "all")], true);
    check(&[("rule", "other")], false);
    check(&[("watch", "treasury")], true);
    check(&[("watch", "hot")], false);
    check(&[("chain", "dev")], true);
    check(&[("chain", "ethereum")], false);
    check(&[("types", "transfer.*")], true);
    check(&[("types", "transfer.seen")], true);
    check(&[("types", "price.*")], false);
    check(&[("rule", "all"), ("watch", "hot")], false);
    check(&[("rule", "all"), ("up_to", "info")], true);
}

#[test]
fn what_was_kept_is_named_when_the_silence_ends_and_then_everything_is_said_again() {
    let mut stage = Stage::new(base());
    stage.pay();
    assert_eq!(stage.said(), ["transfer.seen"]);
    stage.silence(&[("rule", "all")], HOUR);
    stage.pay();
    stage.pay();
    assert_eq!(stage.said(), [""; 0]);
    // The silence and what it kept are rows.
    stage.reactor = Reactor::restore(stage.reactor.tables(), stage.now);
    stage.handle(Event::Configured(Box::new(stage.settings.clone())));
    stage.pay();
    assert_eq!(stage.said(), [""; 0], "what is confirmed now is silent too");
    stage.wait(HOUR);
    let said = stage.said();
    assert_eq!(said, ["digest of 4"], "each alert once: three that were seen, and one that was told before");
    let count =
        |states: &str| stage.entries.iter().filter(|entry| entry.contains(&format!("; {states}; alert "))).count();
    let counts = (count("seen, confirmed"), count("seen"), count("confirmed"));
    assert_eq!(counts, (1, 2, 1), "with the stages that it reached: {:?}", stage.entries);
    stage.pay();
    assert!(stage.said().contains(&"transfer.seen".to_owned()));
    // One that a person ends before its time.
    let number = stage.silence(&[("chain", "dev")], HOUR);
    stage.pay();
    stage.said();
    stage.handle(Event::Command(Command::Silence(Box::new(SilenceOrder::End(number)))));
    assert!(stage.said().iter().all(|said| said.starts_with("digest of ")));
    let again = stage.handle(Event::Command(Command::Silence(Box::new(SilenceOrder::End(number)))));
    assert_eq!(again, Some(SilenceAnswer::Unknown(number)));
    // An id means one silence for ever, over a restart too.
    stage.reactor = Reactor::restore(stage.reactor.tables(), stage.now);
    stage.handle(Event::Configured(Box::new(stage.settings.clone())));
    assert!(stage.silence(&[("chain", "dev")], HOUR) > number);
    assert_eq!(
        stage.reactor.tables().quiet.len(),
        3 + stage.reactor.tables().quiet.iter().filter(|row| is_known(row)).count()
    );
}

fn is_known(row: &QuietRow) -> bool {
    matches!(row, QuietRow::Known(_))
}

#[test]
fn what_was_kept_and_taken_back_meanwhile_says_so() {
    let mut stage = Stage::new(base());
    stage.silence(&[("rule", "all")], HOUR);
    stage.pay();
    stage.mine(1, Vec::new());
    assert_eq!(stage.said(), [""; 0], "nobody was told of it");
    stage.wait(HOUR);
    assert_eq!(stage.said(), ["digest of 1"]);
    assert!(stage.entries[0].contains("; seen, retracted; alert "), "{:?}", stage.entries);
}

/// What a rule says, and to whom, for its severity and each sink's filter.
#[test]
fn a_message_goes_to_the_sinks_of_its_rule_that_take_its_severity_and_type() {
    use Severity::{Critical, Info, Warning};
    let check = |severity: Severity, min: Severity, types: &[&str], expected: &[&str]| {
        let mut settings = base();
        (settings.rules[0].severity, settings.rules[0].notify) = (severity, vec!["ops".into(), "chat".into()]);
        if let Some(chat) = settings.sinks.get_mut(&Name::from("chat")) {
            (chat.min_severity, chat.types) = (min, types.iter().map(|word| Name::from(*word)).collect());
        }
        let mut stage = Stage::new(settings);
        stage.pay();
        let told: Vec<&str> = stage.told.iter().flat_map(|message| message.sinks.iter().map(Name::as_str)).collect();
        assert_eq!(told, expected, "{severity:?} to {min:?} {types:?}");
    };
    check(Info, Info, &[], &["ops", "chat"]);
    check(Info, Warning, &[], &["ops"]);
    check(Warning, Warning, &[], &["ops", "chat"]);
    check(Critical, Warning, &[], &["ops", "chat"]);
    check(Critical, Info, &["payment.*"], &["ops"]);
    check(Critical, Info, &["transfer.confirmed"], &["ops"]);
    check(Info, Info, &["transfer.confirmed", "transfer.se*"], &["ops", "chat"]);
    check(Info, Critical, &["transfer.*"], &["ops"]);
}

/// Crossings at these seconds, and those of them that are said.
#[test]
fn a_rule_speaks_at_most_as_often_as_it_says_and_of_what_it_did_not_say_it_says_no_end() {
    let check = |every: Option<u64>, crossings: &[u64], said: &[u64]| {
        let mut stage = Stage::new(price_rule(0, every));
        let mut heard = Vec::new();
        for second in crossings {
            let due = Timestamp::from_secs(1_700_000_000 + second);
            stage.wait(due.since(stage.now));
            stage.price("99");
            let crossed = stage.said();
            stage.price("200");
            let ended = stage.said();
            assert_eq!(
                crossed.len(),
                ended.len(),
                "who heard that it began hears that it is over: {crossed:?} {ended:?}"
            );
            heard.extend((!crossed.is_empty()).then_some(*second));
        }
        assert_eq!(heard, said, "every {every:?}");
    };
    check(None, &[1, 2, 3], &[1, 2, 3]);
    check(Some(3_600), &[1, 2, 3_599, 3_600, 3_601, 3_602, 7_201], &[1, 3_601, 7_201]);
    check(Some(60), &[0, 59, 60, 100, 119, 120, 121], &[0, 60, 120]);
}

#[test]
fn the_end_of_what_was_told_is_told_in_spite_of_a_silence_and_of_what_was_not_is_not() {
    let mut stage = Stage::new(price_rule(0, None));
    stage.price("99");
    assert_eq!(stage.said(), ["price.crossed"]);
    stage.silence(&[("types", "price.*")], HOUR);
    stage.price("200");
    assert_eq!(stage.said(), ["price.recovered"], "who was told that it began is told that it is over");
    stage.price("99");
    stage.price("200");
    assert_eq!(stage.said(), [""; 0]);
    stage.wait(HOUR);
    assert!(stage.said().contains(&"digest of 1".to_owned()));
    let facts = "low: ETH-USD at 99, below 100, as of ";
    let became = "; price.crossed, price.recovered; alert ";
    assert!(stage.entries[0].starts_with(facts) && stage.entries[0].contains(became), "{:?}", stage.entries);
}

/// What silences kept and lasts, how it goes on meanwhile and afterwards, and what is said at the end of the silence, and then.
#[test]
fn what_is_so_still_when_its_silence_ends_is_told_then_and_its_end_too() {
    type Act = fn(&mut Stage);
    let check = |settings: Settings, [begins, meanwhile, after]: [Act; 3], expected: [&[&str]; 2]| {
        let mut stage = Stage::new(settings);
        let number = stage.silence(&[], HOUR);
        begins(&mut stage);
        assert_eq!(stage.said(), [""; 0]);
        let untold = |stage: &Stage| {
            let rows = stage.alerts.values().filter(|row| row.untold.is_some());
            rows.map(|row| (row.told.len(), row.untold.clone().map(|why| why.to_string()).unwrap_or_default()))
                .collect::<Vec<_>>()
        };
        let kept = untold(&stage);
        let words = format!("silence {number} by admin (the vault moves), set at ");
        assert!(kept.len() == 1 && kept[0].0 == 0 && kept[0].1.starts_with(&words), "{kept:?}");
        meanwhile(&mut stage);
        stage.reactor = Reactor::restore(stage.reactor.tables(), stage.now);
        stage.handle(Event::Configured(Box::new(stage.settings.clone())));
        meanwhile(&mut stage);
        stage.handle(Event::Command(Command::Silence(Box::new(SilenceOrder::End(number)))));
        let at_its_end = stage.said();
        after(&mut stage);
        let then = stage.said();
        assert_eq!((at_its_end, then), (words_of(expected[0]), words_of(expected[1])));
        if expected[0] == ["digest of 1"] {
            assert_eq!(stage.entries.len(), 1, "{:?}", stage.entries);
            // Of what nothing can change any more the digest itself says it (`store::digests`).
            assert_eq!(untold_open(&stage), 0, "it was told in the end");
        } else {
            assert_eq!(untold(&stage), [], "it was told in the end");
        }
    };
    let low: Act = |stage| stage.price("99");
    let high: Act = |stage| stage.price("200");
    let nothing: Act = |_| {};
    let price = || price_rule(0, None);
    // It is low still, and recovers.
    check(price(), [low, low, high], [&["price.crossed"], &["price.recovered"]]);
    // It is low when the restart forgets the price: the digest says it was, and its end is told.
    check(price(), [low, nothing, high], [&["digest of 1"], &["price.recovered"]]);
    // It recovered meanwhile.
    check(price(), [low, high, nothing], [&["digest of 1"], &[]]);
    let failing: Act = |stage| {
        let since = stage.now;
        stage.handle(Event::Delivery(DeliveryReport::Failing {
            sink: "chat".into(),
            since,
            reason: "HTTP 503".into(),
        }));
    };
    let works: Act = |stage| drop(stage.handle(Event::Delivery(DeliveryReport::Recovered { sink: "chat".into() })));
    check(base(), [failing, nothing, works], [&["sink.failing"], &["sink.recovered"]]);
    check(base(), [failing, works, nothing], [&["digest of 1"], &[]]);
    let falls: Act = |stage| {
        stage.moves(Kind::Coin, Asset::Coin, "S", "A", 7);
        reads(stage, 50);
    };
    let recovers: Act = |stage| reads(stage, 160);
    check(balance_rule(0), [falls, nothing, recovers], [&["balance.crossed"], &["balance.recovered"]]);
    check(balance_rule(0), [falls, recovers, nothing], [&["digest of 1"], &[]]);
    // A transfer is named, and who was told so is told that it is taken back.
    let pays: Act = Stage::pay;
    let reorg: Act = |stage| stage.mine(1, Vec::new());
    check(base(), [pays, nothing, reorg], [&["digest of 1"], &["transfer.retracted"]]);
    check(base(), [pays, nothing, nothing], [&["digest of 1"], &[]]);
}

#[test]
fn who_had_a_suspect_in_the_daily_digest_hears_that_it_is_taken_back() {
    let mut stage = Stage::new(base());
    stage.moves(Kind::Token, Asset::Token(USDC), "A", "S", 0);
    assert_eq!(stage.said(), [""; 0]);
    stage.wait(Duration::from_hours(25));
    assert_eq!(stage.said(), ["digest of 1"]);
    stage.mine(1, Vec::new());
    assert_eq!(stage.said(), ["transfer.retracted"]);
}

/// Alerts that can change still, and of which nobody is said to have heard.
fn untold_open(stage: &Stage) -> usize {
    stage.alerts.values().filter(|row| !row.closed && row.untold.is_some()).count()
}

/// What a trouble is said to be when a silence over it ends: why, too.
#[test]
fn a_trouble_keeps_its_reason_over_a_silence_and_a_restart() {
    let mut stage = Stage::new(base());
    let mut number = stage.silence(&[], HOUR);
    let (since, reason) = (stage.now, "HTTP 503".into());
    stage.handle(Event::Delivery(DeliveryReport::Failing { sink: "chat".into(), since, reason }));
    stage.reactor = Reactor::restore(stage.reactor.tables(), stage.now);
    stage.handle(Event::Configured(Box::new(stage.settings.clone())));
    for _ in 0..2 {
        stage.told.clear();
        stage.handle(Event::Command(Command::Silence(Box::new(SilenceOrder::End(number)))));
        let said: Vec<&Body> = stage.told.iter().map(|message| &message.body).collect();
        let [Body::Sink(body)] = said[..] else { panic!("{said:?}") };
        assert_eq!(body.reason.as_str(), "HTTP 503; it is so still, and a silence kept it from being said until now");
        // A second one over the same trouble.
        number = stage.silence(&[], HOUR);
        stage.handle(Event::Delivery(DeliveryReport::Recovered { sink: "chat".into() }));
        stage.handle(Event::Delivery(DeliveryReport::Failing {
            sink: "chat".into(),
            since,
            reason: "HTTP 503".into(),
        }));
    }
}

fn reads(stage: &mut Stage, amount: u64) {
    let (at, read) = (stage.tip(), vec![(address("A"), Asset::Token(USDC), Ok(U256::from(amount)))]);
    stage.handle(Event::Balances(Balances { chain: CHAIN, source: "a".into(), at, read }));
}

fn words_of(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}
