//! Everything around the monitor fails, in every way that is known: sockets, receivers, the explorer. The monitor is the real one,
//! in this process; what it talks to is the simulated world behind wires that can be cut.

#[path = "../common/config.rs"]
mod config;
mod explorer;
mod imitators;
mod proxy;
mod receivers;
mod reload;
mod sockets;
mod stage;
