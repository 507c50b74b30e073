//! Receivers that take, refuse, fail, lose and forget to answer; and what each of them got.

use fastrand::Rng;
use std::time::Duration;
use walletwatch::sinks::answer::{Answer, SendFault, SinkResponse};
use walletwatch::types::{MessageId, Name, Timestamp};

/// One message as it reached a receiver.
#[derive(Debug, Clone)]
pub struct Heard {
    pub sink: Name,
    pub id: MessageId,
    pub body: bytes::Bytes,
}

/// An attempt under way.
#[derive(Debug)]
pub struct Flight {
    pub seq: i64,
    pub heard: Heard,
    pub due: Timestamp,
    pub arrives: bool,
    pub answer: Answer,
}

impl Flight {
    /// Decides what becomes of an attempt.
    pub fn launch(seq: i64, heard: Heard, now: Timestamp, rng: &mut Rng, faulty: bool) -> Self {
        let status = |status: u16, retry_after: Option<u64>| {
            let retry_after = retry_after.map(Duration::from_secs);
            Ok(SinkResponse { status, retry_after, pause: None, body: bytes::Bytes::new() })
        };
        let lost = |ambiguous: bool| Err(SendFault { ambiguous, reason: "lost".into() });
        let (arrives, answer) = match if faulty { rng.u8(0..24) } else { 23 } {
            0..3 => (false, status(500, None)),
            3 => (true, status(502, None)),
            4..6 => (true, lost(true)),
            6 => (false, lost(true)),
            7..9 => (false, lost(false)),
            9 => (false, status(429, Some(30))),
            10 if rng.u8(0..8) == 0 => (false, status(410, None)),
            11 => (false, status(404, None)),
            _ => (true, status(204, None)),
        };
        let due = now.after(Duration::from_millis(rng.u64(1..4_000)));
        Self { seq, heard, due, arrives, answer }
    }
}
