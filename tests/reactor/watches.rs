//! The watch list at run time: what is added is complete from the block that is stated, and nothing between is missing.

use crate::script::{CHAIN, address, check};
use crate::settings::{balance_rule, base, explorer_only, paying};
use std::collections::BTreeSet;
use std::time::Duration;
use walletwatch::reactor::Reactor;
use walletwatch::reactor::effect::{Effect, Reply};
use walletwatch::reactor::event::{Command, Event};
use walletwatch::reactor::room::{MOST_BALANCES, MOST_LISTS};
use walletwatch::reactor::settings::{Added, Approval, Condition};
use walletwatch::reactor::watch_list::{
    MOST_REQUESTS, NewAddress, NewWatch, Request, WatchAnswer, WatchOrder, WatchRefusal,
};
use walletwatch::types::{RequestId, Timestamp};

fn watch(name: &str, addresses: &str, from_block: Option<u64>) -> NewWatch {
    let one = |name: &str| NewAddress { address: address(name), reference: None, label: None, from_block };
    let mut addresses: Vec<NewAddress> = addresses.split(',').map(one).collect();
    addresses.sort();
    NewWatch { name: name.into(), chains: None, tags: None, addresses }
}

/// `late L,M from 90 key k`.
pub fn addition(name: &str, addresses: &str, rest: &[&str]) -> Event {
    let of = |word: &str| rest.iter().position(|it| *it == word).and_then(|at| rest.get(at + 1)).copied();
    let from_block = of("from").map(|from| from.parse().expect("a number"));
    let id = |text: &str| RequestId::hash("test", &[text.as_bytes()]);
    let request = of("key").map(|key| Request { id: id(key), body: id(&format!("{name} {addresses}")) });
    let tags = of("tag").map(|tag| vec![tag.into()]);
    let watches = vec![NewWatch { tags, ..watch(name, addresses, from_block) }];
    Event::Command(Command::Watches(Box::new(WatchOrder::Add { watches, request })))
}

/// `late L`.
pub fn removal(name: &str, rest: &[&str]) -> Event {
    let addresses = rest.first().map(|names| names.split(',').map(address).collect());
    Event::Command(Command::Watches(Box::new(WatchOrder::Remove { watch: name.into(), addresses })))
}

pub fn words(answer: &WatchAnswer) -> String {
    match answer {
        WatchAnswer::Watching(all) => {
            let one = |one: &walletwatch::reactor::watch_list::Watching| {
                let from = one.complete_from.map_or("the first block".to_owned(), |block| block.to_string());
                format!("{} complete from {from}, {} new", one.watch, one.new)
            };
            all.iter().map(one).collect::<Vec<_>>().join(" and ")
        }
        WatchAnswer::Removed(count) => format!("removed {count}"),
        WatchAnswer::Refused(refusal) => format!("refused: {refusal}"),
    }
}

#[test]
fn what_is_added_is_complete_from_the_block_behind_the_tip() {
    check(
        base(),
        "
        tx t1 coin S>L 5
        tx t2 coin L>S 6
        tx t3 usdc S>M 7
        add late L
        = late complete from the first block, 1 new
        a 100 101:t1
        = seen t1 late in
        add late M,L
        = late complete from 102, 1 new
        restart
        a 102:t2,t3
        = seen t2 late out; seen t3 late in
        a 103 104
        = confirmed t1 late in; confirmed t2 late out; confirmed t3 late in
        ",
    );
}

#[test]
fn a_fork_below_the_block_of_the_addition_brings_what_is_new() {
    check(
        base(),
        "
        tx t1 coin S>L 5
        tx t2 coin S>L 6
        a 100 101:t2 102
        add late L
        = late complete from 103, 1 new
        a 101'<100:t1 102' 103'
        = seen t1 late in; confirmed t1 late in
        ",
    );
}

#[test]
fn blocks_of_a_gap_from_before_the_addition_are_not_its_own() {
    check(
        base(),
        "
        tx t1 coin S>L 5
        tx t2 coin S>L 6
        tx t3 coin S>A 7
        a 100
        a 1000
        add late L
        = late complete from 1001, 1 new
        a gap 998:t1,t3 999
        = seen t3 treasury in late; confirmed t3 treasury in late
        a 1001:t2
        = seen t2 late in
        ",
    );
}

#[test]
fn a_run_whose_receipts_an_older_list_chose_is_read_again() {
    check(
        base(),
        "
        tx t1 coin S>L 5
        a chosen 1 100 101
        add late L
        = late complete from 102, 1 new
        a chosen 1 102:t1 103
        a chosen 2 102 103
        = seen t1 late in
        add late M
        = late complete from 104, 1 new
        a chosen 2 104
        a chosen 3 104
        = confirmed t1 late in
        ",
    );
}

#[test]
fn an_address_belongs_to_one_watch_and_a_watch_to_the_config_or_the_api() {
    check(
        base(),
        "
        a 100
        add treasury L
        = refused: the watch treasury belongs to the config: change it there
        add late L,A,B
        = refused: 0x4141414141414141414141414141414141414141 belongs to the watch treasury of the config, and 1 more belong to others too
        add late L,M
        = late complete from 101, 2 new
        add other L
        = refused: 0x4C4C4C4C4C4c4C4C4C4C4c4C4C4c4C4c4C4C4c4C belongs to the watch late that was added at run time
        remove treasury
        = refused: the watch treasury belongs to the config: change it there
        remove nobody
        = refused: there is no watch nobody
        remove late M
        = removed 1
        remove late M
        = removed 0
        add other M
        = other complete from 101, 1 new
        remove late
        = removed 1
        add other L
        = other complete from 101, 1 new
        ",
    );
}

#[test]
fn what_is_removed_is_heard_of_no_more_but_for_what_was_said() {
    check(
        base(),
        "
        tx t1 coin S>L 5
        tx t2 coin S>L 6
        a 100
        add late L
        = late complete from 101, 1 new
        a 101:t1
        = seen t1 late in
        remove late
        = removed 1
        a 102:t2
        restart
        a 101' 102' 103'
        = retracted t1 late in
        add late L
        = late complete from 104, 1 new
        ",
    );
}

#[test]
fn a_request_that_comes_twice_is_done_once() {
    check(
        base(),
        "
        a 100
        add late L key one
        = late complete from 101, 1 new
        a 101 102
        restart
        add late L key one
        = late complete from 101, 1 new
        remove late
        = removed 1
        add late L key one
        = late complete from 101, 1 new
        add late M key one
        = refused: this key was used for another request: take a new one
        add late L key two
        = late complete from 103, 1 new
        wait 86400s
        = source.blind
        add late M key one
        = late complete from 103, 1 new
        ",
    );
}

#[test]
fn requests_are_remembered_in_bounds() {
    let mut reactor = Reactor::default();
    let mut now = Timestamp::from_secs(1_000);
    reactor.handle(now, Event::Configured(Box::new(base())));
    for nth in 0..MOST_REQUESTS + 5 {
        now = now.after(Duration::from_secs(1));
        reactor.handle(now, addition("late", "L", &["key", &nth.to_string()]));
    }
    let tables = reactor.tables();
    assert_eq!(tables.requests.len(), MOST_REQUESTS);
    assert_eq!(Reactor::restore(tables.clone(), now).tables(), tables);
}

#[test]
fn a_rule_finds_added_watches_by_tag_or_all_of_them() {
    let said = |added: Added, tags: &str, expected: &str| {
        let mut settings = base();
        let Condition::Transfer(condition) = &mut settings.rules[0].condition else { panic!("it is one") };
        condition.added = added;
        let add = format!("add late L {tags}\n = late complete from 101, 1 new");
        check(settings, &format!("tx t1 coin S>L 5\n a 100\n {add}\n a 101:t1\n {expected}"));
    };
    let tagged = |tags: &[&str]| Added::Tagged(tags.iter().map(|tag| (*tag).into()).collect::<BTreeSet<_>>());
    said(Added::All, "", "= seen t1 late in");
    said(tagged(&["own", "cold"]), "tag cold", "= seen t1 late in");
    said(tagged(&["own"]), "tag cold", "");
    said(tagged(&["own"]), "", "");
    said(tagged(&[]), "tag cold", "");
}

#[test]
fn what_was_added_at_run_time_never_makes_anybody_pay() {
    let mut settings = paying(Approval::None);
    let Condition::Transfer(condition) = &mut settings.rules[0].condition else { panic!("it is one") };
    condition.added = Added::All;
    check(
        settings,
        "
        tx t1 usdc S>A 100
        tx t2 usdc S>L 100
        a 100
        add late L
        = late complete from 101, 1 new
        wait 5s
        a 101:t1,t2
        a 102 103 104 105 106
        = final t1 treasury in; payment.rehearsed; final t2 late in
        ",
    );
}

#[test]
fn an_explorer_is_asked_from_the_stated_block_on() {
    check(
        explorer_only(),
        "
        tx t1 usdc S>L 5
        tx t2 usdc S>L 6
        scan head 99
        scan usdc A 100.. at 120:
        add late L
        = late complete from 121, 1 new
        scan usdc L 121.. at 122: t1@115 t2@122
        = seen t2 late in
        ",
    );
}

#[test]
fn a_chain_that_is_another_one_forgets_what_was_stated_of_its_blocks() {
    check(
        base(),
        "
        tx t1 coin S>L 5
        a genesis 1
        a 1000
        add late L
        = late complete from 1001, 1 new
        a genesis 2
        = source.blind
        accept
        a 5 6:t1
        = source.recovered accepted; seen t1 late in
        add late L
        = late complete from 5, 0 new
        ",
    );
}

/// Every refusal leaves the state as it was.
#[test]
fn a_refused_order_changes_nothing() {
    let mut reactor = Reactor::default();
    let now = Timestamp::from_secs(1_000);
    reactor.handle(now, Event::Configured(Box::new(base())));
    reactor.handle(now, addition("late", "L", &[]));
    let before = reactor.tables();
    let other_chains =
        NewWatch { chains: Some(vec![walletwatch::types::ChainId(CHAIN.0 + 1)]), ..watch("late", "M", None) };
    let other_tags = NewWatch { tags: Some(vec!["own".into()]), ..watch("late", "M", None) };
    let twice = vec![watch("one", "M", None), watch("two", "M", None)];
    for watches in
        [vec![watch("fine", "N", None), other_chains], vec![other_tags], twice, vec![watch("hot", "M", None)]]
    {
        let order = WatchOrder::Add { watches, request: None };
        let effects = reactor.handle(now, Event::Command(Command::Watches(Box::new(order))));
        let [Effect::Answer(answer)] = effects.as_slice() else { panic!("{effects:?}") };
        assert!(matches!(**answer, Reply::Watches(WatchAnswer::Refused(_))), "{answer:?}");
        assert!(!matches!(**answer, Reply::Watches(WatchAnswer::Refused(WatchRefusal::OtherRequest))), "{answer:?}");
        assert_eq!(reactor.tables(), before);
    }
}

#[test]
fn a_balance_rule_reads_what_was_added_and_lets_go_of_what_was_removed() {
    check(
        balance_rule(0),
        "
        a 100
        add late L
        = late complete from 101, 1 new
        soon usdc L yes
        balance usdc L 99 at 100
        = balance.crossed 1 99 at 100
        wait 5s
        restart
        soon usdc L no
        remove late L
        = removed 1; alert.resolved low on ops
        soon usdc L none
        balance usdc L 200 at 100
        add late L
        = late complete from 101, 1 new
        soon usdc L yes
        balance usdc L 98 at 100
        = balance.crossed 2 98 at 100
        balance usdc L 200 at 100
        = balance.recovered 2 200 at 100
        ",
    );
}

/// What an order to watch so many new addresses is answered.
fn asked(reactor: &mut Reactor, name: &str, first: u64, count: u64) -> String {
    let address = |n: u64| walletwatch::types::Address::left_padding_from(&n.to_be_bytes());
    let one = |n| NewAddress { address: address(n), reference: None, label: None, from_block: None };
    let watch =
        NewWatch { name: name.into(), chains: None, tags: None, addresses: (first..first + count).map(one).collect() };
    let order = WatchOrder::Add { watches: vec![watch], request: None };
    let effects = reactor.handle(Timestamp::from_secs(1_000), Event::Command(Command::Watches(Box::new(order))));
    let [.., Effect::Answer(answer)] = effects.as_slice() else { panic!("{} effects", effects.len()) };
    let Reply::Watches(answer) = &**answer else { panic!("{answer:?}") };
    words(answer)
}

#[test]
fn what_is_read_address_by_address_has_a_bound_that_is_said_before_anything_is_done() {
    let check = |settings: walletwatch::reactor::settings::Settings, most: u64, refusal: &str| {
        let mut reactor = Reactor::default();
        reactor.handle(Timestamp::from_secs(1_000), Event::Configured(Box::new(settings)));
        assert!(!asked(&mut reactor, "late", 1_000, most).starts_with("refused"), "{most} fit");
        let before = reactor.tables();
        let said = asked(&mut reactor, "more", 10_000_000, 1);
        assert!(said.starts_with("refused: ") && said.contains(refusal), "{said}");
        assert_eq!(reactor.tables(), before);
        assert!(
            !asked(&mut reactor, "late", 1_000, most).starts_with("refused"),
            "who is watched already costs nothing"
        );
    };
    let watched = |settings: &walletwatch::reactor::settings::Settings| {
        settings.watches.iter().map(|watch| watch.addresses.len() as u64).sum::<u64>()
    };
    // A rule on every asset needs all five lists of each.
    let config = explorer_only();
    let fit = MOST_LISTS / 5 - watched(&config);
    check(config, fit, "give it an `rpc` and write `etherscan = false`");
    // The rule looks at one watch of the config's, and at whatever is added.
    check(balance_rule(0), MOST_BALANCES - 1, "write into them which watches or tags");
    // By a chain's own blocks alone there is no such bound.
    let mut reactor = Reactor::default();
    reactor.handle(Timestamp::from_secs(1_000), Event::Configured(Box::new(base())));
    assert_eq!(asked(&mut reactor, "late", 1_000, 120_000), "late complete from the first block, 120000 new");
}
