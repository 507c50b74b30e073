//! `walletwatch silence add|list|end`.

use super::api::{self, Question};
use super::show::{answer, table, text};
use super::{Failure, Places};
use crate::config::checked::Role;
use serde_json::{Map, Value, json};

/// What to do.
#[derive(Debug, clap::Subcommand)]
pub(super) enum Silence {
    /// Say nothing of some alerts for a time; when it is over, a digest names what was not said
    Add(Add),
    /// The silences in force
    List {
        /// As the JSON of the API
        #[arg(long)]
        json: bool,
    },
    /// End a silence before its time
    End {
        /// Its id
        id: u32,
    },
}

/// The settings of `add`: every label that is given has to fit.
#[derive(Debug, clap::Args)]
pub(super) struct Add {
    /// How long, at most 30 days
    #[arg(long = "for", value_name = "TIME")]
    lasts: String,
    /// Why
    #[arg(long, value_name = "TEXT")]
    comment: String,
    /// Alerts of this rule
    #[arg(long, value_name = "NAME")]
    rule: Option<String>,
    /// Alerts about this watch
    #[arg(long, value_name = "NAME")]
    watch: Option<String>,
    /// Alerts on this chain
    #[arg(long, value_name = "NAME")]
    chain: Option<String>,
    /// Messages of these types: transfer.*, source.blind
    #[arg(long, value_name = "TYPES")]
    types: Option<String>,
    /// Only up to this severity [default: critical]
    #[arg(long, value_name = "SEVERITY")]
    up_to: Option<String>,
}

impl Silence {
    pub(super) async fn run(self, places: &Places) -> Result<(), Failure> {
        let located = places.load_to_ask()?;
        let question = Question::new(&["silences"]);
        match self {
            Self::List { json } => {
                let listed = api::to_read(&located).await?.get(&question).await?;
                if json {
                    return answer(&String::from_utf8_lossy(&listed));
                }
                show(&listed)
            }
            Self::Add(add) => {
                let answerer = api::to_change(&located, Role::Operate).await?;
                let done = answerer.send(&question, add.body().to_string().into()).await?;
                let done: Value = serde_json::from_slice(&done).map_err(Failure::again)?;
                answer(&format!("silence {} is set: `walletwatch silence end {}` ends it", done["set"], done["set"]))
            }
            Self::End { id } => {
                let answerer = api::to_change(&located, Role::Operate).await?;
                answerer.delete(&Question::new(&["silences", &id.to_string()])).await?;
                answer(&format!("silence {id} is over: what was not said meanwhile is named in a digest"))
            }
        }
    }
}

impl Add {
    fn body(self) -> Value {
        let labels = [
            ("rule", self.rule),
            ("watch", self.watch),
            ("chain", self.chain),
            ("types", self.types),
            ("up_to", self.up_to),
        ];
        let mut body =
            Map::from_iter([("for".to_owned(), json!(self.lasts)), ("comment".to_owned(), json!(self.comment))]);
        body.extend(labels.into_iter().filter_map(|(key, value)| Some((key.to_owned(), json!(value?)))));
        Value::Object(body)
    }
}

fn show(listed: &[u8]) -> Result<(), Failure> {
    let listed: Value = serde_json::from_slice(listed).map_err(Failure::again)?;
    let labels = |item: &Value| {
        let keys = ["rule", "watch", "chain", "types"];
        let set = keys.into_iter().filter(|key| !item[key].is_null());
        set.map(|key| format!("{key}={}", text(item, key))).collect::<Vec<_>>().join(" ")
    };
    let row = |item: &Value| {
        [
            item["id"].to_string(),
            labels(item),
            text(item, "up_to"),
            text(item, "until"),
            text(item, "author"),
            text(item, "comment"),
        ]
    };
    let rows: Vec<_> = listed["items"].as_array().into_iter().flatten().map(row).collect();
    answer(&table(["ID", "SILENCES", "UP TO", "UNTIL", "BY", "WHY"], &rows))
}
