//! What the dashboards ask for exists: every metric and label that they name is in the table of `telemetry::names`.

use serde_json::Value;
use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;
use walletwatch::telemetry::{Metric, MetricKind};

fn file(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("dashboards").join(name);
    std::fs::read_to_string(path).expect("the file is part of the project")
}

/// Every word of our names in a text, with the text behind it.
fn named(text: &str) -> Vec<(&str, &str)> {
    let of_name = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b':';
    let mut found = Vec::new();
    let mut from = 0;
    while let Some(at) = text[from..].find("walletwatch_") {
        let start = from + at;
        let length = text[start..].bytes().take_while(|byte| of_name(*byte)).count();
        let inside = start > 0 && of_name(text.as_bytes()[start - 1]);
        if !inside {
            found.push((&text[start..start + length], &text[start + length..]));
        }
        from = start + length;
    }
    found
}

/// The metric behind a name in a query: a histogram is asked for by one of its three series.
fn metric(name: &str) -> Option<Metric> {
    let histogram = ["_bucket", "_count", "_sum"].iter().find_map(|suffix| {
        let metric = Metric::from_name(name.strip_suffix(suffix)?)?;
        matches!(metric.kind(), MetricKind::Histogram(_)).then_some(metric)
    });
    let plain = Metric::from_name(name).filter(|metric| !matches!(metric.kind(), MetricKind::Histogram(_)));
    histogram.or(plain)
}

/// The labels that the selector directly behind a name asks for.
fn selected(behind: &str) -> Vec<&str> {
    let Some(inner) = behind.strip_prefix('{').and_then(|rest| rest.split_once('}')) else { return Vec::new() };
    inner.0.split(',').filter_map(|part| part.split(['=', '!']).next()).map(str::trim).collect()
}

#[test]
fn every_metric_and_label_in_the_dashboards_exists() {
    let board: Value = serde_json::from_str(&file("overview.json")).expect("it is JSON");
    let mut queries = Vec::new();
    collect(&board, &mut queries);
    let alerts = file("alerts.yml");
    queries.extend(alerts.lines().filter_map(|line| line.trim().strip_prefix("expr: ")).map(str::to_owned));
    let mut asked = BTreeSet::new();
    for query in &queries {
        for (name, behind) in named(query) {
            let metric = metric(name).unwrap_or_else(|| panic!("{name} does not exist: {query}"));
            asked.insert(metric);
            for label in selected(behind) {
                assert!(metric.labels().contains(&label), "{name} has no label {label}: {query}");
            }
        }
    }
    assert!(asked.len() > 25, "only {} metrics are looked at: {asked:?}", asked.len());
    for text in [file("overview.json"), alerts] {
        for (name, _) in named(&text) {
            assert!(metric(name).is_some(), "{name} does not exist");
        }
    }
}

/// Every query of a board: of its panels and of its variables.
fn collect(value: &Value, queries: &mut Vec<String>) {
    match value {
        Value::Object(object) => {
            for (key, value) in object {
                match value.as_str() {
                    Some(text) if ["expr", "query", "definition"].contains(&key.as_str()) => {
                        queries.push(text.to_owned());
                    }
                    Some(_) => {}
                    None => collect(value, queries),
                }
            }
        }
        Value::Array(all) => all.iter().for_each(|value| collect(value, queries)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[test]
fn a_name_that_does_not_exist_is_found() {
    assert_eq!(
        named("rate(walletwatch_nothing_total[5m])").first().map(|(name, _)| *name),
        Some("walletwatch_nothing_total")
    );
    assert!(named("my_walletwatch_ready").is_empty());
    for name in
        ["walletwatch_nothing_total", "walletwatch_reorg_depth_blocks", "walletwatch_ready_count", "walletwatch_"]
    {
        assert_eq!(metric(name), None, "{name}");
    }
    assert_eq!(metric("walletwatch_reorg_depth_blocks_bucket"), Some(Metric::ReorgDepth));
    assert_eq!(selected("{state=\"dead\",sink=~\"$sink\"} > 0"), ["state", "sink"]);
}

#[test]
fn promtool_accepts_the_rules() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("dashboards/alerts.yml");
    match Command::new("promtool").args(["check", "rules"]).arg(path).output() {
        Ok(output) => assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr)),
        Err(_) => println!("left out: promtool is not installed"),
    }
}
