//! How many events a second become durable, beside what SQLite can do at all, in one run on one machine.
//!
//! The bare limit is a dedupe key, ordered, and a 320-byte outbox row in raw SQL with the same settings; a second one writes as many bytes
//! an event as we do, in one row. Ours is a real commit. Rounds
//! alternate, because other work on the machine changes what a disk can do. Arguments: `--rounds N`, `--commits N`, `--warm N` (commits
//! before the first round, so that the indexes have their size).
#![allow(clippy::disallowed_methods, reason = "a benchmark reads the clock")]

use bytes::Bytes;
use rusqlite::{Connection, params};
use std::path::Path;
use std::time::Instant;
use walletwatch::reactor::effect::Suspect;
use walletwatch::reactor::rows::{AlertRow, AlertState, AlertSubject, Row, TransferRow, Voucher};
use walletwatch::reactor::settings::Direction;
use walletwatch::store::{Commit, IfMissing, NewMessage, SqliteStore, Store, Write};
use walletwatch::types::{
    Address, AlertId, Asset, B256, ChainId, Kind, MessageId, Name, Severity, Stage, Timestamp, TransferKey, U256,
};

/// Events in a commit.
const GROUP: u64 = 256;
/// Bytes of the row in the bare limit.
const BARE_BODY: usize = 320;
/// Bytes that an event is in our tables: a transfer 330, an alert 250, a message 800, and what their indexes repeat.
const OUR_BYTES: usize = 1_500;
/// Bytes of a message's body: a `transfer.confirmed` of FACES §3, without spaces.
const BODY: usize = 600;

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

fn main() -> Outcome<()> {
    let arguments: Vec<String> = std::env::args().collect();
    let number = |name: &str, otherwise: u64| {
        let place = arguments.iter().position(|argument| argument == name);
        place.and_then(|at| arguments.get(at + 1)).and_then(|text| text.parse().ok()).unwrap_or(otherwise)
    };
    let (rounds, commits, warm) = (number("--rounds", 5), number("--commits", 80), number("--warm", 80));
    let folder = tempfile::tempdir()?;
    let mut bare = Bare::open(&folder.path().join("bare.db"), BARE_BODY)?;
    let mut wide = Bare::open(&folder.path().join("wide.db"), OUR_BYTES)?;
    let mut whole = Ours::open(&folder.path().join("whole.db"), true)?;
    let mut short = Ours::open(&folder.path().join("short.db"), false)?;
    bare.run(warm)?;
    wide.run(warm)?;
    whole.run(warm)?;
    short.run(warm)?;
    let mut rates = [const { Vec::new() }; 4];
    for round in 1..=rounds {
        let found = [bare.run(commits)?, wide.run(commits)?, whole.run(commits)?, short.run(commits)?];
        println!(
            "round {round}: bare {} /s, as wide as ours {} /s, transfer + alert + message {} /s, transfer + message {} /s",
            found[0], found[1], found[2], found[3]
        );
        for (rates, rate) in rates.iter_mut().zip(found) {
            rates.push(rate);
        }
    }
    let [limit, wide, whole, short] = rates.map(median);
    println!("median of {rounds} rounds of {commits} commits of {GROUP} events, after {warm} commits:");
    println!("bare limit                   {limit:>8} events/s");
    println!("as many bytes as ours        {wide:>8} events/s");
    let of = |rate: u64, limit: u64| rate * 100 / limit.max(1);
    for (what, rate) in [("transfer + alert + message", whole), ("transfer + message", short)] {
        let (bare, bytes) = (of(rate, limit), of(rate, wide));
        println!("{what:<28} {rate:>8} events/s  {bare}% of the limit (goal: at least 60), {bytes}% of as many bytes");
    }
    Ok(())
}

fn median(mut rates: Vec<u64>) -> u64 {
    rates.sort_unstable();
    rates.get(rates.len() / 2).copied().unwrap_or(0)
}

/// Events a second.
fn rate(commits: u64, started: Instant) -> u64 {
    let micros = u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX).max(1);
    commits * GROUP * 1_000_000 / micros
}

/// What SQLite can do at all.
struct Bare {
    connection: Connection,
    body: Vec<u8>,
    next: u64,
}

impl Bare {
    fn open(path: &Path, body: usize) -> Outcome<Self> {
        let connection = Connection::open(path)?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        connection.pragma_update(None, "cache_size", -16 * 1024)?;
        connection.pragma_update(None, "wal_autocheckpoint", 4096)?;
        connection.execute_batch(
            "CREATE TABLE seen (key BLOB NOT NULL PRIMARY KEY) STRICT, WITHOUT ROWID;
             CREATE TABLE outbox (seq INTEGER PRIMARY KEY, state INTEGER NOT NULL, due INTEGER NOT NULL, body BLOB NOT NULL) STRICT;
             CREATE INDEX pending ON outbox (due) WHERE state = 0;",
        )?;
        Ok(Self { connection, body: vec![7; body], next: 0 })
    }

    fn run(&mut self, commits: u64) -> Outcome<u64> {
        let started = Instant::now();
        for _ in 0..commits {
            let transaction = self.connection.transaction()?;
            for _ in 0..GROUP {
                self.next += 1;
                let mut key = [0_u8; 24];
                key[..8].copy_from_slice(&1_u64.to_be_bytes());
                key[8..16].copy_from_slice(&(self.next / 64).to_be_bytes());
                key[16..].copy_from_slice(&self.next.to_be_bytes());
                transaction.prepare_cached("INSERT OR IGNORE INTO seen (key) VALUES (?1)")?.execute([key])?;
                transaction
                    .prepare_cached("INSERT INTO outbox (state, due, body) VALUES (0, ?1, ?2)")?
                    .execute(params![self.next.cast_signed(), self.body])?;
            }
            transaction.commit()?;
        }
        Ok(rate(commits, started))
    }
}

/// What the store does.
struct Ours {
    store: SqliteStore,
    alerts: bool,
    next: u64,
}

impl Ours {
    fn open(path: &Path, alerts: bool) -> Outcome<Self> {
        Ok(Self { store: SqliteStore::open(path, IfMissing::Create([7; 16]))?, alerts, next: 0 })
    }

    fn run(&mut self, commits: u64) -> Outcome<u64> {
        let made: Vec<Commit> = (0..commits).map(|_| self.make()).collect();
        let started = Instant::now();
        for commit in &made {
            let added = self.store.commit(commit)?;
            if added.len() as u64 != GROUP {
                return Err("a message was taken for a repeat".into());
            }
        }
        Ok(rate(commits, started))
    }

    fn make(&mut self) -> Commit {
        let at = Timestamp::from_millis(1_795_000_000_000 + self.next.cast_signed());
        let mut commit = Commit { at, ..Commit::default() };
        for _ in 0..GROUP {
            self.next += 1;
            let transfer = transfer(self.next, at);
            let alert = AlertId::hash("alert", &[&transfer.id.0]);
            if self.alerts {
                commit.writes.push(Write::Put(Row::Alert(Box::new(alert_row(alert, &transfer, at)))));
            }
            commit.outbox.push(message(alert, at));
            commit.writes.push(Write::Put(Row::Transfer(Box::new(transfer))));
        }
        commit
    }
}

/// A USDC transfer to one of a hundred deposit addresses; 64 in a block.
fn transfer(number: u64, at: Timestamp) -> TransferRow {
    let tx = B256::from(U256::from(number).wrapping_mul(U256::from(0x9e37_79b9_7f4a_7c15_u64)));
    let key = TransferKey {
        chain: ChainId(1),
        tx,
        kind: Kind::Token,
        asset: Asset::Token(Address::repeat_byte(0xa0)),
        from: Address::from_slice(&tx[12..]),
        to: Address::with_last_byte((number % 100) as u8),
        token_id: None,
        amount: U256::from(number * 1_000_000),
        nth: 0,
    };
    TransferRow {
        id: key.id(),
        key,
        block: 19_000_000 + number / 64,
        block_hash: Some(B256::repeat_byte(0xbb)),
        block_time: at,
        log_index: Some(number % 64),
        stage: Stage::Seen,
        suspect: Suspect::default(),
        voucher: Voucher::Authority,
        late: false,
        history: false,
        missing: None,
        first_seen: at,
        quote: None,
        settled: false,
    }
}

fn alert_row(id: AlertId, transfer: &TransferRow, at: Timestamp) -> AlertRow {
    AlertRow {
        id,
        rule: Name::from("usdc in"),
        severity: Severity::Info,
        subject: AlertSubject::Transfer {
            transfer: transfer.id,
            watch: Name::from("treasury"),
            address: transfer.key.to,
            direction: Direction::In,
        },
        revision: 1,
        state: AlertState::Raised,
        said: vec![Stage::Confirmed],
        told: vec![Name::from("ops")],
        untold: None,
        raised_at: at,
        changed_at: at,
        closed: false,
    }
}

fn message(alert: AlertId, at: Timestamp) -> NewMessage {
    NewMessage {
        id: MessageId::hash("message", &[&alert.0, &1_u32.to_be_bytes(), b"ops"]),
        sink: Name::from("ops"),
        alert,
        revision: 1,
        kind: Name::from("transfer.confirmed"),
        retracts: false,
        severity: Severity::Info,
        created: at,
        block_time: Some(at),
        body: Bytes::from(vec![b'x'; BODY]),
    }
}
