//! Blocks a second on one core: a bare serde parse of lean borrowed structs, and beside it our parse and assembly of
//! the same block. The block is synthetic and of mainnet's size: 200 transactions, 400 logs, a bloom in each receipt.
//!
//! Prints the two rates and their ratio; rounds alternate, because machines are shared, and the median counts.

use serde::Deserialize;
use serde_json::value::RawValue;
use std::fmt::Write;
use std::hint::black_box;
use walletwatch::wire::erc20::{Reading, TRANSFER};
use walletwatch::wire::jsonrpc::{
    Message, assemble, block_answer, parse_block, parse_message, parse_receipts, receipts_answer,
};

/// Transactions of the block.
const TXS: u64 = 200;
/// Rounds of each kind.
const ROUNDS: usize = 15;
/// Blocks in a round.
const BLOCKS: u32 = 100;

/// 64 hexadecimal digits that differ by `n`.
fn digits(n: u64) -> String {
    format!("{:016x}{:016x}{:016x}{:016x}", n.wrapping_mul(0x9E37_79B9_7F4A_7C15), n, !n, n.wrapping_mul(31))
}

fn account(n: u64) -> String {
    format!("0x{}", &digits(n)[..40])
}

/// The two answers of a node: the block with its transactions, and its receipts.
fn answers() -> (String, String) {
    let block = format!("0x{}", digits(1));
    let bloom = format!("0x{}", "00040200".repeat(64));
    let (mut txs, mut receipts) = (Vec::new(), Vec::new());
    let mut log_index = 0;
    for n in 0..TXS {
        let (input, logs) = match n % 10 {
            0..3 => (0, 0),
            3..7 => (136, 1),
            _ => (1_000, 5),
        };
        let (hash, from, to) = (digits(n + 100), account(n + 1_000), account(n % 40));
        let input = "a9059cbb".repeat(input / 4);
        txs.push(format!(
            r#"{{"blockHash":"{block}","blockNumber":"0x16f45b9","from":"{from}","gas":"0x5208","gasPrice":"0x3b9aca00","maxFeePerGas":"0x77359400","maxPriorityFeePerGas":"0x3b9aca00","hash":"0x{hash}","input":"0x{input}","nonce":"0x{n:x}","to":"{to}","transactionIndex":"0x{n:x}","value":"0x{:x}","type":"0x2","accessList":[],"chainId":"0x1","v":"0x1","yParity":"0x1","r":"0x{}","s":"0x{}"}}"#,
            (n % 3) * 1_000_000_000_000_000,
            digits(n + 7),
            digits(n + 9)
        ));
        let mut list = Vec::new();
        for _ in 0..logs {
            log_index += 1;
            list.push(format!(
                r#"{{"address":"{to}","topics":["{TRANSFER:#x}","0x{:0>64}","0x{:0>64}"],"data":"0x{:064x}","blockHash":"{block}","blockNumber":"0x16f45b9","blockTimestamp":"0x6700000f","transactionHash":"0x{hash}","transactionIndex":"0x{n:x}","logIndex":"0x{log_index:x}","removed":false}}"#,
                &from[2..],
                &account(n + 77)[2..],
                n * 1_000_003
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
    let _ = write!(header, r#","transactions":[{}]}}"#, txs.join(","));
    (
        format!(r#"{{"jsonrpc":"2.0","id":1,"result":{header}}}"#),
        format!(r#"{{"jsonrpc":"2.0","id":2,"result":[{}]}}"#, receipts.join(",")),
    )
}

/// The bare limit: borrowed text, nothing checked, nothing decoded, nothing assembled.
mod bare {
    use super::Deserialize;

    #[derive(Deserialize)]
    pub(crate) struct Answer<T> {
        pub result: T,
    }

    #[derive(Deserialize)]
    pub(crate) struct Block<'a> {
        pub hash: &'a str,
        #[serde(borrow)]
        pub transactions: Vec<Tx<'a>>,
    }

    #[derive(Deserialize)]
    pub(crate) struct Tx<'a> {
        pub hash: &'a str,
        pub from: &'a str,
        pub to: Option<&'a str>,
        pub value: &'a str,
    }

    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    pub(crate) struct Receipt<'a> {
        pub transaction_hash: &'a str,
        pub status: &'a str,
        #[serde(borrow)]
        pub logs: Vec<Log<'a>>,
    }

    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    #[allow(clippy::struct_field_names, reason = "the keys of the wire")]
    pub(crate) struct Log<'a> {
        pub address: &'a str,
        #[serde(borrow)]
        pub topics: Vec<&'a str>,
        pub data: &'a str,
        pub log_index: &'a str,
    }
}

/// The bare parse; returns the number of characters it kept, so that nothing is left out.
fn bare(block: &str, receipts: &str) -> usize {
    let block: bare::Answer<bare::Block<'_>> = serde_json::from_str(block).expect("it is a block");
    let receipts: bare::Answer<Vec<bare::Receipt<'_>>> = serde_json::from_str(receipts).expect("they are receipts");
    let tx = |tx: &bare::Tx<'_>| tx.hash.len() + tx.from.len() + tx.to.map_or(0, str::len) + tx.value.len();
    let log = |log: &bare::Log<'_>| log.address.len() + log.topics.len() + log.data.len() + log.log_index.len();
    let receipt = |receipt: &bare::Receipt<'_>| {
        receipt.transaction_hash.len() + receipt.status.len() + receipt.logs.iter().map(log).sum::<usize>()
    };
    let txs: usize = block.result.transactions.iter().map(tx).sum();
    block.result.hash.len() + txs + receipts.result.iter().map(receipt).sum::<usize>()
}

/// What walletwatch does: envelope, block, receipts, assembly.
fn ours(block: &str, receipts: &str) -> usize {
    let block = block_answer(block).expect("it is an answer").result.expect("it is a block");
    let receipts = receipts_answer(receipts).expect("it is an answer").result.expect("they are receipts");
    assemble(&block, &receipts, None, &Reading::default()).expect("they belong together").movements.len()
}

/// The same behind a socket, where the envelope has to be read first to know whose answer it is.
fn routed(block: &str, receipts: &str) -> usize {
    let (block, receipts) = (parse_block(result(block)), parse_receipts(result(receipts)));
    let (block, receipts) = (block.expect("it is a block"), receipts.expect("they are receipts"));
    assemble(&block, &receipts, None, &Reading::default()).expect("they belong together").movements.len()
}

/// The result in an answer.
fn result(text: &str) -> &RawValue {
    match parse_message(text) {
        Ok(Message::Answer { result: Ok(result), .. }) => result,
        other => panic!("{other:?}"),
    }
}

/// Blocks a second in one round.
#[allow(clippy::disallowed_methods, reason = "a benchmark reads the clock")]
fn rate(work: impl Fn() -> usize) -> f64 {
    let start = std::time::Instant::now();
    for _ in 0..BLOCKS {
        black_box(work());
    }
    f64::from(BLOCKS) / start.elapsed().as_secs_f64()
}

fn median(mut rates: Vec<f64>) -> f64 {
    rates.sort_by(f64::total_cmp);
    rates[rates.len() / 2]
}

fn main() {
    let (block, receipts) = answers();
    println!("block {} B, receipts {} B, {} movements", block.len(), receipts.len(), ours(&block, &receipts));
    let (mut limit, mut reached, mut twice) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        limit.push(rate(|| bare(black_box(&block), black_box(&receipts))));
        reached.push(rate(|| ours(black_box(&block), black_box(&receipts))));
        twice.push(rate(|| routed(black_box(&block), black_box(&receipts))));
    }
    let (limit, reached, twice) = (median(limit), median(reached), median(twice));
    println!("bare lean serde              {limit:6.0} blocks/s");
    println!("parse + assemble             {reached:6.0} blocks/s  {:.2} of it (goal: at least 0.5)", reached / limit);
    println!("the same, envelope first     {twice:6.0} blocks/s  {:.2} of it", twice / limit);
}
