//! What a transfer that is not final takes in the reactor, and what a watched address takes: bytes that the process grew by.
//!
//! Each is measured at 10^5 transfers or 10^6 addresses, so that what an allocator rounds up is in it, and in a process of its own, so that
//! nothing is taken from what another measurement gave back: the benchmark starts itself once for each.

mod scene;

use scene::node::address;
use scene::{CHAIN, print_figure, resident_bytes, settings};
use walletwatch::reactor::Reactor;
use walletwatch::reactor::event::{Event, Run, RunPart, SourceId, SourceKind, SourceReport, SourceState};
use walletwatch::reactor::settings::Settings;
use walletwatch::types::{Address, Asset, B256, Block, BlockRef, Kind, Movement, Timestamp, U256};

/// Transfers of a block.
const IN_A_BLOCK: u64 = 100;
/// Blocks.
const BLOCKS: u64 = 1_000;
/// Watched addresses.
const ADDRESSES: u64 = 1_000_000;
/// The argument with which it starts itself.
const CHILD: &str = "--child";

fn block(number: u64, token: Address, to: Address) -> Block {
    let hash = |number: u64| B256::from(U256::from(number) << 128_u32);
    let movement = |n: u64| Movement {
        tx: B256::from((U256::from(number) << 128_u32) | U256::from(n)),
        kind: Kind::Token,
        asset: Asset::Token(token),
        from: address(n),
        to,
        token_id: None,
        amount: U256::from(1_000_000_u64 + n),
        log_index: Some(n),
    };
    Block {
        at: BlockRef { number, hash: hash(number), parent: hash(number - 1) },
        time: Timestamp::from_secs(1_795_000_000 + 12 * number),
        base_fee: None,
        next_base_fee: None,
        movements: (0..IN_A_BLOCK).map(movement).collect(),
        traced: false,
    }
}

/// Bytes for each of 10^5 transfers that stay open, with these settings.
fn open_transfers(mut settings: Settings, token: Address, to: Address) -> f64 {
    if let Some(chain) = settings.chains.get_mut(&CHAIN) {
        chain.final_after = 100_000;
    }
    let at = Timestamp::from_secs(1_795_000_000);
    let mut reactor = Reactor::default();
    reactor.handle(at, Event::Configured(Box::new(settings)));
    let source = SourceId { kind: SourceKind::Rpc, chain: Some(CHAIN), name: "main".into() };
    reactor.handle(at, Event::Source(SourceReport { source, state: SourceState::Fresh }));
    let before = resident_bytes();
    for number in 1_000..1_000 + BLOCKS {
        let run = Run {
            chain: CHAIN,
            endpoint: "main".into(),
            blocks: vec![block(number, token, to)],
            part: RunPart::Tip,
            chosen_by: None,
        };
        drop(reactor.handle(at, Event::Run(run)));
    }
    let grown = resident_bytes().saturating_sub(before);
    assert_eq!(reactor.tables().transfers.len() as u64, IN_A_BLOCK * BLOCKS, "all of them are open");
    per(grown, IN_A_BLOCK * BLOCKS)
}

#[allow(clippy::cast_precision_loss, reason = "it is printed with one digit")]
fn per(bytes: u64, count: u64) -> f64 {
    bytes as f64 / count as f64
}

/// Measures one thing, by its name.
fn measure(what: &str) -> f64 {
    let (token, to) = (address(7), address(8));
    match what {
        "transfer" => {
            let mut silent = settings(vec![to], &[token]);
            silent.rules.clear();
            open_transfers(silent, token, to)
        }
        "alert" => open_transfers(settings(vec![to], &[token]), token, to),
        _ => {
            let watched = (0..ADDRESSES).map(address).collect();
            let settings = Box::new(settings(watched, &[token]));
            let before = resident_bytes();
            let mut reactor = Reactor::default();
            drop(reactor.handle(Timestamp::default(), Event::Configured(settings)));
            let grown = resident_bytes().saturating_sub(before);
            drop(reactor);
            per(grown, ADDRESSES)
        }
    }
}

/// Measures it in a process of its own.
fn apart(what: &str) -> f64 {
    let this = std::env::current_exe().expect("it has a file");
    let said = std::process::Command::new(this).args([CHILD, what]).output().expect("it starts").stdout;
    String::from_utf8_lossy(&said).trim().parse().unwrap_or(f64::NAN)
}

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    if let Some(at) = arguments.iter().position(|argument| argument == CHILD) {
        return println!("{}", measure(&arguments[at + 1]));
    }
    print_figure("an unfinal transfer", apart("transfer"), "bytes", "at most 400");
    print_figure("an unfinal transfer with its alert", apart("alert"), "bytes", "-");
    print_figure("a watched address, besides the settings", apart("address"), "bytes", "at most 30");
}
