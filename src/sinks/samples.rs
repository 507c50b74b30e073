//! Messages and rows for the tests of this room.

use crate::reactor::effect::{Body, Message, MessageKind, Suspect, TransferBody};
use crate::reactor::settings::Direction;
use crate::sinks::text::Text;
use crate::sinks::{Words, freeze};
use crate::store::{NewMessage, OutboxRow, OutboxState};
use crate::types::{Address, AlertId, Asset, B256, ChainId, Kind, Name, Severity, Stage, Timestamp, TransferKey, U256};

/// USDC on Ethereum.
pub(super) const USDC: &str = "0xA0b86991c6218b36c1d19D4a2e9Eb0cE3606eB48";

pub(super) fn at(secs: u64) -> Timestamp {
    Timestamp::from_secs(1_800_000_000 + secs)
}

pub(super) fn transfer() -> TransferBody {
    let key = TransferKey {
        chain: ChainId(1),
        tx: B256::repeat_byte(0xab),
        kind: Kind::Token,
        asset: Asset::Token(USDC.parse().expect("it is an address")),
        from: Address::repeat_byte(0x11),
        to: Address::repeat_byte(0x22),
        token_id: None,
        amount: U256::from(1_234_567_000),
        nth: 0,
    };
    TransferBody {
        transfer: key.id(),
        key,
        chain: "ethereum".into(),
        watch: "treasury".into(),
        address: Address::repeat_byte(0x22),
        reference: None,
        label: None,
        tags: vec!["own".into()],
        direction: Direction::In,
        symbol: Some("USDC".into()),
        decimals: Some(6),
        verified: true,
        block: 19_000_000,
        block_hash: Some(B256::repeat_byte(0xcd)),
        block_time: at(0),
        log_index: Some(12),
        confirmations: 12,
        stage: Stage::Confirmed,
        previous_stage: Some(Stage::Seen),
        reason: None,
        suspect: Suspect::default(),
        late: false,
        history: false,
        usd: None,
        usd_unknown: None,
        url: Some("https://etherscan.io/tx/0xabab".into()),
    }
}

pub(super) fn of_transfer(body: TransferBody) -> Message {
    Message { kind: MessageKind::Transfer(body.stage), body: Body::Transfer(Box::new(body)), ..test() }
}

pub(super) fn test() -> Message {
    Message {
        sinks: vec!["ops".into(), "chat".into()],
        alert: AlertId([7; 16]),
        revision: 2,
        kind: MessageKind::Test,
        severity: Severity::Info,
        rule: Some("usdc in".into()),
        at: Timestamp::parse("2026-11-22T00:44:09.123Z").expect("it is RFC 3339"),
        body: Body::Test,
        simulated: false,
    }
}

pub(super) fn row(seq: i64, message: NewMessage) -> OutboxRow {
    OutboxRow {
        seq,
        due: message.created,
        message,
        state: OutboxState::Pending,
        attempts: 0,
        reason: None,
        receiver_id: None,
        closed_at: None,
    }
}

/// What a row says, in our own words.
pub(super) fn said(row: &OutboxRow, again: bool) -> Text {
    Words::default().text(&row.message.sink, &row.message, again)
}

/// A row of alert `alert` to `sink`.
pub(super) fn small_row(seq: i64, sink: &str, alert: u8, revision: u32, retracts: bool) -> OutboxRow {
    let sink = Name::from(sink);
    let message = Message { alert: AlertId([alert; 16]), revision, ..test() };
    row(seq, NewMessage { retracts, ..freeze(&message, &sink) })
}
