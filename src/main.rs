//! The command `walletwatch`. Everything is in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    walletwatch::cli::main()
}
