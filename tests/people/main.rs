//! Sinks, against receivers that hold them to what is documented: in memory on a paused clock, over real sockets, with the whole monitor; and
//! against what is not ours: a mail server, Alertmanager, NATS, a library of Standard Webhooks.

mod burst;
mod channels;
mod cluster;
#[path = "../common/mod.rs"]
mod common;
mod foreign;
mod incoming;
mod inert;
mod lives;
mod mail;
mod nkeys;
mod outage;
mod rig;
mod signed;
mod stream;
mod streams;
mod telegram;
mod whole;
mod words;
mod workspace;
