//! The text of `/metrics`, read as a scraper reads it.

use super::*;
use crate::reactor::market::Quote;
use crate::reactor::settings::{ChainSettings, Confirmed, Settings, SinkSettings};
use crate::telemetry::balances::BalanceSeries;
use crate::telemetry::gas::GasStatus;
use crate::telemetry::snapshot::{ChainStatus, PriceStatus, SinkStatus, SourceStatus};
use crate::telemetry::worth::PairStatus;
use crate::types::{Asset, Name, Pair, Percent, Price};
use std::process::{Command, Stdio};

pub(crate) fn labels() -> Labels {
    let chain = ChainSettings {
        name: "ethereum".into(),
        id: ChainId(1),
        coin: "ETH".into(),
        coin_decimals: 18,
        block_time: Duration::from_secs(12),
        confirmed: Confirmed::Depth(12),
        final_after: 64,
        finalized_tag: true,
        endpoints: vec!["main".into()],
        explorer: Some("etherscan".into()),
        stale_after: Duration::from_mins(1),
        tx_url: None,
    };
    let ops = SinkSettings { name: "ops".into(), min_severity: Severity::Info, types: Vec::new() };
    let pair = Pair::parse("ETH-USD").expect("it is a pair");
    let mut labels = Labels::of(&Settings {
        chains: [(ChainId(1), chain)].into(),
        sinks: [("ops".into(), ops)].into(),
        feeds: [("coinbase".into(), vec![pair])].into(),
        ..Settings::default()
    });
    labels.rules.push(("usdc \"in\"\\".into(), Severity::Warning, vec![ChainId(1)]));
    labels.paying.push(("top up".into(), Duration::from_hours(24)));
    labels
}

fn sink(pending: u64, oldest: Option<i64>) -> SinkStatus {
    SinkStatus {
        name: "ops".into(),
        pending,
        dead: 2,
        oldest_pending: oldest.map(Timestamp::from_millis),
        failing_since: None,
        last_error: None,
        next_try: None,
        disabled: false,
    }
}

fn chain() -> ChainStatus {
    ChainStatus {
        id: ChainId(1),
        tip: Some((19_000_000, Timestamp::from_millis(1_500))),
        head: Some(19_000_001),
        gap_blocks: 7,
        untraced: Some((3, 10, 12)),
        backfill_blocks: 8,
        backfill_addresses: 2,
        stalled: false,
        stopped: None,
        blind_since: None,
        last_outage: None,
        taken_over_since: None,
        authority: std::collections::BTreeMap::new(),
        followed: true,
        required: true,
        gas: GasStatus::default(),
        oldest_view: Some(Timestamp::from_millis(4_000)),
        view_promised: Some(Duration::from_secs(90)),
        index_lag: Some((7, Timestamp::from_millis(4_000))),
    }
}

fn series(text: &str, start: &str) -> Option<String> {
    text.lines().find_map(|line| line.strip_prefix(start)?.strip_prefix(' ').map(str::to_owned))
}

#[test]
fn every_series_of_a_config_is_there_at_zero_before_anything_happens() {
    let metrics = Metrics::new();
    metrics.register(&labels());
    metrics.register_socket(&labels(), &labels().sources[0], &["idle", "close"]);
    let text = metrics.render();
    // Their last label has values that only their authors know; a balance that was never read has no value, and 0 would be a lie;
    // hooks are counted where they are received.
    let worth = [Metric::PortfolioUsd, Metric::PortfolioTime, Metric::TransferCost, Metric::TransferCostDollars];
    let open = [
        Metric::Suppressed,
        Metric::Ignored,
        Metric::BalanceCoins,
        Metric::BalanceTime,
        Metric::PayingWalletCoins,
        Metric::Hooks,
    ];
    for metric in Metric::ALL.iter().filter(|metric| !open.contains(metric) && !worth.contains(metric)) {
        assert!(text.contains(&format!("# TYPE {} ", metric.name())), "{} is not in\n{text}", metric.name());
    }
    for start in [
        "walletwatch_source_up{source=\"main\",kind=\"rpc\",chain=\"ethereum\"}",
        "walletwatch_source_up{source=\"coinbase\",kind=\"feed\",chain=\"\"}",
        "walletwatch_transfers_total{chain=\"ethereum\",stage=\"retracted\",suspect=\"false\"}",
        "walletwatch_alerts_total{rule=\"usdc \\\"in\\\"\\\\\",severity=\"warning\",state=\"raised\"}",
        "walletwatch_alerts_total{rule=\"source.blind\",severity=\"critical\",state=\"raised\"}",
        "walletwatch_outbox_messages{sink=\"ops\",state=\"dead\"}",
        "walletwatch_delivery_attempts_total{sink=\"ops\",outcome=\"again\"}",
        "walletwatch_alert_latency_seconds_count{sink=\"ops\"}",
        "walletwatch_reorg_depth_blocks_bucket{chain=\"ethereum\",le=\"64\"}",
        "walletwatch_etherscan_requests_total{chain=\"ethereum\",list=\"tokentx\",outcome=\"limited\"}",
        "walletwatch_balance_reads_total{chain=\"ethereum\",outcome=\"empty\"}",
        "walletwatch_balances_left_out",
        "walletwatch_price_last_success_timestamp_seconds{pair=\"ETH-USD\",source=\"coinbase\"}",
        "walletwatch_pair_sources{pair=\"ETH-USD\"}",
        "walletwatch_payments{state=\"held\",rehearsal=\"true\"}",
        "walletwatch_payments_frozen",
        "walletwatch_payment_limit_used_ratio{rule=\"top up\",limit=\"in_total\"}",
        "walletwatch_socket_reconnects_total{source=\"main\",kind=\"rpc\",chain=\"ethereum\",reason=\"idle\"}",
    ] {
        assert_eq!(series(&text, start).as_deref(), Some("0"), "{start} in\n{text}");
    }
    let stale = series(&text, "walletwatch_chain_stale_after_seconds{chain=\"ethereum\"}");
    assert_eq!(stale.as_deref(), Some("60"));
    assert!(text.contains("process_start_time_seconds"), "the process's own numbers are there");
}

#[test]
fn balances_are_in_coins_and_absent_until_they_were_read() {
    let metrics = Metrics::new();
    let series_of =
        |raw, read_at| BalanceSeries { watch: "hot".into(), chain: ChainId(1), asset: Asset::Coin, raw, read_at };
    let show = |raw: Option<U256>, read_at: Option<Timestamp>, left_out: u64| {
        let balances =
            BalancesStatus { items: Vec::new(), series: vec![series_of(raw, read_at)], valued: Vec::new(), left_out };
        metrics.show_balances(&balances, &labels());
        let text = metrics.render();
        let of = |name: &str| series(&text, &format!("{name}{{watch=\"hot\",chain=\"ethereum\",asset=\"ETH\"}}"));
        let (coins, time) = (of("walletwatch_balance_coins"), of("walletwatch_balance_last_success_timestamp_seconds"));
        (coins, time, series(&text, "walletwatch_balances_left_out"))
    };
    let text = |text: &str| Some(text.to_owned());
    assert_eq!(show(None, None, 7), (None, text("0"), text("7")));
    let half = U256::from(500_000_000_000_000_000_u64);
    assert_eq!(show(Some(half), Some(Timestamp::from_secs(5)), 0), (text("0.5"), text("5"), text("0")));
    // What cannot be read any more keeps its last value, and its time tells the age.
    assert_eq!(show(None, Some(Timestamp::from_secs(5)), 0), (text("0.5"), text("5"), text("0")));
}

/// A pair with one feed and its price.
fn priced() -> (PriceStatus, PairStatus) {
    let price = PriceStatus {
        pair: Pair::parse("ETH-USD").expect("it is a pair"),
        feed: "coinbase".into(),
        price: Price::parse("2500.5").expect("it is a price"),
        as_of: Timestamp::default(),
        fresh: true,
    };
    let quote = Quote {
        pair: price.pair.clone(),
        price: price.price,
        source: "coinbase".into(),
        sources: 1,
        spread: Percent::whole(0),
        as_of: Timestamp::default(),
    };
    let pair = PairStatus { pair: price.pair.clone(), quote: Some(quote), unknown: None };
    (price, pair)
}

#[test]
fn gauges_follow_how_things_stand_and_the_time_of_the_scrape() {
    let metrics = Metrics::new();
    let labels = Arc::new(labels());
    metrics.register(&labels);
    let (price, pair) = priced();
    // On its way for the first time: not blind yet, and not up.
    let source = SourceStatus {
        id: labels.sources[0].clone(),
        state: SourceState::Connecting,
        last_event: Some(Timestamp::from_secs(8)),
        blind_since: None,
        last_outage: None,
        required: false,
    };
    let mut snapshot = Snapshot {
        labels,
        sources: vec![source],
        store_writable: true,
        sinks: vec![sink(3, Some(4_000))],
        chains: vec![chain()],
        pairs: vec![pair],
        prices: vec![price],
        ..Snapshot::default()
    };
    let feed = "walletwatch_price{pair=\"ETH-USD\",source=\"coinbase\"}";
    let unknown = |name: &str| assert_eq!(series(&metrics.render(), name).as_deref(), Some("NaN"), "{name}");
    unknown(feed);
    unknown("walletwatch_pair_price{pair=\"ETH-USD\"}");
    metrics.show(&snapshot, Timestamp::from_millis(10_000));
    let check = |start: &str, expected: &str| {
        let text = metrics.render();
        assert_eq!(series(&text, start).as_deref(), Some(expected), "{start} in\n{text}");
    };
    check("walletwatch_ready", "1");
    check("walletwatch_outbox_messages{sink=\"ops\",state=\"pending\"}", "3");
    check("walletwatch_outbox_oldest_pending_age_seconds{sink=\"ops\"}", "6");
    check("walletwatch_chain_processed_block{chain=\"ethereum\"}", "19000000");
    check("walletwatch_chain_processed_block_timestamp_seconds{chain=\"ethereum\"}", "1.5");
    check("walletwatch_chain_gap_blocks{chain=\"ethereum\"}", "7");
    check("walletwatch_chain_awaiting_traces_blocks{chain=\"ethereum\"}", "3");
    check("walletwatch_backfill_remaining_blocks{chain=\"ethereum\"}", "8");
    check("walletwatch_backfill_remaining_addresses{chain=\"ethereum\"}", "2");
    check("walletwatch_etherscan_view_age_seconds{chain=\"ethereum\"}", "6");
    check("walletwatch_etherscan_view_age_promised_seconds{chain=\"ethereum\"}", "90");
    let main = "{source=\"main\",kind=\"rpc\",chain=\"ethereum\"}";
    check(&format!("walletwatch_source_up{main}"), "0");
    check(&format!("walletwatch_source_last_event_timestamp_seconds{main}"), "8");
    check(feed, "2500.5");
    check("walletwatch_pair_price{pair=\"ETH-USD\"}", "2500.5");
    check("walletwatch_pair_spread_ratio{pair=\"ETH-USD\"}", "0");
    // Stale, and then gone: neither the old number nor nought.
    snapshot.prices[0].fresh = false;
    snapshot.pairs[0].quote = None;
    for _ in 0..2 {
        metrics.show(&snapshot, Timestamp::from_millis(10_500));
        unknown(feed);
        unknown("walletwatch_pair_price{pair=\"ETH-USD\"}");
        unknown("walletwatch_pair_spread_ratio{pair=\"ETH-USD\"}");
        check("walletwatch_pair_sources{pair=\"ETH-USD\"}", "0");
        check("walletwatch_pair_last_success_timestamp_seconds{pair=\"ETH-USD\"}", "10");
        snapshot.prices.clear();
    }
    snapshot.sources[0].state = SourceState::Fresh;
    // All delivered, and the chain blind: its last block stays, so that its age tells.
    snapshot.sinks = vec![sink(0, None)];
    snapshot.chains[0].tip = None;
    snapshot.chains[0].blind_since = Some(Timestamp::default());
    metrics.show(&snapshot, Timestamp::from_millis(11_000));
    check("walletwatch_ready", "0");
    check(&format!("walletwatch_source_up{main}"), "1");
    check("walletwatch_outbox_oldest_pending_age_seconds{sink=\"ops\"}", "0");
    check("walletwatch_chain_processed_block{chain=\"ethereum\"}", "19000000");
}

#[test]
fn registering_again_after_a_reload_keeps_every_value() {
    let metrics = Metrics::new();
    metrics.register(&labels());
    metrics.add(Metric::Transfers, &["ethereum", "seen", "false"], 5);
    metrics.set(Metric::BaseFee, &["ethereum"], gwei(U256::from(1_234_567_890_u64)));
    metrics.attempt("ops", AttemptOutcome::Ok, Some(Duration::from_millis(300)));
    metrics.register(&labels());
    let text = metrics.render();
    let value = |start| series(&text, start);
    assert_eq!(
        value("walletwatch_transfers_total{chain=\"ethereum\",stage=\"seen\",suspect=\"false\"}").as_deref(),
        Some("5")
    );
    assert_eq!(value("walletwatch_gas_base_fee_gwei{chain=\"ethereum\"}").as_deref(), Some("1.23456789"));
    assert_eq!(value("walletwatch_alert_latency_seconds_bucket{sink=\"ops\",le=\"0.25\"}").as_deref(), Some("0"));
    assert_eq!(value("walletwatch_alert_latency_seconds_bucket{sink=\"ops\",le=\"0.5\"}").as_deref(), Some("1"));
}

#[test]
fn promtool_finds_nothing_to_say_about_the_metrics() {
    let metrics = Metrics::new();
    metrics.register(&labels());
    metrics.add(Metric::Suppressed, &["usdc in", "at_most_every"], 1);
    metrics.add(Metric::Ignored, &["ethereum", "sibling"], 1);
    let child = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let Ok(mut child) = child else {
        println!("left out: promtool is not installed");
        return;
    };
    let mut input = child.stdin.take().expect("it is piped");
    std::io::Write::write_all(&mut input, metrics.render().as_bytes()).expect("promtool reads");
    drop(input);
    let output = child.wait_with_output().expect("promtool ends");
    // The names of the process's own metrics are not ours to judge.
    let said = String::from_utf8_lossy(&output.stderr).into_owned() + &String::from_utf8_lossy(&output.stdout);
    let ours: Vec<_> = said.lines().filter(|line| !line.starts_with("process_")).collect();
    assert!(ours.is_empty(), "{ours:#?}");
}

#[test]
fn a_name_of_a_chain_that_left_the_config_is_its_id() {
    assert_eq!(labels().chain(ChainId(1)), Name::from("ethereum"));
    assert_eq!(labels().chain(ChainId(5)), Name::from("5"));
    assert_eq!(labels().chain_named("ethereum"), Some(ChainId(1)));
}
