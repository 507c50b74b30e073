//! One short text for people of each message: a title and lines, without markup.
//!
//! Rendered from the stored body, so that a repeat or a replay says what was said. Amounts are exact, addresses whole: never the
//! first and last characters alone, which is what address poisoning counts on. What strangers wrote is cleaned, quoted and called
//! unverified. Nothing here escapes: each sink escapes for itself.

use super::body::{
    ApprovalData, AssetData, BalanceData, Basics, BlockData, BodyFault, Data, DigestData, FrozenData, GasData,
    HeartbeatData, PaymentData, Place, PriceData, ResolvedData, SinkData, SourceData, TransferData, UsdData, place,
    read,
};
use crate::reactor::waits::held_because;
use crate::types::gas::Fee;
use crate::types::text::hides;
use crate::types::{Name, Untrusted};
use std::fmt::Write as _;

/// What the title of every message of a simulation begins with.
const SIMULATED: &str = "SIMULATED: ";

/// What a message says to people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Text {
    /// One line that says it all.
    pub title: String,
    /// The details, one line each.
    pub lines: Vec<String>,
    /// Where it can be looked up: http or https, and only characters that a url may hold.
    pub url: Option<String>,
}

impl Text {
    /// Title and details in one line, for a log.
    #[must_use]
    pub fn in_one_line(&self) -> String {
        let mut line = self.title.clone();
        for part in self.lines.iter().chain(&self.url) {
            line.push_str(" | ");
            line.push_str(part);
        }
        line
    }
}

/// The text of a stored body, in our own words. `again` says that the receiver may have had it before.
///
/// # Errors
/// [`BodyFault`] when the body cannot be read.
pub fn render(body: &[u8], again: bool) -> Result<Text, BodyFault> {
    let (kind, data) = read(body)?;
    Ok(marked(words(&kind, &data), &kind, &place(body), again))
}

/// What our own words for a message are, without what every text is marked with.
#[must_use]
pub fn words(kind: &str, data: &Data<'_>) -> Text {
    match data {
        Data::Transfer(transfer) => transfer_text(transfer),
        Data::Approval(approval) => approval_text(approval),
        Data::Price(price) => price_text(kind, price),
        Data::Gas(gas) => gas_text(kind, gas),
        Data::Balance(balance) => balance_text(kind, balance),
        Data::Source(source) => source_text(kind, source),
        Data::Sink(sink) => sink_text(kind, sink),
        Data::Payment(payment) => payment_text(kind, payment),
        Data::Frozen(frozen) => frozen_text(kind, frozen),
        Data::Resolved(resolved) => resolved_text(resolved),
        Data::Heartbeat(heartbeat) => heartbeat_text(heartbeat),
        Data::Digest(digest) => digest_text(digest),
        Data::Other(basics) => other_text(kind, basics),
    }
}

/// The text with what it must say whoever chose its words: that it is of a simulation or a rehearsal, that it takes back or ends something,
/// what speaks against the movement, that it may be a repeat.
#[must_use]
pub fn marked(mut text: Text, kind: &str, place: &Place<'_>, again: bool) -> Text {
    let simulated = if place.simulated { SIMULATED } else { "" };
    let rehearsal = if place.rehearsal { "REHEARSAL, nothing is sent: " } else { "" };
    text.title = plain(&format!("{simulated}{rehearsal}{}{}", ended(kind), text.title));
    text.lines.iter_mut().for_each(|line| *line = plain(line));
    if let Some(words) = &place.suspect {
        let words: Vec<_> = words.iter().map(|word| word.replace('_', " ")).collect();
        text.lines.insert(0, plain(&format!("SUSPECT: {}", words.join(", "))));
    }
    if again {
        text.lines.push("again: this message may have been here before".to_owned());
    }
    text
}

/// What the title of a message that takes back or ends something begins with.
fn ended(kind: &str) -> &'static str {
    if kind.ends_with(".retracted") {
        "RETRACTED: "
    } else if kind.ends_with(".recovered") {
        "RECOVERED: "
    } else if kind == "alert.resolved" {
        "RESOLVED: "
    } else {
        ""
    }
}

/// The title of a message whose body cannot be read: it is said that there was one, never swallowed.
#[must_use]
pub fn unreadable(kind: &Name) -> Text {
    let lines = vec!["its stored text cannot be read: `walletwatch outbox show` has it".to_owned()];
    Text { title: format!("walletwatch: {kind}"), lines, url: None }
}

fn transfer_text(data: &TransferData<'_>) -> Text {
    let verb = match &*data.direction {
        "in" => "received",
        "out" => "sent",
        _ => "moved to itself",
    };
    let amount = amount_text(data);
    let title = match &*data.stage {
        "retracted" => format!("{} {verb} {amount} on {} no longer holds", data.watch, data.chain),
        stage => format!("{} {verb} {amount} on {} ({stage})", data.watch, data.chain),
    };
    let mut lines = Vec::with_capacity(8);
    if let Some(reason) = &data.reason {
        lines.push(format!("why: {reason}"));
    }
    lines.extend(worth_text(data.usd.as_ref(), data.usd_unknown.as_deref()));
    lines.push(format!("from {}", data.from));
    lines.push(format!("to {}", data.to));
    lines.extend(token_line(&data.asset));
    lines.push(format!("transaction {}", data.tx_hash));
    lines.push(depth_text(&data.block, data.confirmations, data.late));
    lines.extend(data.reference.as_ref().map(|reference| format!("ref {reference}")));
    lines.extend(data.label.as_ref().map(|label| format!("label {label}")));
    lines.push(origin(data.rule.as_deref(), &data.severity));
    Text { title, lines, url: data.url.as_deref().and_then(link) }
}

fn approval_text(data: &ApprovalData<'_>) -> Text {
    let symbol = symbol_text(&data.asset);
    let what = match (&*data.allowance, &data.token_id, &data.amount, &data.amount_raw) {
        ("nothing", Some(id), ..) => format!("NFT {id} of {symbol}"),
        ("one", id, ..) => format!("NFT {} of {symbol}", id.as_deref().unwrap_or_default()),
        ("unlimited", ..) => format!("UNLIMITED {symbol}"),
        ("everything", ..) => format!("EVERYTHING of {symbol}"),
        ("amount", _, Some(amount), _) => format!("{amount} {symbol}"),
        ("amount", _, None, Some(raw)) => format!("{raw} of the smallest unit of {symbol}"),
        (_, None, ..) if data.kind == "approval_for_all" => format!("everything of {symbol}"),
        _ => symbol,
    };
    let verb = if data.allowance == "nothing" { "took back the leave to move" } else { "lets a spender move" };
    let title = match &*data.stage {
        "retracted" => format!("{} {verb} {what} on {} no longer holds", data.watch, data.chain),
        stage => format!("{} {verb} {what} on {} ({stage})", data.watch, data.chain),
    };
    let mut lines = Vec::with_capacity(9);
    if let Some(reason) = &data.reason {
        lines.push(format!("why: {reason}"));
    }
    lines.push(format!("spender {}", data.spender));
    lines.push(format!("owner {}", data.address));
    lines.extend(token_line(&data.asset));
    lines.push(format!("transaction {}", data.tx_hash));
    lines.push(depth_text(&data.block, data.confirmations, data.late));
    lines.extend(data.reference.as_ref().map(|reference| format!("ref {reference}")));
    lines.push(origin(data.basics.rule.as_deref(), &data.basics.severity));
    Text { title, lines, url: data.url.as_deref().and_then(link) }
}

/// Which contract, and whether it is one that we know.
fn token_line(asset: &AssetData<'_>) -> Option<String> {
    let word = if asset.verified { "token" } else { "unverified token" };
    asset.contract.as_ref().map(|contract| format!("{word} {contract}"))
}

fn depth_text(block: &BlockData<'_>, confirmations: u64, late: bool) -> String {
    let late = if late { ", read late, after a gap" } else { "" };
    format!("block {}, confirmations {confirmations}{late}", block.number)
}

/// What it is worth, by which price, or why nobody knows.
fn worth_text(usd: Option<&UsdData<'_>>, unknown: Option<&str>) -> Option<String> {
    match (usd, unknown) {
        (Some(usd), _) => {
            let UsdData { value, price, pair, source, as_of, .. } = usd;
            Some(format!("worth {value} USD ({pair} {price} by {source} at {as_of})"))
        }
        (None, Some(why)) => Some(format!("worth unknown: {why}")),
        (None, None) => None,
    }
}

/// What moved, exactly: `1234.567 USDC`, `raw 1234567000 of the unverified token "USDC"`, `NFT 7 of …`.
fn amount_text(data: &TransferData<'_>) -> String {
    let symbol = symbol_text(&data.asset);
    if let Some(token_id) = &data.token_id {
        return match &*data.amount_raw {
            "1" => format!("NFT {token_id} of {symbol}"),
            count => format!("{count} × NFT {token_id} of {symbol}"),
        };
    }
    match &data.amount {
        Some(amount) => format!("{amount} {symbol}"),
        None => format!("{} of the smallest unit of {symbol}", data.amount_raw),
    }
}

/// The symbol; of a token that we do not know in quotation marks, and called so.
pub(super) fn symbol_text(asset: &AssetData<'_>) -> String {
    let symbol = asset.symbol.as_deref().unwrap_or_default();
    if asset.verified {
        return symbol.to_owned();
    }
    match Untrusted::new(symbol) {
        none if none.is_empty() => "an unverified token".to_owned(),
        // A quotation mark of its own cannot end the quotation.
        symbol => format!("\"{}\" (unverified)", symbol.as_str().replace('"', "'")),
    }
}

fn price_text(kind: &str, data: &PriceData<'_>) -> Text {
    let title = match &data.change {
        None => {
            let what = format!("{} is {}", data.pair, data.value);
            crossing_title(kind, &what, &data.side, &data.level, &data.recovers_at)
        }
        Some(change) => {
            let moved = if data.side == "below" { "fell" } else { "rose" };
            let (percent, from, within) = (&change.percent, &change.from, change.within_seconds / 60);
            let what = format!("{} {moved} {percent} % within {within} min, from {from} to {}", data.pair, data.value);
            if kind.ends_with(".recovered") {
                format!("{what}: no more than {} %", data.recovers_at)
            } else {
                format!("{what}: more than {} %", data.level)
            }
        }
    };
    let apart = if data.sources > 1 { format!(", {} % apart", data.spread_percent) } else { String::new() };
    let mut lines = vec![format!("price of {}{apart} at {}", data.source, data.as_of)];
    lines.push(format!("crossing {} since {}", data.crossing, data.since));
    lines.push(origin(data.basics.rule.as_deref(), &data.basics.severity));
    Text { title, lines, url: None }
}

fn gas_text(kind: &str, data: &GasData<'_>) -> Text {
    let what = format!("{} on {} is {} gwei", Fee::named(&data.of), data.chain, data.value);
    let (level, back) = (format!("{} gwei", data.level), format!("{} gwei", data.recovers_at));
    let title = crossing_title(kind, &what, &data.side, &level, &back);
    let mut lines = vec![format!("block {} at {}", data.block, data.as_of)];
    lines.push(format!("crossing {} since {}", data.crossing, data.since));
    lines.push(origin(data.basics.rule.as_deref(), &data.basics.severity));
    Text { title, lines, url: None }
}

fn balance_text(kind: &str, data: &BalanceData<'_>) -> Text {
    let symbol = symbol_text(&data.asset);
    let shown = |amount: Option<&str>, raw: &str| match amount {
        Some(amount) => format!("{amount} {symbol}"),
        None => format!("{raw} of the smallest unit of {symbol}"),
    };
    let level = shown(data.level.as_deref(), &data.level_raw);
    let back = shown(data.recovers_at.as_deref(), &data.recovers_at_raw);
    let amount = shown(data.amount.as_deref(), &data.amount_raw);
    let what = format!("{} holds {amount} on {}", data.watch, data.chain);
    let title = match kind {
        "balance.retracted" => format!("{what}, not {} {level}", data.side),
        _ => crossing_title(kind, &what, &data.side, &level, &back),
    };
    let mut lines = Vec::with_capacity(6);
    if let Some(reason) = &data.reason {
        lines.push(format!("why: {reason}"));
    }
    lines.extend(worth_text(data.usd.as_ref(), data.usd_unknown.as_deref()));
    lines.push(format!("address {}", data.address));
    lines.extend(token_line(&data.asset));
    let about = if data.block.hash.is_some() { "at" } else { "at about" };
    lines.push(format!("read {about} block {}, {}", data.block.number, data.as_of));
    lines.push(format!("crossing {} since {}", data.crossing, data.since));
    if let Some(reference) = &data.reference {
        lines.push(format!("ref {reference}"));
    }
    lines.push(origin(data.basics.rule.as_deref(), &data.basics.severity));
    Text { title, lines, url: None }
}

fn crossing_title(kind: &str, what: &str, side: &str, level: &str, back: &str) -> String {
    if kind.ends_with(".recovered") {
        return format!("{what}, back at {back} (was {side} {level})");
    }
    format!("{what}, {side} {level}")
}

fn source_text(kind: &str, data: &SourceData<'_>) -> Text {
    let place = match (&data.chain, &data.unpriced) {
        (_, Some(pair)) => format!("the price of {pair}"),
        (Some(chain), None) => format!("{chain} ({} {})", data.kind, data.source),
        (None, None) => format!("{} {}", data.kind, data.source),
    };
    let title = match kind {
        "source.disagrees" if data.pair.is_some() => format!("DISAGREES: the feeds of {}", data.source),
        "source.recovered" if data.pair.is_some() => format!("the feeds of {} agree again", data.source),
        "source.blind" => format!("BLIND on {place} since {}", data.since),
        "source.recovered" => format!("{place} is seen again, blind since {}", data.since),
        "source.disagrees" => format!("DISAGREES: {place}"),
        other => format!("{other}: {place}"),
    };
    let mut lines = Vec::new();
    if let Some(block) = data.last_block {
        lines.push(format!("last block {block}"));
    }
    if let Some(gap) = &data.gap {
        lines.push(format!("blocks {} to {} were missed and are read now", gap.from, gap.to));
    }
    lines.push(format!("why: {}", data.reason));
    lines.push(origin(None, &data.basics.severity));
    Text { title, lines, url: None }
}

fn sink_text(kind: &str, data: &SinkData<'_>) -> Text {
    let title = match kind {
        "sink.recovered" => format!("sink {} gets messages again", data.sink),
        _ => format!("FAILING: sink {} does not get its messages since {}", data.sink, data.since),
    };
    let mut lines = vec![format!("why: {}", data.reason)];
    if data.dead > 0 {
        lines.push(format!("dead letters {}: `walletwatch outbox list` names them", data.dead));
    }
    lines.push(origin(None, &data.basics.severity));
    Text { title, lines, url: None }
}

fn frozen_text(kind: &str, data: &FrozenData<'_>) -> Text {
    let title = match (kind, &*data.what) {
        ("payments.unfrozen", "everything" | "clock" | "file") => "payments go on".to_owned(),
        ("payments.unfrozen", what) => format!("payments of the {what} go on"),
        (_, "file") => "PAYMENTS ARE FROZEN by a file: nothing leaves this monitor while it is there".to_owned(),
        (_, "everything") => "PAYMENTS ARE FROZEN: nothing leaves until a person looks".to_owned(),
        (_, "clock") => "PAYMENTS ARE PAUSED: no clock is trusted until a person looks".to_owned(),
        (_, what) => format!("PAYMENTS ARE STOPPED for the {what} until a person looks"),
    };
    let mut lines = vec![format!("why: {}", data.reason)];
    if kind != "payments.unfrozen" {
        lines.push("`walletwatch payments list` says what to do".to_owned());
    }
    lines.push(origin(None, &data.basics.severity));
    Text { title, lines, url: None }
}

fn payment_text(kind: &str, data: &PaymentData<'_>) -> Text {
    let word = kind.split_once('.').map_or(kind, |(_, word)| word).replace('_', " ");
    let title = format!("payment of {} USDC to {} on {}: {word}", data.amount, data.payee, data.chain);
    let mut lines = vec![format!("payment {}", data.payment_id)];
    if let Some(reason) = &data.reason {
        let held = held_because(reason).filter(|_| kind == "payment.held");
        lines.push(format!("why: {}", held.unwrap_or(reason)));
    }
    match (kind, data.rehearsal) {
        ("payment.held", false) => lines.push(format!(
            "`walletwatch why {0}` says what it waits for; `walletwatch payments approve {0}`, or `reject`",
            data.payment_id
        )),
        ("payment.needs_person", false) => lines.push(format!(
            "look at Circle's console, then `walletwatch payments resolve {}`: --circle ID, or --absent",
            data.payment_id
        )),
        ("payment.failed", false) => lines.push("its rule pays no more until `walletwatch payments resume`".to_owned()),
        _ => {}
    }
    if let Some(transfer) = &data.transfer_id {
        lines.push(format!("triggered by transfer {transfer}"));
    }
    if let Some(crossing) = data.crossing {
        lines.push(format!("triggered by crossing {crossing}"));
    }
    lines.push(origin(data.basics.rule.as_deref(), &data.basics.severity));
    Text { title, lines, url: None }
}

fn resolved_text(data: &ResolvedData<'_>) -> Text {
    let whose = match &data.basics.rule {
        Some(rule) => format!("an alert of {rule}"),
        None => "a built-in alert".to_owned(),
    };
    let lines =
        vec![format!("alert {}", data.basics.alert_id), origin(data.basics.rule.as_deref(), &data.basics.severity)];
    Text { title: format!("{whose}: {}", data.reason), lines, url: None }
}

fn heartbeat_text(data: &HeartbeatData<'_>) -> Text {
    let title = match data.trouble.len() {
        0 => "walletwatch is alive, and knows of no trouble".to_owned(),
        count => format!("walletwatch is alive, and {count} of what it needs is in trouble"),
    };
    let mut lines: Vec<String> = data.trouble.iter().map(|name| format!("in trouble: {name}")).collect();
    lines.extend(data.audit_head.iter().map(|head| format!("audit of payments: {head}")));
    lines.push(format!("the next heartbeat is due {}", data.next));
    lines.push(origin(None, &data.basics.severity));
    Text { title, lines, url: None }
}

fn digest_text(data: &DigestData<'_>) -> Text {
    let mut lines: Vec<String> = data.entries.iter().map(ToString::to_string).collect();
    if data.more > 0 {
        lines.push(format!("and {} more", data.more));
    }
    lines.push(origin(data.basics.rule.as_deref(), &data.basics.severity));
    Text { title: format!("DIGEST: {}", data.reason), lines, url: None }
}

fn other_text(kind: &str, basics: &Basics<'_>) -> Text {
    let title = match kind {
        "test" => "walletwatch: this is a test, all is well".to_owned(),
        other => format!("walletwatch: {other}"),
    };
    Text { title, lines: vec![origin(basics.rule.as_deref(), &basics.severity)], url: None }
}

fn origin(rule: Option<&str>, severity: &str) -> String {
    let mut line = String::new();
    if let Some(rule) = rule {
        // Writing to a String cannot fail.
        let _ = write!(line, "rule {rule}, ");
    }
    line + severity
}

/// Text of ours or of the operator on one line, whatever a config or a server's message held.
fn plain(text: &str) -> String {
    let seen = text.chars().filter(|c| c.is_control() || !hides(*c));
    seen.map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// A link as it may be shown: http or https, and nothing in it that ends a link somewhere.
pub(super) fn link(url: &str) -> Option<String> {
    let scheme = url.starts_with("https://") || url.starts_with("http://");
    let harmless = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~:/?#[]@!$&()*+,;=%".contains(&byte);
    (scheme && url.bytes().all(harmless)).then(|| url.to_owned())
}

#[cfg(test)]
mod tests;
