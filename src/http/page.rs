//! The page: what stands where, in one plain document without a script.
//!
//! Whatever is not a constant of this file is escaped: the types leave no other way.

use super::Parts;
use super::archive::Learned;
use super::bodies;
use super::problem::Problem;
use super::status;
use crate::reactor::rows::{AlertRow, TransferRow};
use crate::store::{self, OutboxRow};
use crate::telemetry::Snapshot;
use crate::types::Timestamp;
use axum::extract::State;
use axum::http::header::{CONTENT_TYPE, HeaderValue};
use axum::response::{Html, IntoResponse, Response};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Rows of each list.
const ROWS: usize = 25;

const STYLE: &str = "body{font:15px/1.45 system-ui,sans-serif;margin:1.5rem auto;max-width:80rem;padding:0 1rem;color:#1c2430;background:#fff}
h1{font-size:1.4rem}h2{font-size:1.1rem;margin-top:2rem}
table{border-collapse:collapse;width:100%}
th,td{text-align:left;padding:.25rem .75rem .25rem 0;border-bottom:1px solid #dde3ea;vertical-align:top;overflow-wrap:anywhere}
.bad{color:#a3120a;font-weight:600}.simulated{background:#ffe9a8;padding:.5rem 1rem;font-weight:600}
@media(prefers-color-scheme:dark){body{color:#dce3ec;background:#12161c}th,td{border-color:#2c3541}.bad{color:#ff8f85}.simulated{color:#1c2430}}
";

/// A document under construction.
#[derive(Default)]
pub(super) struct Document(String);

impl Document {
    /// Markup, which only this file writes.
    fn markup(&mut self, text: &'static str) -> &mut Self {
        self.0.push_str(text);
        self
    }

    /// Text from anywhere.
    pub(super) fn text(&mut self, text: &str) -> &mut Self {
        for character in text.chars() {
            match character {
                '&' => self.0.push_str("&amp;"),
                '<' => self.0.push_str("&lt;"),
                '>' => self.0.push_str("&gt;"),
                '"' => self.0.push_str("&quot;"),
                '\'' => self.0.push_str("&#39;"),
                // What reorders or hides text is shown as a box; newlines and tabs are blanks in a page.
                '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200b}'..='\u{200f}' | '\u{feff}' => {
                    self.0.push('\u{fffd}');
                }
                control if control.is_control() => self.0.push(' '),
                plain => self.0.push(plain),
            }
        }
        self
    }

    /// A headed table; without rows it says so.
    fn table<const N: usize>(&mut self, title: &'static str, heads: [&'static str; N], rows: Vec<[String; N]>) {
        self.markup("<h2>").markup(title).markup("</h2>\n");
        if rows.is_empty() {
            self.markup("<p>None.</p>\n");
            return;
        }
        self.markup("<table><thead><tr>");
        for head in heads {
            self.markup("<th>").markup(head).markup("</th>");
        }
        self.markup("</tr></thead><tbody>\n");
        for row in rows {
            self.markup("<tr>");
            for cell in row {
                self.markup("<td>").text(&cell).markup("</td>");
            }
            self.markup("</tr>\n");
        }
        self.markup("</tbody></table>\n");
    }

    pub(super) fn finish(self) -> String {
        self.0
    }
}

pub(super) async fn style() -> Response {
    ([(CONTENT_TYPE, HeaderValue::from_static("text/css; charset=utf-8"))], STYLE).into_response()
}

pub(super) async fn show(State(parts): State<Arc<Parts>>) -> Result<Html<String>, Problem> {
    let snapshot = parts.standing();
    let transfers = parts.archive.transfers(store::TransferFilter::default(), ROWS).await?;
    let alerts = parts.archive.alerts(store::AlertFilter::default(), ROWS).await?;
    let outbox = parts.archive.outbox(store::OutboxFilter::default(), ROWS).await?;
    let mut page = Document::default();
    page.markup("<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>");
    page.markup(if snapshot.simulated { "SIMULATED - walletwatch" } else { "walletwatch" });
    page.markup(
        "</title><meta name=\"viewport\" content=\"width=device-width\"><meta http-equiv=\"refresh\" content=\"10\">",
    );
    page.markup("<link rel=\"stylesheet\" href=\"/page.css\"></head><body>\n<h1>walletwatch</h1>\n");
    if snapshot.simulated {
        page.markup("<p class=\"simulated\">SIMULATED: nothing here happened on a real chain.</p>\n");
    }
    standing(&mut page, &snapshot, (parts.now)());
    transfer_table(&mut page, &transfers.rows, &snapshot);
    alert_table(&mut page, &alerts.rows, &snapshot);
    delivery_table(&mut page, &outbox.rows);
    page.markup("</body></html>\n");
    Ok(Html(page.finish()))
}

/// What is in force and how it is.
fn standing(page: &mut Document, snapshot: &Snapshot, now: Timestamp) {
    let status = status::status(snapshot, now);
    page.markup(if status.ready { "<p>Ready, " } else { "<p class=\"bad\">Not ready: " });
    page.text(&status.unready.join("; "))
        .markup(if status.ready { "" } else { "; " })
        .text(&status.time)
        .markup("</p>\n");
    let or_none = |value: Option<String>| value.unwrap_or_default();
    let sources = status.sources.into_iter().map(|item| {
        let state = item.detail.map_or_else(|| item.state.to_owned(), |detail| format!("{}: {detail}", item.state));
        [
            item.source,
            item.kind.to_owned(),
            or_none(item.chain),
            state,
            or_none(item.last_event),
            or_none(item.blind_since),
        ]
    });
    page.table("Sources", ["Name", "Kind", "Chain", "State", "Last event", "Blind since"], sources.collect());
    let chains = status.chains.into_iter().map(|item| {
        let state = match (item.stopped, item.blind_since, item.stalled) {
            (Some(reason), _, _) => format!("stopped: {reason}"),
            (None, Some(since), _) => format!("blind since {since}"),
            (None, None, true) => "stalled".to_owned(),
            (None, None, false) => "fresh".to_owned(),
        };
        let state = match item.taken_over_since {
            Some(since) => format!("{state}; its endpoints are silent since {since}"),
            None => state,
        };
        let vouching = by_whom(&item.authority);
        let number = |value: Option<u64>| value.map(|number| number.to_string()).unwrap_or_default();
        let fee = item.gas.in_words(item.base_fee_gwei.as_deref());
        let gap = item.gap_blocks.to_string();
        let (block, lag) = (number(item.block), number(item.lag_blocks));
        [item.chain, state, vouching, block, or_none(item.block_time), lag, gap, fee]
    });
    page.table("Chains", ["Name", "State", "Read by", "Block", "Block time", "Behind", "Gap", "Gas"], chains.collect());
    let sinks = status.sinks.into_iter().map(|item| {
        let state = match (item.disabled, item.failing_since) {
            (true, _) => "disabled".to_owned(),
            (false, Some(since)) => {
                let (why, next) = (item.last_error.unwrap_or_default(), or_none(item.next_try));
                format!("failing since {since}: {why}; next try {next}")
            }
            (false, None) => "open".to_owned(),
        };
        [item.sink, state, item.pending.to_string(), item.dead.to_string(), or_none(item.oldest_pending)]
    });
    page.table("Sinks", ["Name", "State", "Pending", "Dead", "Oldest pending"], sinks.collect());
    let unknown = || "unknown".to_owned();
    let pairs = status.pairs.into_iter().map(|item| {
        let apart = item.spread_percent.filter(|_| item.sources > 1).map(|percent| format!("{percent} %"));
        [item.pair, item.price.unwrap_or_else(unknown), or_none(item.source), or_none(apart), or_none(item.as_of)]
    });
    page.table("Prices", ["Pair", "Price", "Source", "Apart", "As of"], pairs.collect());
    let worth = status
        .portfolios
        .into_iter()
        .map(|item| [item.watch, item.usd.map_or_else(unknown, |usd| format!("{usd} USD")), or_none(item.as_of)]);
    page.table("Worth", ["Watch", "Of what has a price", "As of"], worth.collect());
}

/// Who vouches for what; one name where it is one for everything.
fn by_whom(authority: &BTreeMap<&'static str, Option<String>>) -> String {
    let name = |who: &Option<String>| who.clone().unwrap_or_else(|| "nobody".to_owned());
    let names: BTreeSet<String> = authority.values().map(name).collect();
    if names.len() == 1 {
        return names.into_iter().collect();
    }
    let each: Vec<String> = authority.iter().map(|(kind, who)| format!("{kind}: {}", name(who))).collect();
    each.join(", ")
}

fn transfer_table(page: &mut Document, rows: &[TransferRow], snapshot: &Snapshot) {
    let shown = rows.iter().map(|row| bodies::transfer(row, snapshot, &Learned::new())).map(|item| {
        let asset = item.asset.symbol.or(item.asset.contract).unwrap_or_default();
        let amount = item.amount.unwrap_or_else(|| format!("{} (raw)", item.amount_raw));
        let suspect = item.suspect.map(|words| words.join(", ")).unwrap_or_default();
        let depth = item.confirmations.map(|depth| depth.to_string()).unwrap_or_default();
        [item.block.time, item.chain, item.stage.to_owned(), depth, amount, asset, item.from, item.to, suspect]
    });
    let heads = ["Block time", "Chain", "Stage", "Confirmations", "Amount", "Asset", "From", "To", "Suspect"];
    page.table("Transfers", heads, shown.collect());
}

fn alert_table(page: &mut Document, rows: &[AlertRow], snapshot: &Snapshot) {
    let shown = rows.iter().map(|row| bodies::alert(row, &snapshot.labels));
    let shown = shown
        .map(|item| [item.raised_at, item.rule, item.severity.to_owned(), item.state.to_owned(), item.told.join(", ")]);
    page.table("Alerts", ["Raised", "Rule", "Severity", "State", "Told"], shown.collect());
}

fn delivery_table(page: &mut Document, rows: &[OutboxRow]) {
    let shown = rows.iter().map(|row| bodies::outbox(row, false)).map(|item| {
        let reason = item.reason.unwrap_or_default();
        [item.created, item.sink, item.kind, item.state.to_owned(), item.attempts.to_string(), reason]
    });
    page.table("Deliveries", ["Made", "Sink", "Type", "State", "Attempts", "Reason"], shown.collect());
}
