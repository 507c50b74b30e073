//! What an alert is about, in a line of a digest: the facts, exact, and nothing in it that a stranger wrote.

use super::effect::{Body, CrossingBody, CrossingSubject, MessageKind, TransferBody};
use super::rows::AlertRow;
use super::settings::Side;
use crate::types::amount::format_amount;
use crate::types::{Allowance, Name, Timestamp, U256};

/// Digits of a gwei behind the point, in wei.
const GWEI: u8 = 9;
/// Digits of USDC behind the point.
const USDC: u8 = 6;

/// What it is about, and what a message says became of that.
#[must_use]
pub(super) fn matter(alert: &AlertRow, kind: MessageKind, body: &Body, at: Timestamp) -> (String, String) {
    let rule = &alert.rule;
    let facts = match body {
        Body::Transfer(body) => return (transfer(body), body.stage.word().to_owned()),
        Body::Approval(body) => return (format!("{rule}: {}", approval(body)), body.stage.word().to_owned()),
        Body::Crossing(body) => crossing(body),
        Body::Source(source) => {
            let chain = source.chain.as_ref().filter(|chain| **chain != source.source);
            let on = chain.map_or_else(String::new, |chain| format!(" on {chain}"));
            let block = source.last_block.map_or_else(String::new, |block| format!(", last block {block}"));
            format!("{}{on} since {}{block}", source.source, source.since)
        }
        Body::Sink(sink) => format!("sink {} since {}, dead letters {}", sink.sink, sink.since, sink.dead),
        Body::Payment(body) => {
            let (amount, payee, chain) = (format_amount(body.amount, USDC), &body.payee, &body.chain);
            format!("{amount} USDC to {payee} on {chain}, payment {}", body.payment)
        }
        Body::Frozen(body) => format!("{} since {}", body.what, body.since),
        Body::Resolved(_) | Body::Heartbeat(_) | Body::Digest(_) | Body::Test => {
            return (rule.to_string(), kind.word().to_owned());
        }
    };
    (format!("{rule}: {facts}"), became(kind, body, at))
}

/// What became of it; of what was in trouble when, and what was missed meanwhile.
fn became(kind: MessageKind, body: &Body, at: Timestamp) -> String {
    let word = kind.word();
    if !matches!(kind, MessageKind::SourceRecovered | MessageKind::SinkRecovered) {
        return word.to_owned();
    }
    let gap = if let Body::Source(source) = body { source.gap } else { None };
    let gap = gap.map_or_else(String::new, |(from, to)| format!(" with blocks {from} to {to} missed"));
    format!("{word} at {at}{gap}")
}

fn transfer(body: &TransferBody) -> String {
    let TransferBody { key, chain, watch, .. } = body;
    let marks = body.suspect.words().join(", ").replace('_', " ");
    let marks = if marks.is_empty() { String::new() } else { format!("{marks}: ") };
    let sum = sum(key.amount, body.decimals, body.symbol.as_ref(), body.verified);
    let (from, to, tx) = (key.from, key.to, key.tx);
    format!("{marks}{sum} from {from} to {to} ({watch} on {chain}), transaction {tx}")
}

fn approval(body: &TransferBody) -> String {
    let TransferBody { key, chain, watch, .. } = body;
    let symbol = token(body.symbol.as_ref(), body.verified);
    let what = match Allowance::of(key) {
        Some(Allowance::Amount(raw)) => sum(raw, body.decimals, body.symbol.as_ref(), body.verified),
        Some(Allowance::One(id)) => format!("NFT {id} {symbol}"),
        Some(Allowance::Nothing) | None => format!("nothing {symbol}"),
        Some(Allowance::Unlimited) => format!("without a bound {symbol}"),
        Some(Allowance::Everything) => format!("everything {symbol}"),
    };
    format!("{what}, by {} to {} ({watch} on {chain}), transaction {}", key.from, key.to, key.tx)
}

fn crossing(body: &CrossingBody) -> String {
    let side = match body.side {
        Side::Below => "below",
        Side::Above => "above",
    };
    match &body.subject {
        CrossingSubject::Price { quote, level, .. } => {
            format!("{} at {}, {side} {level}, as of {}", quote.pair, quote.price, body.as_of)
        }
        CrossingSubject::Change(change) => {
            let (way, minutes) = (if side == "below" { "fell" } else { "rose" }, change.within.as_secs() / 60);
            let (pair, price) = (&change.quote.pair, change.quote.price);
            let (moved, from, level) = (change.moved, change.from, change.level);
            format!("{pair} {way} {moved} % within {minutes} min, from {from} to {price}, more than {level} %")
        }
        CrossingSubject::Gas { chain, of, value, level, block, .. } => {
            let (value, level) = (format_amount(*value, GWEI), format_amount(*level, GWEI));
            format!("{} of {chain} at {value} gwei, {side} {level} gwei, block {block}", of.word())
        }
        CrossingSubject::Balance(of) => {
            let shown = |raw| sum(raw, of.decimals, of.symbol.as_ref(), of.verified);
            let (value, level, address) = (shown(of.value), shown(of.level), of.holding.address);
            format!("{address} ({} on {}) holds {value}, {side} {level}, block {}", of.watch, of.chain, of.at.number)
        }
    }
}

fn sum(raw: U256, decimals: Option<u8>, symbol: Option<&Name>, verified: bool) -> String {
    let amount = decimals.map_or_else(|| format!("{raw} raw"), |decimals| format_amount(raw, decimals));
    format!("{amount} {}", token(symbol, verified))
}

/// What it is called, only where that is known.
fn token(symbol: Option<&Name>, verified: bool) -> &str {
    symbol.filter(|_| verified).map_or("of an unverified token", Name::as_str)
}
