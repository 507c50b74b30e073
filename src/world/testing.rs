//! What the tests of the faces share: a chain with one of everything, a port, and peers that speak to it.

use super::Clock;
use super::chain::{Action, Chain, Fails, Genesis, Plan, Token};
use crate::types::{Address, ChainId, Timestamp, U256};
use futures::{SinkExt, StreamExt};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

/// Longer than any answer takes on the busiest machine; only a test that fails waits so long.
const PATIENCE: Duration = Duration::from_secs(20);

pub(super) const TOKEN: Address = Address::repeat_byte(0x77);
pub(super) const CONTRACT: Address = Address::repeat_byte(0x99);

pub(super) fn account(n: u8) -> Address {
    Address::repeat_byte(n)
}

/// The time of every clock in these tests.
pub(super) fn noon() -> Timestamp {
    Timestamp::from_secs(1_800_000_000)
}

pub(super) fn clock() -> Clock {
    Arc::new(noon)
}

/// One of each action, from account 1 to account 2.
pub(super) fn one_of_each() -> Vec<Action> {
    let (from, to, value, token, contract) = (account(1), account(2), U256::from(10), TOKEN, CONTRACT);
    let through = |fails| Action::Through { from, contract, to, value, fails };
    vec![
        Action::Pay { from, to, value },
        Action::PayInVain { from, to, value },
        Action::Send { token, from, to, amount: value },
        Action::SendTwice { token, from, to, amount: value },
        Action::Forge { token, by: account(3), from, to, amount: U256::ZERO },
        through(Fails::Nothing),
        through(Fails::Inner),
        through(Fails::Whole),
        Action::Create { from, value },
    ]
}

/// A chain with an empty first block and one of each action in the second.
pub(super) fn chain(id: ChainId) -> Chain {
    let token = Token { contract: TOKEN, symbol: "SIM".into(), name: "Simulated".into(), decimals: Some(6) };
    let mut chain = Chain::new(Genesis {
        id,
        seed: 1,
        at: noon(),
        base_fee: U256::from(8_000_000_000_u64),
        safe_after: 4,
        final_after: 8,
        coin: [1, 3].into_iter().map(|n| (account(n), U256::from(10).pow(U256::from(20)))).collect(),
        tokens: vec![(token, BTreeMap::from([(account(1), U256::from(1_000))]))],
    });
    chain.mine(noon(), &Plan { actions: one_of_each(), ..Plan::default() });
    chain
}

pub(super) async fn listen() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback has a free port");
    let address = listener.local_addr().expect("it is bound");
    (listener, address)
}

pub(super) type Peer = WebSocketStream<MaybeTlsStream<TcpStream>>;

pub(super) async fn connect(address: SocketAddr) -> Peer {
    connect_async(format!("ws://{address}/")).await.expect("it takes sockets").0
}

pub(super) async fn say(peer: &mut Peer, text: String) {
    peer.send(Message::text(text)).await.expect("it is open");
}

/// The next text; `None` when the connection ended.
pub(super) async fn hear(peer: &mut Peer) -> Option<String> {
    loop {
        let next = tokio::time::timeout(PATIENCE, peer.next()).await.expect("something comes");
        match next {
            Some(Ok(Message::Text(text))) => return Some(text.to_string()),
            Some(Ok(Message::Close(_)) | Err(_)) | None => return None,
            Some(Ok(_)) => {}
        }
    }
}

/// Sends a request by hand and returns status, head and body of the answer; `None` when it was closed without one.
pub(super) async fn http(address: SocketAddr, head: &str, body: &str) -> Option<(u16, String, String)> {
    let mut stream = TcpStream::connect(address).await.expect("it listens");
    let request = format!("{head}\r\nhost: x\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}", body.len());
    stream.write_all(request.as_bytes()).await.expect("it is open");
    let mut read = Vec::new();
    let whole = |read: &[u8]| {
        let text = String::from_utf8_lossy(read).into_owned();
        let (head, body) = text.split_once("\r\n\r\n")?;
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: "))?.parse::<usize>().ok()?;
        (body.len() >= length).then(|| (head.to_owned(), body.to_owned()))
    };
    loop {
        if let Some((head, body)) = whole(&read) {
            let status = head.split(' ').nth(1).and_then(|code| code.parse().ok()).expect("it has a status");
            return Some((status, head, body));
        }
        let more = tokio::time::timeout(PATIENCE, stream.read_buf(&mut read)).await.expect("something comes");
        if more.unwrap_or(0) == 0 {
            return None;
        }
    }
}
