//! Hooks that Circle sends: checked over their raw bytes, told apart from repeats, and turned into hints.
//!
//! A hint says "look at this transaction" and nothing else: no payment's state is ever taken from a hook. Whatever cannot be checked is
//! refused. A key is fetched from Circle alone, by an id that has the shape of one, at most once a minute.

mod intake;
mod keys;
mod seen;
#[cfg(test)]
mod tests;

pub use intake::{CircleHooks, FetchKey, Hint, HookWires, KeepNote, KeyTrouble, RawHook, Verdict};
pub use keys::{KEYS_KEPT, KeyRing, Look};
pub use seen::{KEPT_DAYS, Seen};
