//! Synthetic answers of a node: a block with whole transactions, and its receipts, as text.

use std::fmt::Write;
use walletwatch::types::Address;
use walletwatch::wire::erc20::TRANSFER;

/// The two answers of a node to one block.
pub struct Answers {
    pub block: String,
    pub receipts: String,
    pub txs: u64,
}

/// What a transaction of the block is like.
struct Tx {
    from: String,
    to: String,
    value: u64,
    /// Bytes of hexadecimal calldata.
    input: usize,
    /// Token transfers of `to`: who got each.
    logs: Vec<String>,
}

/// 64 hexadecimal digits that differ by `n`.
fn digits(n: u64) -> String {
    format!("{:016x}{:016x}{:016x}{:016x}", n.wrapping_mul(0x9E37_79B9_7F4A_7C15), n, !n, n.wrapping_mul(31))
}

fn account(n: u64) -> String {
    format!("0x{}", &digits(n)[..40])
}

/// The address of this number.
pub fn address(n: u64) -> Address {
    account(n).parse().expect("it has 40 digits")
}

/// The contracts of [`large`].
pub fn large_tokens() -> Vec<Address> {
    (0..40).map(address).collect()
}

/// One that 0.2 % of the parties of [`large`] are: a sender whose transaction also moves a token.
pub fn large_hit() -> Address {
    address(1_013)
}

/// A block of mainnet's size: 200 transactions, 400 logs, a bloom in each receipt.
pub fn large() -> Answers {
    let txs = (0..200).map(|n| {
        let (input, logs) = match n % 10 {
            0..3 => (0, 0),
            3..7 => (136, 1),
            _ => (1_000, 5),
        };
        Tx {
            from: account(n + 1_000),
            to: account(n % 40),
            value: (n % 3) * 1_000_000_000_000_000,
            input,
            logs: vec![account(n + 77); logs],
        }
    });
    answers(txs.collect())
}

/// The contract of [`small`].
pub fn small_token() -> Address {
    address(7)
}

/// The two that get something in each block of [`small`]: one coin, one a token.
pub fn small_hits() -> [Address; 2] {
    [address(5_000), address(6_000)]
}

/// Everybody who gets something in a block of [`small`].
pub fn small_receivers() -> Vec<Address> {
    (0..100).map(|n| address(n + 5_000)).chain((0..50).map(|n| address(n + 6_000))).collect()
}

/// 100 transactions that move coin and 50 that move a token.
pub fn small() -> Answers {
    let coin =
        (0..100).map(|n| Tx { from: account(n + 1_000), to: account(n + 5_000), value: 1, input: 0, logs: Vec::new() });
    let token = (0..50).map(|n| Tx {
        from: account(n + 2_000),
        to: account(7),
        value: 0,
        input: 136,
        logs: vec![account(n + 6_000)],
    });
    answers(coin.chain(token).collect())
}

fn answers(txs: Vec<Tx>) -> Answers {
    let block = format!("0x{}", digits(1));
    let bloom = format!("0x{}", "00040200".repeat(64));
    let (mut transactions, mut receipts) = (Vec::new(), Vec::new());
    let mut log_index = 0;
    let count = txs.len() as u64;
    for (n, Tx { from, to, value, input, logs }) in (0_u64..).zip(txs) {
        let hash = digits(n + 100);
        let input = "a9059cbb".repeat(input / 4);
        transactions.push(format!(
            r#"{{"blockHash":"{block}","blockNumber":"0x16f45b9","from":"{from}","gas":"0x5208","gasPrice":"0x3b9aca00","maxFeePerGas":"0x77359400","maxPriorityFeePerGas":"0x3b9aca00","hash":"0x{hash}","input":"0x{input}","nonce":"0x{n:x}","to":"{to}","transactionIndex":"0x{n:x}","value":"0x{value:x}","type":"0x2","accessList":[],"chainId":"0x1","v":"0x1","yParity":"0x1","r":"0x{}","s":"0x{}"}}"#,
            digits(n + 7),
            digits(n + 9)
        ));
        let mut list = Vec::new();
        for got in logs {
            log_index += 1;
            list.push(format!(
                r#"{{"address":"{to}","topics":["{TRANSFER:#x}","0x{:0>64}","0x{:0>64}"],"data":"0x{:064x}","blockHash":"{block}","blockNumber":"0x16f45b9","blockTimestamp":"0x6700000f","transactionHash":"0x{hash}","transactionIndex":"0x{n:x}","logIndex":"0x{log_index:x}","removed":false}}"#,
                &from[2..],
                &got[2..],
                (n + 1) * 1_000_003
            ));
        }
        receipts.push(format!(
            r#"{{"blockHash":"{block}","blockNumber":"0x16f45b9","contractAddress":null,"cumulativeGasUsed":"0x128bdf1","effectiveGasPrice":"0x29be2c14a","from":"{from}","gasUsed":"0x5208","logs":[{}],"logsBloom":"{bloom}","status":"0x1","to":"{to}","transactionHash":"0x{hash}","transactionIndex":"0x{n:x}","type":"0x2"}}"#,
            list.join(",")
        ));
    }
    let mut header = format!(
        r#"{{"baseFeePerGas":"0x430be6827d","difficulty":"0x0","extraData":"0x","gasLimit":"0x1ca3546","gasUsed":"0x1c9f8b1","hash":"{block}","logsBloom":"{bloom}","miner":"{}","mixHash":"0x{}","nonce":"0x0000000000000000","number":"0x16f45b9","parentHash":"0x{}","timestamp":"0x6700000f","uncles":[]"#,
        account(5),
        digits(6),
        digits(2)
    );
    let _ = write!(header, r#","transactions":[{}]}}"#, transactions.join(","));
    Answers {
        block: format!(r#"{{"jsonrpc":"2.0","id":1,"result":{header}}}"#),
        receipts: format!(r#"{{"jsonrpc":"2.0","id":2,"result":[{}]}}"#, receipts.join(",")),
        txs: count,
    }
}
