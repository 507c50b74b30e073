//! `walletwatch completions SHELL`: what a shell reads to complete our commands. No config is read.

use super::{Cli, Failure};
use clap::CommandFactory as _;
use clap_complete::Shell;
use std::io::{ErrorKind, Write as _};

/// The settings of this command.
#[derive(Debug, clap::Args)]
pub(super) struct Completions {
    /// For which shell
    shell: Shell,
}

impl Completions {
    pub(super) fn run(self) -> Result<(), Failure> {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut Cli::command(), "walletwatch", &mut script);
        std::io::stdout().lock().write_all(&script).map_err(|error| match error.kind() {
            ErrorKind::BrokenPipe => Failure::unread(),
            _ => Failure::again(error),
        })
    }
}
