//! A real Prometheus scrapes the demo, knows the alert rules, and is asked whatever the boards ask.

use crate::common::{PATIENCE, http_client};
use crate::dashboards::{BOARDS, board, file, folder, named, panel_queries, variables};
use crate::rig::{Demo, program};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::time::{Instant, sleep};

/// How often it is looked whether something has come.
const GLANCE: Duration = Duration::from_millis(200);
/// Metrics whose series are made by what happens first: their last label has words that only their authors know, or they are of a
/// listener that the demo does not have.
const LATER: [&str; 3] =
    ["walletwatch_suppressed_total", "walletwatch_ignored_total", "walletwatch_inbound_hooks_total"];

/// A Prometheus, ended when it is dropped.
struct Prometheus {
    child: Child,
    url: String,
    http: reqwest::Client,
    _folder: TempDir,
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Prometheus {
    /// Scrapes `target` every second.
    async fn start(test: &str, target: &str) -> Option<Self> {
        let program = program("WALLETWATCH_PROMETHEUS", "prometheus", test)?;
        let folder_of_it = tempfile::tempdir().expect("a folder can be made");
        let config = json!({
            "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
            "rule_files": [folder().join("alerts.yml")],
            "scrape_configs": [{"job_name": "walletwatch", "static_configs": [{"targets": [target]}]}],
        });
        let path = folder_of_it.path().join("prometheus.yml");
        // JSON is YAML.
        std::fs::write(&path, config.to_string()).expect("it can be written");
        let free = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
        let at = free.local_addr().expect("it is bound");
        drop(free);
        let child = Command::new(program)
            .arg(format!("--config.file={}", path.display()))
            .arg(format!("--storage.tsdb.path={}", folder_of_it.path().join("data").display()))
            .arg(format!("--web.listen-address={at}"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("prometheus starts");
        Some(Self { child, url: format!("http://{at}"), http: http_client(), _folder: folder_of_it })
    }

    /// An answer of its API; `None` while it does not answer.
    async fn ask(&self, path: &str, query: &[(&str, &str)]) -> Option<Value> {
        let mut url: reqwest::Url = format!("{}/api/v1/{path}", self.url).parse().expect("it is a url");
        url.query_pairs_mut().extend_pairs(query);
        let answer = self.http.get(url).send().await.ok()?.bytes().await.ok()?;
        serde_json::from_slice(&answer).ok()
    }

    /// Whether a query has a number for an answer, at least one. A query that it does not understand ends the test.
    async fn answers(&self, query: &str) -> bool {
        let Some(answer) = self.ask("query", &[("query", query)]).await else { return false };
        assert_ne!(answer["status"], "error", "{query}: {answer}");
        let samples = answer["data"]["result"].as_array().cloned().unwrap_or_default();
        samples.iter().any(|sample| sample["value"][1].as_str().is_some_and(|value| value != "NaN"))
    }
}

/// A query of a panel as Grafana sends it when every variable is at "All".
fn filled(query: &str) -> String {
    ["$chain", "$sink", "$rule"].iter().fold(query.to_owned(), |query, variable| query.replace(variable, ".*"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_panel_of_every_board_has_data_and_every_alert_rule_is_reckoned() {
    let test = "the boards against a real Prometheus";
    if program("WALLETWATCH_PROMETHEUS", "prometheus", test).is_none() {
        return;
    }
    let demo = Demo::start().await;
    let target = demo.page.trim_start_matches("http://").to_owned();
    let Some(prometheus) = Prometheus::start(test, &target).await else { return };
    let mut waiting: BTreeSet<String> = BTreeSet::new();
    for name in BOARDS {
        let board = board(name);
        waiting.extend(panel_queries(&board).iter().map(|query| filled(query)));
        for (metric, label) in variables(&board) {
            waiting.insert(format!("count by ({label}) ({metric}{{{label}!=\"\"}})"));
        }
    }
    assert!(waiting.len() > 80, "only {} queries", waiting.len());
    let from = Instant::now();
    while !waiting.is_empty() && from.elapsed() < PATIENCE {
        for query in waiting.clone() {
            if prometheus.answers(&query).await {
                waiting.remove(&query);
            }
        }
        sleep(GLANCE).await;
    }
    assert!(waiting.is_empty(), "these have no data: {waiting:#?}");

    let rules = prometheus.ask("rules", &[("type", "alert")]).await.expect("it answers");
    let rules = rules["data"]["groups"][0]["rules"].as_array().cloned().unwrap_or_default();
    assert_eq!(rules.len(), file("alerts.yml").matches("- alert: ").count());
    for rule in &rules {
        assert_eq!((&rule["health"], &rule["lastError"]), (&json!("ok"), &Value::Null), "{rule}");
    }
    let state = |name: &str| rules.iter().find(|rule| rule["name"] == name).map(|rule| rule["state"].clone());
    assert_eq!(state("WalletwatchDown"), Some("inactive".into()), "it is up");

    // What the boards and the rules name is in what the binary shows.
    let shown = demo.text("/metrics").await;
    for text in BOARDS.iter().chain(&["alerts.yml"]).map(|name| file(name)) {
        for (name, _) in named(&text) {
            let family =
                ["_bucket", "_count", "_sum"].iter().find_map(|suffix| name.strip_suffix(suffix)).unwrap_or(name);
            let is_there = [name, family].iter().any(|name| shown.contains(&format!("# TYPE {name} ")));
            assert!(is_there || LATER.contains(&name), "the binary does not show {name}");
        }
    }
}
