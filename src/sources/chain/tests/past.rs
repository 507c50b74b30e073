//! Balances of the past, asked of a node that hiccups, and of one that has forgotten them.

use super::super::bench::Bench;
use super::super::testing::{Node, Reply, block};
use crate::reactor::event::NoBalance;
use crate::types::{Address, Asset, U256};
use serde_json::json;

#[tokio::test]
async fn a_balance_that_was_not_answered_is_asked_for_again_and_not_for_ever() {
    for (in_vain, most, expected, asked) in [
        (0, 4, Ok(U256::from(31)), 1),
        (1, 4, Ok(U256::from(31)), 2),
        (1, 1, Err(NoBalance::NoAnswer), 1),
        (9, 2, Err(NoBalance::NoAnswer), 2),
    ] {
        let node = Node::start(9).await;
        let mut left = in_vain;
        node.script(move |method, _| {
            (method == "eth_getBalance").then(|| {
                left -= 1;
                let forgotten = json!({"code": -32000, "message": "missing trie node 5f (path )"});
                if left < 0 { Reply::Result(json!("0x1f")) } else { Reply::Error(forgotten) }
            })
        });
        let (_bench, mut past) = Bench::past(vec![node.endpoint("one", false)]);
        let of = [(Address::repeat_byte(1), Asset::Coin)];
        let read = past.balances(block(5, b'a', b'a'), &of, most).await.expect("somebody is there");
        assert_eq!(read.read, [(of[0].0, of[0].1, expected)], "{in_vain} of {most}");
        assert_eq!(node.count("eth_getBalance"), asked, "{in_vain} of {most}");
    }
}
