//! `walletwatch transfers list`: what moved, newest first.

use super::api::{self, Question};
use super::show::{answer, table, text};
use super::{Failure, Places, list};
use crate::types::Stage;
use clap::builder::PossibleValuesParser;
use serde_json::Value;

/// What to do.
#[derive(Debug, clap::Subcommand)]
pub(super) enum Transfers {
    /// What moved, newest first
    List(List),
}

/// The settings of this command.
#[derive(Debug, clap::Args)]
pub(super) struct List {
    /// Only on this chain
    #[arg(long, value_name = "NAME")]
    chain: Option<String>,
    /// Only from or to the addresses of this watch
    #[arg(long, value_name = "NAME")]
    watch: Option<String>,
    /// Only at this stage
    #[arg(long, value_parser = PossibleValuesParser::new(Stage::ALL.map(Stage::word)))]
    stage: Option<String>,
    /// At most so many
    #[arg(long, value_name = "N", default_value_t = 50)]
    limit: usize,
    /// As the JSON of the API
    #[arg(long)]
    json: bool,
}

impl Transfers {
    pub(super) async fn run(self, places: &Places) -> Result<(), Failure> {
        let Self::List(asked) = self;
        let answerer = api::to_read(&places.load_to_ask()?).await?;
        let question = Question::new(&["transfers"]);
        let question = question.with("chain", asked.chain).with("watch", asked.watch).with("stage", asked.stage);
        let listed = list::rows(&answerer, &question, asked.limit).await?;
        if asked.json {
            return answer(&listed.json());
        }
        let rows: Vec<_> = listed.values().map_err(Failure::again)?.iter().map(row).collect();
        if listed.next().is_some() {
            eprintln!("there are more: --limit shows them");
        }
        answer(&table(["BLOCK TIME", "CHAIN", "STAGE", "AMOUNT", "FROM", "TO", "TRANSACTION", "NOTES"], &rows))
    }
}

fn row(item: &Value) -> [String; 8] {
    [
        text(&item["block"], "time"),
        text(item, "chain"),
        text(item, "stage"),
        amount(item),
        text(item, "from"),
        text(item, "to"),
        text(item, "tx_hash"),
        notes(item),
    ]
}

/// The exact amount with its symbol; in raw units of the contract where the decimals are not known.
fn amount(item: &Value) -> String {
    let asset = &item["asset"];
    let token_id = text(item, "token_id");
    let named = |symbol: String| if symbol.is_empty() { text(asset, "contract") } else { symbol };
    match (&item["amount"], token_id.is_empty()) {
        (Value::String(amount), true) if asset["verified"] != true && !asset["symbol"].is_null() => {
            // Its own word for itself: whoever made it chose it.
            format!("{amount} {} (unverified, {})", text(asset, "symbol"), text(asset, "contract"))
        }
        (Value::String(amount), true) => format!("{amount} {}", named(text(asset, "symbol"))),
        (_, true) => format!("{} raw units of {}", text(item, "amount_raw"), text(asset, "contract")),
        (_, false) => format!("{} of #{token_id} of {}", text(item, "amount_raw"), text(asset, "contract")),
    }
}

fn notes(item: &Value) -> String {
    let mut notes: Vec<String> = item["suspect"].as_array().into_iter().flatten().map(plain).collect();
    if item["late"] == true {
        notes.push("late".to_owned());
    }
    if item["history"] == true {
        notes.push("history".to_owned());
    }
    if item["corroborated"] == false {
        notes.push("uncorroborated".to_owned());
    }
    notes.join(", ")
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn amounts_are_exact_and_say_what_of() {
        let contract = "0xA0b86991c6218b36c1d19D4a2e9Eb0cE3606eB48";
        let check = |item: Value, expected: &str| assert_eq!(amount(&item), expected);
        let asset = json!({"symbol": "USDC", "contract": contract, "verified": true});
        check(json!({"asset": asset, "amount": "0.000001", "amount_raw": "1"}), "0.000001 USDC");
        let learned = json!({"symbol": "USDC", "contract": contract, "verified": false});
        let marked = format!("7 USDC (unverified, {contract})");
        check(json!({"asset": learned, "amount": "7", "amount_raw": "7000000"}), &marked);
        let unknown = json!({"symbol": null, "contract": contract});
        let raw = format!("12 raw units of {contract}");
        check(json!({"asset": unknown, "amount": null, "amount_raw": "12"}), &raw);
        let token = format!("1 of #77 of {contract}");
        check(json!({"asset": unknown, "amount": null, "amount_raw": "1", "token_id": "77"}), &token);
    }
}
