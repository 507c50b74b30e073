//! The explorer over real HTTP on loopback: what is sent, what is kept secret, what a broken answer becomes.

use super::super::judge::{Remedy, judge};
use super::*;
use crate::net::Tls;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

const KEY: &str = "S3CR3TKEY";

/// Serves one request with these bytes; gives the outcome and the request.
async fn ask(answer: Vec<u8>) -> (Result<Response, HttpFault>, String) {
    ask_a(Dialect::Etherscan, "/v2/api", Some(KEY), head_query(ChainId(1)), answer).await
}

/// The same of this kind, with this path, key and query.
async fn ask_a(
    dialect: Dialect,
    path: &str,
    key: Option<&str>,
    query: String,
    answer: Vec<u8>,
) -> (Result<Response, HttpFault>, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = Secret::new(format!("http://{}{path}", listener.local_addr().unwrap()));
    let client = HttpClient::new(&Tls::baked()).unwrap();
    let explorer = Explorer::of(dialect, client, &url, key.map(|key| Secret::new(key.into()))).unwrap();
    assert!(!format!("{explorer:?}").contains(KEY));
    let server = async {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut request = Vec::new();
        while !request.ends_with(b"\r\n\r\n") {
            request.push(stream.read_u8().await.unwrap());
        }
        stream.write_all(&answer).await.unwrap();
        drop(stream);
        String::from_utf8(request).unwrap()
    };
    tokio::join!(explorer.fetch(query), server)
}

fn http(status: &str, length: usize, body: &str) -> Vec<u8> {
    format!("HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}").into_bytes()
}

#[tokio::test]
async fn the_key_is_sent_and_shown_nowhere() {
    let body = r#"{"jsonrpc":"2.0","id":83,"result":"0x16f45b9"}"#;
    let (response, request) = ask(http("200 OK", body.len(), body)).await;
    assert!(
        request.starts_with("GET /v2/api?chainid=1&module=proxy&action=eth_blockNumber&apikey=S3CR3TKEY HTTP/1.1\r\n")
    );
    assert!(request.to_lowercase().contains("\r\nuser-agent: walletwatch/"), "without one some hosts answer 403");
    let response = response.unwrap();
    assert_eq!(read_head(&response), Ok(24_069_561));
    assert!(!format!("{response:?}").contains(KEY));
}

#[tokio::test]
async fn broken_answers_are_trouble_and_never_an_empty_list() {
    let check = async |answer: Vec<u8>, word: &str, remedy: Remedy| {
        let (response, _) = ask(answer).await;
        let answer = response.map_err(Failure::from);
        let failure =
            answer.and_then(|response| read_rows(List::Tokens, &response).map_err(Failure::from)).unwrap_err();
        let said = match &failure {
            Failure::Http(fault) => fault.label(),
            Failure::Refused(refusal) => refusal.word(),
        };
        assert_eq!((said, judge(&failure)), (word, remedy));
        assert!(!format!("{failure} {failure:?} {}", failure.reason(ETHERSCAN)).contains(KEY), "{word}");
    };
    let page = "<!DOCTYPE html><html><title>Attention Required! | Cloudflare</title></html>";
    check(http("403 Forbidden", page.len(), page), "web_page", Remedy::Trouble).await;
    check(http("503 Service Unavailable", page.len(), page), "web_page", Remedy::Trouble).await;
    let rows = r#"{"status":"1","message":"OK","result":[{"blockNumber":"5""#;
    check(http("200 OK", rows.len() + 900, rows), "body", Remedy::Trouble).await;
    check(http("200 OK", rows.len(), rows), "cut", Remedy::Trouble).await;
    check(http("200 OK", BODY_CAP + 1, ""), "too_large", Remedy::Halve).await;
    check(http("429 Too Many Requests", 0, ""), "rate_limit_second", Remedy::SlowDown).await;
    let echo =
        r#"{"status":"0","message":"NOTOK","result":"Error! Missing Or invalid Action name in apikey=S3CR3TKEY"}"#;
    check(http("200 OK", echo.len(), echo), "bad_request", Remedy::CallOnly).await;
}

#[tokio::test]
async fn every_kind_of_explorer_is_asked_in_its_own_way_with_or_without_a_key() {
    let body = r#"{"jsonrpc":"2.0","id":83,"result":"0x7"}"#;
    let check = async |dialect, path: &str, key, query: String, line: &str| {
        let (response, request) = ask_a(dialect, path, key, query, http("200 OK", body.len(), body)).await;
        assert!(request.starts_with(&format!("{line} HTTP/1.1\r\n")), "{request}");
        assert_eq!(read_head(&response.unwrap()), Ok(7));
    };
    let head = || head_query(ChainId(10));
    let balance = || balance_query(ChainId(10), Address::repeat_byte(1), Asset::Coin);
    let at = "/v2/network/mainnet/evm/10/etherscan/api";
    check(Dialect::Routescan, at, None, head(), &format!("GET {at}?module=proxy&action=eth_blockNumber")).await;
    check(
        Dialect::Routescan,
        at,
        Some(KEY),
        head(),
        &format!("GET {at}?module=proxy&action=eth_blockNumber&apikey={KEY}"),
    )
    .await;
    check(Dialect::Blockscout, "/api", None, head(), "POST /api/eth-rpc").await;
    check(Dialect::Blockscout, "/api/", Some(KEY), head(), &format!("POST /api/eth-rpc?apikey={KEY}")).await;
    let held = format!("?module=account&action=balance&address={:#x}&tag=latest", Address::repeat_byte(1));
    check(Dialect::Blockscout, "/10/api", None, balance(), &format!("GET /10/api{held}")).await;
    check(Dialect::Etherscan, "/v2/api", None, head(), "GET /v2/api?chainid=10&module=proxy&action=eth_blockNumber")
        .await;
    assert_eq!(rpc_url("https://api.blockscout.com/8453/api"), "https://api.blockscout.com/8453/json-rpc");
    assert_eq!(rpc_url("https://base.blockscout.com/api/"), "https://base.blockscout.com/api/eth-rpc");
}

#[tokio::test]
async fn a_key_that_a_gateway_refuses_and_a_day_that_is_over_are_told_from_trouble() {
    let check = async |head: &str, body: &str, remedy: Remedy| {
        let answer = format!("HTTP/1.1 {head}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}", body.len());
        let (response, _) = ask_a(Dialect::Blockscout, "/api", Some(KEY), head_query(ChainId(1)), answer.into()).await;
        assert_eq!(judge(&read_head(&response.unwrap()).unwrap_err().into()), remedy, "{head} {body}");
    };
    check("401 Unauthorized", "", Remedy::Key).await;
    check("401 Unauthorized", r#"{"error":"Unauthorized"}"#, Remedy::Key).await;
    check(
        "429 Too Many Requests",
        r#"{"message":"429 Too Many Requests","result":null,"status":"0"}"#,
        Remedy::SlowDown,
    )
    .await;
    check("429 Too Many Requests\r\nx-credits-remaining: 0", "", Remedy::DayOver(None)).await;
    let noon = Timestamp::parse("2026-11-22T12:00:00Z");
    let date = "Date: Sun, 22 Nov 2026 10:00:00 GMT";
    let routescan =
        format!("429 Too Many Requests\r\n{date}\r\nx-ratelimit-rpd-remaining: 0\r\nx-ratelimit-rpd-reset: 7200");
    check(&routescan, "", Remedy::DayOver(noon)).await;
    check("200 OK", r#"{"status":"0","message":"chain not supported","result":null}"#, Remedy::ChainRefused).await;
    check("400 Bad Request", r#"{"message":"Unknown action","result":null,"status":"0"}"#, Remedy::CallOnly).await;
}

#[test]
fn every_refusal_of_the_catalogue_finds_its_remedy() {
    let check = |result: &str, remedy: Remedy| {
        let body = format!(r#"{{"status":"0","message":"NOTOK","result":"{result}"}}"#);
        let response = Response { status: 200, headers: crate::net::http::HeaderMap::new(), body: body.into() };
        // Guard errors come in this envelope to the proxy module too.
        for failure in [read_head(&response).unwrap_err(), read_rows(List::Internal, &response).unwrap_err()] {
            assert_eq!(judge(&Failure::from(failure)), remedy, "{result}");
        }
    };
    check("Max calls per sec rate limit reached (3/sec)", Remedy::SlowDown);
    check("Max daily rate limit reached. 110000 (100%) of 100000 day/limit", Remedy::DayOver(None));
    let noon = Timestamp::parse("2026-11-22T12:00:00Z");
    check("Community Free API Limit reached. Resets 2026-11-22 12:00:00 UTC.", Remedy::ChainDayOver(noon));
    check("Free API access is not supported for this chain.", Remedy::ChainRefused);
    check("Free API access is temporarily unavailable due to unusually high network activity.", Remedy::Trouble);
    check("Invalid API Key (#err2)|POLY-2", Remedy::Key);
    check("Too many invalid api key attempts, please try again later", Remedy::KeyThrottled);
    check("Query Timeout occured. Please select a smaller result dataset", Remedy::Halve);
    check("Result window is too large, PageNo x Offset size must be less than or equal to 10000", Remedy::Window);
    check("Unexpected err, timeout occurred or server too busy. Please try again later", Remedy::Trouble);
    check("You are using a deprecated V1 endpoint, switch to Etherscan API V2", Remedy::AccountRefused);
    check("", Remedy::Trouble);
}
