//! `walletwatch reload`: the running monitor reads its config again.

use super::api::{self, Question};
use super::show::{answer, clean};
use super::{Failure, Places};
use crate::config::checked::Role;
use serde_json::Value;

/// The settings of this command.
#[derive(Debug, clap::Args)]
pub(super) struct Reload {
    /// As the JSON of the API
    #[arg(long)]
    json: bool,
}

impl Reload {
    pub(super) async fn run(self, places: &Places) -> Result<(), Failure> {
        // A config with faults is refused here already, in the same words; the monitor reads it with its own variables all the same.
        let located = places.load_to_ask()?;
        located.whole()?;
        let body = api::by_monitor(&located, Role::Operate, &Question::new(&["reload"])).await?;
        if self.json {
            return answer(&String::from_utf8_lossy(&body));
        }
        let done: Value = serde_json::from_slice(&body).map_err(Failure::again)?;
        for line in lines(&done, "not_applied").chain(lines(&done, "warnings")) {
            eprintln!("{line}");
        }
        let changes: Vec<String> = lines(&done, "changes").collect();
        answer(&match (changes.as_slice(), lines(&done, "not_applied").next()) {
            ([], None) => "reloaded: nothing is otherwise".to_owned(),
            ([], Some(_)) => "reloaded: nothing of what is otherwise is in force yet".to_owned(),
            (changes, _) => format!("reloaded\n{}", changes.join("\n")),
        })
    }
}

fn lines<'a>(done: &'a Value, key: &str) -> impl Iterator<Item = String> + use<'a> {
    done[key].as_array().into_iter().flatten().filter_map(Value::as_str).map(clean)
}
