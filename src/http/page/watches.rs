//! Watches: what each holds, what that is worth, when something of it last moved; and one of them with its addresses.

use super::super::Parts;
use super::super::balances::{self, BalanceItem};
use super::super::bodies::AssetItem;
use super::super::problem::Problem;
use super::super::query::{NOTHING, Start, Takes};
use super::alerts;
use super::digits::{amount, dollars, exact, grouped};
use super::frame::{Here, page};
use super::pieces::{ago, all, empty, facts, link, pager, section, segment, text};
use super::{Shown, View, asked, or_default, transfers};
use crate::reactor::settings::Watch;
use crate::store::{AlertFilter, TransferFilter};
use crate::types::amount::format_amount;
use crate::types::{Address, Name};
use axum::extract::{Path, State};
use axum::http::{StatusCode, Uri};
use maud::{Markup, html};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Balances of a watch that are shown one by one.
const BALANCES: usize = 100;
/// Holdings of a watch in a list; its page has the others.
const HOLDINGS: usize = 3;
/// Transfers and alerts on the page of a watch.
const RECENT: usize = 10;
/// With more addresses its transfers are not looked for: the API does that page by page.
const MOST_LOOKED_FOR: usize = 10_000;

pub(super) async fn list(State(parts): State<Arc<Parts>>, uri: Uri) -> Shown {
    let view = View::of(&parts);
    let asked = asked(&uri, Takes { pages: Some(Start::Name), ..NOTHING })?;
    let limit = asked.limit;
    let before = asked.place(|text| Some(text.to_owned()))?;
    let rows = view.standing.directory.page(before.as_deref(), limit);
    let next = rows.last().filter(|_| rows.len() == limit).map(|(watch, _)| watch.name.as_str());
    let count = view.standing.directory.len();
    let main = html! {
        h1 { "Watches" }
        (section("watches", "What is watched", &html! { (count) @if count == 1 { " watch" } @else { " watches" } }, &html! {
            (table(&view, &rows))
            (pager("/watches", &[], asked.is_first(), next))
        }))
    };
    Ok(page(&view, Here::Watches, "Watches", &main))
}

/// A table of these watches, each with whether it is the config's.
pub(super) fn table<'a>(view: &'a View, rows: &[(&'a Watch, bool)]) -> Markup {
    if rows.is_empty() {
        return empty(
            "Nothing is watched yet",
            &html! { "Name an address: " code { "walletwatch watch add NAME 0x…" } ", or a " code { "[[watch]]" } " in the config." },
        );
    }
    let held = holdings(view, rows);
    html! {
        table.rows.pairs {
            thead { tr { th { "Watch" } th.number { "Holds" } th.number { "Worth" } th.when { "Last movement" } } }
            tbody {
                @for (watch, of_config) in rows {
                    (line(view, watch, *of_config, held.get(&watch.name).map_or(&[], Vec::as_slice)))
                }
            }
        }
    }
}

/// What one watch holds of one asset.
struct Held<'a> {
    amount: String,
    symbol: &'a Name,
    chain: Name,
}

/// What each of these watches holds, summed over its addresses. Only the config's watches are summed.
fn holdings<'a>(view: &'a View, rows: &[(&'a Watch, bool)]) -> BTreeMap<&'a Name, Vec<Held<'a>>> {
    let labels = &view.standing.labels;
    let mut held: BTreeMap<&Name, Vec<Held<'_>>> = rows.iter().map(|(watch, _)| (&watch.name, Vec::new())).collect();
    for series in &view.standing.balances.series {
        if let Some(held) = held.get_mut(&series.watch)
            && let Some((raw, (symbol, decimals))) = series.raw.zip(labels.asset(series.chain, series.asset))
        {
            held.push(Held { amount: format_amount(raw, decimals), symbol, chain: labels.chain(series.chain) });
        }
    }
    held
}

fn line(view: &View, watch: &Watch, of_config: bool, held: &[Held<'_>]) -> Markup {
    let standing = &view.standing;
    let chains: Vec<String> = watch.chains.iter().map(|chain| standing.labels.chain(*chain).to_string()).collect();
    let name = watch.name.as_str();
    let addresses = watch.addresses.len();
    html! {
        tr {
            td.what {
                a.main href={ "/watches/" (segment(name)) } { (text(name)) }
                div.sub {
                    (text(&chains.join(", "))) ", "
                    @if addresses == 1 { "1 address" } @else { (addresses) " addresses" }
                    @if !of_config { ", added at run time" }
                }
            }
            td.number data-head="Holds" {
                @for one in held.iter().take(HOLDINGS) {
                    div.amount {
                        b { (exact(&one.amount)) } " " span.unit {
                            (text(one.symbol.as_str()))
                            @if chains.len() > 1 { " on " (text(one.chain.as_str())) }
                        }
                    }
                }
                @if held.len() > HOLDINGS { div.sub { a href={ "/watches/" (segment(name)) } { "and " (held.len() - HOLDINGS) " more" } } }
                @if held.is_empty() { span.muted { "not read" } }
            }
            td.number data-head="Worth" { (worth(view, name)) }
            td.when data-head="Last movement" {
                @match standing.moved.get(&watch.name) {
                    Some(movement) => a href={ "/transfers/" (movement.transfer) } { (ago(movement.at, view.now)) },
                    None => span.muted { "none seen" },
                }
            }
        }
    }
}

fn worth(view: &View, name: &str) -> Markup {
    let portfolio = view.standing.portfolios.iter().find(|portfolio| portfolio.watch.as_str() == name);
    html! {
        @match portfolio {
            Some(portfolio) => (dollars(portfolio.value.map(|value| value.to_string()).as_deref())),
            None => span.muted title="nothing of it has a price" { "no price" },
        }
    }
}

pub(super) async fn one(State(parts): State<Arc<Parts>>, Path(name): Path<String>, uri: Uri) -> Shown {
    let view = View::of(&parts);
    let asked = asked(&uri, Takes { pages: Some(Start::Address), ..NOTHING })?;
    let unknown = || Problem::new(StatusCode::NOT_FOUND, "there is no such watch");
    let (watch, of_config) = view.standing.directory.named(&name).ok_or_else(unknown)?;
    let after: Option<Address> = asked.place(|text| text.parse().ok())?;
    let (listed, next) = addresses(&parts, &view, watch, of_config, after.as_ref(), asked.limit).await;
    let few = watch.addresses.len() <= MOST_LOOKED_FOR;
    let moved = if few {
        let addresses = Some(watch.addresses.addresses().copied().collect());
        let filter = TransferFilter { addresses, ..TransferFilter::default() };
        or_default(parts.archive.transfers(filter, RECENT).await.map(|page| page.rows))
    } else {
        Vec::new()
    };
    let learned = transfers::learned(&parts, &view, &moved).await;
    let filter = AlertFilter { watch: Some(watch.name.clone()), ..AlertFilter::default() };
    let said = or_default(parts.archive.alerts(filter, RECENT).await.map(|page| page.rows));
    let told = alerts::told(&parts, said).await?;
    let of_watch = || [("watch", name.as_str())].into_iter();
    let path = format!("/watches/{}", segment(&name));
    let main = html! {
        p.crumb { a href="/watches" { "Watches" } }
        h1 { (text(&name)) }
        (section("watch", "The watch", &html! {}, &about(&view, watch, of_config)))
        (section("why", "Why it is spoken of, or not", &html! {}, &rules(&view, watch, of_config)))
        (section("balances", "What it holds", &html! {}, &held(&view, &name)))
        (section("transfers", "Its last transfers", &all(&link("/transfers", of_watch()), "its transfers"), &html! {
            @if few { (transfers::table(&view, &learned, &moved)) }
            @else { (empty("Too many addresses to look for here", &html! { "The list of all transfers shows them page by page." })) }
        }))
        (section("alerts", "Its last alerts", &all(&link("/alerts", of_watch()), "its alerts"), &alerts::table(&view, &told)))
        (section("addresses", "Its addresses", &html! { (watch.addresses.len()) }, &html! {
            (listed)
            (pager(&path, &[], after.is_none(), next.as_deref()))
        }))
    };
    Ok(page(&view, Here::Watches, &name, &main))
}

fn about(view: &View, watch: &Watch, of_config: bool) -> Markup {
    let chains: Vec<String> = watch.chains.iter().map(|chain| view.standing.labels.chain(*chain).to_string()).collect();
    let tags: Vec<&str> = watch.tags.iter().map(Name::as_str).collect();
    facts(&[
        ("Chains", html! { (text(&chains.join(", "))) }),
        ("Worth", worth(view, watch.name.as_str())),
        ("Tags", html! { @if tags.is_empty() { "-" } @else { (text(&tags.join(", "))) } }),
        ("Written in", html! { @if of_config { "the config" } @else { "the store, at run time" } }),
        ("From block", html! { @match watch.from_block { Some(block) => (block), None => "its first sight" } }),
    ])
}

/// Balances of a watch, one by one.
fn held(view: &View, name: &str) -> Markup {
    let found = balances::balances(&view.standing, view.now, |balance| balance.watch.as_str() == name);
    let more = found.items.len().saturating_sub(BALANCES);
    html! {
        @if found.items.is_empty() {
            (empty("No balance is read", &html! { "A rule with " code { "when = \"balance\"" } " asks for them, or " code { "[balances] watch" } "." }))
        } @else {
            table.rows.pairs {
                thead { tr { th { "Address" } th.number { "Holds" } th.number { "Worth" } th.when { "Read" } } }
                tbody { @for item in found.items.iter().take(BALANCES) { (balance(view, item)) } }
            }
            @if more > 0 { p.sub { "and " (more) " more: " a href="/api/v1/balances" { "all of them" } } }
        }
    }
}

fn balance(view: &View, item: &BalanceItem) -> Markup {
    let asset = AssetItem {
        symbol: item.asset.symbol.clone(),
        contract: item.asset.contract.clone(),
        decimals: item.asset.decimals,
        verified: true,
    };
    let read = item.read_at.as_deref().and_then(crate::types::Timestamp::parse);
    html! {
        tr {
            td.what { span.address { (item.address) } div.sub { (text(&item.chain)) } }
            td.number data-head="Holds" {
                @match &item.amount_raw {
                    Some(raw) => (amount("", item.amount.as_deref(), raw, &asset)),
                    None => span.muted { "not read yet" },
                }
            }
            td.number data-head="Worth" { (dollars(item.usd.as_deref())) }
            td.when data-head="Read" {
                @if let Some(read) = read { (ago(read, view.now)) }
                @if let Some(reason) = item.reason { div.sub.bad { "failing: " (reason) } }
            }
        }
    }
}

/// The rules that look at a watch: nothing else speaks of it.
fn rules(view: &View, watch: &Watch, of_config: bool) -> Markup {
    let rules: Vec<_> = view.standing.labels.looking_at(watch, of_config).collect();
    html! {
        @if rules.is_empty() {
            (empty("No rule looks at it", &html! { "What moves is listed here, and nobody is told. A " code { "[[rule]]" } " that names it, or one of its tags, tells." }))
        } @else {
            ul.plain {
                @for (rule, what) in rules {
                    li {
                        a.main href=(link("/alerts", [("rule", rule.as_str())].into_iter())) { (text(rule.as_str())) }
                        span.muted { " looks at its " (what) }
                    }
                }
            }
        }
    }
}

/// A page of its addresses, each with from where on it is complete, and where the next begins.
async fn addresses(
    parts: &Parts,
    view: &View,
    watch: &Watch,
    of_config: bool,
    after: Option<&Address>,
    limit: usize,
) -> (Markup, Option<String>) {
    let labels = &view.standing.labels;
    let rows: Vec<_> = watch.addresses.behind(after).take(limit).collect();
    let next = rows.last().filter(|_| rows.len() == limit).map(|row| row.address.to_checksum(None));
    let since: Vec<_> = if of_config {
        rows.iter().map(|row| (row.address, Vec::new())).collect()
    } else {
        let kept = or_default(parts.archive.watched(watch.name.clone(), after.copied(), limit).await);
        kept.map(|(_, rows)| rows.into_iter().map(|row| (row.address, row.since)).collect()).unwrap_or_default()
    };
    let known: Vec<Address> = since.iter().map(|(address, _)| *address).collect();
    let complete = or_default(parts.archive.complete_from(watch.chains.clone(), since).await);
    let complete: BTreeMap<Address, _> = known.into_iter().zip(complete).collect();
    let shown = html! {
        ul.plain {
            @for row in &rows {
                li {
                    span.address { (row.address.to_checksum(None)) }
                    @if let Some(label) = row.label { " " (text(label)) }
                    @if let Some(reference) = row.reference { span.muted { " ref " (text(reference)) } }
                    @if let Some(complete) = complete.get(&row.address) {
                        div.sub {
                            @for (chain, from) in complete {
                                span.pair {
                                    (text(labels.chain(*chain).as_str())) " "
                                    @match from {
                                        Some(block) => { "complete from block " (grouped(&block.to_string())) },
                                        None => "not read yet",
                                    }
                                }
                            }
                        }
                    }
                }
            }
        }
    };
    (shown, next)
}
