//! Bodies: the whole of one against the contract, and that every one reads back.

use super::*;
use crate::reactor::effect::{
    BalanceBody, CrossingBody, CrossingSubject, MessageKind, PaymentBody, Quote, SinkBody, SourceBody, Suspect,
};
use crate::reactor::event::{ReadAt, SourceKind};
use crate::reactor::rows::PaymentState;
use crate::reactor::settings::{Direction, Side};
use crate::sinks::samples::{at, of_transfer, test, transfer};
use crate::types::gas::Fee;
use crate::types::{
    Address, Asset, B256, ChainId, Holding, Kind, Pair, PaymentId, Percent, Price, Stage, TransferId, U256,
};
use proptest::prelude::*;
use serde_json::{Value, json};

fn json_of(message: &Message) -> Value {
    serde_json::from_slice(&render(message)).expect("a body is JSON")
}

#[test]
fn a_transfer_has_every_field_of_the_contract_in_its_order() {
    let message = of_transfer(transfer());
    let expected = concat!(
        r#"{"type":"transfer.confirmed","version":1,"timestamp":"2026-11-22T00:44:09.123Z","data":{"#,
        r#""alert_id":"07070707070707070707070707070707","revision":2,"rule":"usdc in","severity":"info","#,
        r#""transfer_id":"TRANSFER","#,
        r#""chain":"ethereum","chain_id":1,"watch":"treasury","ref":null,"label":null,"tags":["own"],"#,
        r#""address":"0x2222222222222222222222222222222222222222","direction":"in","#,
        r#""asset":{"symbol":"USDC","contract":"0xA0b86991c6218b36c1d19D4a2e9Eb0cE3606eB48","decimals":6,"verified":true},"#,
        r#""amount":"1234.567","amount_raw":"1234567000","usd":null,"#,
        r#""from":"0x1111111111111111111111111111111111111111","to":"0x2222222222222222222222222222222222222222","#,
        r#""tx_hash":"0xabababababababababababababababababababababababababababababababab","kind":"token","nth":0,"log_index":12,"#,
        r#""block":{"number":19000000,"hash":"0xcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd","time":"2027-01-15T08:00:00.000Z"},"#,
        r#""confirmations":12,"stage":"confirmed","previous_stage":"seen","reason":null,"#,
        r#""suspect":null,"late":false,"history":false,"simulated":false,"url":"https://etherscan.io/tx/0xabab"}}"#,
    );
    let expected = expected.replace("TRANSFER", &transfer().key.id().to_string());
    assert_eq!(std::str::from_utf8(&render(&message)), Ok(expected.as_str()));
}

#[test]
fn what_is_unknown_or_odd_about_a_transfer_is_said_so() {
    let check =
        |what: &str, change: &dyn Fn(&mut crate::reactor::effect::TransferBody), pointer: &str, expected: Value| {
            let mut body = transfer();
            change(&mut body);
            let got = json_of(&of_transfer(body));
            assert_eq!(got.pointer(pointer), Some(&expected), "{what}");
        };
    check("unknown decimals", &|b| b.decimals = None, "/data/amount", Value::Null);
    check("unknown decimals, raw", &|b| b.decimals = None, "/data/amount_raw", json!("1234567000"));
    let stranger = |b: &mut crate::reactor::effect::TransferBody| (b.decimals, b.verified) = (Some(255), false);
    check("absurd decimals of a stranger", &stranger, "/data/amount", Value::Null);
    let most = format!("0.{}", "0".repeat(245) + "1234567000").trim_end_matches('0').to_owned();
    check("absurd decimals that a person vouches for", &|b| b.decimals = Some(255), "/data/amount", json!(most));
    check("absurd decimals are still told", &|b| b.decimals = Some(255), "/data/asset/decimals", json!(255));
    check(
        "most credible decimals",
        &|b| b.decimals = Some(36),
        "/data/amount",
        json!("0.000000000000000000000000001234567"),
    );
    check("no decimals at all", &|b| b.decimals = Some(0), "/data/amount", json!("1234567000"));
    check("the coin", &|b| b.key.asset = Asset::Coin, "/data/asset/contract", Value::Null);
    check("to itself", &|b| b.direction = Direction::Both, "/data/direction", json!("self"));
    check("out", &|b| b.direction = Direction::Out, "/data/direction", json!("out"));
    check("internal rows have no hash", &|b| b.block_hash = None, "/data/block/hash", Value::Null);
    check("no log index", &|b| b.log_index = None, "/data/log_index", Value::Null);
    check("a reference", &|b| b.reference = Some("customer 7".into()), "/data/ref", json!("customer 7"));
    check("a label", &|b| b.label = Some("Ada, cold".into()), "/data/label", json!("Ada, cold"));
    check("a reason", &|b| b.reason = Some("reorg".into()), "/data/reason", json!("reorg"));
    check("late", &|b| b.late = true, "/data/late", json!(true));
    let suspect = Suspect { zero_value: true, look_alike: true, ..Suspect::default() };
    check("suspect", &|b| b.suspect = suspect, "/data/suspect", json!(["zero_value", "look_alike"]));
    check("an NFT", &|b| b.key.token_id = Some(U256::MAX), "/data/token_id", json!(U256::MAX.to_string()));
    check("an NFT's kind", &|b| b.key.kind = Kind::Erc721, "/data/kind", json!("erc721"));
    check("the largest amount", &|b| b.key.amount = U256::MAX, "/data/amount_raw", json!(U256::MAX.to_string()));
    let hostile = |b: &mut crate::reactor::effect::TransferBody| {
        b.verified = false;
        b.symbol = Some("US\u{202e}DC\n\u{0}".into());
    };
    check("a hostile symbol", &hostile, "/data/asset/symbol", json!("USDC"));
    check("a hostile symbol is not verified", &hostile, "/data/asset/verified", json!(false));
    assert!(json_of(&of_transfer(transfer())).pointer("/data/token_id").is_none(), "only NFTs have one");
}

/// A message about an approval of 1234.567 USDC.
pub(in crate::sinks) fn approval(change: impl FnOnce(&mut crate::reactor::effect::TransferBody)) -> Message {
    let mut body = transfer();
    (body.key.kind, body.address, body.direction) = (Kind::Approval, body.key.from, Direction::Out);
    change(&mut body);
    body.transfer = body.key.id();
    Message { kind: MessageKind::Approval(body.stage), body: Body::Approval(Box::new(body)), ..test() }
}

#[test]
fn an_approval_says_who_may_move_how_much_of_what() {
    let check = |change: &dyn Fn(&mut crate::reactor::effect::TransferBody), expected: [Value; 4]| {
        let message = approval(change);
        let data = &json_of(&message)["data"];
        let token_id = data.get("token_id").cloned().unwrap_or(Value::Null);
        let got = [data["allowance"].clone(), data["amount"].clone(), data["amount_raw"].clone(), token_id];
        assert_eq!(got, expected, "{data}");
        assert_eq!(data["address"], json!("0x1111111111111111111111111111111111111111"), "the owner");
        assert_eq!(data["spender"], json!("0x2222222222222222222222222222222222222222"));
        assert_eq!(data["asset"]["symbol"], json!("USDC"));
        let Body::Approval(body) = &message.body else { panic!("{message:?}") };
        assert_eq!(data["approval_id"], json!(body.transfer.to_string()));
    };
    let most = U256::MAX.to_string();
    let (one, none) = (U256::from(1), Value::Null);
    check(&|_| {}, [json!("amount"), json!("1234.567"), json!("1234567000"), none.clone()]);
    check(&|b| b.decimals = None, [json!("amount"), none.clone(), json!("1234567000"), none.clone()]);
    check(&|b| b.key.amount = U256::MAX, [json!("unlimited"), none.clone(), json!(most), none.clone()]);
    check(&|b| b.key.amount = U256::ZERO, [json!("nothing"), none.clone(), json!("0"), none.clone()]);
    let nft =
        |b: &mut crate::reactor::effect::TransferBody| (b.key.token_id, b.key.amount) = (Some(U256::from(7)), one);
    check(&nft, [json!("one"), none.clone(), none.clone(), json!("7")]);
    let all = |amount| {
        move |b: &mut crate::reactor::effect::TransferBody| (b.key.kind, b.key.amount) = (Kind::ApprovalForAll, amount)
    };
    check(&all(one), [json!("everything"), none.clone(), none.clone(), none.clone()]);
    check(&all(U256::ZERO), [json!("nothing"), none.clone(), none.clone(), none]);
}

fn price() -> Body {
    let price = |text| Price::parse(text).expect("it is a price");
    let quote = Quote {
        pair: Pair::parse("ETH-USD").expect("it is a pair"),
        price: price("2499.99"),
        source: "coinbase".into(),
        sources: 1,
        spread: Percent::default(),
        as_of: at(2),
    };
    let subject = CrossingSubject::Price { quote, level: price("2500"), recovers_at: price("2550") };
    Body::Crossing(CrossingBody { subject, crossing: 3, side: Side::Below, since: at(1), as_of: at(2) })
}

fn gas() -> Body {
    let (value, level, recovers_at) = (U256::from(60_000_000_001_u64), U256::from(60_000_000_000_u64), U256::ZERO);
    let (chain, chain_id) = ("ethereum".into(), ChainId(1));
    let subject = CrossingSubject::Gas { chain, chain_id, of: Fee::NextBase, value, level, recovers_at, block: 9 };
    Body::Crossing(CrossingBody { subject, crossing: 1, side: Side::Above, since: at(1), as_of: at(2) })
}

fn balance() -> Body {
    let usdc = Asset::Token(crate::sinks::samples::USDC.parse().expect("it is an address"));
    let body = BalanceBody {
        holding: Holding { chain: ChainId(1), address: Address::repeat_byte(0x22), asset: usdc },
        chain: "ethereum".into(),
        watch: "hot".into(),
        reference: None,
        tags: vec!["own".into()],
        symbol: Some("USDC".into()),
        decimals: Some(6),
        verified: true,
        value: U256::from(499_999_999),
        at: ReadAt { number: 19_000_000, hash: Some(B256::repeat_byte(0xcd)) },
        level: U256::from(500_000_000),
        recovers_at: U256::from(1_400_000_000),
        usd: None,
        usd_unknown: None,
        reason: None,
    };
    let subject = CrossingSubject::Balance(Box::new(body));
    Body::Crossing(CrossingBody { subject, crossing: 2, side: Side::Below, since: at(1), as_of: at(2) })
}

fn source() -> Body {
    Body::Source(SourceBody {
        kind: SourceKind::Rpc,
        chain: Some("base".into()),
        source: "main".into(),
        since: at(0),
        last_block: Some(1234),
        gap: Some((1235, 1300)),
        pair: None,
        unpriced: None,
        reason: "no new block".into(),
    })
}

fn sink() -> Body {
    Body::Sink(SinkBody { sink: "ops".into(), since: at(0), dead: 2, reason: "HTTP 500".into() })
}

fn payment() -> Body {
    Body::Payment(Box::new(PaymentBody {
        payment: PaymentId([1; 16]),
        payee: "hot".into(),
        chain: "ethereum".into(),
        chain_id: ChainId(1),
        amount: U256::from(1_500_000_000),
        state: PaymentState::Rehearsed,
        reason: None,
        transfer: Some(TransferId([2; 16])),
        crossing: None,
        live: None,
    }))
}

fn heartbeat() -> Body {
    Body::Heartbeat(crate::reactor::effect::HeartbeatBody {
        next: at(3_600),
        trouble: vec!["base".into()],
        audit_head: Some([0x0a; 32]),
    })
}

/// One message of every kind.
pub(crate) fn every_kind() -> Vec<Message> {
    let body = |kind: MessageKind| match kind {
        MessageKind::Transfer(stage) => {
            Body::Transfer(Box::new(crate::reactor::effect::TransferBody { stage, ..transfer() }))
        }
        MessageKind::Approval(stage) => approval(|body| body.stage = stage).body,
        MessageKind::PriceCrossed | MessageKind::PriceRecovered => price(),
        MessageKind::GasCrossed | MessageKind::GasRecovered => gas(),
        MessageKind::BalanceCrossed | MessageKind::BalanceRecovered | MessageKind::BalanceRetracted => balance(),
        MessageKind::SourceBlind | MessageKind::SourceRecovered | MessageKind::SourceDisagrees => source(),
        MessageKind::SinkFailing | MessageKind::SinkRecovered => sink(),
        MessageKind::PaymentRehearsed
        | MessageKind::PaymentHeld
        | MessageKind::PaymentApproved
        | MessageKind::PaymentRefused
        | MessageKind::PaymentSent
        | MessageKind::PaymentComplete
        | MessageKind::PaymentFailed
        | MessageKind::PaymentNeedsPerson
        | MessageKind::PaymentTriggerRetracted => payment(),
        MessageKind::PaymentsFrozen | MessageKind::PaymentsUnfrozen => {
            Body::Frozen(crate::reactor::effect::FrozenBody {
                what: "rule top up".into(),
                since: at(0),
                reason: "a payment of it failed".into(),
                audit_head: Some([0x0a; 32]),
            })
        }
        MessageKind::AlertResolved => Body::Resolved("the rule was removed from the config".into()),
        MessageKind::Heartbeat => heartbeat(),
        MessageKind::Digest => Body::Digest(crate::reactor::effect::DigestBody {
            reason: "what was not said".into(),
            entries: vec!["one".into(), "two".into()],
            more: 3,
        }),
        MessageKind::Test => Body::Test,
    };
    MessageKind::ALL.into_iter().map(|kind| Message { kind, body: body(kind), ..test() }).collect()
}

#[test]
fn every_kind_of_body_reads_back_as_it_was_written() {
    for message in every_kind() {
        let bytes = render(&message);
        let (kind, data) = read(&bytes).expect("it was written by us");
        assert_eq!(kind, message.kind.word());
        assert_eq!(data, Data::of(&message), "{kind}");
        let value = json_of(&message);
        assert_eq!(value["version"], json!(1));
        for field in ["alert_id", "revision", "severity", "simulated"] {
            assert!(value["data"].get(field).is_some(), "{kind} has {field}");
        }
    }
}

#[test]
fn crossings_payments_and_sources_are_exact() {
    let value = json_of(&Message { kind: MessageKind::GasCrossed, body: gas(), ..test() });
    assert_eq!(value["data"]["value"], json!("60.000000001"));
    assert_eq!(value["data"]["value_wei"], json!("60000000001"));
    assert_eq!(value["data"]["side"], json!("above"));
    assert_eq!(value["data"]["of"], json!("next_base_fee"));
    let value = json_of(&Message { kind: MessageKind::BalanceCrossed, body: balance(), ..test() });
    let expected = json!({"watch": "hot", "chain": "ethereum", "chain_id": 1, "amount": "499.999999", "amount_raw": "499999999",
        "side": "below", "level": "500", "level_raw": "500000000", "recovers_at": "1400", "crossing": 2, "reason": null,
        "block": {"number": 19_000_000, "hash": format!("{:#x}", B256::repeat_byte(0xcd))}});
    for (key, value_of_key) in expected.as_object().expect("an object") {
        assert_eq!(&value["data"][key], value_of_key, "{key}");
    }
    assert_eq!(value["data"]["asset"]["contract"], json!(crate::sinks::samples::USDC));
    let value = json_of(&Message { kind: MessageKind::PriceCrossed, body: price(), ..test() });
    assert_eq!((&value["data"]["value"], &value["data"]["pair"]), (&json!("2499.99"), &json!("ETH-USD")));
    let value = json_of(&Message { kind: MessageKind::PaymentRehearsed, body: payment(), ..test() });
    assert_eq!((&value["data"]["amount"], &value["data"]["rehearsal"]), (&json!("1500"), &json!(true)));
    assert_eq!((&value["data"]["state"], &value["data"]["circle_id"]), (&json!("rehearsed"), &Value::Null));
    let value = json_of(&Message { kind: MessageKind::SourceBlind, body: source(), ..test() });
    assert_eq!(value["data"]["gap"], json!({"from": 1235, "to": 1300}));
}

#[test]
fn a_message_is_frozen_once_and_has_an_id_of_its_own_for_every_sink() {
    let message =
        of_transfer(crate::reactor::effect::TransferBody { stage: Stage::Retracted, confirmations: 0, ..transfer() });
    let all = freeze_all(&message);
    assert_eq!(all, message.sinks.iter().map(|sink| freeze(&message, sink)).collect::<Vec<_>>());
    assert_eq!(all.len(), 2);
    assert_ne!(all[0].id, all[1].id);
    assert_eq!(all[0].body, all[1].body);
    assert!(all[0].retracts, "nothing that was said still holds");
    assert_eq!(all[0].block_time, Some(at(0)));
    assert_eq!(freeze(&test(), &message.sinks[0]).block_time, None);
}

#[test]
fn bodies_of_a_later_version_read_and_broken_ones_say_where() {
    let later = br#"{"type":"moon.full","version":9,"data":{"alert_id":"a","revision":1,"severity":"info","new":[1]}}"#;
    assert!(matches!(read(later), Ok((_, Data::Other(_)))));
    for broken in [&b""[..], b"{", b"null", b"{\"type\":\"test\"}", b"{\"type\":\"test\",\"data\":{}}", b"\xff"] {
        assert!(read(broken).is_err());
    }
}

proptest! {
    #[test]
    fn any_symbol_and_name_is_json_that_reads_back(symbol in "\\PC*", watch: String, verified: bool) {
        let body = crate::reactor::effect::TransferBody {
            symbol: Some(symbol.into()), watch: watch.into(), verified, ..transfer()
        };
        let message = of_transfer(body);
        let bytes = render(&message);
        let (_, data) = read(&bytes).expect("it was written by us");
        prop_assert_eq!(data, Data::of(&message));
    }
}
