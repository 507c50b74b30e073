//! One hook: from raw bytes to an answer and perhaps a hint.

use super::keys::{KeyRing, Look};
use super::seen::{KEPT_DAYS, Seen};
use crate::types::{Name, Timestamp, Uuid};
use crate::wire::circle::{self, HookKind};
use bytes::Bytes;
use futures::future::BoxFuture;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::mpsc;

/// A hook that Circle signed longer ago than ids are remembered could be a repeat of one that is forgotten.
const OLDEST: Duration = Duration::from_hours(24 * (KEPT_DAYS.unsigned_abs() - 1));

/// A hook as it came.
#[derive(Clone)]
pub struct RawHook {
    /// `X-Circle-Key-Id`.
    pub key_id: Option<String>,
    /// `X-Circle-Signature`.
    pub signature: Option<String>,
    /// The body, not a byte changed.
    pub body: Bytes,
}

impl fmt::Debug for RawHook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RawHook").field("body_bytes", &self.body.len()).finish_non_exhaustive()
    }
}

/// What becomes of a hook.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// New: somebody looks at its transaction.
    Taken,
    /// Circle's, and nothing follows from it: a repeat, a test, or about something else.
    Noted,
    /// Not Circle's, as far as can be told.
    Refused,
    /// It cannot be judged now: Circle sends it again.
    Later,
}

impl Verdict {
    /// Every verdict.
    pub const ALL: [Self; 4] = [Self::Taken, Self::Noted, Self::Refused, Self::Later];

    /// The word in metrics.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Taken => "taken",
            Self::Noted => "noted",
            Self::Refused => "refused",
            Self::Later => "later",
        }
    }

    /// The HTTP status that says it.
    #[must_use]
    pub const fn status(self) -> u16 {
        match self {
            Self::Taken | Self::Noted => 200,
            Self::Refused => 401,
            Self::Later => 503,
        }
    }
}

/// Look at this transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hint {
    /// Circle's id of it.
    pub transaction: Name,
    /// When the hook came.
    pub at: Timestamp,
}

/// Why there is no key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyTrouble {
    /// Circle has none of this id.
    Unknown,
    /// Circle cannot be asked.
    Unavailable,
}

/// Asks Circle, and nobody else, for the key of an id.
pub type FetchKey = Arc<dyn Fn(Uuid) -> BoxFuture<'static, Result<Vec<u8>, KeyTrouble>> + Send + Sync>;
/// Writes a note durably; false where it could not.
pub type KeepNote = Arc<dyn Fn(String, String) -> BoxFuture<'static, bool> + Send + Sync>;

/// What the intake is connected with.
#[derive(Clone)]
pub struct HookWires {
    /// Asks Circle for a key.
    pub fetch: FetchKey,
    /// Keeps what was taken.
    pub keep: KeepNote,
    /// Whoever looks.
    pub hints: mpsc::Sender<Hint>,
    /// The wall time.
    pub clock: Arc<dyn Fn() -> Timestamp + Send + Sync>,
}

impl fmt::Debug for HookWires {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HookWires")
    }
}

/// The intake of Circle's hooks.
#[derive(Debug)]
pub struct CircleHooks {
    wires: HookWires,
    keys: Mutex<KeyRing>,
    seen: Mutex<Seen>,
    count: Count,
}

/// Told of every verdict.
struct Count(Box<dyn Fn(Verdict) + Send + Sync>);

impl fmt::Debug for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Count")
    }
}

impl CircleHooks {
    /// With what was taken before.
    #[must_use]
    pub fn new(wires: HookWires, seen: Seen) -> Self {
        Self { wires, keys: Mutex::default(), seen: Mutex::new(seen), count: Count(Box::new(|_| {})) }
    }

    /// Telling `count` of every verdict.
    #[must_use]
    pub fn counted(mut self, count: impl Fn(Verdict) + Send + Sync + 'static) -> Self {
        self.count = Count(Box::new(count));
        self
    }

    /// Judges a hook. Whoever answers with its status has kept what matters: what follows comes after.
    pub async fn take(&self, raw: RawHook) -> Verdict {
        let verdict = self.judge(raw).await;
        (self.count.0)(verdict);
        verdict
    }

    async fn judge(&self, raw: RawHook) -> Verdict {
        let (Some(key_id), Some(signature)) = (raw.key_id, raw.signature) else { return Verdict::Refused };
        let Some(key_id) = Uuid::parse(&key_id) else { return Verdict::Refused };
        let now = (self.wires.clock)();
        let key = match self.key(key_id, now).await {
            Ok(key) => key,
            Err(KeyTrouble::Unknown) => return Verdict::Refused,
            Err(KeyTrouble::Unavailable) => return Verdict::Later,
        };
        if circle::verify(&key, &signature, &raw.body).is_err() {
            return Verdict::Refused;
        }
        let hook = match circle::hook(&raw.body) {
            Ok(hook) => hook,
            Err(fault) => {
                // It is Circle's, and another try would bring the same bytes.
                tracing::warn!("a hook of Circle's cannot be read: {fault}");
                return Verdict::Noted;
            }
        };
        let transaction = match hook.kind {
            HookKind::Transaction { id } => id,
            HookKind::Test | HookKind::Other => return Verdict::Noted,
        };
        if hook.at.is_none_or(|signed| now.since(signed) > OLDEST) {
            return Verdict::Refused;
        }
        self.hint(hook.id, transaction, now).await
    }

    /// Passes one on that was never taken, once that is kept.
    async fn hint(&self, id: Uuid, transaction: Name, now: Timestamp) -> Verdict {
        // Without room for it nothing is kept, so that Circle's next try is taken.
        let Ok(room) = self.wires.hints.try_reserve() else { return Verdict::Later };
        let (key, note) = {
            let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
            if seen.has(id, now) {
                return Verdict::Noted;
            }
            seen.take(id, now)
        };
        // What could not be kept is looked at all the same: the next start may do so again.
        let _kept = (self.wires.keep)(key, note).await;
        room.send(Hint { transaction, at: now });
        Verdict::Taken
    }

    async fn key(&self, id: Uuid, now: Timestamp) -> Result<Vec<u8>, KeyTrouble> {
        let look = self.keys.lock().unwrap_or_else(PoisonError::into_inner).look(id, now);
        match look {
            Look::Known(key) => Ok(key),
            Look::Later => Err(KeyTrouble::Unavailable),
            Look::Fetch => {
                let key = (self.wires.fetch)(id).await?;
                self.keys.lock().unwrap_or_else(PoisonError::into_inner).learn(id, key.clone());
                Ok(key)
            }
        }
    }
}
