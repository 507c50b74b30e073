//! Places where tests let the process die or lie. Without the feature `faults` all of this compiles to nothing.

use crate::reactor::event::Event;

/// Ends the process at a named place, as `kill -9` would, when `WALLETWATCH_FAULT_KILL` is `name` or `name:n` (the n-th passage).
#[inline]
pub fn kill_point(name: &str) {
    #[cfg(feature = "faults")]
    armed::kill(name);
    #[cfg(not(feature = "faults"))]
    let _ = name;
}

/// Panics on the block that `WALLETWATCH_FAULT_PANIC` names as `chain:block`.
///
/// # Panics
/// When it was asked to.
#[inline]
pub fn plant(event: &Event) {
    #[cfg(feature = "faults")]
    armed::plant(event);
    #[cfg(not(feature = "faults"))]
    let _ = event;
}

#[cfg(feature = "faults")]
mod armed {
    use crate::reactor::event::Event;
    use std::sync::OnceLock;
    use std::sync::atomic::{AtomicU64, Ordering};

    struct Kill {
        name: String,
        left: AtomicU64,
    }

    fn asked(variable: &str) -> Option<(String, u64)> {
        let text = std::env::var(variable).ok()?;
        match text.split_once(':') {
            Some((name, number)) => Some((name.to_owned(), number.parse().ok()?)),
            None => Some((text, 1)),
        }
    }

    pub(super) fn kill(name: &str) {
        static KILL: OnceLock<Option<Kill>> = OnceLock::new();
        let kill = KILL.get_or_init(|| {
            asked("WALLETWATCH_FAULT_KILL").map(|(name, left)| Kill { name, left: AtomicU64::new(left) })
        });
        if let Some(kill) = kill
            && kill.name == name
            && kill.left.fetch_sub(1, Ordering::SeqCst) == 1
        {
            std::process::abort();
        }
    }

    pub(super) fn plant(event: &Event) {
        static PANIC: OnceLock<Option<(u64, u64)>> = OnceLock::new();
        let asked = PANIC.get_or_init(|| {
            asked("WALLETWATCH_FAULT_PANIC").and_then(|(chain, block)| Some((chain.parse().ok()?, block)))
        });
        if let (Some((chain, block)), Event::Run(run)) = (asked, event) {
            let planted = run.chain.0 == *chain && run.blocks.iter().any(|read| read.at.number == *block);
            assert!(!planted, "a planted panic");
        }
    }
}
