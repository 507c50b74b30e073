//! `walletwatch status`: how the running monitor stands, every source, chain, sink and rule a line each.

use super::api::{self, Question};
use super::show::{answer, table, text};
use super::{Failure, Places};
use crate::config::forecast::span;
use anyhow::anyhow;
use serde_json::Value;
use std::time::Duration;

/// The settings of this command.
#[derive(Debug, clap::Args)]
pub(super) struct Status {
    /// Be content with an answer, whatever is blind: for whoever asks whether the process lives
    #[arg(long)]
    alive: bool,
    /// As the JSON of the API
    #[arg(long)]
    json: bool,
}

impl Status {
    pub(super) async fn run(self, places: &Places) -> Result<(), Failure> {
        let body = api::of_monitor(&places.load_to_ask()?, &Question::new(&["status"])).await?;
        let status: Value = serde_json::from_slice(&body).map_err(Failure::again)?;
        if self.json {
            answer(&String::from_utf8_lossy(&body))?;
        } else {
            answer(&words(&status))?;
        }
        match blind(&status).as_slice() {
            _ if self.alive => Ok(()),
            [] => Ok(()),
            names => Err(Failure::again(anyhow!("blind: {}", names.join(", ")))),
        }
    }
}

fn items<'a>(status: &'a Value, key: &str) -> &'a [Value] {
    status[key].as_array().map_or(&[], Vec::as_slice)
}

/// What is blind, by name; also where only the answer as a whole says that something is.
fn blind(status: &Value) -> Vec<String> {
    let sources = items(status, "sources").iter().filter(|item| !item["blind_since"].is_null()).map(source_name);
    let stands = |item: &&Value| !item["blind_since"].is_null() || !item["stopped"].is_null();
    let chains = items(status, "chains").iter().filter(stands).map(|item| text(item, "chain"));
    let pairs = items(status, "pairs").iter().filter(|item| !item["unknown"].is_null()).map(|item| text(item, "pair"));
    let mut names: Vec<String> = chains.chain(sources).chain(pairs).map(|name| super::show::clean(&name)).collect();
    if names.is_empty() && status["blind"] == true {
        names.push("something that has no line here".to_owned());
    }
    names
}

fn source_name(item: &Value) -> String {
    let (chain, source) = (text(item, "chain"), text(item, "source"));
    if chain.is_empty() { source } else { format!("{chain}/{source}") }
}

fn words(status: &Value) -> String {
    let mut all = Vec::new();
    if status["simulated"] == true {
        all.push("SIMULATED: nothing here happened on a real chain\n".to_owned());
    }
    let why: Vec<String> = items(status, "unready").iter().filter_map(Value::as_str).map(super::show::clean).collect();
    let ready = if status["ready"] == true { "ready".to_owned() } else { format!("not ready: {}", why.join("; ")) };
    all.push(format!("{ready}, at {}\n", text(status, "time")));
    let mut add = |key: &str, written: String| {
        if !items(status, key).is_empty() {
            all.push(written);
        }
    };
    add("sources", sources(status));
    add("chains", chains(status));
    add("sinks", sinks(status));
    add("rules", rules(status));
    if let Some(line) = balances(&status["balances"]) {
        all.push(line);
    }
    all.extend(payments(&status["payments"]));
    let unknown = items(status, "pairs").iter().filter(|item| !item["unknown"].is_null());
    let unknown: Vec<String> = unknown.map(|item| since_when(item, "unknown")).collect();
    if !unknown.is_empty() {
        all.push(format!("{}\n", unknown.join("\n")));
    }
    let worth = |item: &Value| match item["usd"].as_str() {
        Some(usd) => format!("{} is worth {usd} USD", text(item, "watch")),
        None => format!("{} is worth an unknown sum", text(item, "watch")),
    };
    let worth: Vec<String> = items(status, "portfolios").iter().map(worth).collect();
    if !worth.is_empty() {
        all.push(format!("{}\n", worth.join("\n")));
    }
    let budget = |item: &Value| {
        let of = |key| text(item, key);
        format!("{}: {} of {} calls left today\n", of("source"), of("calls_left"), of("calls_per_day"))
    };
    let budgets: String = items(status, "explorers").iter().map(budget).collect();
    all.extend(Some(budgets).filter(|budgets| !budgets.is_empty()));
    all.join("\n")
}

/// One line for live payments: how many stand where, and whether they go.
fn payments(item: &Value) -> Option<String> {
    let live = item["live"].as_object().into_iter().flatten();
    let mut parts: Vec<String> = live.map(|(state, count)| format!("{count} {}", super::show::clean(state))).collect();
    if item["frozen"] == true {
        let file = &item["freeze_file"]["why"];
        let by_file = file.as_str().map(|why| format!("FROZEN by the file FREEZE: {}", super::show::clean(why)));
        let why = || "FROZEN or paused (`walletwatch payments list` says why)".to_owned();
        parts.insert(0, by_file.unwrap_or_else(why));
    }
    (!parts.is_empty()).then(|| format!("payments: {}\n", parts.join(", ")))
}

/// One line for all balances: how many were read, and what is wrong with the others.
fn balances(line: &Value) -> Option<String> {
    let count = |key: &str| line[key].as_u64().unwrap_or(0);
    if ["read", "unread", "left_out"].into_iter().all(|key| count(key) == 0) {
        return None;
    }
    let mut parts = vec![format!("{} read", count("read"))];
    if !line["oldest_read"].is_null() {
        parts.push(format!("the oldest at {}", text(line, "oldest_read")));
    }
    for (key, words) in
        [("unread", "not read so far"), ("failing", "failing"), ("left_out", "left out by max_balances")]
    {
        if count(key) > 0 {
            parts.push(format!("{} {words}", count(key)));
        }
    }
    Some(format!("balances: {}\n", parts.join(", ")))
}

/// `words`, or since when.
fn since(item: &Value, key: &str, words: &str) -> Option<String> {
    (!item[key].is_null()).then(|| format!("{words} {}", text(item, key)))
}

/// Why something is not known, and since when, where that is known.
fn since_when(item: &Value, key: &str) -> String {
    let since = since(item, &format!("{key}_since"), "since").map_or_else(String::new, |since| format!("{since}: "));
    format!("{since}{}", text(item, key))
}

/// When something last was blind, and what was missed meanwhile.
fn outage(last: &Value) -> Option<String> {
    let between = |from: &str, to: &str| format!("{} to {}", text(last, from), text(last, to));
    if last.is_null() {
        return None;
    }
    let blocks = || format!(" (blocks {})", between("from_block", "to_block"));
    let gap = if last["from_block"].is_null() { String::new() } else { blocks() };
    Some(format!("was blind {}{gap}", between("since", "until")))
}

fn sources(status: &Value) -> String {
    let row = |item: &Value| {
        let blind = since(item, "blind_since", "blind since").or_else(|| outage(&item["last_outage"]));
        // A reason can be long: behind everything else it widens no column.
        let detail = Some(text(item, "detail")).filter(|detail| !detail.is_empty());
        let more: Vec<String> = blind.into_iter().chain(detail).collect();
        let of = |key| text(item, key);
        [source_name(item), of("kind"), of("state"), of("last_event"), more.join(": ")]
    };
    let rows: Vec<_> = items(status, "sources").iter().map(row).collect();
    table(["SOURCE", "KIND", "STATE", "LAST EVENT", ""], &rows)
}

fn chains(status: &Value) -> String {
    let row = |item: &Value| {
        let stopped = since(item, "stopped", "stopped:");
        let state = stopped.or_else(|| since(item, "blind_since", "blind since"));
        let moving = || match (&item["block"], &item["stalled"]) {
            (_, Value::Bool(true)) => "stalled".to_owned(),
            (Value::Null, _) => "no block so far".to_owned(),
            (_, _) => "fresh".to_owned(),
        };
        let state = state.unwrap_or_else(moving);
        let mut more = Vec::new();
        more.extend(since(item, "taken_over_since", "its endpoints are silent since"));
        more.extend(read_by(&item["authority"]));
        if item["gap_blocks"].as_u64().is_some_and(|blocks| blocks > 0) {
            more.push(format!("{} blocks still to read", text(item, "gap_blocks")));
        }
        if item["untraced_blocks"].as_u64().is_some_and(|blocks| blocks > 0) {
            let [blocks, from, to] = ["untraced_blocks", "untraced_from", "untraced_to"].map(|key| text(item, key));
            more.push(format!(
                "{blocks} blocks between {from} and {to} without their traces: coin moved inside transactions is not seen there"
            ));
        }
        if item["backfill_addresses"].as_u64().is_some_and(|addresses| addresses > 0) {
            let (blocks, addresses) = (text(item, "backfill_blocks"), text(item, "backfill_addresses"));
            more.push(format!("history of {addresses} addresses: {blocks} blocks still to read"));
        }
        if !item["view_age_seconds"].is_null() {
            let span = |key| item[key].as_u64().map_or_else(String::new, |seconds| span(Duration::from_secs(seconds)));
            let (age, promised) = (span("view_age_seconds"), span("view_age_promised_seconds"));
            more.push(format!("oldest view {age} (promised {promised})"));
        }
        if !item["index_lag_blocks"].is_null() {
            let (lag, seen) = (text(item, "index_lag_blocks"), text(item, "index_lag_seen"));
            more.push(format!("index {lag} blocks behind at {seen}"));
        }
        more.extend(outage(&item["last_outage"]));
        let of = |key| text(item, key);
        // Nobody says how far a chain has gone that nobody sees.
        let behind = if item["blind_since"].is_null() { of("lag_blocks") } else { "?".to_owned() };
        [of("chain"), state, of("block"), of("block_time"), behind, more.join(", ")]
    };
    let rows: Vec<_> = items(status, "chains").iter().map(row).collect();
    table(["CHAIN", "STATE", "BLOCK", "BLOCK TIME", "BEHIND", ""], &rows)
}

/// Who vouches for what on a chain; one name where it is one for everything.
fn read_by(authority: &Value) -> Option<String> {
    let kinds = authority.as_object()?;
    let name = |who: &Value| who.as_str().unwrap_or("nobody").to_owned();
    let first = name(kinds.values().next()?);
    if kinds.values().all(|who| name(who) == first) {
        return Some(format!("read by {first}"));
    }
    let each: Vec<String> = kinds.iter().map(|(kind, who)| format!("{kind} by {}", name(who))).collect();
    Some(each.join(", "))
}

fn sinks(status: &Value) -> String {
    let row = |item: &Value| {
        let failing = since(item, "failing_since", "failing since");
        let state = if item["disabled"] == true { Some("disabled by its receiver".to_owned()) } else { failing };
        let of = |key| text(item, key);
        let state = state.unwrap_or_else(|| "ok".to_owned());
        // A reason can be long: behind everything else it widens no column.
        let failing = !item["failing_since"].is_null() && item["disabled"] != true;
        let next = since(item, "next_try", "next try").filter(|_| failing);
        let more: Vec<String> = next.into_iter().chain(failing.then(|| of("last_error"))).collect();
        [of("sink"), state, of("pending"), of("dead"), of("oldest_pending"), more.join(": ")]
    };
    let rows: Vec<_> = items(status, "sinks").iter().map(row).collect();
    table(["SINK", "STATE", "PENDING", "DEAD", "OLDEST PENDING", ""], &rows)
}

fn rules(status: &Value) -> String {
    let row = |item: &Value| {
        let state = match (&item["crossed"], &item["unjudged"]) {
            (Value::Bool(true), _) => "crossed",
            (_, Value::String(_)) => "cannot be judged",
            (Value::Bool(false), _) => "calm",
            _ => "",
        };
        let unjudged = match (&item["crossed"], &item["unjudged"]) {
            (_, Value::Null) => None,
            (Value::Bool(true), _) => Some(format!("cannot be judged {}", since_when(item, "unjudged"))),
            _ => Some(since_when(item, "unjudged")),
        };
        let uncovered: Vec<_> = items(item, "uncovered").iter().filter_map(Value::as_str).collect();
        let uncovered =
            if uncovered.is_empty() { String::new() } else { format!("not fed in full on {}", uncovered.join(", ")) };
        let more: Vec<String> = unjudged.into_iter().chain(Some(uncovered).filter(|words| !words.is_empty())).collect();
        [text(item, "rule"), text(item, "severity"), state.to_owned(), text(item, "spoke_at"), more.join("; ")]
    };
    let rows: Vec<_> = items(status, "rules").iter().map(row).collect();
    table(["RULE", "SEVERITY", "STATE", "LAST SPOKE", ""], &rows)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn everything_has_a_line_and_what_is_blind_is_named() {
        let status = json!({"time": "T", "simulated": false, "ready": false, "unready": ["blind on devnet"], "blind": true,
            "sources": [{"source": "main", "kind": "rpc", "chain": "devnet", "state": "backing_off", "detail": "refused",
                "last_event": null, "blind_since": "T1", "required": false},
                {"source": "coinbase", "kind": "feed", "chain": null, "state": "fresh", "detail": null, "last_event": "T2",
                "blind_since": null, "required": false}],
            "chains": [{"chain": "devnet", "chain_id": 31337, "block": 7, "block_time": "T0", "lag_blocks": 0, "gap_blocks": 2,
                "untraced_blocks": 2, "untraced_from": 4, "untraced_to": 6,
                "stalled": false, "stopped": "another genesis", "blind_since": null}],
            "sinks": [{"sink": "ops", "pending": 3, "dead": 1, "oldest_pending": "T3", "failing_since": null, "disabled": true},
                {"sink": "chat", "pending": 2, "dead": 0, "oldest_pending": "T4", "failing_since": "T5", "last_error": "HTTP 503",
                "next_try": "T6", "disabled": false}],
            "rules": [{"rule": "in", "severity": "info", "crossed": null, "spoke_at": null, "uncovered": ["base"]},
                {"rule": "dear", "severity": "info", "crossed": false, "spoke_at": null, "uncovered": []},
                {"rule": "falls", "severity": "info", "crossed": null, "unjudged": "no price", "unjudged_since": "T7", "uncovered": []},
                {"rule": "young", "severity": "info", "crossed": null, "unjudged": "no window", "uncovered": []},
                {"rule": "low", "severity": "info", "crossed": true, "spoke_at": "T8", "unjudged": "no price",
                "unjudged_since": "T7", "uncovered": []}],
            "pairs": [{"pair": "XYZ-USD", "price": null, "unknown": "no fresh price of XYZ-USD", "unknown_since": "T7"},
                {"pair": "ETH-USD", "price": "1", "unknown": null}],
            "balances": {"read": 5, "unread": 1, "failing": 2, "left_out": 0, "oldest_read": "T4"},
            "explorers": [{"source": "etherscan", "calls_left": 7, "calls_per_day": 9}]});
        let said = words(&status);
        let lines: Vec<&str> = said.lines().map(str::trim_end).collect();
        for expected in [
            "not ready: blind on devnet, at T",
            "devnet/main  rpc   backing_off              blind since T1: refused",
            "coinbase     feed  fresh        T2",
            "devnet  stopped: another genesis  7      T0          0       2 blocks still to read, 2 blocks between 4 and 6 without their \
             traces: coin moved inside transactions is not seen there",
            "ops   disabled by its receiver  3        1     T3",
            "chat  failing since T5          2        0     T4              next try T6: HTTP 503",
            "in     info                                    not fed in full on base",
            "dear   info      calm",
            "falls  info      cannot be judged              since T7: no price",
            "young  info      cannot be judged              no window",
            "low    info      crossed           T8          cannot be judged since T7: no price",
            "since T7: no fresh price of XYZ-USD",
            "balances: 5 read, the oldest at T4, 1 not read so far, 2 failing",
            "etherscan: 7 of 9 calls left today",
        ] {
            assert!(lines.contains(&expected), "{expected:?} is not in\n{said}");
        }
        assert_eq!(blind(&status), ["devnet", "devnet/main", "XYZ-USD"]);
        assert_eq!(blind(&json!({"blind": true})), ["something that has no line here"]);
        assert!(blind(&json!({"blind": false, "sources": [], "chains": []})).is_empty());
    }
}
