//! What reports from outside: settings and wants in, events out. Sources do not know each other.
pub mod etherscan;
