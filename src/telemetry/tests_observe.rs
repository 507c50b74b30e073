//! What notices become.

use super::super::metrics::tests::labels;
use super::*;
use crate::reactor::event::SourceKind;
use crate::types::{Address, Asset, B256, BlockRef, PaymentId, TransferId};

const CHAIN: ChainId = ChainId(1);

fn tip(number: u64) -> BlockRef {
    BlockRef { number, hash: B256::repeat_byte(0xab), parent: B256::repeat_byte(0xaa) }
}

fn source(state: SourceState) -> Notice {
    let source = SourceId { kind: SourceKind::Rpc, chain: Some(CHAIN), name: "main".into() };
    Notice::Source { source, state }
}

fn series(update: &Update) -> String {
    format!("{}{:?} {:?}", update.metric.name().trim_start_matches("walletwatch_"), update.labels, update.change)
}

#[test]
fn a_notice_becomes_its_line_and_its_series() {
    let labels = labels();
    let check = |notice: Notice, level: Level, text: &str, first: &str| {
        let reading = read(&labels, Timestamp::from_secs(9), &notice);
        let line = reading.line.expect("every notice has a line");
        assert_eq!((line.level, line.text.as_str()), (level, text));
        assert_eq!(reading.updates.first().map(series).unwrap_or_default(), first);
        for update in &reading.updates {
            assert_eq!(update.labels.len(), update.metric.labels().len(), "{update:?}");
        }
    };
    check(
        Notice::Committed { chain: CHAIN, tip: tip(7), time: Timestamp::from_secs(3), blocks: 2 },
        Level::TRACE,
        "ethereum is at block 7 (+2)",
        "chain_processed_block[\"ethereum\"] Set(7.0)",
    );
    check(
        Notice::Stopped { chain: CHAIN, reason: "another genesis".into() },
        Level::ERROR,
        "ethereum is stopped: another genesis; to go on: walletwatch chain accept ethereum",
        "chain_stopped[\"ethereum\"] Set(1.0)",
    );
    let alert = |untold| {
        let (rule, severity, state) = ("usdc in".into(), Severity::Critical, AlertState::Raised);
        Notice::Alert { rule, severity, state, untold }
    };
    check(
        alert(None),
        Level::INFO,
        "alert raised by \"usdc in\" (critical)",
        "alerts_total[\"usdc in\", \"critical\", \"raised\"] Add(1)",
    );
    check(
        alert(Some("no sink takes it".into())),
        Level::INFO,
        "alert raised by \"usdc in\" (critical), told to nobody: no sink takes it",
        "alerts_total[\"usdc in\", \"critical\", \"raised\"] Add(1)",
    );
    check(
        Notice::Transfer { chain: CHAIN, stage: Stage::Seen, suspect: true },
        Level::DEBUG,
        "a transfer on ethereum is seen",
        "transfers_total[\"ethereum\", \"seen\", \"true\"] Add(1)",
    );
    check(
        source(SourceState::BackingOff("idle".into())),
        Level::WARN,
        "rpc main on ethereum failed and is tried again: idle",
        "source_up[\"main\", \"rpc\", \"ethereum\"] Set(0.0)",
    );
    check(
        Notice::BaseFee { chain: CHAIN, fee: U256::from(1_500_000_000_u64) },
        Level::TRACE,
        "base fee on ethereum: 1500000000 wei",
        "gas_base_fee_gwei[\"ethereum\"] Set(1.5)",
    );
    check(
        Notice::Clock { ahead_ms: -7_200_000 },
        Level::WARN,
        "the wall clock is -7200000 ms away from where it should be",
        "clock_jumps_total[] Add(1)",
    );
    check(
        Notice::GapFilled { chain: CHAIN, from: 1, to: 9, left: 0 },
        Level::INFO,
        "blocks 1 to 9 of a gap on ethereum were read",
        "chain_gap_blocks[\"ethereum\"] Set(0.0)",
    );
    check(
        Notice::LateTraces(CHAIN, 9, false),
        Level::WARN,
        "block 9 of ethereum is final and was never traced: coin moved inside it was not seen",
        "chain_never_traced_blocks_total[\"ethereum\"] Add(1)",
    );
}

#[test]
fn neither_addresses_nor_hashes_stand_above_debug() {
    let chain = CHAIN;
    let asset = Asset::Token(Address::repeat_byte(0xcd));
    let notices = [
        Notice::Reorged { chain, depth: 3, tip: tip(5) },
        Notice::Reverted { chain, depth: 3, tip: tip(5) },
        Notice::Disagrees { chain, source: "etherscan".into(), transfer: TransferId([0xab; 16]) },
        Notice::UnknownAsset { chain, asset },
        Notice::Payment { payment: PaymentId([7; 16]), rule: "r".into(), state: PaymentState::Held },
    ];
    let mut quiet = 0;
    for notice in notices {
        let line = read(&labels(), Timestamp::default(), &notice).line.expect("every notice has a line");
        let tells = ["abab", "cdcd"].iter().any(|hash| line.text.to_lowercase().contains(hash));
        assert!(!tells || line.level >= Level::DEBUG, "{line:?}");
        quiet += u32::from(tells);
    }
    assert_eq!(quiet, 1, "the unknown asset is named where somebody asked for reasons");
}

#[test]
fn a_source_that_repeats_itself_is_said_once() {
    let mut observer = Observer::new(Arc::new(labels()), Metrics::new());
    let mut said = |state: SourceState| {
        let notice = source(state);
        let line = read(&labels(), Timestamp::default(), &notice).line.expect("it has a line");
        observer.level(line.level, &notice)
    };
    assert_eq!(said(SourceState::Connecting), Level::DEBUG);
    assert_eq!(said(SourceState::Fresh), Level::INFO);
    assert_eq!(said(SourceState::BackingOff("close".into())), Level::WARN);
    assert_eq!(said(SourceState::Connecting), Level::DEBUG);
    assert_eq!(said(SourceState::BackingOff("connect".into())), Level::DEBUG);
    assert_eq!(said(SourceState::Fresh), Level::INFO);
    assert_eq!(said(SourceState::Fresh), Level::DEBUG);
}

#[test]
fn the_summary_counts_since_the_last_one() {
    let mut observer = Observer::new(Arc::new(labels()), Metrics::new());
    let chain = CHAIN;
    let at = Timestamp::default();
    observer.observe(at, &Notice::Committed { chain, tip: tip(7), time: at, blocks: 2 });
    observer.observe(at, &Notice::GapFilled { chain, from: 1, to: 3, left: 4 });
    observer.observe(at, &Notice::Transfer { chain, stage: Stage::Seen, suspect: false });
    observer.observe(at, &Notice::Transfer { chain, stage: Stage::Final, suspect: false });
    let alert = |state| Notice::Alert { rule: "r".into(), severity: Severity::Info, state, untold: None };
    observer.observe(at, &alert(AlertState::Raised));
    observer.observe(at, &alert(AlertState::Retracted));
    observer.observe(at, &Notice::Ignored { chain, reason: "sibling" });
    let text = observer.summary().to_string();
    assert_eq!(text, "5 blocks, 1 transfers, 1 alerts, 1 taken back, 0 reorgs, 1 reports left out");
    assert_eq!(observer.summary().to_string(), "0 blocks, 0 transfers, 0 alerts, 0 taken back, 0 reorgs");
}
