//! Why a payment, for people: the story of the API, a line for each fact.

use super::show::{clean, text};
use crate::reactor::waits::NO_MORE;
use serde_json::Value;
use std::fmt::Write as _;

/// The story of a payment; nothing where there is none.
pub(super) fn tell(story: &Value, told: &mut String) {
    let payment = &story["payment"];
    if !payment.is_object() {
        return;
    }
    let of = |key: &str| text(payment, key);
    let mut line = |text: String| {
        // Writing to a String cannot fail.
        let _ = writeln!(told, "{}", clean(&text));
    };
    let word = if payment["rehearsal"] == true { "rehearsal" } else { "payment" };
    let circle = payment["live"]["circle_state"].as_str().map_or_else(String::new, |word| format!(" (Circle: {word})"));
    let (id, amount, to, address) = (of("payment_id"), of("amount"), of("payee"), of("address"));
    line(format!("{word} {id}: {amount} USDC to {to} ({address} on {}), {}{circle}", of("chain"), of("state")));
    let why = Some(of("why")).filter(|why| !why.is_empty()).unwrap_or_else(|| of("reason"));
    if !why.is_empty() {
        line(format!("  why: {why}"));
    }
    line(match (story["transfer"].is_object(), payment["crossing"].as_u64(), of("transfer_id")) {
        (true, ..) => format!("  triggered by transfer {}: {}", of("transfer_id"), moved(&story["transfer"])),
        (false, Some(number), _) => format!("  triggered by crossing {number} of its rule"),
        (false, None, transfer) => format!("  triggered by transfer {transfer}"),
    });
    match story["rule"].as_array() {
        None => line(format!("  rule {}: what it pays only a running monitor can say", of("rule"))),
        Some(lines) if lines.is_empty() => line(format!("  rule {}: it pays nothing any more", of("rule"))),
        Some(lines) => {
            line(format!("  rule {}:", of("rule")));
            lines.iter().filter_map(Value::as_str).for_each(|said| line(format!("    {said}")));
        }
    }
    if let Some(limits) = story["limits_at_planning"].as_str() {
        line("  limits when it was planned (used by others, this one, allowed):".to_owned());
        limits.split("; ").for_each(|limit| line(format!("    {limit}")));
    }
    for held in story["held_by_limits"].as_array().into_iter().flatten() {
        line(format!("  held by a limit at {}: {}", text(held, "at"), text(held, "limits")));
    }
    for limit in story["limits"].as_array().into_iter().flatten().filter(|limit| limit["fits"] == false) {
        let of = |key: &str| text(limit, key);
        line(format!("  no room now in {}: {} and {} of {}", of("limit"), of("used"), of("adds"), of("allowed")));
    }
    for approval in payment["live"]["approvals"].as_array().into_iter().flatten() {
        line(format!("  approved {}", approved(approval)));
    }
    for attempt in story["attempts"].as_array().into_iter().flatten() {
        let verdict = attempt["verdict"].as_str().map_or_else(
            || format!("attempt {}: no answer so far", text(attempt, "number")),
            |verdict| format!("{verdict} (at {})", text(attempt, "answered_at")),
        );
        line(format!("  sent at {}: {verdict}", text(attempt, "at")));
    }
    match story["waits_for"].as_array() {
        None => line("  what it waits for only a running monitor can say".to_owned()),
        Some(lines) => lines.iter().filter_map(Value::as_str).for_each(|said| line(format!("  now: {said}"))),
    }
}

/// A yes to a payment, and where it does not count any more.
pub(super) fn approved(approval: &Value) -> String {
    let no_more = if approval["counts"] == false { format!(" ({NO_MORE})") } else { String::new() };
    format!("by {} at {}{no_more}", text(approval, "by"), text(approval, "at"))
}

/// A transfer in a line.
fn moved(transfer: &Value) -> String {
    let of = |key: &str| text(transfer, key);
    let symbol = text(&transfer["asset"], "symbol");
    let (amount, from, to, tx) = (of("amount"), of("from"), of("to"), of("tx_hash"));
    format!("{amount} {symbol} from {from} to {to} in {tx}, {}", of("stage"))
}
