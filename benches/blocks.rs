//! Blocks a second on one core: a bare serde parse of lean borrowed structs, and beside it ours, from the node's text to the effects.
//!
//! A block of mainnet's size (200 transactions, 400 logs, a bloom in each receipt) through the reactor with 10^6 watched addresses, and
//! catching up: 150 small transactions a block, up to the commit that would be written, with 10 and with 10^6 addresses.

mod scene;

use scene::node::{Answers, address, large, large_hit, large_tokens, small, small_hits, small_receivers, small_token};
use scene::{Pair, median, print_figure, rate, settings};
use serde::Deserialize;
use serde_json::value::RawValue;
use std::hint::black_box;
use walletwatch::app::turn::Draft;
use walletwatch::reactor::Reactor;
use walletwatch::reactor::event::{Event, Run, RunPart, SourceId, SourceKind, SourceReport, SourceState};
use walletwatch::types::{Address, B256, Block, BlockRef, Timestamp, U256};
use walletwatch::wire::erc20::Reading;
use walletwatch::wire::jsonrpc::{
    Message, assemble, block_answer, parse_block, parse_message, parse_receipts, receipts_answer,
};

/// Rounds of each kind.
const ROUNDS: usize = 11;
/// Blocks in a round.
const BLOCKS: u32 = 100;
/// Addresses watched.
const MANY: u64 = 1_000_000;

/// The bare limit: borrowed text, nothing checked, nothing decoded, nothing assembled.
mod bare {
    use super::Deserialize;

    #[derive(Deserialize)]
    pub struct Answer<T> {
        pub result: T,
    }

    #[derive(Deserialize)]
    pub struct Block<'a> {
        pub hash: &'a str,
        #[serde(borrow)]
        pub transactions: Vec<Tx<'a>>,
    }

    #[derive(Deserialize)]
    pub struct Tx<'a> {
        pub hash: &'a str,
        pub from: &'a str,
        pub to: Option<&'a str>,
        pub value: &'a str,
    }

    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    pub struct Receipt<'a> {
        pub transaction_hash: &'a str,
        pub status: &'a str,
        #[serde(borrow)]
        pub logs: Vec<Log<'a>>,
    }

    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    #[allow(clippy::struct_field_names, reason = "the keys of the wire")]
    pub struct Log<'a> {
        pub address: &'a str,
        #[serde(borrow)]
        pub topics: Vec<&'a str>,
        pub data: &'a str,
        pub log_index: &'a str,
    }
}

/// The bare parse; returns the number of characters it kept, so that nothing is left out.
fn bare(answers: &Answers) -> usize {
    let block: bare::Answer<bare::Block<'_>> = serde_json::from_str(&answers.block).expect("it is a block");
    let receipts: bare::Answer<Vec<bare::Receipt<'_>>> =
        serde_json::from_str(&answers.receipts).expect("they are receipts");
    let tx = |tx: &bare::Tx<'_>| tx.hash.len() + tx.from.len() + tx.to.map_or(0, str::len) + tx.value.len();
    let log = |log: &bare::Log<'_>| log.address.len() + log.topics.len() + log.data.len() + log.log_index.len();
    let receipt = |receipt: &bare::Receipt<'_>| {
        receipt.transaction_hash.len() + receipt.status.len() + receipt.logs.iter().map(log).sum::<usize>()
    };
    let txs: usize = block.result.transactions.iter().map(tx).sum();
    block.result.hash.len() + txs + receipts.result.iter().map(receipt).sum::<usize>()
}

/// What walletwatch reads of it: envelope, block, receipts, assembly.
fn read(answers: &Answers) -> Block {
    let block = block_answer(&answers.block).expect("it is an answer").result.expect("it is a block");
    let receipts = receipts_answer(&answers.receipts).expect("it is an answer").result.expect("they are receipts");
    assemble(&block, &receipts, None, &Reading::default()).expect("they belong together")
}

/// The same behind a socket, where the envelope has to be read first to know whose answer it is.
fn read_routed(answers: &Answers) -> Block {
    let (block, receipts) = (parse_block(result(&answers.block)), parse_receipts(result(&answers.receipts)));
    let (block, receipts) = (block.expect("it is a block"), receipts.expect("they are receipts"));
    assemble(&block, &receipts, None, &Reading::default()).expect("they belong together")
}

/// The result in an answer.
fn result(text: &str) -> &RawValue {
    match parse_message(text) {
        Ok(Message::Answer { result: Ok(result), .. }) => result,
        other => panic!("{other:?}"),
    }
}

/// A reactor on a chain that grows by one block at a time.
struct Monitor {
    reactor: Reactor,
    tip: u64,
    alerts: usize,
}

impl Monitor {
    /// That watches `hits` and strangers, `addresses` in all.
    fn new(hits: &[Address], addresses: u64, tokens: &[Address]) -> Self {
        let strangers = (hits.len() as u64..addresses).map(|n| address(n + 10_000_000));
        let watched = hits.iter().copied().chain(strangers).collect();
        let mut reactor = Reactor::default();
        let at = Timestamp::from_secs(0x6700_0000);
        reactor.handle(at, Event::Configured(Box::new(settings(watched, tokens))));
        let source = SourceId { kind: SourceKind::Rpc, chain: Some(scene::CHAIN), name: "main".into() };
        reactor.handle(at, Event::Source(SourceReport { source, state: SourceState::Fresh }));
        Self { reactor, tip: 0x16f_45b9, alerts: 0 }
    }

    /// The block as the next one of the chain, with transactions of its own, as if the node had said so.
    fn next(&mut self, mut block: Block) -> Event {
        let hash = |number: u64| B256::from(U256::from(number) << 128_u32);
        self.tip += 1;
        block.at = BlockRef { number: self.tip, hash: hash(self.tip), parent: hash(self.tip - 1) };
        for movement in &mut block.movements {
            movement.tx.0[..8].copy_from_slice(&self.tip.to_be_bytes());
        }
        Event::Run(Run {
            chain: scene::CHAIN,
            endpoint: "main".into(),
            blocks: vec![block],
            part: RunPart::Tip,
            chosen_by: None,
        })
    }

    /// Reads a block and lets the reactor handle it.
    fn handle(&mut self, answers: &Answers) {
        let event = self.next(read(answers));
        black_box(self.reactor.handle(Timestamp::from_secs(0x6700_0010), event));
    }

    /// Reads a block and makes the commit that would be written.
    fn turn(&mut self, answers: &Answers) {
        let event = self.next(read(answers));
        let at = Timestamp::from_secs(0x6700_0010);
        let mut draft = Draft::default();
        draft.add(at, self.reactor.handle(at, event));
        let (commit, notices) = draft.finish();
        self.alerts += commit.outbox.len();
        black_box((commit, notices));
    }
}

fn block_processing() {
    let answers = large();
    let sizes = (answers.block.len(), answers.receipts.len());
    println!("block {} B, receipts {} B, {} movements", sizes.0, sizes.1, read(&answers).movements.len());
    let mut monitor = Monitor::new(&[large_hit()], MANY, &large_tokens());
    let (mut whole, mut reading, mut routed) = (Pair::default(), Pair::default(), Pair::default());
    for _ in 0..ROUNDS {
        let limit = rate(BLOCKS, || bare(black_box(&answers)));
        for pair in [&mut whole, &mut reading, &mut routed] {
            pair.bare.push(limit);
        }
        reading.ours.push(rate(BLOCKS, || read(black_box(&answers))));
        routed.ours.push(rate(BLOCKS, || read_routed(black_box(&answers))));
        whole.ours.push(rate(BLOCKS, || monitor.handle(black_box(&answers))));
    }
    reading.print("block: parse + assemble", "blocks/s", 0.5);
    routed.print("block: the same, envelope first", "blocks/s", 0.5);
    whole.print("block: parse + 10^6 addresses + rules", "blocks/s", 0.5);
}

fn catching_up() {
    let answers = small();
    let txs = f64::from(u32::try_from(answers.txs).unwrap_or(u32::MAX));
    let mut few = Monitor::new(&small_hits(), 10, &[small_token()]);
    let mut many = Monitor::new(&small_hits(), MANY, &[small_token()]);
    let mut all = Monitor::new(&small_receivers(), 150, &[small_token()]);
    let (mut pair, mut flat, mut dense) = (Pair::default(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        pair.bare.push(txs * rate(BLOCKS, || bare(black_box(&answers))));
        pair.ours.push(txs * rate(BLOCKS, || few.turn(black_box(&answers))));
        flat.push(txs * rate(BLOCKS, || many.turn(black_box(&answers))));
        dense.push(txs * rate(BLOCKS, || all.turn(black_box(&answers))));
    }
    assert!(few.alerts > 0 && few.alerts == many.alerts, "the same is said however many are watched");
    let (ten, million) = (median(pair.ours.clone()), median(flat));
    pair.print("catching up, 10 addresses, to the commit", "tx/s", 0.0);
    print_figure("catching up, 10 addresses", ten, "tx/s", "300000");
    print_figure("catching up, 10^6 addresses", million, "tx/s", "300000");
    print_figure("catching up, 10^6 against 10 addresses", million / ten, "times", "about 1");
    print_figure("catching up, every transaction alerts", median(dense), "tx/s", "-");
}

fn main() {
    block_processing();
    catching_up();
}
