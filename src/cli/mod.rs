//! The commands, one file each. The only home of `anyhow`, of exit codes, and of what is written to stdout.
//!
//! stdout is the answer, stderr the talk. Exit codes: 0 done; 1 failed, trying again may help; 2 usage or config; 3 a person is needed;
//! 141 the answer was not read to its end (`| head`).

mod alone;
mod api;
mod backup;
mod chain;
mod check;
mod completions;
mod demo;
mod export;
mod list;
mod outbox;
mod payments;
mod places;
mod probe;
mod reload;
mod run;
mod show;
mod silence;
mod sink;
mod status;
mod transfers;
mod watch;
mod why;
mod why_payment;

use clap::{Args, Parser, Subcommand};
use std::path::PathBuf;
use std::process::ExitCode;

/// What holds for every command.
const MANNERS: &str = "\
Begin with `walletwatch demo`, then write a config and `walletwatch check` it.

stdout is the answer, stderr the talk; --json where it is offered is for machines, and stays.
A command asks the running monitor, at the address in [http]; where none runs, it opens the store itself.

Exit codes:
  0  done
  1  failed, and trying again may help: something does not answer, is blind, is locked, is full
  2  the command line or the config has to change
  3  a person is needed: the store is newer, damaged or missing
  141  nobody read the answer to its end

Environment:
  WALLETWATCH_CONFIG, WALLETWATCH_DATA_DIR  as --config and --data-dir
  WALLETWATCH_LOG                           what is logged: info, debug, or walletwatch::sources=debug,info
  and whatever the config names by \"env:NAME\"";

/// Watches blockchain addresses on many chains and tells people the truth about them.
#[derive(Debug, Parser)]
#[command(name = "walletwatch", version, about, max_term_width = 100, after_help = MANNERS)]
struct Cli {
    #[command(flatten)]
    places: Places,
    #[command(subcommand)]
    command: Command,
}

/// The head of these in every help.
const HERE: &str = "Where things are";

/// Where things are.
#[derive(Debug, Clone, Args)]
pub struct Places {
    /// The config file [default: $WALLETWATCH_CONFIG, ./walletwatch.toml, the user's config folder, /etc/walletwatch/config.toml]
    #[arg(long, global = true, value_name = "FILE", help_heading = HERE)]
    config: Option<PathBuf>,
    /// The data folder [default: $WALLETWATCH_DATA_DIR, $STATE_DIRECTORY, the user's state folder]
    #[arg(long, global = true, value_name = "FOLDER", help_heading = HERE)]
    data_dir: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the monitor
    Run(run::Run),
    /// Try the whole monitor against a simulated world: no keys, no network, nothing to install
    Demo(demo::Demo),
    /// Read the config: every fault with its place; what it will watch, what that costs, who learns what
    Check(check::Check),
    /// How the running monitor stands: every source, chain, sink and rule, a line each
    Status(status::Status),
    /// What is watched, and changing it while the monitor runs
    #[command(subcommand)]
    Watch(watch::Watch),
    /// What moved
    #[command(subcommand)]
    Transfers(transfers::Transfers),
    /// The messages, and what became of them
    #[command(subcommand)]
    Outbox(outbox::Outbox),
    /// Why an alert was said, a payment stands where it stands, or a transaction made no alert
    Why(why::Why),
    /// What is not said for a time
    #[command(subcommand)]
    Silence(silence::Silence),
    /// Where alerts go
    #[command(subcommand)]
    Sink(sink::Sink),
    /// What rules pay: what waits, what went, what stops it, and who said so
    #[command(subcommand)]
    Payments(payments::Payments),
    /// What chains are
    #[command(subcommand)]
    Chain(chain::Chain),
    /// Let the running monitor read its config again, as SIGHUP does: what did not change is not touched
    Reload(reload::Reload),
    /// A copy of the store, also while the monitor runs
    Backup(backup::Backup),
    /// Bring a copy back to where no store is; payments that are live are frozen then
    Restore(backup::Restore),
    /// Every transfer of the watch list as CSV or JSON lines, with running balances
    Export(export::Export),
    /// What a shell reads to complete these commands
    Completions(completions::Completions),
}

/// The exit code of a command whose answer nobody read to its end: what a shell gives to one that SIGPIPE ended.
const UNREAD: u8 = 141;

/// Why a command failed, with the exit code that says what to do about it.
#[derive(Debug)]
pub struct Failure {
    code: u8,
    error: anyhow::Error,
}

impl Failure {
    /// Trying again may help.
    fn again(error: impl Into<anyhow::Error>) -> Self {
        Self { code: 1, error: error.into() }
    }

    /// The command line or the config has to change.
    fn usage(error: impl Into<anyhow::Error>) -> Self {
        Self { code: 2, error: error.into() }
    }

    /// The same, with one more fact.
    fn and(self, fact: &str) -> Self {
        Self { code: self.code, error: anyhow::anyhow!("{:#}; {fact}", self.error) }
    }

    /// The same, with what else there is to do.
    fn or(self, way: &str) -> Self {
        Self { code: self.code, error: anyhow::anyhow!("{:#}\n  or: {way}", self.error) }
    }

    /// Whoever read the answer wanted no more of it (`| head`), and has closed the pipe: nothing to talk about.
    fn unread() -> Self {
        Self { code: UNREAD, error: anyhow::anyhow!("the answer was not read to its end") }
    }

    /// A person has to decide.
    fn person(error: impl Into<anyhow::Error>) -> Self {
        Self { code: 3, error: error.into() }
    }
}

/// Parses the command line and does what it says.
#[must_use]
pub fn main() -> ExitCode {
    let Cli { places, command } = Cli::parse();
    let done = match command {
        Command::Run(command) => command.run(&places),
        Command::Demo(command) => command.run(&places),
        Command::Check(command) => command.run(&places),
        Command::Status(command) => asked(command.run(&places)),
        Command::Watch(command) => asked(command.run(&places)),
        Command::Transfers(command) => asked(command.run(&places)),
        Command::Outbox(command) => asked(command.run(&places)),
        Command::Why(command) => asked(command.run(&places)),
        Command::Silence(command) => asked(command.run(&places)),
        Command::Sink(command) => asked(command.run(&places)),
        Command::Payments(command) => asked(command.run(&places)),
        Command::Chain(command) => asked(command.run(&places)),
        Command::Reload(command) => asked(command.run(&places)),
        Command::Backup(command) => command.run(&places),
        Command::Restore(command) => asked(command.run(&places)),
        Command::Export(command) => command.run(&places),
        Command::Completions(command) => command.run(),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure { code: UNREAD, error: _ }) => ExitCode::from(UNREAD),
        Err(Failure { code, error }) => {
            eprintln!("walletwatch: {error:#}");
            ExitCode::from(code)
        }
    }
}

/// Waits for a command that asks others.
fn asked(command: impl Future<Output = Result<(), Failure>>) -> Result<(), Failure> {
    run::runtime()?.block_on(command)
}
