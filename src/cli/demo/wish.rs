//! `walletwatch demo do`: asks the running demo to let something happen, and says what to look at.

use super::{door, signing_in};
use crate::cli::Failure;
use crate::cli::show::{answer, table};
use crate::world::story::Deed;
use anyhow::anyhow;

/// The page whose buttons need a token.
const PAYMENTS: &str = "/payments";

/// The settings of this command.
#[derive(Debug, clap::Args)]
pub(super) struct Wish {
    /// What is to happen; left out, all that can are listed
    name: Option<String>,
    /// Which demo, where several run
    #[arg(long, value_name = "ID")]
    process: Option<u32>,
}

impl Wish {
    pub(super) fn run(self) -> Result<(), Failure> {
        let Some(name) = self.name else { return answer(&all()) };
        let unknown = || Failure::usage(anyhow!("nothing is called {name:?}. What can happen:\n{}", all().trim_end()));
        let deed = Deed::named(&name).ok_or_else(unknown)?;
        let (page, token) = door::ask(deed, self.process).map_err(Failure::again)?;
        let facts = deed.facts();
        let look = format!("{page}{}", facts.look);
        // Only there is something to decide.
        let look = if facts.look == PAYMENTS { signing_in(&look, &token) } else { look };
        answer(&format!("SIMULATED  {}\nSIMULATED  look at {look} (as JSON, below {page}/api/v1)", facts.what))
    }
}

/// A line for each.
fn all() -> String {
    let rows = Deed::ALL.map(|deed| [deed.facts().name.to_owned(), deed.facts().what.to_owned()]);
    table(["name", "what happens"], &rows)
}
