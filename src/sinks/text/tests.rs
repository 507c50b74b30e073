//! Texts: what people read, whatever strangers wrote.

use super::*;
use crate::reactor::effect::{Body, Message, MessageKind, Suspect, TransferBody};
use crate::reactor::event::SourceKind;
use crate::sinks::body::{self, render as render_body};
use crate::sinks::samples::{USDC, of_transfer, transfer};
use crate::types::{Kind, Pair, Stage, U256};
use proptest::prelude::*;

fn text_of(message: &Message) -> Text {
    render(&render_body(message), false).expect("it was written by us")
}

#[test]
fn a_transfer_is_told_with_whole_addresses_and_the_exact_amount() {
    let text = text_of(&of_transfer(transfer()));
    assert_eq!(text.title, "treasury received 1234.567 USDC on ethereum (confirmed)");
    let expected = [
        "from 0x1111111111111111111111111111111111111111",
        "to 0x2222222222222222222222222222222222222222",
        &format!("token {USDC}"),
        "transaction 0xabababababababababababababababababababababababababababababababab",
        "block 19000000, confirmations 12",
        "rule usdc in, info",
    ];
    assert_eq!(text.lines, expected);
    assert_eq!(text.url.as_deref(), Some("https://etherscan.io/tx/0xabab"));
}

#[test]
fn titles_say_what_holds_what_does_not_and_what_is_not_certain() {
    let check = |change: &dyn Fn(&mut TransferBody), expected: &str| {
        let mut body = transfer();
        change(&mut body);
        assert_eq!(text_of(&of_transfer(body)).title, expected);
    };
    let retracted = "RETRACTED: treasury received 1234.567 USDC on ethereum no longer holds";
    check(&|b| b.stage = Stage::Retracted, retracted);
    let unverified = "treasury received 1234.567 \"USD'C\" (unverified) on ethereum (confirmed)";
    check(&|b| (b.verified, b.symbol) = (false, Some("USD\"C\u{202e}\n".into())), unverified);
    let nameless = "treasury received 1234.567 an unverified token on ethereum (confirmed)";
    check(&|b| (b.verified, b.symbol) = (false, None), nameless);
    let raw = "treasury received 1234567000 of the smallest unit of USDC on ethereum (confirmed)";
    check(&|b| b.decimals = None, raw);
    let nft = "treasury received NFT 7 of USDC on ethereum (confirmed)";
    check(&|b| (b.key.token_id, b.key.amount) = (Some(U256::from(7)), U256::from(1)), nft);
    let batch = "treasury received 3 × NFT 7 of USDC on ethereum (confirmed)";
    check(&|b| (b.key.token_id, b.key.amount) = (Some(U256::from(7)), U256::from(3)), batch);
}

#[test]
fn an_approval_names_the_spender_and_cries_when_nothing_bounds_it() {
    let check = |change: &dyn Fn(&mut TransferBody), expected: &str| {
        let text = text_of(&body::tests::approval(change));
        assert_eq!(text.title, expected);
        assert!(text.lines.contains(&"spender 0x2222222222222222222222222222222222222222".to_owned()), "{text:?}");
    };
    check(&|_| {}, "treasury lets a spender move 1234.567 USDC on ethereum (confirmed)");
    let unlimited = "treasury lets a spender move UNLIMITED USDC on ethereum (confirmed)";
    check(&|b| b.key.amount = U256::MAX, unlimited);
    let everything = "treasury lets a spender move EVERYTHING of \"Apes\" (unverified) on ethereum (confirmed)";
    let apes = |b: &mut TransferBody| {
        (b.verified, b.symbol, b.key.kind, b.key.amount) =
            (false, Some("Apes".into()), Kind::ApprovalForAll, U256::from(1));
    };
    check(&apes, everything);
    let taken_back = "treasury took back the leave to move everything of \"Apes\" (unverified) on ethereum (confirmed)";
    check(
        &|b| {
            apes(b);
            b.key.amount = U256::ZERO;
        },
        taken_back,
    );
    check(&|b| b.key.amount = U256::ZERO, "treasury took back the leave to move USDC on ethereum (confirmed)");
    let nft = "treasury lets a spender move NFT 7 of USDC on ethereum (confirmed)";
    check(&|b| (b.key.token_id, b.key.amount) = (Some(U256::from(7)), U256::from(1)), nft);
    let gone = "RETRACTED: treasury lets a spender move 1234.567 USDC on ethereum no longer holds";
    check(&|b| b.stage = Stage::Retracted, gone);
}

#[test]
fn what_is_suspect_late_simulated_or_said_again_is_marked() {
    let suspect = Suspect { look_alike: true, dust: true, ..Suspect::default() };
    let mut message = of_transfer(TransferBody { suspect, late: true, ..transfer() });
    message.simulated = true;
    let text = render(&render_body(&message), true).expect("it was written by us");
    assert!(text.title.starts_with("SIMULATED: treasury received"), "{}", text.title);
    assert!(text.lines.iter().any(|line| line == "SUSPECT: look alike, dust"));
    assert!(text.lines.iter().any(|line| line.ends_with("read late, after a gap")));
    assert!(text.lines.last().is_some_and(|line| line.starts_with("again: ")));
}

#[test]
fn every_kind_of_message_has_a_title_of_its_own_and_says_its_severity() {
    let mut titles: Vec<String> = Vec::new();
    for message in body::tests::every_kind() {
        let text = text_of(&message);
        assert!(text.lines.iter().any(|line| line.ends_with("info")), "{:?} says how much it matters", message.kind);
        assert!(!text.in_one_line().contains('\n'));
        titles.push(text.title);
    }
    titles.sort();
    let all = titles.len();
    titles.dedup();
    assert_eq!(titles.len(), all, "{titles:#?}");
}

#[test]
fn a_pair_without_a_price_is_blind_and_seen_again_and_one_that_feeds_differ_about_is_another_matter() {
    let pair = || Pair::parse("ETH-USD");
    let check = |kind: MessageKind, differs: bool, expected: &str| {
        let mut all = body::tests::every_kind().into_iter();
        let mut message = all.find(|message| message.kind == kind).expect("it is one of them");
        let Body::Source(source) = &mut message.body else { panic!("it is about a source") };
        (source.kind, source.chain, source.source) = (SourceKind::Feed, None, "ETH-USD".into());
        (source.pair, source.unpriced) = if differs { (pair(), None) } else { (None, pair()) };
        let title = text_of(&message).title;
        assert!(title.starts_with(expected), "{title}");
    };
    check(MessageKind::SourceBlind, false, "BLIND on the price of ETH-USD since 20");
    check(MessageKind::SourceRecovered, false, "RECOVERED: the price of ETH-USD is seen again, blind since 20");
    check(MessageKind::SourceDisagrees, true, "DISAGREES: the feeds of ETH-USD");
    check(MessageKind::SourceRecovered, true, "RECOVERED: the feeds of ETH-USD agree again");
}

#[test]
fn only_plain_http_links_are_shown() {
    for (url, shown) in [
        ("https://etherscan.io/tx/0xab", true),
        ("http://127.0.0.1:5100/tx/0xab?a=b&c=d", true),
        ("javascript:alert(1)", false),
        ("https://a|b", false),
        ("https://a>b", false),
        ("https://a b", false),
        ("https://a\nb", false),
    ] {
        assert_eq!(link(url).is_some(), shown, "{url}");
    }
}

proptest! {
    #[test]
    fn a_hostile_symbol_stays_on_its_line_and_is_called_unverified(symbol: String) {
        let body = TransferBody { verified: false, symbol: Some(symbol.into()), ..transfer() };
        let text = text_of(&of_transfer(body));
        prop_assert!(!text.in_one_line().chars().any(char::is_control));
        prop_assert!(text.title.contains("unverified"));
        prop_assert_eq!(text.title.matches('"').count() % 2, 0);
    }
}
