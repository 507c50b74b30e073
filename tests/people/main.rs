//! Sinks that reach people, against receivers that hold them to what is documented: Telegram's Bot API, Slack's Web API, Alertmanager's API and SMTP, in memory on a paused
//! clock, over real sockets, with the whole monitor, and a mail server that is not ours.

mod burst;
mod channels;
mod cluster;
#[path = "../common/mod.rs"]
mod common;
mod foreign;
mod lives;
mod mail;
mod outage;
mod rig;
mod telegram;
mod whole;
mod workspace;
