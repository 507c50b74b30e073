//! The boards and the alert rules as they lie there: every metric and label that they name is in the table of `telemetry::names`, every
//! metric is looked at, every alert has its test and says where the runbook speaks of it.

use crate::rig::program;
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use walletwatch::telemetry::{Metric, MetricKind};

/// Every board.
pub(crate) const BOARDS: [&str; 4] = ["overview.json", "chains.json", "delivery.json", "money.json"];

/// Where they are.
pub(crate) fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("dashboards")
}

pub(crate) fn file(name: &str) -> String {
    std::fs::read_to_string(folder().join(name)).expect("the file is part of the project")
}

pub(crate) fn board(name: &str) -> Value {
    serde_json::from_str(&file(name)).unwrap_or_else(|fault| panic!("{name}: {fault}"))
}

/// The queries of a board's panels.
pub(crate) fn panel_queries(board: &Value) -> Vec<String> {
    let mut queries = Vec::new();
    collect(&board["panels"], &mut queries);
    queries
}

/// Whose labels the variables of a board are: metric and label.
pub(crate) fn variables(board: &Value) -> Vec<(String, String)> {
    let all = board["templating"]["list"].as_array().expect("it has variables");
    let queries = all.iter().filter_map(|variable| variable["definition"].as_str());
    let of = |query: &str| {
        let (metric, label) = query.strip_prefix("label_values(")?.strip_suffix(')')?.split_once(", ")?;
        Some((metric.to_owned(), label.to_owned()))
    };
    queries.map(|query| of(query).unwrap_or_else(|| panic!("{query} is not understood"))).collect()
}

/// Every word of our names in a text, with the text behind it.
pub(crate) fn named(text: &str) -> Vec<(&str, &str)> {
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
fn every_metric_and_label_in_the_dashboards_exists_and_every_metric_is_looked_at() {
    let mut queries = Vec::new();
    BOARDS.iter().for_each(|name| collect(&board(name), &mut queries));
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
    let unseen: Vec<_> = Metric::ALL.iter().filter(|metric| !asked.contains(metric)).collect();
    assert!(unseen.is_empty(), "nobody looks at {unseen:?}");
    for text in BOARDS.map(file).into_iter().chain([alerts]) {
        for (name, _) in named(&text) {
            assert!(metric(name).is_some(), "{name} does not exist");
        }
    }
}

#[test]
fn boards_ask_the_chosen_source_and_have_the_variables_that_they_use() {
    let mut uids = BTreeSet::new();
    for name in BOARDS {
        let board = board(name);
        assert!(uids.insert(board["uid"].to_string()), "{name} has the uid of another board");
        let list = board["templating"]["list"].as_array().expect("it has variables");
        let text = board["panels"].to_string();
        let mut known = BTreeSet::new();
        for variable in list {
            let variable = variable["name"].as_str().expect("a variable has a name");
            assert!(
                text.contains(&format!("${variable}")) || text.contains(&format!("${{{variable}}}")),
                "{name}: {variable} is not used"
            );
            known.insert(variable);
        }
        assert!(known.contains("datasource"), "{name}");
        for query in panel_queries(&board) {
            for used in ["chain", "sink", "rule"].iter().filter(|used| query.contains(&format!("${used}"))) {
                assert!(known.contains(*used), "{name} has no variable {used}: {query}");
            }
        }
        let panels = board["panels"].as_array().expect("it has panels");
        let mut ids = BTreeSet::new();
        for panel in panels {
            assert!(ids.insert(panel["id"].to_string()), "{name}: two panels have one id");
            let sources = panel["targets"].as_array().into_iter().flatten().map(|target| &target["datasource"]);
            for source in sources.chain(panel.get("datasource")) {
                assert_eq!(source["uid"], "${datasource}", "{name}: {}", panel["title"]);
            }
        }
    }
}

#[test]
fn every_alert_is_shown_to_fire_and_not_to_and_says_where_the_runbook_speaks_of_it() {
    let (alerts, tests) = (file("alerts.yml"), file("alerts_test.yml"));
    let names: Vec<&str> = alerts.lines().filter_map(|line| line.trim().strip_prefix("- alert: ")).collect();
    assert!(names.len() > 10);
    for name in names {
        let section = format!("runbook_url: docs/runbook.md#{}", name.to_lowercase());
        assert!(alerts.contains(&section), "{name} does not say where its section is");
        assert!(tests.contains(&section), "{name} is never shown to fire");
        assert!(tests.contains(&format!("- {{ alertname: {name}, ")), "{name} is never shown not to fire");
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
fn promtool_accepts_the_rules_and_they_fire_when_they_should() {
    let Some(promtool) = program("WALLETWATCH_PROMTOOL", "promtool", "the alert rules by promtool") else { return };
    for (command, name) in [("check", "alerts.yml"), ("test", "alerts_test.yml")] {
        let output = Command::new(&promtool).args([command, "rules", name]).current_dir(folder()).output();
        let output = output.expect("promtool starts");
        let said = [output.stdout, output.stderr].concat();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&said));
    }
}
