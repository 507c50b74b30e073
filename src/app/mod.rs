//! The wiring: everything is built from a [`crate::config::checked::Config`] here, started here and stopped here.
//!
//! The only room that starts tasks and threads, and (in [`clock`]) the only one that reads the time. It decides nothing about alerts.

pub mod backtest;
pub mod board;
pub mod circle;
pub mod clock;
pub mod commands;
pub mod freeze_file;
mod gas;
mod indexes;
mod intakes;
mod lately;
pub mod lists;
pub mod monitor;
mod outages;
pub mod overview;
pub mod payer;
pub mod poison;
mod promises;
pub mod pump;
pub mod reload;
pub mod replies;
pub mod sources;
mod spending;
pub mod treasury;
pub mod turn;
mod upkeep;
