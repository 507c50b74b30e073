//! What nobody recorded: any text, and bodies of every shape mangled in several places. The laws are those of the fuzz targets, so that
//! they are held to on every machine, with a stable compiler and without the recordings.

use super::mangled::{laws, mangle};
use proptest::prelude::*;

const ADDRESS: &str = "0x1111111111111111111111111111111111111111";
const HASH: &str = "0x2222222222222222222222222222222222222222222222222222222222222222";

/// One body of each shape, in either envelope.
fn shapes() -> Vec<String> {
    let place = format!(
        r#""blockNumber":"12","timeStamp":"1700000000","hash":"{HASH}","blockHash":"{HASH}","confirmations":"3""#
    );
    let sides = format!(r#""from":"{ADDRESS}","to":"{ADDRESS}","contractAddress":"{ADDRESS}""#);
    let coin = format!(r#"{{{place},{sides},"value":"5","isError":"1","txreceipt_status":"0"}}"#);
    let inner =
        format!(r#"{{{place},{sides},"value":"5","type":"create2","traceId":"0_1","isError":"0","errCode":""}}"#);
    let token = format!(r#"{{{place},{sides},"value":"7","tokenName":"X","tokenSymbol":"X","tokenDecimal":""}}"#);
    let nfts = format!(r#"{{{place},{sides},"tokenID":"9","tokenValue":"2"}}"#);
    let genesis = format!(r#"{{"blockNumber":"0","hash":"GENESIS_c9","from":"GENESIS","to":"{ADDRESS}","value":"1"}}"#);
    let log = format!(
        r#"{{"address":"{ADDRESS}","topics":["{HASH}","{HASH}","{HASH}"],"data":"{HASH}","blockNumber":"0xc","blockHash":"{HASH}","timeStamp":"0x5f","logIndex":"0x","transactionHash":"{HASH}","transactionIndex":"0x"}}"#
    );
    let list = |rows: &[&str]| format!(r#"{{"status":"1","message":"OK","result":[{}]}}"#, rows.join(","));
    let plain = |result: &str| format!(r#"{{"status":"1","message":"OK","result":{result}}}"#);
    let refused = |text: &str| format!(r#"{{"status":"0","message":"NOTOK","result":"{text}"}}"#);
    let node = |result: &str| format!(r#"{{"jsonrpc":"2.0","id":83,"result":{result}}}"#);
    let receipt = format!(
        r#"{{"blockHash":"{HASH}","blockNumber":"0xc","status":"0x1","transactionHash":"{HASH}","transactionIndex":"0x","from":"{ADDRESS}","to":null,"contractAddress":null,"gasUsed":"0x1","logs":[{log}]}}"#
    );
    vec![
        list(&[&coin, &inner, &token, &nfts, &genesis]),
        list(&[&log, &log]),
        list(&[]),
        plain(r#""40891626854930000000000""#),
        plain(&format!(r#"[{{"account":"{ADDRESS}","balance":"1"}}]"#)),
        plain(
            r#"{"LastBlock":"2","SafeGasPrice":"0.49","ProposeGasPrice":"1","FastGasPrice":"2","suggestBaseFee":"0.4"}"#,
        ),
        plain(
            r#"{"creditsUsed":22,"creditsAvailable":1,"creditLimit":23,"limitInterval":"daily","intervalExpiryTimespan":"08:42:34"}"#,
        ),
        r#"{"status":"0","message":"No transactions found","result":[]}"#.to_owned(),
        r#"{"status":"0","message":"Query Timeout occured. Please select a smaller result dataset","result":null}"#
            .to_owned(),
        refused("Max calls per sec rate limit reached (3/sec)"),
        refused("Community Free API Limit reached. Resets 2026-09-01 12:00:00 UTC."),
        refused("Free API access is not supported for this chain."),
        refused("Invalid API Key (#err2)|POLY-2"),
        "<html><title>Just a moment...</title></html>".to_owned(),
        node(r#""0x16f45b9""#),
        node("null"),
        node(&receipt),
        node(&format!("[{receipt}]")),
        r#"{"jsonrpc":"2.0","id":1,"error":{"code":3,"message":"execution reverted","data":"0x77"}}"#.to_owned(),
    ]
}

#[test]
fn bodies_of_every_shape_keep_the_laws_before_they_are_mangled() {
    for body in shapes() {
        laws::explorer(&body);
        laws::node(&body);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn any_text_is_read_or_refused(body in prop_oneof![".{0,80}", "[\\[\\]{}\",:0-9a-z \\\\]{0,120}"]) {
        laws::explorer(&body);
        laws::node(&body);
    }

    #[test]
    fn a_body_that_is_mangled_in_several_places_is_read_or_refused(shape in 0_usize..19, seed in 1_u64.., times in 1_usize..6) {
        let mut body = shapes().swap_remove(shape);
        let mut state = seed;
        for _ in 0..times {
            if !body.is_empty() {
                body = mangle(&body, &mut state);
            }
        }
        laws::explorer(&body);
        laws::node(&body);
    }
}
