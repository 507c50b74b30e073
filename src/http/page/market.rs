//! Prices and gas: what each is now, how it went lately as a small curve, and where it comes from.

use super::super::gas::gwei;
use super::View;
use super::digits::{about, percent, price as priced};
use super::pieces::{ago, section, text};
use crate::telemetry::snapshot::ChainStatus;
use crate::telemetry::trend::Trend;
use crate::telemetry::worth::PairStatus;
use maud::{Markup, html};
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;

/// The drawing of a curve, in its own units.
const WIDE: i64 = 120;
const HIGH: i64 = 28;

/// What each pair costs.
pub(super) fn prices(view: &View) -> Markup {
    let pairs = &view.standing.pairs;
    html! {
        @if !pairs.is_empty() {
            (section("prices", "Prices", &html! {}, &html! { ul.market { @for pair in pairs { (price(view, pair)) } } }))
        }
    }
}

fn price(view: &View, status: &PairStatus) -> Markup {
    let trend = view.standing.trends.prices.get(&status.pair);
    html! {
        li {
            div.name {
                b { (status.pair) }
                div.sub {
                    @match &status.quote {
                        Some(quote) => {
                            (text(quote.source.as_str())) ", " (ago(quote.as_of, view.now))
                            @if quote.sources > 1 { ", " (quote.spread.shown()) " % apart" }
                        },
                        None => span.bad { "no fresh price" },
                    }
                }
            }
            @if let Some(trend) = trend { (curve(trend, &status.pair.to_string())) } @else { span.curve {} }
            div.number {
                @match &status.quote {
                    Some(quote) => b { (priced(&quote.price.to_string())) },
                    None => span.muted { "unknown" },
                }
                @if let Some(trend) = trend { (change(trend)) }
            }
        }
    }
}

/// What gas costs on each chain that says it.
pub(super) fn gas(view: &View) -> Markup {
    let chains: Vec<&ChainStatus> = view.standing.chains.iter().filter(|chain| chain.gas.base.is_some()).collect();
    html! {
        @if !chains.is_empty() {
            (section("gas", "Gas", &html! {}, &html! { ul.market { @for chain in chains { (fee(view, chain)) } } }))
        }
    }
}

fn fee(view: &View, chain: &ChainStatus) -> Markup {
    let labels = &view.standing.labels;
    let name = labels.chain(chain.id);
    let trend = view.standing.trends.fees.get(&chain.id);
    let base = chain.gas.base.map(gwei).unwrap_or_default();
    html! {
        li {
            div.name {
                b { (text(name.as_str())) }
                div.sub {
                    @if let Some(next) = chain.gas.next { "next " (about(&gwei(next))) }
                    @if let Some(tips) = chain.gas.tips { ", tip " (about(&gwei(tips.usual))) }
                }
                @for cost in &chain.gas.costs {
                    @if let Some(dollars) = &cost.dollars {
                        div.sub { "sending " (text(cost.asset.as_str())) " costs about $" (priced(&about(dollars))) }
                    }
                }
            }
            @if let Some(trend) = trend { (curve(trend, &format!("base fee on {name}"))) } @else { span.curve {} }
            div.number { b title=(base) { (about(&base)) } " " span.unit { "gwei" } }
        }
    }
}

/// How far it moved over the curve.
fn change(trend: &Trend) -> Markup {
    let mut points = trend.points();
    let first = points.next();
    let last = points.last();
    let moved = first.zip(last).and_then(|((_, first), (_, last))| {
        last.checked_sub(first)?.checked_div(first)?.checked_mul(Decimal::ONE_HUNDRED)
    });
    html! {
        @if let Some(moved) = moved {
            @let rounded = moved.round_dp(2);
            @let class = if rounded.is_zero() { "even" } else if rounded.is_sign_negative() { "down" } else { "up" };
            div.sub.(class) { (percent(moved)) }
        }
    }
}

/// A curve, with what it shows in words.
fn curve(trend: &Trend, of: &str) -> Markup {
    let points: Vec<_> = trend.points().collect();
    let (Some(first), Some(last)) = (points.first(), points.last()) else { return html! {} };
    let low = points.iter().map(|point| point.1).min().unwrap_or_default();
    let high = points.iter().map(|point| point.1).max().unwrap_or_default();
    let [from, to, low_said, high_said] = [first.1, last.1, low, high].map(|value| priced(&value.to_string()));
    let label = format!("{of}: from {from} to {to}, lowest {low_said}, highest {high_said}");
    if points.len() < 2 {
        return html! { span.curve {} };
    }
    let began = first.0.millis();
    let span = (last.0.millis() - began).max(1);
    let place = |(at, value): &(crate::types::Timestamp, Decimal)| {
        let x = (at.millis() - began).saturating_mul(WIDE * 10) / span;
        let y = HIGH * 10 - 20 - height(*value, low, high);
        format!("{}.{},{}.{}", x / 10, x % 10, y / 10, y % 10)
    };
    let line: Vec<String> = points.iter().map(place).collect();
    let end = line.last().cloned().unwrap_or_default();
    let line = line.join(" ");
    html! {
        svg.curve viewBox={ "0 0 " (WIDE) " " (HIGH) } preserveAspectRatio="none" role="img" aria-label=(text(&label)) {
            title { (text(&label)) }
            polygon.under points={ "0," (HIGH) " " (line) " " (WIDE) "," (HIGH) } {}
            polyline points=(line) vector-effect="non-scaling-stroke" {}
            // A line of no length with round ends is a dot, however the drawing is stretched.
            polyline.now points={ (end) " " (end) } vector-effect="non-scaling-stroke" {}
        }
    }
}

/// How high a value stands, in tenths of the drawing's units; what does not move stands in the middle.
fn height(value: Decimal, low: Decimal, high: Decimal) -> i64 {
    let room = HIGH * 10 - 40;
    let part = value.checked_sub(low).zip(high.checked_sub(low)).and_then(|(above, all)| above.checked_div(all));
    part.and_then(|part| (part * Decimal::from(room)).to_i64()).unwrap_or(room / 2)
}
