//! `walletwatch sink test|enable NAME`.

use super::api::{self, Question};
use super::show::answer;
use super::{Failure, Places};
use crate::config::checked::Role;

/// What to do.
#[derive(Debug, clap::Subcommand)]
pub(super) enum Sink {
    /// Send a test message to a sink, through the outbox like any other
    Test {
        /// Its name in the config
        name: String,
    },
    /// Call a sink again that its receiver had disabled (410)
    Enable {
        /// Its name in the config
        name: String,
    },
}

impl Sink {
    pub(super) async fn run(self, places: &Places) -> Result<(), Failure> {
        let answerer = api::to_change(&places.load_to_ask()?, Role::Operate).await?;
        let runs = answerer.is_monitor();
        match self {
            Self::Test { name } => {
                answerer.post(&Question::new(&["sinks", &name, "test"])).await?;
                let when = if runs { "on its way" } else { "in the outbox until the monitor runs again" };
                answer(&format!("a test message to {name} is {when}: `walletwatch outbox list --sink {name}` shows it"))
            }
            Self::Enable { name } => {
                answerer.post(&Question::new(&["sinks", &name, "enable"])).await?;
                answer(&format!(
                    "{name} is enabled: what waits for it goes out{}",
                    if runs { "" } else { " when the monitor runs again" }
                ))
            }
        }
    }
}
