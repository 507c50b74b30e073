//! The real client of an explorer, its poll loop and its pager against the simulated explorer, over loopback HTTP; and the reactor behind
//! them.
//!
//! Time is tokio's paused clock, and stands still while a call is under way: what is measured is when calls start, to the
//! millisecond, and a minute takes a second. No test here sleeps.

#[path = "../common/config.rs"]
mod config;
mod day;
mod handover;
mod pace;
mod pages;
mod scene;
mod stage;
mod trouble;
mod watched;
