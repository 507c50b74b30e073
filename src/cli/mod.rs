//! The commands, one file each. The only home of `anyhow`, of exit codes, and of what is written to stdout.
//!
//! stdout is the answer, stderr the talk. Exit codes: 0 done; 1 failed, trying again may help; 2 usage or config; 3 a person is needed;
//! 141 the answer was not read to its end (`| head`).

mod alone;
mod api;
mod backtest;
mod chain;
mod check;
mod demo;
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

use clap::{Args, Parser, Subcommand};
use std::path::PathBuf;
use std::process::ExitCode;

/// Watches blockchain addresses on many chains and tells people the truth about them.
#[derive(Debug, Parser)]
#[command(name = "walletwatch", version, about, max_term_width = 100)]
struct Cli {
    #[command(flatten)]
    places: Places,
    #[command(subcommand)]
    command: Command,
}

/// Where things are.
#[derive(Debug, Clone, Args)]
pub struct Places {
    /// The config file [default: $WALLETWATCH_CONFIG, ./walletwatch.toml, the user's config folder, /etc/walletwatch/config.toml]
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The data folder [default: $WALLETWATCH_DATA_DIR, $STATE_DIRECTORY, the user's state folder]
    #[arg(long, global = true, value_name = "FOLDER")]
    data_dir: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the monitor
    Run(run::Run),
    /// Try the whole monitor against a simulated world: no keys, no network, nothing to install
    Demo(demo::Demo),
    /// What the rules would have said and paid over a past range; sends nothing
    Backtest(backtest::Backtest),
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
    /// Why an alert was said, or why a transaction made none
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
        Command::Backtest(command) => command.run(&places),
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
