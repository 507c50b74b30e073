//! What a template can name: the message's `data` as a webhook has it, its type and time, and our own words for it.

use super::samples;
use crate::sinks::body::AssetData;
use crate::sinks::text::{Text, symbol_text};
use minijinja::Value as Said;
use minijinja::value::Serde;
use serde::Deserialize;
use serde_json::{Map, Value, json};

#[derive(Deserialize)]
struct Within {
    #[serde(rename = "type")]
    kind: String,
    timestamp: String,
    data: Map<String, Value>,
}

/// Of a stored body. What a type has and this message lacks is none; what it never has is not there, and naming it is a fault.
pub(super) fn of(body: &[u8], ours: &Text) -> Said {
    let Ok(Within { kind, timestamp, mut data }) = serde_json::from_slice(body) else { return Said::UNDEFINED };
    for key in samples::keys(&kind) {
        data.entry(key.clone()).or_insert(Value::Null);
    }
    calls_a_stranger_so(&mut data);
    if let Some(sum) = sum(&data) {
        data.insert("sum".to_owned(), Value::String(sum));
    }
    data.insert("type".to_owned(), Value::String(kind));
    data.insert("timestamp".to_owned(), Value::String(timestamp));
    data.insert("ours".to_owned(), json!({"title": ours.title, "text": ours.lines.join("\n")}));
    Said::from(Serde(data))
}

/// A symbol that proves nothing never stands without the word for it.
fn calls_a_stranger_so(data: &mut Map<String, Value>) {
    let Some(asset) = data.get_mut("asset") else { return };
    let shown = AssetData::deserialize(&*asset).map(|asset| symbol_text(&asset));
    if let (Ok(shown), Some(asset)) = (shown, asset.as_object_mut()) {
        asset.insert("symbol".to_owned(), Value::String(shown));
    }
}

/// The amount with its unit, or what can be said where there is none.
fn sum(data: &Map<String, Value>) -> Option<String> {
    let text = |key: &str| data.get(key).and_then(Value::as_str);
    let symbol = data.get("asset")?.get("symbol")?.as_str()?;
    Some(match (text("token_id"), text("amount"), text("amount_raw"), text("allowance")) {
        (Some(id), ..) => format!("NFT {id} of {symbol}"),
        (None, Some(amount), ..) => format!("{amount} {symbol}"),
        (None, None, _, Some("unlimited")) => format!("UNLIMITED {symbol}"),
        (None, None, _, Some("everything")) => format!("EVERYTHING of {symbol}"),
        (None, None, _, Some("nothing")) => format!("nothing of {symbol}"),
        (None, None, Some(raw), _) => format!("{raw} of the smallest unit of {symbol}"),
        (None, None, None, _) => symbol.to_owned(),
    })
}
