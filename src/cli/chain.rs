//! `walletwatch chain accept NAME`: goes on after a chain was found to be another one.

use super::api::{self, Question};
use super::show::answer;
use super::{Failure, Places};
use crate::config::checked::Role;

/// What to do.
#[derive(Debug, clap::Subcommand)]
pub(super) enum Chain {
    /// Go on with a chain that was stopped: it is another one now, or a block of it could not be read
    Accept {
        /// Its name in the config
        name: String,
    },
}

impl Chain {
    pub(super) async fn run(self, places: &Places) -> Result<(), Failure> {
        let Self::Accept { name } = self;
        let answerer = api::to_change(&places.load_to_ask()?, Role::Operate).await?;
        answerer.post(&Question::new(&["chains", &name, "accept"])).await?;
        let when = if answerer.is_monitor() { "now" } else { "when the monitor runs again" };
        answer(&format!(
            "{name} is accepted and goes on {when}: another chain from its newest block, what was seen before is settled; \
             a chain that could not be read from where it stopped, without the blocks that could not be read"
        ))
    }
}
