//! `walletwatch check`: what a config means, or everything that is wrong with it.

use super::places::read;
use super::{Failure, Places};
use crate::config::describe::describe;
use crate::config::print::print;
use crate::config::surroundings::Machine;
use anyhow::anyhow;
use std::io::Write;

/// The settings of this command.
#[derive(Debug, clap::Args)]
pub(super) struct Check {
    /// Print the whole config as it is meant, with the origin of each value
    #[arg(long)]
    print: bool,
}

impl Check {
    pub(super) fn run(self, places: &Places) -> Result<(), Failure> {
        let (file, data) = places.locate()?;
        let mut stdout = std::io::stdout().lock();
        let mut answer = |text: &str| writeln!(stdout, "{}", text.trim_end()).map_err(Failure::again);
        if self.print {
            return answer(&print(&file, &Machine).map_err(|faults| Failure::usage(anyhow!("{faults}")))?);
        }
        let config = read(&file, &data)?;
        answer(&format!("{} is a good config.\n", file.display()))?;
        answer(&describe(&config))
    }
}
