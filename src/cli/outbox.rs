//! `walletwatch outbox list|show|replay|drop`: the messages, and what became of them.

use super::api::{self, Answerer, Question};
use super::show::{answer, table, text};
use super::{Failure, Places, list};
use crate::config::checked::Role;
use crate::store::OutboxState;
use anyhow::anyhow;
use clap::builder::PossibleValuesParser;
use serde_json::Value;

/// What to do.
#[derive(Debug, clap::Subcommand)]
pub(super) enum Outbox {
    /// The messages, newest first
    List(List),
    /// One message with its body
    Show {
        /// Its id
        id: String,
        /// As the JSON of the API
        #[arg(long)]
        json: bool,
    },
    /// Send messages again that were delivered or given up, each with the same id and body
    Replay {
        /// Their ids
        #[arg(required_unless_present = "dead_of")]
        ids: Vec<String>,
        /// Every dead message of this sink
        #[arg(long, value_name = "SINK", conflicts_with = "ids")]
        dead_of: Option<String>,
    },
    /// Give messages up that are still to be delivered
    Drop {
        /// Their ids
        #[arg(required = true)]
        ids: Vec<String>,
    },
}

/// The settings of `list`.
#[derive(Debug, clap::Args)]
pub(super) struct List {
    /// Only to this sink
    #[arg(long, value_name = "NAME")]
    sink: Option<String>,
    /// Only in this state
    #[arg(long, value_parser = PossibleValuesParser::new(OutboxState::ALL.map(OutboxState::word)))]
    state: Option<String>,
    /// At most so many
    #[arg(long, value_name = "N", default_value_t = 50)]
    limit: usize,
    /// As the JSON of the API
    #[arg(long)]
    json: bool,
}

impl Outbox {
    pub(super) async fn run(self, places: &Places) -> Result<(), Failure> {
        let located = places.load_to_ask()?;
        match self {
            Self::List(asked) => show_list(&api::to_read(&located).await?, asked).await,
            Self::Show { id, json } => show_one(&api::to_read(&located).await?, &id, json).await,
            Self::Replay { ids, dead_of } => {
                let answerer = api::to_change(&located, Role::Operate).await?;
                let ids = match dead_of {
                    Some(sink) => dead(&answerer, &sink).await?,
                    None => ids,
                };
                each(&answerer, &ids, "replay", "sent again").await
            }
            Self::Drop { ids } => {
                let answerer = api::to_change(&located, Role::Operate).await?;
                each(&answerer, &ids, "drop", "given up").await
            }
        }
    }
}

async fn show_list(answerer: &Answerer, asked: List) -> Result<(), Failure> {
    let question = Question::new(&["outbox"]).with("sink", asked.sink).with("state", asked.state);
    let listed = list::rows(answerer, &question, asked.limit).await?;
    if asked.json {
        return answer(&listed.json());
    }
    let rows: Vec<_> = listed.values().map_err(Failure::again)?.iter().map(row).collect();
    if listed.next().is_some() {
        eprintln!("there are more: --limit shows them");
    }
    answer(&table(["MESSAGE", "CREATED", "SINK", "TYPE", "STATE", "TRIES", "DUE OR CLOSED", "REASON"], &rows))
}

fn row(item: &Value) -> [String; 8] {
    let when = if item["due"].is_null() { text(item, "closed_at") } else { text(item, "due") };
    let of = |key| text(item, key);
    [of("message_id"), of("created"), of("sink"), of("type"), of("state"), of("attempts"), when, of("reason")]
}

async fn show_one(answerer: &Answerer, id: &str, json: bool) -> Result<(), Failure> {
    let body = answerer.get(&Question::new(&["outbox", id])).await?;
    if json {
        return answer(&String::from_utf8_lossy(&body));
    }
    let item: Value = serde_json::from_slice(&body).map_err(Failure::again)?;
    let keys = [
        "message_id",
        "sink",
        "type",
        "alert_id",
        "revision",
        "severity",
        "state",
        "attempts",
        "created",
        "due",
        "closed_at",
        "reason",
        "receiver_id",
    ];
    let lines = keys.iter().filter(|key| !item[**key].is_null());
    let lines: Vec<_> = lines.map(|key| [(*key).to_owned(), text(&item, key)]).collect();
    let pretty = serde_json::to_string_pretty(&item["body"]).map_err(Failure::again)?;
    let body: Vec<_> = pretty.lines().map(super::show::clean).collect();
    let attempts = item["verdicts"].as_array().into_iter().flatten();
    let attempts: Vec<_> =
        attempts.map(|attempt| [text(attempt, "at"), text(attempt, "verdict"), text(attempt, "reason")]).collect();
    let attempts = table(["ATTEMPT ENDED", "VERDICT", "REASON"], &attempts);
    answer(&format!("{}\n{attempts}\n{}", table(["KEY", "VALUE"], &lines), body.join("\n")))
}

/// The ids of every dead message of a sink.
async fn dead(answerer: &Answerer, sink: &str) -> Result<Vec<String>, Failure> {
    let question = Question::new(&["outbox"]).with("sink", Some(sink)).with("state", Some(OutboxState::Dead.word()));
    let listed = list::rows(answerer, &question, usize::MAX).await?;
    // Oldest first: they go out in the order in which they were made.
    let ids: Vec<_> =
        listed.values().map_err(Failure::again)?.iter().rev().map(|item| text(item, "message_id")).collect();
    if ids.is_empty() {
        eprintln!("no message to {sink} is dead");
    }
    Ok(ids)
}

/// Does it to each, also when one of them cannot be done.
async fn each(answerer: &Answerer, ids: &[String], act: &str, done: &str) -> Result<(), Failure> {
    let mut first = None;
    let mut failed = 0_usize;
    for id in ids {
        match answerer.post(&Question::new(&["outbox", id, act])).await {
            Ok(()) => answer(&format!("{id}: {done}{}", when(answerer, act)))?,
            Err(failure) => {
                eprintln!("{id}: {:#}", failure.error);
                failed += 1;
                first.get_or_insert(failure.code);
            }
        }
    }
    match first {
        None => Ok(()),
        Some(code) => Err(Failure { code, error: anyhow!("{failed} of {} could not be done", ids.len()) }),
    }
}

fn when(answerer: &Answerer, act: &str) -> &'static str {
    if act == "replay" && !answerer.is_monitor() { " when the monitor runs again" } else { "" }
}
