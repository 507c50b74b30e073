//! Chains: how far each is read, by whom, how far behind, and since when it is blind.

use super::View;
use super::digits::grouped;
use super::pieces::{Tone, ago, empty, section, since, span, state, text};
use crate::telemetry::snapshot::ChainStatus;
use crate::types::Name;
use maud::{Markup, html};
use std::collections::BTreeSet;

/// Every chain.
pub(super) fn show(view: &View, beside: &Markup) -> Markup {
    let chains = &view.standing.chains;
    section(
        "chains",
        "Chains",
        beside,
        &html! {
            @if chains.is_empty() {
                (empty("No chain is read", &html! { "A " code { "[[chain]]" } " with an RPC endpoint, or " code { "[etherscan]" } " with a key, in the config." }))
            } @else {
                table.rows.pairs {
                    thead { tr { th { "State" } th { "Chain" } th.number { "Block" } th.number { "Behind" } } }
                    tbody { @for chain in chains { (line(view, chain)) } }
                }
            }
        },
    )
}

/// How a chain is: its tone, and the word.
pub(super) const fn how(chain: &ChainStatus) -> (Tone, &'static str) {
    match (&chain.stopped, chain.blind_since, chain.stalled, chain.taken_over_since) {
        (Some(_), _, _, _) => (Tone::Bad, "stopped"),
        (None, Some(_), _, _) => (Tone::Bad, "blind"),
        (None, None, true, _) => (Tone::Warn, "stalled"),
        (None, None, false, Some(_)) => (Tone::Warn, "taken over"),
        // An explorer's lists have no block of their own: that one was read is what there is to say.
        (None, None, false, None) if chain.tip.is_none() && chain.oldest_view.is_none() => (Tone::Busy, "starting"),
        (None, None, false, None) => (Tone::Good, "fresh"),
    }
}

fn line(view: &View, chain: &ChainStatus) -> Markup {
    let (tone, word) = how(chain);
    let behind = chain.head.zip(chain.tip).map(|(head, (tip, _))| head.saturating_sub(tip));
    let readers: BTreeSet<&Name> = chain.authority.values().map(|source| &source.name).collect();
    let readers: Vec<&str> = readers.into_iter().map(Name::as_str).collect();
    html! {
        tr {
            td.stage { (state(tone, word)) }
            td.what {
                b { (text(view.standing.labels.chain(chain.id).as_str())) }
                div.sub {
                    @if readers.is_empty() { "read by nobody" } @else { "read by " (text(&readers.join(", "))) }
                    (trouble(view, chain))
                }
            }
            td.number data-head="Block" {
                @match chain.tip {
                    Some((block, at)) => { (grouped(&block.to_string())) div.sub { (ago(at, view.now)) } },
                    None if chain.oldest_view.is_some() => span.muted { "lists only" },
                    None => span.muted { "none yet" },
                }
            }
            td.number data-head="Behind" {
                @match behind {
                    Some(0) => "0",
                    Some(blocks) => span.warn { (grouped(&blocks.to_string())) },
                    None if chain.oldest_view.is_some() => {},
                    None => span.muted { "unknown" },
                }
                @if chain.gap_blocks > 0 { div.sub.warn { (grouped(&chain.gap_blocks.to_string())) " to read" } }
                @if let Some((blocks, _, _)) = chain.untraced { div.sub.warn { (grouped(&blocks.to_string())) " without traces" } }
            }
        }
    }
}

/// What is to be said of it besides.
fn trouble(view: &View, chain: &ChainStatus) -> Markup {
    html! {
        @if let Some(reason) = &chain.stopped { div.bad { (text(reason.as_str())) } }
        @if let Some(blind) = chain.blind_since { div.bad { "blind " (since(blind, view.now)) } }
        @if let Some(taken) = chain.taken_over_since { div.warn { "its endpoints are silent " (since(taken, view.now)) } }
        @if chain.backfill_blocks > 0 {
            div { "history: " (grouped(&chain.backfill_blocks.to_string())) " blocks left for " (chain.backfill_addresses) " addresses" }
        }
        @if let Some((lag, seen)) = chain.index_lag.filter(|(lag, _)| *lag > 0) {
            div { "its explorer's index was " (lag) " blocks behind " (ago(seen, view.now)) }
        }
        @if let Some(oldest) = chain.oldest_view {
            div {
                "oldest view " (span(view.now.since(oldest)))
                @if let Some(promised) = chain.view_promised { " of at most " (span(promised)) }
            }
        }
        @if let Some(outage) = chain.last_outage {
            div.muted {
                "was blind for " (span(outage.until.since(outage.since))) " until " (ago(outage.until, view.now))
                @if let Some((from, to)) = outage.gap { ", blocks " (grouped(&from.to_string())) " to " (grouped(&to.to_string())) }
            }
        }
    }
}
