//! The explorer as the wire room reads it, over real loopback sockets.

use super::*;
use crate::types::{B256, Kind, Movement, Timestamp, U256};
use crate::wire::erc20::{APPROVAL, APPROVAL_FOR_ALL, Reading, read_log};
use crate::wire::etherscan::{Body, List, Page, Query, Refusal, balance, balances, gas_oracle, logs, open, rows};
use crate::world::chain::{Action, Plan};
use crate::world::testing::*;
use std::net::SocketAddr;

const ID: ChainId = ChainId(1);

struct Served {
    explorer: Arc<Explorer>,
    address: SocketAddr,
    cancel: CancellationToken,
}

impl Drop for Served {
    fn drop(&mut self) {
        self.cancel.cancel();
    }
}

async fn serve() -> Served {
    let settings = ExplorerSettings { calls_per_second: 1_000, ..ExplorerSettings::default() };
    let explorer = Arc::new(Explorer::new(Arc::new(LiveChain::new(chain(ID))), settings));
    let (listener, address) = listen().await;
    let cancel = CancellationToken::new();
    tokio::spawn(explorer.clone().serve(listener, cancel.clone()));
    Served { explorer, address, cancel }
}

impl Served {
    async fn raw(&self, query: &str) -> (u16, String) {
        let head = format!("GET /v2/api?{query} HTTP/1.1");
        let (status, _, body) = http(self.address, &head, "").await.expect("it answers");
        (status, body)
    }

    async fn ask(&self, query: &Query) -> (u16, String) {
        self.raw(&format!("{}&apikey=SIMULATED", query.text(Some(ID)))).await
    }

    async fn page(&self, list: List, page: u32, offset: u32) -> Page {
        let query = Query::Rows { list, address: account(2), start: 0, end: 1_000_000, page, offset };
        let (status, body) = self.ask(&query).await;
        match open(status, &body).expect("it is no error") {
            Body::Result { result, partial: false } => rows(list, result, None).expect("it is a list"),
            Body::Empty => Page::default(),
            other => panic!("{other:?}"),
        }
    }
}

fn moved(page: &Page) -> Vec<(Kind, u64)> {
    let moved = page.rows.iter().filter_map(|row| row.movement.as_ref());
    moved.map(|Movement { kind, amount, .. }| (*kind, amount.to::<u64>())).collect()
}

#[tokio::test]
async fn the_lists_hold_what_moved_and_what_failed() {
    let served = serve().await;
    served.explorer.chain.change(|chain| chain.mine(noon(), &Plan::default()));
    let coin = served.page(List::Coin, 1, 1_000).await;
    assert!(coin.aside.is_empty(), "{:?}", coin.aside);
    assert_eq!((coin.length, coin.index_head), (2, Some(2)), "the payment and the one in vain");
    assert_eq!(moved(&coin), [(Kind::Coin, 10)]);
    let internal = served.page(List::Internal, 1, 1_000).await;
    assert!(internal.aside.is_empty(), "{:?}", internal.aside);
    assert_eq!((internal.length, moved(&internal)), (3, vec![(Kind::Internal, 10)]), "failed calls have rows too");
    let token = served.page(List::Token, 1, 1_000).await;
    assert!(token.aside.is_empty(), "{:?}", token.aside);
    assert_eq!(moved(&token), [(Kind::Token, 10), (Kind::Token, 10), (Kind::Token, 10), (Kind::Token, 0)]);
    let note = token.rows[0].token.clone().expect("it speaks of its token");
    assert_eq!((note.symbol.expect("it has one").as_str(), note.decimals), ("SIM", Some(6)));
    assert_eq!(served.page(List::Erc721, 1, 1_000).await, Page::default());
    let (nft, from, to) = (account(9), account(1), account(2));
    let id = U256::from::<u64>;
    let batch = vec![(id(5), id(2)), (id(6), id(3)), (id(5), id(2))];
    let actions = vec![
        Action::GiveOne { token: nft, from, to, id: id(4) },
        Action::GiveSome { token: nft, from, to, items: batch },
        Action::GiveSome { token: nft, from, to, items: vec![(id(7), id(8))] },
    ];
    served.explorer.chain.change(|chain| chain.mine(noon(), &Plan { actions, ..Plan::default() }));
    for (list, expected) in [(List::Erc721, vec![(4, 1)]), (List::Erc1155, vec![(5, 2), (6, 3), (5, 2), (7, 8)])] {
        let page = served.page(list, 1, 1_000).await;
        assert!(page.aside.is_empty(), "{:?}", page.aside);
        let items: Vec<(u64, u64)> = page
            .rows
            .iter()
            .filter_map(|row| row.movement)
            .map(|moved| (moved.token_id.expect("it has one").to(), moved.amount.to()))
            .collect();
        assert_eq!(items, expected, "a row for each (id, value), equal ones twice");
    }
    let first = served.page(List::Token, 1, 3).await;
    let rest = served.page(List::Token, 2, 3).await;
    assert_eq!([first.rows, rest.rows].concat(), token.rows, "pages follow each other");
    let tx = internal.rows[0].tx;
    let (status, body) = served.ask(&Query::InternalOf(tx)).await;
    let Ok(Body::Result { result, .. }) = open(status, &body) else { panic!("{body}") };
    assert_eq!(
        rows(List::Internal, result, Some(tx)).expect("it is a list").rows[0].movement,
        internal.rows[0].movement
    );
}

#[tokio::test]
async fn an_index_that_lags_shows_less_and_its_own_head() {
    let served = serve().await;
    served.explorer.chain.change(|chain| chain.mine(noon(), &Plan::default()));
    served.explorer.set(|settings| settings.index_lag = 1);
    assert_eq!(served.page(List::Coin, 1, 1_000).await.index_head, Some(1));
    served.explorer.set(|settings| settings.index_lag = 2);
    assert_eq!(served.page(List::Coin, 1, 1_000).await, Page::default());
    served.explorer.set(|settings| settings.index_lag = 0);
    served.explorer.suffer(Fault::once(Trouble::Empty));
    assert_eq!(served.page(List::Coin, 1, 1_000).await, Page::default());
    assert_eq!(served.page(List::Coin, 1, 1_000).await.length, 2);
    let (status, body) = served.ask(&Query::BlockNumber).await;
    let Ok(Body::Node(head)) = open(status, &body) else { panic!("{body}") };
    assert_eq!(head.get(), "\"0x2\"", "the node behind the proxy does not lag");
}

#[tokio::test]
async fn balances_and_the_proxy_are_a_node_s() {
    let served = serve().await;
    let (_, one) = served.ask(&Query::Balance { address: account(2), block: None }).await;
    let Ok(Body::Result { result, .. }) = open(200, &one) else { panic!("{one}") };
    assert_eq!(balance(result), Ok(U256::from(20)), "a payment and what a contract passed on");
    let (_, many) = served.ask(&Query::Balances { addresses: vec![account(2), account(8)], block: None }).await;
    let Ok(Body::Result { result, .. }) = open(200, &many) else { panic!("{many}") };
    let held = balances(result).expect("it is a list").held;
    assert_eq!(held, [(account(2), U256::from(20)), (account(8), U256::ZERO)]);
    let (_, token) = served.ask(&Query::TokenBalance { contract: TOKEN, address: account(2) }).await;
    let Ok(Body::Result { result, .. }) = open(200, &token) else { panic!("{token}") };
    assert_eq!(balance(result), Ok(U256::from(30)));
    let tx = served.explorer.chain.read(|chain| chain.head().txs[0].tx.hash);
    let (_, receipt) = served.ask(&Query::Receipt(tx)).await;
    let Ok(Body::Node(receipt)) = open(200, &receipt) else { panic!("{receipt}") };
    let receipt = crate::wire::jsonrpc::parse_receipt(receipt).expect("it is one").expect("it is there");
    assert_eq!((receipt.tx, receipt.number, receipt.succeeded), (tx, Some(1), Some(true)));
    let (_, unknown) = served.ask(&Query::Receipt(B256::ZERO)).await;
    assert!(matches!(open(200, &unknown), Ok(Body::Node(node)) if node.get() == "null"));
}

#[tokio::test]
async fn refusals_are_in_the_words_that_clients_sort_by() {
    let served = serve().await;
    let refused = |(status, body): (u16, String)| open(status, &body).expect_err("it is refused").word();
    let head = Query::BlockNumber;
    assert_eq!(refused(served.raw("module=proxy&action=eth_blockNumber&apikey=SIMULATED").await), "bad_request");
    assert_eq!(refused(served.raw(&format!("{}&apikey=other", head.text(Some(ID)))).await), "bad_key");
    assert_eq!(refused(served.raw(&head.text(Some(ID))).await), "bad_key");
    assert_eq!(refused(served.raw("chainid=1&module=account&action=dance&apikey=SIMULATED").await), "bad_request");
    assert_eq!(
        refused(served.raw("chainid=1&module=account&action=txlist&address=0x1&apikey=SIMULATED").await),
        "bad_request"
    );
    let deep = Query::Rows { list: List::Coin, address: account(2), start: 0, end: 9, page: 11, offset: 1_000 };
    assert_eq!(refused(served.ask(&deep).await), "too_large");
    let long = Query::Rows { list: List::Coin, address: account(2), start: 0, end: 9, page: 1, offset: 1_000 };
    served.explorer.set(|settings| settings.longest_range = Some(1));
    assert_eq!(refused(served.ask(&long).await), "too_large");
    served.explorer.set(|settings| settings.longest_range = Some(2));
    assert!(open(200, &served.ask(&long).await.1).is_ok(), "the index has two blocks");
    served.explorer.set(|settings| settings.calls_left = 0);
    assert!(matches!(open(200, &served.ask(&head).await.1), Err(Refusal::PerDay { reset: None })));
}

/// How clients are to take each kind of trouble.
const fn taken_as(trouble: Trouble) -> &'static str {
    match trouble {
        Trouble::PerSecond | Trouble::TooMany => "rate_limit_second",
        Trouble::PerDay => "rate_limit_day",
        Trouble::ChainDay(_) => "rate_limit_chain_day",
        Trouble::NotInPlan => "chain_not_in_plan",
        Trouble::ProEndpoint => "endpoint_not_in_plan",
        Trouble::Shed => "temporarily_unavailable",
        Trouble::BadKey => "bad_key",
        Trouble::KeyThrottled => "bad_key_throttled",
        Trouble::NoChain | Trouble::NoAction | Trouble::NoModule | Trouble::BadAddress => "bad_request",
        Trouble::FormerApi => "bad_endpoint",
        Trouble::QueryTimeout | Trouble::Window => "too_large",
        Trouble::Busy | Trouble::Gateway => "server_busy",
        Trouble::NotYet => "retry_later",
        Trouble::Blank => "unknown_error",
        Trouble::Empty => "empty",
        Trouble::Cut => "cut",
        Trouble::Partial => "partial",
        Trouble::Challenge | Trouble::Blocked | Trouble::NoPage => "web_page",
        Trouble::Hang => "nothing",
    }
}

#[tokio::test]
async fn every_trouble_comes_when_it_is_asked_for_and_is_told_from_every_other() {
    let served = serve().await;
    let list = Query::Rows { list: List::Coin, address: account(2), start: 0, end: 9, page: 1, offset: 1_000 };
    let word = async |query: &Query| {
        let (status, body) = served.ask(query).await;
        match open(status, &body) {
            Ok(Body::Result { partial: true, .. }) => "partial",
            Ok(Body::Result { .. } | Body::Node(_)) => "data",
            Ok(Body::Empty) => "empty",
            Err(refusal) => refusal.word(),
        }
    };
    for trouble in Trouble::ALL {
        served.explorer.suffer(Fault::once(trouble));
        assert_eq!(word(&list).await, taken_as(trouble), "{trouble:?}");
        served.explorer.suffer(Fault::once(trouble).in_message());
        assert_eq!(word(&list).await, taken_as(trouble), "{trouble:?}, in `message`");
        assert_eq!((word(&list).await, served.explorer.faults_left()), ("data", 0), "{trouble:?} is over");
    }
    // Only those calls have it that it is meant for, and each its own first.
    served.explorer.suffer(Fault::always(Trouble::Busy).of("eth_blockNumber"));
    served.explorer.suffer(Fault::once(Trouble::Shed).times(2).of("txlist").on(ID));
    served.explorer.suffer(Fault::once(Trouble::Busy).on(ChainId(2)));
    for expected in ["temporarily_unavailable", "temporarily_unavailable", "data"] {
        assert_eq!((word(&list).await, word(&Query::BlockNumber).await), (expected, "server_busy"));
    }
    let resets = Timestamp::parse("2027-01-16T12:00:00Z").expect("it is a time");
    served.explorer.set(|settings| settings.faults = vec![Fault::once(Trouble::ChainDay(Some(resets)))]);
    let (status, body) = served.ask(&list).await;
    assert_eq!(open(status, &body).expect_err("it is refused"), Refusal::ChainDay { reset: Some(resets) });
}

#[tokio::test]
async fn an_explorer_that_hangs_never_answers() {
    let served = serve().await;
    served.explorer.suffer(Fault::once(Trouble::Hang));
    let head = Query::BlockNumber;
    let next = async {
        while served.explorer.faults_left() > 0 {
            tokio::task::yield_now().await;
        }
        served.ask(&head).await
    };
    tokio::select! {
        (_, body) = served.ask(&head) => panic!("the call is answered: {body}"),
        (status, _) = next => assert_eq!(status, 200, "the next one is"),
    }
}

#[tokio::test]
async fn two_indexes_disagree_and_rows_vanish_and_return() {
    let served = serve().await;
    served.explorer.chain.change(|chain| chain.mine(noon(), &Plan::default()));
    served.explorer.set(|settings| settings.second_lag = Some(1));
    let mut heads = vec![];
    for _ in 0..4 {
        heads.push(served.page(List::Coin, 1, 1_000).await.index_head);
    }
    heads.sort_unstable();
    assert_eq!(heads, [Some(1), Some(1), Some(2), Some(2)], "each in turn");
    served.explorer.set(|settings| settings.second_lag = None);
    let whole = served.page(List::Token, 1, 1_000).await;
    served.explorer.set(|settings| settings.hidden = [whole.rows[0].tx].into());
    assert_eq!(served.page(List::Token, 1, 1_000).await.rows, whole.rows[1..]);
    served.explorer.set(|settings| settings.hidden.clear());
    assert_eq!(served.page(List::Token, 1, 1_000).await, whole);
}

#[tokio::test]
async fn logs_gas_calls_and_what_is_left_of_the_day_are_answered_too() {
    use crate::wire::erc20::{balance_of, decode_balance};
    use crate::wire::etherscan::{api_limit, gas_oracle, logs};
    let served = serve().await;
    let result = async |query: &Query| served.ask(query).await.1;
    let query = Query::Logs { contract: Some(TOKEN), topics: [None; 4], start: 0, end: 9, page: 1, offset: 1_000 };
    let body = result(&query).await;
    let Ok(Body::Result { result: list, .. }) = open(200, &body) else { panic!("{body}") };
    let found = logs(list).expect("it is a list");
    assert_eq!((found.rows.len(), found.aside.len()), (4, 0), "{body}");
    let body = result(&Query::GasOracle).await;
    let Ok(Body::Result { result: oracle, .. }) = open(200, &body) else { panic!("{body}") };
    assert!(gas_oracle(oracle).is_ok(), "{body}");
    let body = result(&Query::ApiLimit).await;
    let Ok(Body::Result { result: said, .. }) = open(200, &body) else { panic!("{body}") };
    let said = api_limit(said).expect("it is one");
    assert_eq!((said.used, said.left, said.limit), (3, 99_997, 100_000), "itself counted");
    let call = Query::Call { to: TOKEN, data: balance_of(&account(2)), block: None };
    let body = result(&call).await;
    let Ok(Body::Node(said)) = open(200, &body) else { panic!("{body}") };
    let said: String = serde_json::from_str(said.get()).expect("it is a text");
    assert_eq!(decode_balance(&said), Some(U256::from(30)));
}

#[tokio::test(start_paused = true)]
async fn calls_of_one_second_are_counted_whatever_second_that_is() {
    let explorer = Explorer::new(Arc::new(LiveChain::new(chain(ID))), ExplorerSettings::default());
    let request = |text: &str| Request {
        method: "GET".into(),
        path: "/".into(),
        query: url::form_urlencoded::parse(text.as_bytes()).into_owned().collect(),
        headers: std::collections::BTreeMap::new(),
        body: vec![],
    };
    let call = request(&format!("{}&apikey=SIMULATED", Query::BlockNumber.text(Some(ID))));
    let start = Instant::now();
    // The fourth comes within a second of the first; the fifth a second after the second.
    for (millis, taken) in [(0, true), (400, true), (800, true), (999, false), (1_400, true)] {
        let Reply::Json(body) = explorer.reply(&call, start + Duration::from_millis(millis)) else {
            panic!("{millis}")
        };
        let outcome = open(200, &body);
        assert_eq!(outcome.is_ok(), taken, "{millis}: {body}");
        assert!(taken || outcome.is_err_and(|refusal| refusal == Refusal::PerSecond));
    }
    assert_eq!((explorer.calls(), explorer.most_in_a_second()), (5, 4));
}

#[tokio::test]
async fn approvals_are_listed_by_their_topics_and_the_oracle_knows_the_next_base_fee() {
    let served = serve().await;
    let (token, from, spender) = (account(9), account(2), account(3));
    let approve = Action::Approve { token, from, spender, amount: U256::MAX };
    let all = Action::ApproveAll { token, from, operator: spender, given: true };
    let other = Action::Approve { token, from: spender, spender: from, amount: U256::from(1) };
    let plan = Plan { actions: vec![approve, all, other], fullness: 100, ..Plan::default() };
    let block = served.explorer.chain.change(|chain| chain.mine(noon(), &plan));
    let asked = async |topic: B256| {
        let topics = [Some(topic), Some(from.into_word()), None, None];
        let query = Query::Logs { contract: None, topics, start: 0, end: 9_999_999_999, page: 1, offset: 1_000 };
        let (status, body) = served.ask(&query).await;
        let Ok(Body::Result { result, .. }) = open(status, &body) else { panic!("{body}") };
        let page = logs(result).expect("it is a list");
        assert!(page.aside.is_empty(), "{:?}", page.aside);
        let mut found = Vec::new();
        for row in &page.rows {
            assert_eq!((row.block_number, row.block_hash), (block.at.number, Some(block.at.hash)));
            read_log(&row.log(), &Reading::default(), &mut found);
        }
        found.into_iter().map(|one| (one.kind, one.from, one.to, one.amount)).collect::<Vec<_>>()
    };
    assert_eq!(asked(APPROVAL).await, [(Kind::Approval, from, spender, U256::MAX)]);
    assert_eq!(asked(APPROVAL_FOR_ALL).await, [(Kind::ApprovalForAll, from, spender, U256::from(1))]);
    let (status, body) = served.ask(&Query::GasOracle).await;
    let Ok(Body::Result { result, .. }) = open(status, &body) else { panic!("{body}") };
    let gas = gas_oracle(result).expect("it is an oracle");
    let next = served.explorer.chain.change(|chain| chain.mine(noon(), &Plan::default()));
    assert_eq!((gas.block, gas.base_fee), (block.at.number, Some(next.base_fee)), "full blocks make it dearer");
    assert!(gas.safe < gas.usual && gas.usual < gas.fast);
}
