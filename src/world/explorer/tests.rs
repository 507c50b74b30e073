//! The explorer as the wire room reads it, over real loopback sockets.

use super::*;
use crate::types::{Kind, Movement};
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
    served.explorer.set(|settings| (settings.index_lag, settings.empty_lists) = (0, 1));
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
    served.explorer.set(|settings| (settings.busy, settings.web_pages) = (1, 1));
    assert_eq!(refused(served.ask(&head).await), "web_page");
    assert_eq!(refused(served.ask(&head).await), "server_busy");
    served.explorer.set(|settings| settings.cut = 1);
    assert_eq!(refused(served.ask(&head).await), "cut");
    served.explorer.set(|settings| settings.calls_left = 0);
    assert!(matches!(open(200, &served.ask(&head).await.1), Err(Refusal::PerDay { reset: None })));
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
