//! List files against what they held when they were last in force: a file that was cut off while it was written must not take half of the
//! watch list away without a word.

use crate::config::checked::ListConfig;
use crate::types::Name;

/// A list file that lost more of its lines than is believed without a word.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "the list file of the watch {watch} has {now} addresses, and had {before}: more than a tenth is gone. hint: \
     look whether it is whole; where it is meant to be so, start once with --allow-shrink"
)]
pub struct Shrunk {
    /// Whose.
    pub watch: Name,
    /// How many addresses it had when it was last in force.
    pub before: u64,
    /// How many it has.
    pub now: u64,
}

/// The note in the store that keeps the number of a list's addresses.
#[must_use]
pub fn note_key(watch: &Name) -> String {
    format!("list:{watch}")
}

/// Compares a list with the note of what it held.
///
/// # Errors
/// [`Shrunk`] where more than a tenth is gone.
pub fn compare(list: &ListConfig, note: Option<&str>) -> Result<(), Shrunk> {
    let before: u64 = note.and_then(|note| note.parse().ok()).unwrap_or(0);
    let now = list.addresses;
    let lost = before.saturating_sub(now);
    if u128::from(lost) * 10 > u128::from(before) {
        return Err(Shrunk { watch: list.watch.clone(), before, now });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_that_loses_more_than_a_tenth_is_not_believed() {
        let check = |before: Option<&str>, now: u64, fine: bool| {
            let list = ListConfig { watch: "deposits".into(), file: "deposits.csv".into(), addresses: now };
            assert_eq!(compare(&list, before).is_ok(), fine, "{before:?} {now}");
        };
        check(None, 0, true);
        check(Some("0"), 0, true);
        check(Some("50000"), 45_000, true);
        check(Some("50000"), 44_999, false);
        check(Some("10"), 9, true);
        check(Some("10"), 8, false);
        check(Some("5"), 4, false);
        check(Some("5"), 1_000_000, true);
        check(Some("1"), 0, false);
        check(Some("18446744073709551615"), 0, false);
        check(Some("not a number"), 0, true);
    }
}
