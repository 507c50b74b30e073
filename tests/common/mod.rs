//! What tests of the whole binary share: the monitor as a process of its own, a receiver of webhooks, and anvil as the chain.
//!
//! Everything listens on a free port of loopback, lives in a folder of its own and is stopped by its own handle. Nothing here knows
//! what any test is about.

#![allow(dead_code, unreachable_pub, reason = "each test binary uses its own part of this, and nothing outside does")]
#![allow(clippy::disallowed_methods, reason = "a test stands outside: it has the time from the system, as people do")]
#![allow(clippy::print_stderr, reason = "what the monitor said belongs to a failed test")]

pub mod anvil;
pub mod bot;
pub mod config;
pub mod html;
pub mod leaks;
pub mod mail;
pub mod monitor;
pub mod receiver;

use std::io::{BufRead, BufReader, Read};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::watch;

/// How long anything that must happen may take: machines are shared and noisy, and a test that passes never waits for it.
pub const PATIENCE: Duration = Duration::from_mins(2);

/// What a process has printed so far, line by line, as it comes.
#[derive(Debug, Clone)]
pub struct Printed {
    lines: Arc<Mutex<Vec<String>>>,
    count: watch::Receiver<usize>,
}

impl Printed {
    /// Reads until the other side closes.
    pub fn of(output: impl Read + Send + 'static) -> Self {
        let lines = Arc::new(Mutex::new(Vec::new()));
        let (count_to, count) = watch::channel(0);
        let kept = Arc::clone(&lines);
        std::thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                let mut lines = kept.lock().expect("no holder panics");
                lines.push(line);
                count_to.send_replace(lines.len());
            }
        });
        Self { lines, count }
    }

    /// All lines so far.
    pub fn lines(&self) -> Vec<String> {
        self.lines.lock().expect("no holder panics").clone()
    }

    /// The first line that holds `text`; what was printed, where none comes in time or the process ends.
    pub async fn line_with(&self, text: &str) -> Result<String, String> {
        let mut count = self.count.clone();
        let found = async {
            loop {
                count.borrow_and_update();
                if let Some(line) = self.lines().into_iter().find(|line| line.contains(text)) {
                    return Some(line);
                }
                if count.changed().await.is_err() {
                    // What came with the end has been read by now.
                    return self.lines().into_iter().find(|line| line.contains(text));
                }
            }
        };
        let found = tokio::time::timeout(PATIENCE, found).await.ok().flatten();
        found.ok_or_else(|| format!("no line with {text:?} in:\n{}", self.lines().join("\n")))
    }
}

/// An HTTP client for talking to what runs on loopback.
pub fn http_client() -> reqwest::Client {
    walletwatch::net::install_crypto_provider();
    reqwest::Client::builder().no_proxy().timeout(PATIENCE).build().expect("a client can be made")
}
