//! Transfers: how deep each is buried, between whom, what was taken back; and one of them with why it was said or not.

use super::super::Parts;
use super::super::archive::Learned;
use super::super::bodies::{self, TransferItem};
use super::super::problem::Problem;
use super::super::query::{CHAIN, NOTHING, STAGE, Start, Takes, WATCH};
use super::super::transfers::{stored, transfer_place};
use super::super::why::story;
use super::digits::{amount, dollars, exact, grouped, price, unit};
use super::frame::{Here, page};
use super::pieces::{Tone, address, ago, bar, chips, empty, facts, pager, section, state, text, time, watch_link};
use super::{Shown, View, asked, or_default, why};
use crate::reactor::rows::TransferRow;
use crate::reactor::settings::Watch;
use crate::types::{Address, Allowance, Stage, TransferId};
use axum::extract::{Path, State};
use axum::http::{StatusCode, Uri};
use maud::{Markup, html};
use std::sync::Arc;

/// What a full bar is.
const MILLION: u64 = 1_000_000;

pub(super) async fn list(State(parts): State<Arc<Parts>>, uri: Uri) -> Shown {
    let view = View::of(&parts);
    let asked = asked(&uri, Takes { filters: &[CHAIN, STAGE, WATCH], pages: Some(Start::TimeAndId), ..NOTHING })?;
    let found = stored(&parts, &view.standing, &asked, false).await?;
    let learned = learned(&parts, &view, &found.rows).await;
    let next = found.next.as_ref().map(transfer_place);
    let filters = asked.filters();
    let chains = view.standing.labels.chains.values().map(|chain| chain.name.as_str());
    let main = html! {
        h1 { "Transfers" }
        div.filters {
            (chips("/transfers", "stage", Stage::ALL.iter().map(|stage| stage.word()), &filters))
            (chips("/transfers", "chain", chains, &filters))
            @if let Some(watch) = asked.of(WATCH) { p { "Of " (watch_link(watch)) ". " a href="/transfers" { "Of all" } } }
        }
        (section("transfers", "What moved", &html! {}, &html! {
            (table(&view, &learned, &found.rows))
            (pager("/transfers", &filters, asked.is_first(), next.as_deref()))
        }))
    };
    Ok(page(&view, Here::Transfers, "Transfers", &main))
}

pub(super) async fn one(State(parts): State<Arc<Parts>>, Path(id): Path<String>) -> Shown {
    let id = TransferId::parse(&id)
        .ok_or_else(|| Problem::new(StatusCode::BAD_REQUEST, "an id of a transfer is 32 hexadecimal digits"))?;
    let unknown = || Problem::new(StatusCode::NOT_FOUND, "there is no such transfer, or it was pruned");
    let row = parts.archive.transfer(id).await?.ok_or_else(unknown)?;
    let view = View::of(&parts);
    let story = story(&parts, row.clone()).await?;
    let learned = learned(&parts, &view, [&row]).await;
    let item = bodies::transfer(&row, &view.standing, &learned);
    let main = html! {
        p.crumb { a href="/transfers" { "Transfers" } }
        h1 .(if row.stage == Stage::Retracted { "gone" } else { "here" }) { (deed(&view, &row)) " " (sum(&view, &row, &item)) }
        (section("transfer", "The transfer", &depth(&view, &row, &item), &about(&view, &row, &item)))
        (why::section_of(&view, &story))
    };
    Ok(page(&view, Here::Transfers, "Transfer", &main))
}

/// What the tokens of these transfers say of themselves, where nobody else does.
pub(super) async fn learned<'a>(
    parts: &Parts,
    view: &View,
    rows: impl IntoIterator<Item = &'a TransferRow>,
) -> Learned {
    let strangers = bodies::strangers(rows, &view.standing.labels);
    if strangers.is_empty() { Learned::new() } else { or_default(parts.archive.tokens(strangers).await) }
}

/// A table of transfers, newest first.
pub(super) fn table(view: &View, learned: &Learned, rows: &[TransferRow]) -> Markup {
    if rows.is_empty() {
        return empty(
            "Nothing moved yet",
            &html! { "Every transfer from or to a watched address is listed here, from its first block on. "
            a href="/watches" { "What is watched" } },
        );
    }
    html! {
        table.rows {
            thead { tr { th { "Stage" } th { "What" } th.number { "Amount" } th.when { "Seen" } } }
            tbody { @for row in rows { (line(view, learned, row)) } }
        }
    }
}

fn line(view: &View, learned: &Learned, row: &TransferRow) -> Markup {
    let item = bodies::transfer(row, &view.standing, learned);
    let gone = (row.stage == Stage::Retracted).then_some("gone");
    let id = row.id.to_string();
    html! {
        tr #{ "t" (id) } class=[gone] {
            td.stage { (depth(view, row, &item)) }
            td.what {
                a.main href={ "/transfers/" (id) } { (deed(view, row)) }
                div.sub { (parties(view, row)) (marks(&item)) }
            }
            td.number {
                (sum(view, row, &item))
                @if !row.key.kind.is_approval() { div.sub { (dollars(item.usd.as_deref())) } }
            }
            td.when { (ago(row.first_seen, view.now)) div.sub { (text(&item.chain)) } }
        }
    }
}

/// Whose the two ends are: of who gave, and of who got.
fn ends<'a>(view: &'a View, row: &TransferRow) -> [Option<&'a str>; 2] {
    let of = |end| view.standing.directory.watch_of(row.key.chain, end).map(|watch| watch.name.as_str());
    [of(&row.key.from), of(&row.key.to)]
}

/// Who did what, without how much.
fn deed(view: &View, row: &TransferRow) -> Markup {
    let approves = row.key.kind.is_approval();
    let verb = if approves { "allowed" } else { "sent" };
    html! {
        @match ends(view, row) {
            [Some(from), Some(to)] => { (text(from)) " " (verb) " to " (text(to)) },
            [Some(from), None] => { (text(from)) " " (verb) },
            [None, Some(to)] => { (text(to)) @if approves { " was allowed" } @else { " received" } },
            [None, None] => "A transfer of no watch in force",
        }
    }
}

/// How much, with its sign as the watch sees it.
fn sum(view: &View, row: &TransferRow, item: &TransferItem) -> Markup {
    let sign = match ends(view, row) {
        _ if row.key.kind.is_approval() || row.key.amount.is_zero() => "",
        [None, Some(_)] => "+",
        [Some(_), None] => "−",
        [Some(_), Some(_)] | [None, None] => "",
    };
    match Allowance::of(&row.key) {
        Some(Allowance::Amount(_)) | None => amount(sign, item.amount.as_deref(), &item.amount_raw, &item.asset),
        Some(allowance) => {
            html! { span.amount { b { (allowance.word()) } " " (unit(&item.asset)) } }
        }
    }
}

/// Both ends: one that is watched by what its list calls it, where it does; one that nobody watches in full, for its first and last
/// characters alone are what address poisoning counts on.
fn parties(view: &View, row: &TransferRow) -> Markup {
    let word = if row.key.kind.is_approval() { "to be spent by " } else { "to " };
    html! { (party(view, row, "from ", &row.key.from)) (party(view, row, word, &row.key.to)) }
}

fn party(view: &View, row: &TransferRow, word: &str, end: &Address) -> Markup {
    let watch = view.standing.directory.watch_of(row.key.chain, end);
    let (label, reference) = watch.map_or((None, None), |watch| noted(watch, end));
    html! {
        @if watch.is_none() { span.party { (word) span.address { (end.to_checksum(None)) } } }
        @else if label.is_some() || reference.is_some() {
            span.party {
                (word) @if let Some(label) = label { (text(label)) " " } @if let Some(reference) = reference { "ref " (text(reference)) }
            }
        }
    }
}

/// What the list of a watch says of one of its addresses: its label, its reference.
fn noted<'a>(watch: &'a Watch, address: &Address) -> (Option<&'a str>, Option<&'a str>) {
    watch.addresses.get(address).map_or((None, None), |listed| (listed.label, listed.reference))
}

/// What has to be known of it besides.
fn marks(item: &TransferItem) -> Markup {
    html! {
        @if !item.asset.verified && item.asset.contract.is_some() {
            span.mark title="nobody but its contract says what this token is" { "unverified token" } " "
        }
        @for word in item.suspect.iter().flatten() { span.mark.warn title="it looks made to deceive" { (word.replace('_', " ")) } " " }
        @if !item.corroborated { span.mark.warn title="only a source that is not the authority reports it" { "uncorroborated" } " " }
        @if item.late { span.mark title="read from a gap, after the fact" { "late" } " " }
        @if item.history { span.mark title="it lies before the watch" { "history" } " " }
    }
}

/// How deep it is buried: the word, the confirmations, and how far it is to final.
pub(super) fn depth(view: &View, row: &TransferRow, item: &TransferItem) -> Markup {
    let tone = match row.stage {
        Stage::Seen => Tone::Busy,
        Stage::Confirmed => Tone::Warn,
        Stage::Final => Tone::Good,
        Stage::Retracted => Tone::Bad,
    };
    let needed = view.standing.labels.chains.get(&row.key.chain).and_then(|chain| chain.final_after);
    let open = matches!(row.stage, Stage::Seen | Stage::Confirmed);
    html! {
        div.depth {
            (state(tone, row.stage.word()))
            @if let (true, Some(depth)) = (open, item.confirmations) {
                @match needed {
                    Some(needed) => {
                        span.count { (depth.min(needed)) " of " (needed) }
                        (bar(part(depth, needed), tone, &format!("{depth} of {needed} confirmations")))
                    },
                    None => span.count { (depth) " deep" },
                }
            }
        }
    }
}

fn part(of: u64, whole: u64) -> u32 {
    let millionths = of.saturating_mul(MILLION).checked_div(whole).unwrap_or(MILLION).min(MILLION);
    u32::try_from(millionths).unwrap_or(0)
}

/// All that is known of one.
fn about(view: &View, row: &TransferRow, item: &TransferItem) -> Markup {
    let (chain, key) = (row.key.chain, &row.key);
    let mut rows: Vec<(&str, Markup)> = vec![
        ("Amount", amount("", item.amount.as_deref(), &item.amount_raw, &item.asset)),
        (
            "Value",
            html! { (dollars(item.usd.as_deref()))
            @if let Some(quote) = &row.quote {
                span.muted { " at " (price(&quote.price.to_string())) " by " (text(quote.source.as_str())) ", " (time(quote.as_of, view.now)) }
            } },
        ),
        ("From", address(&view.standing, chain, &key.from)),
        ("To", address(&view.standing, chain, &key.to)),
        ("Chain", html! { (text(&item.chain)) span.muted { " id " (item.chain_id) } }),
        (
            "Transaction",
            html! {
                @match &item.url {
                    Some(url) => a.address href=(text(url)) rel="noreferrer noopener" { (item.tx_hash) },
                    None => span.address { (item.tx_hash) },
                }
            },
        ),
        (
            "Block",
            html! { (grouped(&item.block.number.to_string())) " " (time(row.block_time, view.now))
            @if let Some(hash) = &item.block.hash { div.address { (hash) } } },
        ),
        (
            "Kind",
            html! { (item.kind)
            @if let Some(index) = item.log_index { span.muted { ", log " (index) } }
            @if item.nth > 0 { span.muted { ", equal movement " (item.nth) " of its transaction" } } },
        ),
        ("First seen", time(row.first_seen, view.now)),
    ];
    if let Some(contract) = &item.asset.contract {
        let known = if item.asset.verified {
            ""
        } else {
            "Only this contract says what it is called, and how many decimals it has."
        };
        rows.push(("Token", html! { (unit(&item.asset)) " " span.address { (contract) } div.sub.warn { (known) } }));
    }
    if let Some(id) = &item.token_id {
        rows.push(("Token id", html! { (exact(id)) }));
    }
    let marks = marks(item).into_string();
    if !marks.is_empty() {
        rows.push(("Marks", maud::PreEscaped(marks)));
    }
    rows.push(("Id", html! { span.address { (item.transfer_id) } }));
    facts(&rows)
}
