//! The watch list at run time: 10^6 addresses that are added 10,000 at a time, single ones that come and go beside them, and a start with
//! all of them in the store; and the page over long lists.
//!
//! The reactor and SQLite work as the pump has them work, one commit for each order; the file is on the disk of the temporary folder.
#![allow(clippy::disallowed_methods, reason = "a benchmark reads the clock")]

#[path = "watches/page.rs"]
mod page;
mod scene;

use scene::node::address;
use scene::{CHAIN, median, print_figure, resident_bytes, settings};
use std::path::Path;
use std::process::Command;
use std::time::Instant;
use walletwatch::app::turn::{Draft, turn};
use walletwatch::reactor::Reactor;
use walletwatch::reactor::effect::Reply;
use walletwatch::reactor::event::{Command as Ask, Event, Run, RunPart};
use walletwatch::reactor::settings::Settings;
use walletwatch::reactor::watch_list::{MOST_AT_ONCE, NewAddress, NewWatch, WatchAnswer, WatchOrder};
use walletwatch::store::{IfMissing, SqliteStore, Store};
use walletwatch::types::{Address, B256, Block, BlockRef, Name, Timestamp};

/// Addresses.
const ADDRESSES: u64 = 1_000_000;
/// Single orders of each kind.
const SINGLES: u64 = 50;
/// Starts.
const ROUNDS: usize = 5;
/// The argument with which it starts itself.
const CHILD: &str = "--child";
/// The argument with which the page alone is measured.
const PAGE: &str = "page";

fn now() -> Timestamp {
    Timestamp::from_secs(1_795_000_000)
}

fn quiet() -> Settings {
    settings(vec![address(u64::MAX)], &[])
}

/// Addresses as the owner's books have them: each with its reference.
fn listed(n: u64, from_block: Option<u64>) -> NewAddress {
    let reference = Some(Name::from(format!("customer-{n}")));
    NewAddress { address: address(n), reference, label: None, from_block }
}

fn addition(mut addresses: Vec<NewAddress>) -> WatchOrder {
    addresses.sort();
    let watch = NewWatch { name: "deposits".into(), chains: None, tags: None, addresses };
    WatchOrder::Add { watches: vec![watch], request: None }
}

fn removal(address: Address) -> WatchOrder {
    WatchOrder::Remove { watch: "deposits".into(), addresses: Some(vec![address]) }
}

/// A monitor without sources.
struct Monitor {
    reactor: Reactor,
    store: SqliteStore,
}

impl Monitor {
    fn start(path: &Path, if_missing: IfMissing) -> Self {
        let mut store = SqliteStore::open(path, if_missing).expect("a store");
        let (tables, _) = store.load().expect("it can be read");
        let mut reactor = Reactor::restore(tables, now());
        let configured = Event::Configured(Box::new(quiet()));
        turn(&mut reactor, &mut store, [(now(), configured)]).expect("it is durable");
        Self { reactor, store }
    }

    /// Milliseconds that the reactor took for an order, and those until it was durable.
    fn order(&mut self, order: WatchOrder) -> (f64, f64) {
        let begin = Instant::now();
        let milliseconds = || begin.elapsed().as_secs_f64() * 1_000.0;
        let effects = self.reactor.handle(now(), Event::Command(Ask::Watches(Box::new(order))));
        let reactor = milliseconds();
        let mut draft = Draft::default();
        draft.add(now(), effects);
        let answer = draft.take_answer();
        let refused = |answer: &Reply| matches!(answer, Reply::Watches(WatchAnswer::Refused(_)));
        assert!(answer.as_ref().is_some_and(|answer| !refused(answer)), "{answer:?}");
        let (commit, _) = draft.finish();
        self.store.commit(&commit).expect("it is durable");
        // What sources want is derived before anybody is told.
        let _ = self.reactor.wants();
        (reactor, milliseconds())
    }
}

fn first_block() -> Event {
    let hash = |number: u64| B256::left_padding_from(&number.to_be_bytes());
    let at = BlockRef { number: 1_000, hash: hash(1_000), parent: hash(999) };
    let block = Block { at, time: now(), base_fee: None, next_base_fee: None, movements: Vec::new(), traced: false };
    Event::Run(Run { chain: CHAIN, endpoint: "main".into(), blocks: vec![block], part: RunPart::Tip, chosen_by: None })
}

fn child(path: &Path) {
    let begin = Instant::now();
    let monitor = Monitor::start(path, IfMissing::Refuse);
    let took = begin.elapsed().as_secs_f64() * 1_000.0;
    #[allow(clippy::cast_precision_loss, reason = "it is printed with one digit")]
    let megabytes = resident_bytes() as f64 / 1e6;
    println!("{took} {megabytes}");
    drop(monitor);
}

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    if let Some(at) = arguments.iter().position(|argument| argument == CHILD) {
        return child(Path::new(&arguments[at + 1]));
    }
    if arguments.iter().any(|argument| argument == PAGE) {
        return page::run();
    }
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("store.db");
    let mut monitor = Monitor::start(&path, IfMissing::Create([7; 16]));
    turn(&mut monitor.reactor, &mut monitor.store, [(now(), first_block())]).expect("it is durable");
    let (mut alone, mut whole) = (Vec::new(), Vec::new());
    for first in (0..ADDRESSES).step_by(MOST_AT_ONCE) {
        let batch = (first..first + MOST_AT_ONCE as u64).map(|n| listed(n, None)).collect();
        let (reactor, durable) = monitor.order(addition(batch));
        alone.push(reactor);
        whole.push(durable);
    }
    let last = |all: &[f64]| all[all.len() - 20..].to_vec();
    let worst = |all: &[f64]| all.iter().copied().fold(0.0, f64::max);
    print_figure("10,000 more at 10^6: the reactor", median(last(&alone)), "ms", "-");
    print_figure("10,000 more at 10^6: the reactor, the longest", worst(&last(&alone)), "ms", "-");
    print_figure("10,000 more at 10^6: durable", median(last(&whole)), "ms", "-");
    print_figure("10^6 in parts of 10,000", whole.iter().sum::<f64>() / 1_000.0, "s", "-");
    let mut singles = |what: &str, order: &dyn Fn(u64) -> WatchOrder| {
        let took: Vec<(f64, f64)> = (0..SINGLES).map(|n| monitor.order(order(n))).collect();
        print_figure(&format!("{what} at 10^6: the reactor"), median(took.iter().map(|it| it.0).collect()), "ms", "-");
        print_figure(&format!("{what} at 10^6: durable"), median(took.iter().map(|it| it.1).collect()), "ms", "-");
    };
    singles("one more", &|n| addition(vec![listed(ADDRESSES + n, None)]));
    singles("one less", &|n| removal(address(ADDRESSES + n)));
    let past = (ADDRESSES..ADDRESSES + MOST_AT_ONCE as u64).map(|n| listed(n, Some(10))).collect();
    let (reactor, durable) = monitor.order(addition(past));
    print_figure("10,000 more with their history: the reactor", reactor, "ms", "-");
    print_figure("10,000 more with their history: durable", durable, "ms", "-");
    drop(monitor);
    let this = std::env::current_exe().expect("it has a file");
    let (mut took, mut megabytes) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let output = Command::new(&this).arg(CHILD).arg(&path).output().expect("it starts").stdout;
        let said = String::from_utf8_lossy(&output).trim().to_owned();
        let mut numbers = said.split(' ').map(|number| number.parse().unwrap_or(f64::NAN));
        took.push(numbers.next().unwrap_or(f64::NAN));
        megabytes.push(numbers.next().unwrap_or(f64::NAN));
    }
    print_figure("start with 10^6 of the store, each with a reference", median(took), "ms", "at most 2000");
    print_figure("resident memory then", median(megabytes), "MB", "at most 120");
    page::run();
}
