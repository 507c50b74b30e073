//! One line for each message that the receiver got: read from the body that was delivered, and from nothing else.

use super::screen::Tone;
use crate::sinks::body::{
    ApprovalData, AssetData, BalanceData, Data, GasData, PaymentData, PriceData, SourceData, TransferData, read,
};
use crate::types::gas::Fee;

/// What a line says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Line {
    /// In a word.
    pub(super) kind: String,
    /// Its colour.
    pub(super) tone: Tone,
    /// The rest.
    pub(super) text: String,
}

/// Which message a body is, the same for every sink: its alert, and its place among the alert's messages.
pub(super) fn identity(body: &[u8]) -> Option<(String, u32)> {
    let (_, data) = read(body).ok()?;
    let (alert, revision) = match &data {
        Data::Transfer(data) => (&data.alert_id, data.revision),
        Data::Approval(data) => (&data.basics.alert_id, data.basics.revision),
        Data::Payment(data) => (&data.basics.alert_id, data.basics.revision),
        Data::Price(data) => (&data.basics.alert_id, data.basics.revision),
        Data::Gas(data) => (&data.basics.alert_id, data.basics.revision),
        Data::Balance(data) => (&data.basics.alert_id, data.basics.revision),
        Data::Source(data) => (&data.basics.alert_id, data.basics.revision),
        Data::Frozen(data) => (&data.basics.alert_id, data.basics.revision),
        Data::Sink(data) => (&data.basics.alert_id, data.basics.revision),
        Data::Resolved(data) => (&data.basics.alert_id, data.basics.revision),
        Data::Heartbeat(data) => (&data.basics.alert_id, data.basics.revision),
        Data::Other(common) => (&common.alert_id, common.revision),
    };
    Some((alert.clone().into_owned(), revision))
}

/// The live payment that this body says waits for a person.
pub(super) fn held(body: &[u8]) -> Option<String> {
    match read(body) {
        Ok((kind, Data::Payment(data))) if kind == "payment.held" && !data.rehearsal => {
            Some(data.payment_id.to_string())
        }
        Ok(_) | Err(_) => None,
    }
}

/// The line of a body.
pub(super) fn line(body: &[u8]) -> Line {
    let Ok((kind, data)) = read(body) else {
        return Line { kind: "message".into(), tone: Tone::Bad, text: "one that cannot be read".into() };
    };
    match &data {
        Data::Transfer(data) => transfer(data),
        Data::Approval(data) => approval(data),
        Data::Price(data) => price(&kind, data),
        Data::Gas(data) => gas(&kind, data),
        Data::Balance(data) => balance(&kind, data),
        Data::Source(data) => source(&kind, data),
        Data::Payment(data) => payment(&kind, data),
        Data::Sink(data) => {
            Line { kind: "sink".into(), tone: Tone::Warning, text: format!("{} {}: {}", kind, data.sink, data.reason) }
        }
        Data::Frozen(data) => Line {
            kind: "payments".into(),
            tone: Tone::Warning,
            text: format!("{kind} {}: {}", data.what, data.reason),
        },
        Data::Resolved(data) => Line { kind: "over".into(), tone: Tone::Plain, text: data.reason.to_string() },
        Data::Heartbeat(_) | Data::Other(_) => {
            Line { kind: "message".into(), tone: Tone::Plain, text: kind.into_owned() }
        }
    }
}

fn transfer(data: &TransferData<'_>) -> Line {
    let (kind, tone) = match &*data.stage {
        "seen" => ("seen", Tone::Plain),
        "confirmed" => ("confirmed", Tone::Good),
        "final" => ("final", Tone::Good),
        _ => ("RETRACTED", Tone::Bad),
    };
    let amount = data.amount.as_deref().unwrap_or(&data.amount_raw);
    let way = match &*data.direction {
        "in" => "in to",
        "out" => "out of",
        _ => "within",
    };
    let mut text = format!("{amount} {} {way} {} on {}", symbol(&data.asset), data.watch, data.chain);
    if &*data.kind == "internal" {
        text.push_str(", from within a contract");
    }
    text.push_str(&standing(&data.stage, data.reason.as_deref(), data.confirmations));
    if data.late {
        text.push_str(", read late");
    }
    if let Some(suspect) = &data.suspect {
        text += ", SUSPECT: ";
        text += &suspect.join(", ").replace('_', " ");
    }
    Line { kind: kind.into(), tone, text: with_rule(text, data.rule.as_deref()) }
}

fn approval(data: &ApprovalData<'_>) -> Line {
    let (kind, tone) = match (&*data.stage, &*data.allowance) {
        ("retracted", _) => ("RETRACTED", Tone::Bad),
        (stage, "nothing") => (stage, Tone::Good),
        (stage, _) => (stage, Tone::Warning),
    };
    let symbol = symbol(&data.asset);
    let what = match (&*data.allowance, &data.amount, &data.amount_raw) {
        ("nothing", ..) => format!("no {symbol} any more"),
        ("unlimited", ..) => format!("UNLIMITED {symbol}"),
        ("amount", Some(amount), _) => format!("{amount} {symbol}"),
        ("amount", None, Some(raw)) => format!("{raw} {symbol}"),
        ("one", ..) => format!("one NFT {symbol}"),
        _ => format!("EVERYTHING {symbol}"),
    };
    let mut text = format!("{} lets {} move {what} on {}", data.watch, data.spender, data.chain);
    text.push_str(&standing(&data.stage, data.reason.as_deref(), data.confirmations));
    Line { kind: kind.into(), tone, text: with_rule(text, data.basics.rule.as_deref()) }
}

/// How far something on a chain has come.
fn standing(stage: &str, reason: Option<&str>, confirmations: u64) -> String {
    match (stage, reason) {
        ("retracted", Some(reason)) => format!(": it no longer holds ({reason})"),
        ("retracted", None) => ": it no longer holds".to_owned(),
        (_, _) => format!(", {}", counted(confirmations, "confirmation")),
    }
}

fn symbol(asset: &AssetData<'_>) -> String {
    match (&asset.symbol, asset.verified) {
        (Some(symbol), true) => symbol.to_string(),
        (Some(symbol), false) => format!("of an unverified token \"{symbol}\""),
        (None, _) => "of an unverified token".to_owned(),
    }
}

/// `1 confirmation`, `2 confirmations`.
pub(super) fn counted(count: u64, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

fn price(kind: &str, data: &PriceData<'_>) -> Line {
    let text = crossing(kind, &format!("{} is {}", data.pair, data.value), &data.side, &data.level, &data.recovers_at);
    threshold(kind, text, data.basics.rule.as_deref())
}

fn gas(kind: &str, data: &GasData<'_>) -> Line {
    let value = short(&data.value);
    let what = format!("the {} of {} is {value} gwei", Fee::named(&data.of), data.chain);
    threshold(kind, crossing(kind, &what, &data.side, &data.level, &data.recovers_at), data.basics.rule.as_deref())
}

fn balance(kind: &str, data: &BalanceData<'_>) -> Line {
    let shown = |amount: &Option<std::borrow::Cow<'_, str>>, raw: &str| amount.as_deref().unwrap_or(raw).to_owned();
    let amount = shown(&data.amount, &data.amount_raw);
    let what = format!("{} holds {amount} {} on {}", data.watch, symbol(&data.asset), data.chain);
    let (level, back) = (shown(&data.level, &data.level_raw), shown(&data.recovers_at, &data.recovers_at_raw));
    let text = crossing(kind, &what, &data.side, &level, &back);
    if kind == "balance.retracted" {
        let text = with_rule(format!("{what}: it did not cross"), data.basics.rule.as_deref());
        return Line { kind: "RETRACTED".into(), tone: Tone::Bad, text };
    }
    threshold(kind, text, data.basics.rule.as_deref())
}

/// The rule says `below` or `above`; what recovers is on the other side.
fn crossing(kind: &str, what: &str, side: &str, level: &str, recovers_at: &str) -> String {
    match (kind.ends_with(".recovered"), side) {
        (false, side) => format!("{what}, {side} {level}"),
        (true, "below") => format!("{what}, at {recovers_at} or more again"),
        (true, _) => format!("{what}, at {recovers_at} or less again"),
    }
}

fn threshold(kind: &str, text: String, rule: Option<&str>) -> Line {
    let (kind, tone) =
        if kind.ends_with(".recovered") { ("recovered", Tone::Good) } else { ("crossed", Tone::Warning) };
    Line { kind: kind.into(), tone, text: with_rule(text, rule) }
}

fn source(kind: &str, data: &SourceData<'_>) -> Line {
    let place = data.chain.as_deref().unwrap_or(&data.source);
    let last = data.last_block.map(|block| format!(", last block {block}")).unwrap_or_default();
    let gap = data.gap.map(|gap| format!("; blocks {} to {} were missed and are read now", gap.from, gap.to));
    let (kind, tone, text) = match kind {
        "source.blind" => ("BLIND", Tone::Bad, format!("on {place}: {}{last}", data.reason)),
        "source.recovered" => {
            ("sees again", Tone::Good, format!("{place}: {}{}", data.reason, gap.unwrap_or_default()))
        }
        other => (other, Tone::Warning, format!("{place}: {}", data.reason)),
    };
    Line { kind: kind.into(), tone, text }
}

fn payment(kind: &str, data: &PaymentData<'_>) -> Line {
    let word = kind.split_once('.').map_or(kind, |(_, word)| word);
    let rehearsal = if data.rehearsal { "; a rehearsal: everything but the send" } else { "" };
    let why = data.reason.as_deref().map(|reason| format!(" ({reason})")).unwrap_or_default();
    let text = format!("{} USDC to {} on {}{why}{rehearsal}", data.amount, data.payee, data.chain);
    Line { kind: word.into(), tone: Tone::Money, text: with_rule(text, data.basics.rule.as_deref()) }
}

fn with_rule(text: String, rule: Option<&str>) -> String {
    match rule {
        Some(rule) => format!("{text}  [{rule}]"),
        None => text,
    }
}

/// A decimal number with at most one decimal, cut and not rounded: to be looked at, not counted with.
pub(super) fn short(number: &str) -> String {
    match number.split_once('.') {
        Some((whole, decimals)) => format!("{whole}.{}", decimals.chars().next().unwrap_or('0')),
        None => number.to_owned(),
    }
}
