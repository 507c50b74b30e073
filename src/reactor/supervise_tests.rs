//! What is said of chains, feeds and sinks in trouble: event by event, message by message.

use super::super::effect::Message;
use super::super::event::{DeliveryReport, Event, Explored, Head, List, NoPrice, Run, RunPart, Tick, Unlistable};
use super::super::rows::Tables;
use super::super::settings::{
    Condition, Confirmed, PriceCondition, Rule, Settings, Side, SinkSettings, SystemSettings, Threshold, Watch,
};
use super::*;
use crate::types::gas::Fee;
use crate::types::{Address, B256, Block, BlockRef, MessageId, Pair, Price, U256};

pub(in crate::reactor) const CHAIN: ChainId = ChainId(1);

pub(in crate::reactor) fn at(seconds: u64) -> Timestamp {
    Timestamp::from_secs(1_700_000_000 + seconds)
}

pub(in crate::reactor) fn pair(text: &str) -> Pair {
    Pair::parse(text).expect("it is a pair")
}

pub(in crate::reactor) fn price(text: &str) -> Price {
    Price::parse(text).expect("it is a price")
}

/// One chain with two endpoints, two sinks, and a feed of two pairs with a rule each: below 100, until 110.
pub(in crate::reactor) fn settings() -> Settings {
    let chain = ChainSettings {
        name: "ethereum".into(),
        id: CHAIN,
        coin: "ETH".into(),
        coin_decimals: 18,
        block_time: Duration::from_secs(12),
        confirmed: Confirmed::Depth(3),
        final_after: 64,
        finalized_tag: false,
        endpoints: vec!["main".into(), "backup".into()],
        explorer: None,
        stale_after: Duration::from_mins(1),
        tx_url: None,
    };
    let sink = |name: &str| {
        let sink = SinkSettings { name: name.into(), min_severity: Severity::Info, types: vec![] };
        (sink.name.clone(), sink)
    };
    let rule = |text: &str| {
        let threshold = Threshold {
            side: Side::Below,
            level: price("100"),
            recovers_at: price("110"),
            hold: Duration::ZERO,
            at_most_every: None,
        };
        let condition = Condition::Price(PriceCondition { pair: pair(text), threshold });
        Rule { name: text.into(), severity: Severity::Warning, notify: vec!["ops".into()], condition }
    };
    Settings {
        chains: [(CHAIN, chain)].into(),
        sinks: [sink("ops"), sink("chat")].into(),
        rules: vec![rule("BTC-USD"), rule("ETH-USD")],
        system: SystemSettings { notify: vec!["ops".into(), "chat".into()], disabled: [].into(), heartbeat: None },
        feeds: [("coinbase".into(), vec![pair("BTC-USD"), pair("ETH-USD")])].into(),
        ..Settings::default()
    }
}

pub(in crate::reactor) fn reactor() -> Reactor {
    let mut reactor = Reactor::restore(Tables::default(), at(0));
    reactor.handle(at(0), Event::Configured(Box::new(settings())));
    reactor
}

/// The messages that follow from an event.
pub(in crate::reactor) fn told(reactor: &mut Reactor, second: u64, event: Event) -> Vec<Message> {
    let effects = reactor.handle(at(second), event);
    let message = |effect| if let Effect::Tell(message) = effect { Some(*message) } else { None };
    effects.into_iter().filter_map(message).collect()
}

pub(in crate::reactor) fn source(kind: SourceKind, name: &str, state: SourceState) -> Event {
    let chain = (kind == SourceKind::Rpc).then_some(CHAIN);
    Event::Source(SourceReport { source: SourceId { kind, chain, name: name.into() }, state })
}

#[test]
fn a_blind_chain_says_what_each_endpoint_said_where_none_works() {
    let refused = |why: &str| SourceState::Refused(why.into());
    let failed = |why: &str| SourceState::BackingOff(why.into());
    let check = |states: &[(&str, SourceState)], expected: &str| {
        let mut reactor = reactor();
        for (name, state) in states {
            reactor.handle(at(1), source(SourceKind::Rpc, name, state.clone()));
        }
        let silent = Event::Deadline(Deadline::Silent(Subject::Chain(CHAIN)));
        let messages = told(&mut reactor, 60, silent);
        let reason = messages.iter().find_map(|message| match &message.body {
            Body::Source(body) => Some(body.reason.as_str()),
            _ => None,
        });
        assert_eq!(reason, Some(expected), "{states:?}");
    };
    check(&[], "no new block for 60 s");
    check(&[("main", refused("wrong chain"))], "no new block for 60 s");
    check(&[("main", refused("wrong chain")), ("backup", SourceState::Fresh)], "no new block for 60 s");
    check(&[("main", refused("wrong chain")), ("backup", SourceState::Stale)], "no new block for 60 s");
    check(
        &[("backup", failed("timeout")), ("main", refused("wrong chain"))],
        "no new block for 60 s; main: wrong chain; backup: timeout",
    );
    let twice = [("main", failed("timeout")), ("backup", failed("dns")), ("main", refused("access denied"))];
    check(&twice, "no new block for 60 s; main: access denied; backup: dns");
}

/// The same, on two chains that an explorer covers.
fn explored_reactor() -> Reactor {
    let mut settings = settings();
    let chain =
        ChainSettings { endpoints: vec![], explorer: Some("etherscan".into()), ..settings.chains[&CHAIN].clone() };
    let other = ChainSettings { id: ChainId(137), name: "polygon".into(), ..chain.clone() };
    settings.chains = [(CHAIN, chain), (ChainId(137), other)].into();
    let watch = Watch {
        name: "treasury".into(),
        addresses: std::sync::Arc::new([Address::repeat_byte(7)].into_iter().collect()),
        chains: vec![CHAIN],
        tags: vec![],
        from_block: None,
    };
    settings.watches = vec![watch].into();
    let mut reactor = Reactor::restore(Tables::default(), at(0));
    reactor.handle(at(0), Event::Configured(Box::new(settings)));
    reactor
}

/// An explorer's state, on a chain or of its account.
fn explorer(chain: Option<u64>, state: SourceState) -> Event {
    let source = SourceId { kind: SourceKind::Explorer, chain: chain.map(ChainId), name: "etherscan".into() };
    Event::Source(SourceReport { source, state })
}

/// Of the built-in alerts: kind, chain, reason.
fn blind(messages: Vec<Message>) -> Vec<(&'static str, Option<Name>, String)> {
    let said = |message: Message| match message.body {
        Body::Source(body) => (message.kind.word(), body.chain, body.reason.as_str().to_owned()),
        other => panic!("{other:?}"),
    };
    messages.into_iter().map(said).collect()
}

#[test]
fn what_befalls_an_explorer_s_account_is_said_once_and_taken_back_once() {
    let mut reactor = explored_reactor();
    let refused = || SourceState::Refused("the key is not valid: check it".into());
    let plan = SourceState::Refused("not in the plan".into());
    assert_eq!(
        blind(told(&mut reactor, 1, explorer(Some(137), plan.clone()))),
        [("source.blind", Some("polygon".into()), "not in the plan".to_owned())]
    );
    assert_eq!(
        blind(told(&mut reactor, 2, explorer(None, refused()))),
        [("source.blind", None, "the key is not valid: check it".to_owned())]
    );
    let states: Vec<_> = reactor.sources().map(|(id, state)| (id.chain, state.clone())).collect();
    assert_eq!(
        states,
        [(None, refused()), (Some(CHAIN), refused()), (Some(ChainId(137)), plan)],
        "each chain's own trouble stays"
    );
    assert_eq!(blind(told(&mut reactor, 3, explorer(None, refused()))), []);
    assert_eq!(
        blind(told(&mut reactor, 63, explorer(Some(1), SourceState::Fresh))),
        [("source.recovered", None, "back after 61 s".to_owned())]
    );
    assert_eq!(
        blind(told(&mut reactor, 64, explorer(Some(137), SourceState::Fresh))),
        [("source.recovered", Some("polygon".into()), "back after 63 s".to_owned())]
    );
}

#[test]
fn an_account_whose_day_is_over_is_a_blind_source_that_says_until_when() {
    let mut reactor = explored_reactor();
    reactor.handle(at(1), explorer(Some(1), SourceState::Fresh));
    assert_eq!(told(&mut reactor, 2, explorer(None, SourceState::OverBudget(at(9_000)))), []);
    let account = SourceId { kind: SourceKind::Explorer, chain: None, name: "etherscan".into() };
    let silent = Event::Deadline(Deadline::Silent(Subject::Source(account)));
    let said = blind(told(&mut reactor, 122, silent));
    assert_eq!(said, [("source.blind", None, format!("its calls are used up until {}", at(9_000)))]);
    let back = blind(told(&mut reactor, 9_000, explorer(Some(137), SourceState::Fresh)));
    assert_eq!(back, [("source.recovered", None, "back after 8998 s".to_owned())]);
}

#[test]
fn a_list_that_cannot_be_read_past_a_block_is_said_until_it_was() {
    let mut reactor = explored_reactor();
    let (address, list) = (Address::repeat_byte(7), List::Tokens);
    let stuck = || Event::Unlistable(Unlistable { chain: CHAIN, source: "etherscan".into(), address, list, block: 50 });
    let said = blind(told(&mut reactor, 1, stuck()));
    let [("source.blind", Some(chain), reason)] = &said[..] else { panic!("{said:?}") };
    assert_eq!(chain.as_str(), "ethereum");
    assert!(reason.contains("block 50") && reason.contains("tokentx") && reason.contains("RPC endpoint"), "{reason}");
    assert_eq!(blind(told(&mut reactor, 2, stuck())), [], "said once");
    let read = |to: u64| {
        let (source, rows) = ("etherscan".into(), vec![]);
        Event::Explored(Explored { chain: CHAIN, source, address, list, from: 0, to, index_head: Some(to), rows })
    };
    assert_eq!(blind(told(&mut reactor, 3, read(49))), []);
    assert_eq!(
        blind(told(&mut reactor, 4, read(50))),
        [("source.recovered", Some("ethereum".into()), "back after 3 s".to_owned())]
    );
}

#[test]
fn a_node_that_is_days_behind_gives_blocks_and_the_chain_is_blind_until_they_are_new() {
    let mut reactor = reactor();
    reactor.handle(at(0), source(SourceKind::Rpc, "main", SourceState::Fresh));
    let hash = |number: u64| B256::from(U256::from(number));
    let run = |number: u64, time: Timestamp| {
        let at = BlockRef { number, hash: hash(number), parent: hash(number - 1) };
        let fee = Some(U256::from(7));
        let block = Block { at, time, base_fee: fee, next_base_fee: fee, movements: Vec::new(), traced: true };
        Event::Run(Run {
            chain: CHAIN,
            endpoint: "main".into(),
            blocks: vec![block],
            part: RunPart::Tip,
            chosen_by: None,
        })
    };
    let old = Timestamp::from_secs(1_700_000_000 - 2 * 86_400);
    for second in 0..60 {
        assert_eq!(told(&mut reactor, second, run(100 + second, old)), []);
    }
    let messages = told(&mut reactor, 60, Event::Deadline(Deadline::Silent(Subject::Chain(CHAIN))));
    let [message] = messages.as_slice() else { panic!("{messages:?}") };
    let Body::Source(body) = &message.body else { panic!("{message:?}") };
    assert_eq!(
        (message.kind.word(), body.reason.as_str()),
        ("source.blind", "the newest block that was read is 48 h old")
    );
    let fee = |reactor: &Reactor| reactor.fee(CHAIN, Fee::Base).map(|known| known.wei);
    assert_eq!(fee(&reactor), None, "an old fee says nothing of now");
    assert_eq!(told(&mut reactor, 61, run(160, old)), []);
    let messages = told(&mut reactor, 62, run(161, at(60)));
    assert_eq!(messages.iter().map(|message| message.kind.word()).collect::<Vec<_>>(), ["source.recovered"]);
    assert_eq!(fee(&reactor), Some(U256::from(7)));
}

#[test]
fn a_dead_letter_hides_nothing_worse_and_a_success_ends_it_all() {
    let sink = || Name::from("ops");
    let dead = || DeliveryReport::Dead { sink: sink(), message: MessageId([7; 16]), reason: "HTTP 400".into() };
    let failing = || DeliveryReport::Failing { sink: sink(), since: at(1), reason: "timeout".into() };
    let disabled = || DeliveryReport::Disabled { sink: sink() };
    let recovered = || DeliveryReport::Recovered { sink: sink() };
    let check = |reports: Vec<DeliveryReport>, expected: &[(&str, u32, u64)]| {
        let mut reactor = reactor();
        let mut said = Vec::new();
        for report in reports.clone() {
            for message in told(&mut reactor, 5, Event::Delivery(report)) {
                assert_eq!(message.sinks, ["chat".into()], "told on the others");
                let Body::Sink(body) = message.body else { panic!("{message:?}") };
                said.push((message.kind.word(), message.revision, body.dead));
            }
        }
        assert_eq!(said, expected, "{reports:?}");
    };
    let (failed, back) = ("sink.failing", "sink.recovered");
    check(vec![dead(), dead()], &[(failed, 1, 1)]);
    check(vec![dead(), recovered(), dead()], &[(failed, 1, 1), (back, 2, 1), (failed, 1, 1)]);
    check(vec![dead(), failing(), disabled()], &[(failed, 1, 1), (failed, 2, 1), (failed, 3, 1)]);
    check(vec![dead(), recovered(), disabled()], &[(failed, 1, 1), (back, 2, 1), (failed, 1, 0)]);
    check(vec![failing(), failing(), recovered()], &[(failed, 1, 0), (back, 2, 0)]);
    check(vec![dead(), failing(), failing(), dead()], &[(failed, 1, 1), (failed, 2, 1)]);
}

/// A receiver that asks never to be called again, twice: when it works again is said when it does, and how long it was.
#[test]
fn a_sink_is_back_when_something_got_through_and_not_later() {
    let mut reactor = reactor();
    for second in [10, 100, 200] {
        assert_eq!(
            told(&mut reactor, second, Event::Delivery(DeliveryReport::Disabled { sink: "ops".into() })).len(),
            1
        );
        let back = told(&mut reactor, second + 6, Event::Delivery(DeliveryReport::Recovered { sink: "ops".into() }));
        let [Message { kind: MessageKind::SinkRecovered, body: Body::Sink(body), .. }] = &back[..] else {
            panic!("{back:?}")
        };
        assert_eq!((body.since, body.reason.as_str()), (at(second), "back after 6 s"));
    }
}

#[test]
fn a_quiet_pair_is_unknown_and_its_neighbours_are_not() {
    let tick = |text: &str, value: &str, second: u64| {
        Event::Tick(Tick { feed: "coinbase".into(), pair: pair(text), price: price(value), time: at(second) })
    };
    let quiet =
        |feed: &str, text: &str| Event::Quiet { feed: feed.into(), pair: pair(text), why: NoPrice::NoHeartbeat };
    let mut reactor = reactor();
    reactor.handle(at(1), source(SourceKind::Feed, "coinbase", SourceState::Fresh));
    let mut words = |second: u64, event: Event| {
        told(&mut reactor, second, event).into_iter().map(|message| message.kind.word()).collect::<Vec<_>>()
    };
    assert!(words(1, tick("BTC-USD", "120", 1)).is_empty());
    assert!(words(1, tick("ETH-USD", "120", 1)).is_empty());
    assert_eq!(words(2, tick("BTC-USD", "90", 2)), ["price.crossed"]);
    assert!(words(3, quiet("coinbase", "BTC-USD")).is_empty(), "unknown neither crosses nor recovers");
    assert!(words(3, quiet("another", "ETH-USD")).is_empty());
    let known = |reactor: &Reactor, text: &str| {
        reactor.soft.prices.get(&pair(text)).is_some_and(|it| it.market.prices().next().is_some())
    };
    assert!(words(4, tick("BTC-USD", "91", 4)).is_empty(), "the crossing was said");
    assert_eq!(words(5, tick("BTC-USD", "111", 5)), ["price.recovered"]);
    assert!(words(6, quiet("coinbase", "BTC-USD")).is_empty());
    assert!(!known(&reactor, "BTC-USD"));
    assert!(known(&reactor, "ETH-USD"));
}

#[test]
fn a_hold_does_not_end_over_a_pair_that_went_quiet() {
    let mut settings = settings();
    for rule in &mut settings.rules {
        if let Condition::Price(price) = &mut rule.condition {
            price.threshold.hold = Duration::from_secs(30);
        }
    }
    for goes_quiet in [false, true] {
        let mut reactor = Reactor::restore(Tables::default(), at(0));
        reactor.handle(at(0), Event::Configured(Box::new(settings.clone())));
        reactor.handle(at(1), source(SourceKind::Feed, "coinbase", SourceState::Fresh));
        for (second, value) in [(1, "120"), (2, "90")] {
            let tick = Tick { feed: "coinbase".into(), pair: pair("BTC-USD"), price: price(value), time: at(second) };
            reactor.handle(at(second), Event::Tick(tick));
        }
        if goes_quiet {
            let why = NoPrice::Unconfirmed;
            reactor.handle(at(10), Event::Quiet { feed: "coinbase".into(), pair: pair("BTC-USD"), why });
        }
        let said = told(&mut reactor, 40, Event::Deadline(Deadline::Holds("BTC-USD".into())));
        assert_eq!(said.len(), usize::from(!goes_quiet));
    }
}

#[test]
fn each_outage_of_a_chain_has_its_own_times_blocks_and_alert_however_soon_it_comes() {
    let mut reactor = reactor();
    reactor.handle(at(0), source(SourceKind::Rpc, "main", SourceState::Fresh));
    let hash = |number: u64| B256::from(U256::from(number));
    let place = |number: u64| BlockRef { number, hash: hash(number), parent: hash(number - 1) };
    let head = |number| {
        Event::Head(Head {
            chain: CHAIN,
            endpoint: "main".into(),
            at: place(number),
            time: at(70),
            base_fee: None,
            lacks: None,
        })
    };
    let run = |numbers: std::ops::RangeInclusive<u64>, second| {
        let (time, fee) = (at(second), Some(U256::from(7)));
        let block = |number| Block {
            at: place(number),
            time,
            base_fee: fee,
            next_base_fee: fee,
            movements: Vec::new(),
            traced: true,
        };
        let (endpoint, part) = ("main".into(), RunPart::Tip);
        Event::Run(Run { chain: CHAIN, endpoint, blocks: numbers.map(block).collect(), part, chosen_by: None })
    };
    let mut said = Vec::new();
    let mut tell = |second, event| {
        for message in told(&mut reactor, second, event) {
            let Body::Source(body) = message.body else { panic!("{message:?}") };
            said.push((second, message.kind.word(), body.since, body.gap, body.reason, message.alert));
        }
    };
    let silent = || Event::Deadline(Deadline::Silent(Subject::Chain(CHAIN)));
    tell(1, run(100..=100, 1));
    tell(61, silent());
    tell(70, head(140));
    tell(70, run(101..=116, 70));
    tell(71, run(117..=140, 71));
    tell(131, silent());
    tell(150, run(141..=142, 150));
    let said: Vec<_> = said
        .iter()
        .map(|(second, word, since, gap, reason, alert)| (*second, *word, *since, *gap, reason.as_str(), *alert))
        .collect();
    let [first, _, second, _] = said[..] else { panic!("{said:?}") };
    assert_ne!(first.5, second.5, "each is an alert of its own");
    let silence = "no new block for 60 s";
    assert_eq!(
        said,
        [
            (61, "source.blind", at(1), None, silence, first.5),
            (70, "source.recovered", at(1), Some((101, 140)), "back after 69 s", first.5),
            (131, "source.blind", at(71), None, silence, second.5),
            (150, "source.recovered", at(71), Some((141, 142)), "back after 79 s", second.5),
        ]
    );
}

#[test]
fn that_feeds_differ_again_soon_after_they_agreed_is_said_again() {
    let mut settings = settings();
    settings.feeds.insert("kraken".into(), vec![pair("BTC-USD")]);
    let mut reactor = Reactor::restore(Tables::default(), at(0));
    reactor.handle(at(0), Event::Configured(Box::new(settings)));
    let mut said = Vec::new();
    for second in 1..=400 {
        for (feed, value) in [("coinbase", "120"), ("kraken", if (second / 100) % 2 == 0 { "140" } else { "120" })] {
            let tick = Tick { feed: feed.into(), pair: pair("BTC-USD"), price: price(value), time: at(second) };
            said.extend(
                told(&mut reactor, second, Event::Tick(tick)).iter().map(|message| (second, message.kind.word())),
            );
        }
    }
    let (differ, agree) = ("source.disagrees", "source.recovered");
    assert_eq!(said, [(61, differ), (160, agree), (260, differ), (360, agree)]);
}

#[test]
fn what_only_a_person_ends_is_told_at_once_also_of_a_chain_that_was_blind_or_came_and_went() {
    let fresh = || reactor();
    let silent = || Event::Deadline(Deadline::Silent(Subject::Chain(CHAIN)));
    let unreadable = || Event::Unreadable { chain: CHAIN, block: 7 };
    let is_it = |message: &Message| {
        format!("{:?}", message.body).contains("block 7 cannot be read: reading it ended the process")
    };
    let mut reactor = fresh();
    let (blind, stopped) = (told(&mut reactor, 60, silent()), told(&mut reactor, 70, unreadable()));
    assert!(stopped.len() == 1 && is_it(&stopped[0]), "{stopped:?}");
    assert_eq!((stopped[0].alert, stopped[0].revision), (blind[0].alert, 2));
    assert_eq!((told(&mut reactor, 200, silent()), told(&mut reactor, 210, unreadable())), (vec![], vec![]), "once");
    let mut reactor = fresh();
    for (outage, messages) in [(0, 1), (1, 1), (2, 1), (3, 0)] {
        assert_eq!(told(&mut reactor, 60 + 70 * outage, silent()).len(), messages, "outage {outage}");
        if outage < 3 {
            reactor.progress(Subject::Chain(CHAIN), &mut Vec::new());
        }
    }
    let stopped = told(&mut reactor, 300, unreadable());
    assert!(stopped.len() == 1 && is_it(&stopped[0]), "{stopped:?}");
}
