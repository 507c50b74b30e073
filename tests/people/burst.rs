//! Ten thousand alerts at once to one chat, of every severity: all are named, what matters most first, and the receiver, which counts, refuses
//! none.

use crate::channels::{Channel, Receives, Wire, discord};
use crate::rig::{Book, HOSTILE, Rig, numbered};
use crate::telegram::{GROUP, Phone, sink as telegram};
use crate::workspace::{Workspace, bot};
use std::io::Write as _;
use std::time::Duration;
use tokio::time::Instant;
use walletwatch::sinks::{Carry, Post, Sink};
use walletwatch::types::Severity;

const MANY: u32 = 10_000;

/// In an order that is as good as random, and the same each time.
const fn severity(n: u32) -> Severity {
    match n.wrapping_mul(2_654_435_761) % 200 {
        0 => Severity::Critical,
        1..8 => Severity::Warning,
        _ => Severity::Info,
    }
}

/// The alerts that a text names: by the id of the alert, or by the transaction where it has a message of its own.
fn named(text: &str) -> Vec<u32> {
    let mut all = Vec::new();
    for (start, end) in [("alert ", "aa".repeat(12)), ("transaction 0x", "bb".repeat(28))] {
        all.extend(text.match_indices(start).filter_map(|(at, _)| {
            let (digits, rest) = text.get(at + start.len()..)?.split_at_checked(8)?;
            rest.starts_with(&end).then(|| u32::from_str_radix(digits, 16).ok())?
        }));
    }
    all
}

/// The texts that the receiver has, in order.
async fn burst<W>(name: &str, to: W, sink: Sink, texts: impl Fn(&W) -> Vec<String>, at_most: Duration)
where
    W: Post + Carry + Clone + Send + Sync + 'static,
{
    let began = Instant::now();
    let rig = Rig::start(to.clone(), Book::default(), sink);
    let names = HOSTILE.iter().cycle();
    rig.commit((0..MANY).zip(names).map(|(n, name)| numbered(n, severity(n), name)).collect()).await;
    rig.until_closed().await;
    let took = began.elapsed();
    let texts = texts(&to);
    // Which message names which alert: each is named in one, and in one alone.
    let mut place = vec![Vec::new(); MANY as usize];
    for (nth, text) in texts.iter().enumerate() {
        named(text).into_iter().for_each(|n| place[n as usize].push(nth));
    }
    assert!(place.iter().all(|places| places.len() == 1), "{name}: each is named, once");
    let of = |wanted: Severity| (0..MANY).filter(move |n| severity(*n) == wanted).map(|n| place[n as usize][0]);
    let (critical, warnings) = (of(Severity::Critical).count(), of(Severity::Warning).count());
    let last = of(Severity::Critical).max().expect("there are some");
    // One in eight goes to whatever has waited longest.
    assert!(last <= critical * 8 / 7 + 1, "{name}: the last of {critical} critical ones is message {last}");
    // Not by `println`: what a passing test prints is not shown.
    let _ = writeln!(
        std::io::stderr(),
        "{MANY} alerts to {name}: {} messages in {} min, {critical} critical ones within the first {}, {warnings} warnings; 0 refused",
        texts.len(),
        took.as_secs() / 60,
        last + 1
    );
    assert!(took < at_most, "{name}: {took:?}");
    rig.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_telegram_group_gets_twenty_a_minute() {
    // The bot itself fails where a message comes too soon.
    let seen = |phone: &Phone| phone.bot().posts().into_iter().map(|post| post.seen).collect();
    burst("a Telegram group", Phone::new(), telegram(&GROUP.to_string()), seen, Duration::from_hours(2)).await;
}

/// As JSON, escapes and all: ids are plain in it.
fn written<R: Receives>(of: impl Fn(&R) -> Vec<String>) -> impl Fn(&Wire<R>) -> Vec<String> {
    move |wire| of(&wire.there())
}

#[tokio::test(start_paused = true)]
async fn a_slack_channel_gets_one_a_second() {
    let texts = written(|it: &Workspace| {
        assert_eq!(it.limited, 0, "nothing is refused");
        it.posted.iter().map(|posted| posted.body["blocks"].to_string()).collect()
    });
    burst("a Slack channel", Wire::new(Workspace::default()), bot(), texts, Duration::from_mins(40)).await;
}

#[tokio::test(start_paused = true)]
async fn a_discord_channel_gets_what_its_headers_allow() {
    let texts = written(|it: &Channel| {
        assert_eq!(it.limited, 0, "nothing is refused");
        it.posts.iter().map(|(_, body)| body.to_string().replace(['`', '\\'], "")).collect()
    });
    burst("a Discord channel", Wire::new(Channel::default()), discord(), texts, Duration::from_mins(40)).await;
}
