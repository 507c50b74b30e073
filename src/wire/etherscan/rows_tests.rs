//! Cases for rows: what moves, what is set aside, and that a mangled page never takes the process down.

use super::*;
use proptest::prelude::*;

fn raw(text: &str) -> Box<RawValue> {
    RawValue::from_string(text.into()).expect("it is JSON")
}

fn who(n: u8) -> String {
    format!("{:#x}", Address::repeat_byte(n))
}

/// A row with usual values; `with` replaces or adds `"key":"value"` pairs.
fn row(with: &[(&str, &str)]) -> String {
    let hash = format!("0x{}", "ab".repeat(32));
    let (from, to, contract) = (who(1), who(2), who(3));
    let mut keys = vec![
        ("blockNumber", "100"),
        ("timeStamp", "1700000000"),
        ("hash", &hash),
        ("from", &from),
        ("to", &to),
        ("value", "7"),
        ("contractAddress", &contract),
        ("isError", "0"),
        ("confirmations", "11"),
        ("type", "call"),
    ];
    for (key, value) in with {
        keys.retain(|(known, _)| known != key);
        keys.push((key, value));
    }
    let pairs: Vec<_> = keys.iter().map(|(key, value)| format!(r#""{key}":"{value}""#)).collect();
    format!("{{{}}}", pairs.join(","))
}

/// What one row moves: the receiver's byte and the amount; or why it does not.
fn moved(list: List, with: &[(&str, &str)]) -> Result<Option<(u8, u64)>, String> {
    let page = rows(list, &raw(&format!("[{}]", row(with))), None).expect("it is a list");
    match (page.rows.first(), page.aside.first()) {
        (Some(row), None) => Ok(row.movement.map(|moved| (moved.to.0[0], moved.amount.to()))),
        (None, Some(aside)) => Err(aside.reason.to_string()),
        both => panic!("{both:?}"),
    }
}

#[test]
fn failed_rows_and_rows_of_other_kinds_move_nothing() {
    let check = |list: List, with: &[(&str, &str)], expected: Option<(u8, u64)>| {
        assert_eq!(moved(list, with), Ok(expected), "{list:?} {with:?}");
    };
    check(List::Coin, &[], Some((2, 7)));
    check(List::Coin, &[("value", "0")], None);
    check(List::Coin, &[("isError", "1")], None);
    check(List::Coin, &[("txreceipt_status", "0")], None);
    check(List::Coin, &[("txreceipt_status", "")], Some((2, 7)));
    check(List::Coin, &[("isError", ""), ("txreceipt_status", "1")], Some((2, 7)));
    check(List::Coin, &[("to", "")], Some((3, 7)));
    check(List::Coin, &[("to", ""), ("isError", "1"), ("value", "0"), ("contractAddress", "")], None);
    for kind in ["call", "create", "create2", "suicide", "selfdestruct"] {
        check(List::Internal, &[("type", kind)], Some((2, 7)));
    }
    check(List::Internal, &[("type", "create"), ("to", "")], Some((3, 7)));
    for kind in ["delegatecall", "callcode", "staticcall", "invalid", "", "of tomorrow"] {
        check(List::Internal, &[("type", kind)], None);
    }
    // Blockscout's: a call by its type and none by its call type, and the transaction itself among its frames.
    for kind in ["delegatecall", "callcode", "staticcall"] {
        check(List::Internal, &[("callType", kind)], None);
    }
    check(List::Internal, &[("callType", "call"), ("index", "1")], Some((2, 7)));
    check(List::Internal, &[("type", "create2"), ("callType", ""), ("index", "1"), ("to", "")], Some((3, 7)));
    check(List::Internal, &[("type", "create"), ("index", "0"), ("to", "")], None);
    check(List::Token, &[("value", ""), ("tokenID", "5")], None);
    check(List::Internal, &[("isError", "1")], None);
    check(List::Internal, &[("value", "0")], None);
    check(List::Token, &[("value", "0")], Some((2, 0)));
    check(List::Erc721, &[("value", ""), ("tokenID", "5")], Some((2, 1)));
    check(List::Erc1155, &[("value", ""), ("tokenID", "5"), ("tokenValue", "9")], Some((2, 9)));
}

#[test]
fn a_row_that_cannot_be_read_is_set_aside_with_its_reason() {
    let check = |list: List, key: &str, value: &str| {
        let reason = moved(list, &[(key, value)]).expect_err("it cannot be read");
        assert!(reason.contains(key), "{reason}");
    };
    check(List::Coin, "blockNumber", "");
    check(List::Coin, "blockNumber", "0x1");
    check(List::Coin, "blockNumber", "99999999999999999999");
    check(List::Coin, "timeStamp", "-1");
    check(List::Coin, "hash", "0xab");
    check(List::Coin, "from", "");
    check(List::Coin, "to", "0x12");
    check(List::Coin, "value", "1e18");
    check(List::Coin, "value", "1.5");
    check(List::Coin, "isError", "maybe");
    check(List::Coin, "blockHash", "0xzz");
    check(List::Token, "contractAddress", "");
    check(List::Token, "to", "");
    check(List::Erc721, "tokenID", "");
    let without_amount = moved(List::Erc1155, &[("tokenID", "1"), ("tokenValue", "")]);
    assert!(without_amount.is_err_and(|reason| reason.contains("tokenValue")));
    assert!(moved(List::Coin, &[("to", ""), ("contractAddress", "")]).is_err());
    let text = format!("[{},7,[],{},null,{}]", row(&[("from", "x")]), row(&[]), row(&[("value", "8")]));
    let page = rows(List::Coin, &raw(&text), None).expect("it is a list");
    assert_eq!(page.aside.iter().map(|aside| aside.index).collect::<Vec<_>>(), [0, 1, 2, 4]);
    assert_eq!((page.rows.len(), page.length, page.aside[0].block_number), (2, 6, Some(100)));
    assert!(rows(List::Coin, &raw("{}"), None).is_err());
}

#[test]
fn the_index_head_is_the_highest_that_a_row_shows() {
    let head = |with: &[&[(&str, &str)]]| {
        let list: Vec<_> = with.iter().map(|with| row(with)).collect();
        rows(List::Coin, &raw(&format!("[{}]", list.join(","))), None).expect("it is a list").index_head
    };
    assert_eq!(head(&[]), None);
    assert_eq!(head(&[&[]]), Some(110));
    assert_eq!(head(&[&[("confirmations", "")]]), None);
    assert_eq!(head(&[&[("confirmations", "0")]]), Some(100), "it counts from 0, and the row is there");
    assert_eq!(head(&[&[], &[("blockNumber", "105")], &[("from", "bad")]]), Some(115));
    assert_eq!(head(&[&[("blockNumber", &u64::MAX.to_string())]]), None);
}

#[test]
fn genesis_rows_are_no_transactions_and_unnamed_rows_take_the_hash_that_was_asked() {
    let page = |list, with: &[(&str, &str)], tx| rows(list, &raw(&format!("[{}]", row(with))), tx).expect("a list");
    let genesis = page(List::Coin, &[("hash", "GENESIS_ab"), ("from", "GENESIS")], None);
    assert_eq!((genesis.genesis, genesis.rows.len(), genesis.aside.len()), (1, 0, 0));
    let asked = B256::repeat_byte(5);
    assert_eq!(page(List::Internal, &[("hash", "")], Some(asked)).rows[0].tx, asked);
    assert_eq!(page(List::Internal, &[], Some(asked)).rows[0].tx, B256::repeat_byte(0xab));
    assert_eq!(page(List::Internal, &[("hash", "")], None).aside.len(), 1);
}

#[test]
fn what_an_explorer_says_of_a_token_is_taken_as_its_word_only() {
    let token = |with: &[(&str, &str)]| {
        let mut page = rows(List::Token, &raw(&format!("[{}]", row(with))), None).expect("a list");
        page.rows.remove(0).token.expect("it is a token row")
    };
    let note = token(&[("tokenSymbol", "US\\u202eDC"), ("tokenName", ""), ("tokenDecimal", "6")]);
    assert_eq!(note, TokenNote { symbol: Some(Untrusted::new("USDC")), name: None, decimals: Some(6) });
    for decimals in ["", "256", "-1", "1e1", "0x6"] {
        assert_eq!(token(&[("tokenDecimal", decimals)]).decimals, None, "{decimals}");
    }
    let indexed = rows(List::Token, &raw(&format!("[{}]", row(&[("logIndex", "0x")]))), None).expect("a list");
    assert_eq!(indexed.rows[0].movement.and_then(|moved| moved.log_index), Some(0));
}

proptest! {
    #[test]
    fn a_mangled_page_is_read_or_refused_and_counts_every_row(at in any::<prop::sample::Index>(), with in any::<char>(), how in 0..3) {
        let body = format!(r#"{{"status":"1","message":"OK","result":[{},{}]}}"#, row(&[]), row(&[("tokenID", "1")]));
        let mut mangled: Vec<char> = body.chars().collect();
        let at = at.index(mangled.len());
        match how {
            0 => mangled.truncate(at),
            1 => mangled.insert(at, with),
            _ => mangled[at] = with,
        }
        let text: String = mangled.into_iter().collect();
        if let Ok(super::super::Body::Result { result, .. }) = super::super::open(200, &text) {
            for list in List::ALL {
                if let Ok(page) = rows(list, result, None) {
                    prop_assert_eq!(page.rows.len() + page.aside.len() + page.genesis, page.length);
                }
            }
        }
    }
}
