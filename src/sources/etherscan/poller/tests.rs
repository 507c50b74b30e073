//! The poll loop against a scripted explorer, on tokio's paused clock: no test here sleeps.

mod budget;
mod held;
mod plan;
mod sweep;

use super::*;
use crate::net::http::HeaderMap;
use crate::reactor::event::{SourceReport, Unlistable};
use crate::reactor::wants::ViewWant;
use crate::sources::queue::{EventIntake, event_queue};
use crate::telemetry::Tally;
use crate::types::{Address, B256};
use crate::wire::etherscan::Refusal;
use bytes::Bytes;
use std::collections::VecDeque;
use std::fmt::Write;
use std::sync::Mutex;
use tokio::sync::Notify;

const ETHEREUM: ChainId = ChainId(1);
const BASE: ChainId = ChainId(8453);
/// 2026-11-22T00:00:00Z.
const START: i64 = 1_795_305_600_000;
const OWNER: Address = Address::repeat_byte(0xaa);

/// One answer out of turn: an HTTP status and a body, or a fault.
type Scripted = Result<(u16, String), HttpFault>;

/// What an explorer has and how it behaves.
#[derive(Default)]
struct Script {
    /// Blocks of the rows of each address's `tokentx`, ascending.
    tokens: BTreeMap<Address, Vec<u64>>,
    head: u64,
    /// Answers before the right ones, taken in order.
    first: VecDeque<Scripted>,
    /// Always the answer on this chain.
    always: BTreeMap<ChainId, String>,
    /// Longest range that is answered in time.
    longest: Option<u64>,
    /// The last page that it gives out, where that is not 10.
    last_page: Option<u64>,
    delay: Duration,
    /// What `balance` and `tokenbalance` answer.
    balance: Option<String>,
    /// Who has another balance, and from how long after the first call on.
    richer: Option<(Address, Duration)>,
    /// When each call started, and its query.
    calls: Vec<(Instant, String)>,
}

struct Scene(Mutex<Script>);

impl Fetch for Scene {
    async fn fetch(&self, query: String) -> Result<Response, HttpFault> {
        let (delay, answer) = {
            let mut script = self.0.lock().unwrap();
            script.calls.push((Instant::now(), query.clone()));
            (script.delay, script.answer(&query))
        };
        tokio::time::sleep(delay).await;
        answer.map(|(status, body)| Response { status, headers: HeaderMap::new(), body: Bytes::from(body) })
    }
}

impl Script {
    fn answer(&mut self, query: &str) -> Scripted {
        if let Some(scripted) = self.first.pop_front() {
            return scripted;
        }
        let get = |name: &str| {
            let pair = query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='));
            pair.unwrap_or_default().to_owned()
        };
        let number = |name: &str| get(name).parse::<u64>().unwrap_or(0);
        if let Some(body) = self.always.get(&ChainId(number("chainid"))) {
            return Ok((200, body.clone()));
        }
        if get("action") == "eth_blockNumber" {
            return Ok((200, format!(r#"{{"jsonrpc":"2.0","id":83,"result":"{:#x}"}}"#, self.head)));
        }
        if get("action") == "eth_getTransactionReceipt" {
            return Ok((200, r#"{"jsonrpc":"2.0","id":1,"result":null}"#.into()));
        }
        if matches!(get("action").as_str(), "balance" | "tokenbalance") {
            return Ok((200, self.balance.clone().expect("nobody asks for balances")));
        }
        if get("action") == "balancemulti" {
            let since = self.calls.first().map_or(Duration::ZERO, |(at, _)| at.elapsed());
            let richer = self.richer.filter(|(_, after)| since >= *after).map(|(owner, _)| format!("{owner:#x}"));
            let rows = get("address");
            let rows = rows.split(',').map(|owner| {
                let balance = if richer.as_deref() == Some(owner) { 8 } else { 7 };
                format!(r#"{{"account":"{owner}","balance":"{balance}"}}"#)
            });
            let rows: Vec<String> = rows.collect();
            return Ok((200, format!(r#"{{"status":"1","message":"OK","result":[{}]}}"#, rows.join(","))));
        }
        let (start, end) = (number("startblock"), number("endblock").min(self.head));
        if self.longest.is_some_and(|longest| number("endblock").saturating_sub(start) > longest) {
            return Ok((200, refusal("Query Timeout occured. Please select a smaller result dataset")));
        }
        assert_eq!((number("offset"), get("sort").as_str()), (1_000, "asc"), "{query}");
        let owner: Address = get("address").parse().unwrap();
        let all = self.tokens.get(&owner).filter(|_| get("action") == "tokentx").cloned().unwrap_or_default();
        if number("page") > self.last_page.unwrap_or(10) {
            return Ok((
                200,
                refusal("Result window is too large, PageNo x Offset size must be less than or equal to"),
            ));
        }
        let skip = usize::try_from((number("page") - 1) * 1_000).unwrap();
        let rows = all.iter().enumerate().filter(|(_, block)| (start..=end).contains(*block)).skip(skip).take(1_000);
        let mut text = String::new();
        for (nth, block) in rows {
            let comma = if text.is_empty() { "" } else { "," };
            // Rows 2n and 2n+1 are equal in everything.
            write!(text, "{comma}{}", row(*block, nth / 2, self.head)).unwrap();
        }
        if text.is_empty() {
            return Ok((200, r#"{"status":"0","message":"No transactions found","result":[]}"#.into()));
        }
        Ok((200, format!(r#"{{"status":"1","message":"OK","result":[{text}]}}"#)))
    }
}

fn row(block: u64, value: usize, head: u64) -> String {
    format!(
        r#"{{"blockNumber":"{block}","timeStamp":"1642802286","hash":"{:#x}","nonce":"41","blockHash":"{:#x}",
        "from":"0xe21c192cd270286dbbb0fba10a8b8d9957d431e5","contractAddress":"0xdac17f958d2ee523a2206206994597c13d831ec7",
        "to":"{OWNER:#x}","value":"{}","tokenName":"Tether USD","tokenSymbol":"USDT","tokenDecimal":"6",
        "transactionIndex":"619","gas":"1","gasPrice":"1","gasUsed":"1","cumulativeGasUsed":"1","input":"deprecated",
        "confirmations":"{}"}}"#,
        B256::left_padding_from(&block.to_be_bytes()),
        B256::left_padding_from(&block.to_be_bytes()),
        value + 1,
        head - block + 1
    )
}

fn refusal(text: &str) -> String {
    format!(r#"{{"status":"0","message":"NOTOK","result":"{text}"}}"#)
}

fn view(owner: Address) -> ViewWant {
    ViewWant {
        address: owner,
        list: List::Tokens,
        from: 0,
        read_at: None,
        moved_at: None,
        pointed_at: None,
        leads: true,
    }
}

fn want(chains: &[(ChainId, ChainWants)]) -> Wants {
    let chains = chains.iter().map(|(chain, wants)| (*chain, Arc::new(wants.clone()))).collect();
    Wants { chains, ..Wants::default() }
}

fn one_view() -> Wants {
    want(&[(ETHEREUM, ChainWants { views: vec![view(OWNER)], ..ChainWants::default() })])
}

/// Runs the loop for so long; gives its events and the calls it made.
async fn play(
    script: Script,
    wants: Wants,
    per_second: u32,
    lasting: Duration,
) -> (Vec<Event>, Vec<(Instant, String)>) {
    let scene = Scene(Mutex::new(script));
    let events = play_with(&scene, wants, per_second, lasting).await;
    (events, scene.0.into_inner().unwrap().calls)
}

/// Runs the loop for so long against this explorer; gives its events.
async fn play_with(fetch: &impl Fetch, wants: Wants, per_second: u32, lasting: Duration) -> Vec<Event> {
    let (queue, intake) = event_queue(Arc::new(Notify::new()));
    let began = Instant::now();
    let clock: WallClock =
        Arc::new(move || Timestamp::from_millis(START + i64::try_from(began.elapsed().as_millis()).unwrap()));
    let chains: BTreeSet<ChainId> = wants.chains.keys().copied().collect();
    let setup = Setup {
        tally: Tally::default(),
        name: "etherscan".into(),
        own_receipts: chains.clone(),
        chains,
        limits: Limits { per_second, per_day: 100_000 },
        used: BudgetNote { day: 20_779, used: 99_990 },
    };
    let setup = if per_second == 0 {
        Setup { limits: Limits { per_second: 3, per_day: 100_000 }, ..setup }
    } else {
        Setup { used: BudgetNote::default(), ..setup }
    };
    let (_sender, receiver) = watch::channel(Arc::new(wants));
    let cancel = CancellationToken::new();
    let mut events = Vec::new();
    let looped = run(setup, fetch, receiver, queue, clock, |_| {}, cancel.clone());
    tokio::select! {
        () = looped => panic!("the loop ended by itself"),
        () = collect(intake, &mut events, began + lasting) => {}
    }
    events
}

async fn collect(mut intake: EventIntake, events: &mut Vec<Event>, until: Instant) {
    while tokio::time::timeout_at(until, intake.ready()).await.is_ok() {
        events.extend(intake.try_recv_many(64));
    }
}

fn explored(events: &[Event]) -> Vec<&Explored> {
    let explored = events.iter().map(|event| if let Event::Explored(explored) = event { Some(explored) } else { None });
    explored.flatten().collect()
}

fn states(events: &[Event], chain: ChainId) -> Vec<SourceState> {
    let reports = events.iter().map(|event| if let Event::Source(report) = event { Some(report) } else { None });
    // What is said of the account is said of each of its chains.
    let ours = reports.flatten().filter(|report| report.source.chain.is_none_or(|of| of == chain));
    let mut states: Vec<_> = ours.map(|report| report.state.clone()).collect();
    assert_eq!(states.remove(0), SourceState::Connecting);
    states
}

/// What a word says of the budget.
fn used(word: &Word) -> Option<BudgetNote> {
    match word {
        Word::Used(note) => Some(*note),
        Word::Ages(_) => None,
    }
}

/// The smallest time between two starts, in milliseconds.
fn closest(calls: &[(Instant, String)]) -> u128 {
    calls.windows(2).map(|pair| (pair[1].0 - pair[0].0).as_millis()).min().unwrap_or(u128::MAX)
}

const LONG: Duration = Duration::from_secs(12);

#[tokio::test(start_paused = true)]
async fn long_lists_come_whole_and_never_faster_than_three_calls_a_second() {
    let check = async |tokens: Vec<u64>, calls_made: usize| {
        let expected = tokens.len();
        let script = Script {
            tokens: BTreeMap::from([(OWNER, tokens.clone())]),
            head: 9_000,
            delay: Duration::from_millis(900),
            ..Script::default()
        };
        let (events, calls) = play(script, one_view(), 3, LONG).await;
        let parts = explored(&events);
        let rows: Vec<u64> = parts.iter().flat_map(|part| &part.rows).map(|row| row.block).collect();
        let lists = calls.iter().filter(|(_, query)| query.contains("tokentx")).count();
        assert_eq!((rows.len(), lists), (expected, calls_made));
        assert_eq!(rows, tokens);
        assert_eq!((parts[0].from, parts.last().unwrap().to), (0, 9_000));
        assert!(parts.iter().all(|part| part.index_head == Some(9_000)));
        assert!(closest(&calls) >= 350, "{}", closest(&calls));
        assert_eq!(states(&events, ETHEREUM), [SourceState::Fresh]);
    };
    check((1..=2_500).collect(), 3).await;
    // Two equal rows either side of a page edge stay two.
    check(std::iter::repeat_n(7, 999).chain([8, 8, 9]).collect(), 2).await;
    // 1,200 rows in one block.
    check([3].into_iter().chain(std::iter::repeat_n(7, 1_200)).chain([8]).collect(), 4).await;
}

#[tokio::test(start_paused = true)]
async fn many_lists_over_two_chains_share_one_account() {
    let views: Vec<_> = (0..40).map(|number| view(Address::repeat_byte(number))).collect();
    let wants = ChainWants { views, explorer_head: true, ..ChainWants::default() };
    let script = Script { head: 9_000, delay: Duration::from_millis(800), ..Script::default() };
    let (events, calls) = play(script, want(&[(ETHEREUM, wants.clone()), (BASE, wants)]), 3, LONG).await;
    assert!(closest(&calls) >= 350, "{}", closest(&calls));
    // 12 s at 350 ms.
    assert!((33..=35).contains(&calls.len()), "{}", calls.len());
    assert_eq!(
        (states(&events, ETHEREUM), states(&events, BASE)),
        (vec![SourceState::Fresh], vec![SourceState::Fresh])
    );
}

#[tokio::test(start_paused = true)]
async fn an_empty_answer_is_fresh_and_proves_nothing() {
    let script = Script { head: 9_000, ..Script::default() };
    let mut wants = one_view();
    let mut chain = ChainWants::clone(&wants.chains[&ETHEREUM]);
    chain.receipts.insert(B256::repeat_byte(7));
    chain.explorer_head = true;
    wants.chains.insert(ETHEREUM, Arc::new(chain));
    let (events, _) = play(script, wants, 3, Duration::from_secs(2)).await;
    let [read] = explored(&events)[..] else { panic!("{events:?}") };
    assert_eq!((read.from, read.to, read.index_head, read.rows.len()), (0, 0, None, 0));
    assert_eq!(states(&events, ETHEREUM), [SourceState::Fresh]);
    let source = Name::from("etherscan");
    let head = Event::ExplorerHead(ExplorerHead { chain: ETHEREUM, source: source.clone(), head: 9_000 });
    let receipt =
        Event::Receipt(Receipt { chain: ETHEREUM, source, tx: B256::repeat_byte(7), found: None, moved: Vec::new() });
    assert!(events.contains(&head) && events.contains(&receipt), "{events:?}");
}

#[tokio::test(start_paused = true)]
async fn a_complaint_about_pace_costs_a_second_and_no_rows() {
    let script = Script {
        tokens: BTreeMap::from([(OWNER, vec![5])]),
        head: 9_000,
        first: VecDeque::from([Ok((200, refusal("Max calls per sec rate limit reached (3/sec)")))]),
        ..Script::default()
    };
    let (events, calls) = play(script, one_view(), 3, LONG).await;
    assert_eq!(explored(&events).len(), 1);
    assert_eq!(states(&events, ETHEREUM), [SourceState::Fresh]);
    assert!((calls[1].0 - calls[0].0).as_millis() >= 1_000);
}

#[tokio::test(start_paused = true)]
async fn trouble_is_waited_out_and_said() {
    let shed = refusal("Free API access is temporarily unavailable due to unusually high network activity.");
    let cloudflare = "<!DOCTYPE html><html><head><title>Just a moment...</title></head></html>".to_owned();
    let cut = r#"{"status":"1","message":"OK","result":[{"blockNumber":"5","#.to_owned();
    let busy = refusal("Unexpected err, timeout occurred or server too busy. Please try again later");
    let first = [Ok((200, shed)), Ok((403, cloudflare)), Ok((200, cut)), Err(HttpFault::Body), Ok((200, busy))];
    let script =
        Script { tokens: BTreeMap::from([(OWNER, vec![5])]), head: 9_000, first: first.into(), ..Script::default() };
    let (events, calls) = play(script, one_view(), 3, Duration::from_hours(1)).await;
    let reasons = [
        Refusal::Shed.into(),
        Refusal::WebPage { http: 403 }.into(),
        Refusal::Cut.into(),
        Failure::Http(HttpFault::Body),
        Refusal::Busy.into(),
    ];
    let expected = reasons.iter().map(|failure| SourceState::BackingOff(failure.reason("etherscan")));
    assert_eq!(states(&events, ETHEREUM), expected.chain([SourceState::Fresh]).collect::<Vec<_>>());
    assert!(closest(&calls[..6]) >= 30_000, "it waits longer each time");
    assert_eq!(explored(&events)[0].rows.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_bad_key_is_tried_a_few_times_and_then_seldom() {
    let refused = refusal("Invalid API Key (#err2)");
    let always = BTreeMap::from([(ETHEREUM, refused.clone()), (BASE, refused)]);
    let script = Script { always, ..Script::default() };
    let wants = ChainWants { views: vec![view(OWNER)], ..ChainWants::default() };
    let wants = want(&[(ETHEREUM, wants.clone()), (BASE, wants)]);
    let (events, calls) = play(script, wants, 3, Duration::from_hours(1)).await;
    let for_good = |event: &&Event| matches!(event, Event::Source(report) if report.state == refused_key());
    let said: Vec<_> = events.iter().filter(for_good).collect();
    let [Event::Source(SourceReport { source, .. })] = said[..] else { panic!("{said:?}") };
    assert_eq!(source.chain, None, "said once, for the account");
    assert_eq!(states(&events, BASE).last(), Some(&refused_key()));
    assert!(calls.len() <= 9, "{}", calls.len());
}

fn refused_key() -> SourceState {
    let reason = Failure::from(Refusal::BadKey).reason("etherscan");
    assert!(reason.as_str().contains("check [etherscan] api_key"), "{reason}");
    SourceState::Refused(reason)
}

#[tokio::test(start_paused = true)]
async fn a_block_with_more_rows_than_are_given_out_is_said_once_and_not_asked_for_all_day() {
    let rows = std::iter::repeat_n(3, 40).chain(std::iter::repeat_n(7, 10_001)).chain([8]);
    let script = Script { tokens: BTreeMap::from([(OWNER, rows.collect())]), head: 9_000, ..Script::default() };
    let (events, calls) = play(script, one_view(), 3, Duration::from_hours(25)).await;
    let stuck =
        Unlistable { chain: ETHEREUM, source: "etherscan".into(), address: OWNER, list: List::Tokens, block: 7 };
    assert_eq!(events.iter().filter(|event| **event == Event::Unlistable(stuck.clone())).count(), 2, "once a day");
    let read: Vec<_> = explored(&events).iter().map(|part| (part.from, part.to, part.rows.len())).collect();
    assert_eq!(read, [(0, 6, 40), (0, 6, 40)], "what lies below it is handed on");
    assert!(calls.len() <= 24, "{}", calls.len());
    assert_eq!(states(&events, ETHEREUM), [SourceState::Fresh]);

    // A smaller window than the one that is documented: the explorer's own word ends it.
    let rows = std::iter::repeat_n(3, 40).chain(std::iter::repeat_n(7, 6_000)).chain([8]);
    let tokens = BTreeMap::from([(OWNER, rows.collect())]);
    let script = Script { tokens, head: 9_000, last_page: Some(5), ..Script::default() };
    let (events, calls) = play(script, one_view(), 3, Duration::from_hours(23)).await;
    assert_eq!(events.iter().filter(|event| **event == Event::Unlistable(stuck.clone())).count(), 1);
    assert!(calls.len() <= 8, "{}", calls.len());
    assert_eq!(states(&events, ETHEREUM), [SourceState::Fresh]);
}

#[tokio::test(start_paused = true)]
async fn a_range_that_takes_too_long_is_halved_from_the_head() {
    let tokens = BTreeMap::from([(OWNER, vec![5, 4_000, 8_999])]);
    let script = Script { tokens, head: 9_000, longest: Some(2_000), ..Script::default() };
    let (events, calls) = play(script, one_view(), 3, Duration::from_mins(1)).await;
    let read = explored(&events)[0];
    assert_eq!((read.from, read.to, read.rows.len()), (0, 9_000, 3));
    assert!(calls[1].1.contains("eth_blockNumber") && !calls[2].1.contains("endblock=9999999999"), "{}", calls[2].1);
}

#[tokio::test(start_paused = true)]
async fn a_list_that_is_no_longer_wanted_is_not_asked_for_and_the_loop_ends_when_told() {
    let scene = Scene(Mutex::new(Script { head: 9_000, ..Script::default() }));
    let (queue, mut intake) = event_queue(Arc::new(Notify::new()));
    let setup = Setup {
        tally: Tally::default(),
        name: "etherscan".into(),
        own_receipts: BTreeSet::new(),
        chains: BTreeSet::from([ETHEREUM]),
        limits: Limits { per_second: 3, per_day: 100_000 },
        used: BudgetNote::default(),
    };
    let began = Instant::now();
    let clock: WallClock = Arc::new(move || Timestamp::from_millis(START).after(began.elapsed()));
    let (sender, receiver) = watch::channel(Arc::new(one_view()));
    let cancel = CancellationToken::new();
    let (mut notes, calls) = (Vec::new(), || scene.0.lock().unwrap().calls.len());
    let people = async {
        tokio::time::sleep(Duration::from_mins(1)).await;
        let made = calls();
        sender.send_replace(Arc::new(want(&[(ETHEREUM, ChainWants::default())])));
        tokio::time::sleep(Duration::from_mins(10)).await;
        assert_eq!(calls(), made, "nobody wants it");
        sender.send_replace(Arc::new(one_view()));
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert_eq!(calls(), made + 1, "wanted again");
        cancel.cancel();
        made + 1
    };
    let ((), made) = tokio::join!(
        run(setup, &scene, receiver, queue, clock, |word| notes.extend(used(&word)), cancel.clone()),
        people
    );
    assert_eq!(notes.len(), made);
    assert_eq!(notes.last(), Some(&BudgetNote { day: 20_779, used: made.try_into().unwrap() }));
    assert!(!intake.try_recv_many(99).is_empty());
}
