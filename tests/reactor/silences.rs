//! Silences as a table, on a clock of the test's own.

use crate::names::{CHAIN, address};
use crate::settings::{base, price_rule};
use std::time::Duration;
use walletwatch::reactor::Reactor;
use walletwatch::reactor::effect::{Body, Effect, Message, Reply};
use walletwatch::reactor::event::{
    Command, Event, Run, RunPart, SourceId, SourceKind, SourceReport, SourceState, Tick,
};
use walletwatch::reactor::hush::{SilenceAnswer, SilenceOrder};
use walletwatch::reactor::quiet::Silence;
use walletwatch::reactor::settings::Settings;
use walletwatch::types::{Asset, B256, Block, BlockRef, Kind, Movement, Name, Price, Severity, Timestamp, U256};

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
    }
}

struct Stage {
    reactor: Reactor,
    settings: Settings,
    now: Timestamp,
    next: u64,
    told: Vec<Message>,
}

impl Stage {
    fn new(settings: Settings) -> Self {
        let now = Timestamp::from_secs(1_700_000_000);
        let reactor = Reactor::default();
        let mut stage = Self { reactor, settings: settings.clone(), now, next: 100, told: Vec::new() };
        stage.handle(Event::Configured(Box::new(settings)));
        let source = SourceId { kind: SourceKind::Rpc, chain: Some(CHAIN), name: "a".into() };
        stage.handle(Event::Source(SourceReport { source, state: SourceState::Fresh }));
        stage
    }

    fn handle(&mut self, event: Event) -> Option<SilenceAnswer> {
        let mut answer = None;
        for effect in self.reactor.handle(self.now, event) {
            match effect {
                Effect::Tell(message) => self.told.push(*message),
                Effect::Answer(answered) => match *answered {
                    Reply::Silences(silences) => answer = Some(silences),
                    Reply::Watches(_) | Reply::Payments(_) | Reply::Why(_) | Reply::WhyPayment(_) => {}
                },
                Effect::Put(_) | Effect::Delete(_) | Effect::Notice(_) => {}
            }
        }
        answer
    }

    fn silence(&mut self, labels: &[(&str, &str)], lasts: Duration) -> u32 {
        let order = SilenceOrder::Add { silence: silence(labels), lasts };
        match self.handle(Event::Command(Command::Silence(Box::new(order)))) {
            Some(SilenceAnswer::Silences(_, Some(number))) => number,
            other => panic!("{other:?}"),
        }
    }

    /// A payment to A in a block of its own.
    fn pay(&mut self) {
        let hash = |number: u64| B256::from(U256::from(number));
        self.now = self.now.after(Duration::from_secs(1));
        let at = BlockRef { number: self.next, hash: hash(self.next), parent: hash(self.next - 1) };
        self.next += 1;
        let (from, to, amount) = (address("S"), address("A"), U256::from(7));
        let movement = Movement {
            tx: at.hash,
            kind: Kind::Coin,
            asset: Asset::Coin,
            from,
            to,
            token_id: None,
            amount,
            log_index: None,
        };
        let block =
            Block { at, time: self.now, base_fee: None, next_base_fee: None, movements: vec![movement], traced: true };
        let (endpoint, blocks) = ("a".into(), vec![block]);
        self.handle(Event::Run(Run { chain: CHAIN, endpoint, blocks, part: RunPart::Tip, chosen_by: None }));
    }

    fn price(&mut self, value: &str) {
        let (feed, pair) = ("feed".into(), crate::names::pair());
        let price = Price::parse(value).expect("a price");
        self.handle(Event::Tick(Tick { feed, pair, price, time: self.now }));
    }

    fn wait(&mut self, span: Duration) {
        let until = self.now.after(span);
        while let Some((due, deadline)) = self.reactor.next_deadline().filter(|(due, _)| *due <= until) {
            self.now = due.max(self.now);
            self.handle(Event::Deadline(deadline));
        }
        self.now = until;
    }

    /// What was told since it was last asked, in words.
    fn said(&mut self) -> Vec<String> {
        // An hour without blocks is another matter.
        let told = self.told.drain(..).filter(|message| !matches!(message.body, Body::Source(_)));
        let words = told.map(|message| match &message.body {
            Body::Digest(digest) => format!("digest of {}", digest.entries.len()),
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
    assert_eq!(said, ["digest of 5"], "three that were seen, and two that were confirmed meanwhile");
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
}
