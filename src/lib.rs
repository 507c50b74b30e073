//! walletwatch watches blockchain addresses and tells people the truth about them. This is the map of its code.
//!
//! # From above
//!
//! ```text
//!             sources/           app/pump.rs               store/                   sinks/
//!  prices ──┐                 ┌───────────────┐   one commit per turn    ┌──────┐
//!  heads ───┤  a bounded      │   reactor/    │   ┌──────────────────┐   │outbox├──► webhook, slack, log
//!  blocks ──┼─ queue each ──► │ handle(event) │──►│ transfers, alerts│──►│      │
//!  explorer ┤                 │  → effects    │   │ cursors, outbox, │   └──────┘
//!  commands ┘                 │  (no I/O)     │   │ payments         │
//!                             └───────▲───────┘   └──────────────────┘
//!                                     └── deadlines, one table              http/: page, API, metrics, health
//! ```
//!
//! Everything that happens is an [`Event`](reactor::event::Event): a block, a price, an answer, a person's command, a deadline. The
//! [`Reactor`](reactor::Reactor) takes one after the other and returns [`Effect`](reactor::effect::Effect)s: rows to write, messages
//! to deliver. One turn of the pump ([`app::turn`]) handles a batch of events and commits all effects at once, with the cursors of
//! their sources, and only then lets anything leave. So a crash at any place loses nothing and makes up nothing: the next start
//! rebuilds the reactor from the tables and goes on.
//!
//! # What is where
//!
//! A folder knows only those below it in this list; `sources`, `sinks` and `payments` do not know each other; only the demo and the
//! tests know `world`. `tests/tidy.rs` reads the tree and checks it.
//!
//! - [`cli`]: the commands, one file each; what is written to stdout; exit codes; the only home of `anyhow`.
//! - [`app`]: the wiring. It builds the rest from a config, starts it, stops it in stages; the pump, the clock.
//! - [`http`]: the page, the API, `/metrics`, `/healthz`, `/readyz`, and who may ask for what.
//! - [`sources`]: what reports. Chains over RPC, an Etherscan-compatible explorer, price feeds: settings in, events out.
//! - [`payments`]: the client of Circle Wallets and the worker that does what the payments' protocol asks, each thing once.
//! - [`sinks`]: where alerts go. Each a pure message→request and response→verdict; the delivery machine; its worker.
//! - [`store`]: SQLite. One writer thread, migrations, the lists that people read; a model of it in memory for the simulation.
//! - [`net`]: the supervised WebSocket, the HTTP client with its limits, call budget, breaker, backoff.
//! - [`telemetry`]: the log without secrets, the names of all metrics, health, the kill points of tests.
//! - [`config`]: from what is written (`raw`) to what is meant (`checked`); every fault at once, with its place and a hint.
//! - [`reactor`]: the state machine. What is canonical, what moved, what rules say of it, what may be paid.
//! - [`world`]: a simulated chain with its node, an explorer, a price feed, Circle and receivers that fail, on loopback.
//! - [`wire`]: bytes to values and back: JSON-RPC, Etherscan's API, ERC-20 logs, tickers, Circle's API and hooks.
//! - [`types`]: chains, addresses, amounts, assets, times, ids, secrets.
//!
//! # What is absent
//!
//! The architecture is as much in what is not there:
//!
//! - `reactor`, `wire` and `types` have no clock, no randomness, no I/O, no async, no logging and no hash-ordered iteration. The same
//!   events give the same effects, byte for byte, on every machine.
//! - The reactor cannot fail. A broken input is an event; a reactor never sees the config's text, a socket or a secret.
//! - Only `app/clock.rs` reads the time. Only `app` starts tasks and threads (and `cli` and `world` where they run without it).
//! - Amounts are integers in the smallest unit, prices are decimals. There is no float for money.
//! - No secret has a `Display` or `Debug` that shows it, and no error holds a url: urls carry keys.
//! - Nothing leaves the process before the commit that holds it.
//! - Only `reactor/payments` makes a payment, and only an `Ask::Create` of its, behind a durable commit, makes `payments` send one.
//!
//! # Where to begin
//!
//! `src/reactor/event.rs` and `src/reactor/effect.rs` are all that goes in and comes out. Then `src/reactor/rows.rs` (the tables),
//! `src/app/turn.rs` (one turn), and one transfer's way: `src/sources/chain/tip.rs`, `src/reactor/read_blocks.rs`,
//! `src/reactor/speak.rs`, `src/store/outbox.rs`, `src/sinks/delivery.rs`, `src/sinks/webhook.rs`.

#![warn(unreachable_pub)]
// What a test may do and the program may not: stop at what cannot be, print, and, in the rooms that work on closed lists of our own,
// not care for what will be added to them.
#![cfg_attr(not(test), warn(clippy::unwrap_used, clippy::print_stdout, clippy::print_stderr, clippy::float_arithmetic))]

#[cfg_attr(not(test), warn(clippy::wildcard_enum_match_arm))]
pub mod app;
#[allow(clippy::print_stdout, clippy::print_stderr, reason = "stdout is a command's answer, stderr the talk")]
pub mod cli;
pub mod config;
pub mod http;
pub mod net;
#[cfg_attr(not(test), warn(clippy::wildcard_enum_match_arm))]
pub mod payments;
#[cfg_attr(not(test), warn(clippy::wildcard_enum_match_arm))]
pub mod reactor;
#[cfg_attr(not(test), warn(clippy::wildcard_enum_match_arm))]
pub mod sinks;
#[cfg_attr(not(test), warn(clippy::wildcard_enum_match_arm))]
pub mod sources;
pub mod store;
pub mod telemetry;
pub mod types;
pub mod wire;
pub mod world;
