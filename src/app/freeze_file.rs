//! The file `FREEZE` beside the config, as people are told of it: who made it, when, and what it says.
//!
//! Nothing leaves while it is there, whatever is read here: the payment worker looks for it itself before each request.

use crate::reactor::paying::FreezeFile;
use crate::types::text::Untrusted;
use crate::types::{Name, Timestamp};
use std::io::{ErrorKind, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// How often it is looked for: a freeze is told of within a second or two, and stops what leaves at once.
const EVERY: Duration = Duration::from_secs(1);
/// Bytes of it that are read.
const MOST: u64 = 1_024;
/// Where the system says what its users are called.
const USERS: &str = "/etc/passwd";

/// Looks for it until it is told to stop.
pub(super) async fn watch(path: PathBuf, told: watch::Sender<Option<FreezeFile>>, stop: CancellationToken) {
    while stop.run_until_cancelled(tokio::time::sleep(EVERY)).await.is_some() {
        told.send_if_modified(|known| {
            let now = look(&path);
            let changed = *known != now;
            *known = now;
            changed
        });
    }
}

/// The file, where one is there. What cannot be looked for counts as there.
#[must_use]
pub fn look(path: &Path) -> Option<FreezeFile> {
    let facts = match std::fs::metadata(path) {
        Ok(facts) => facts,
        Err(error) if error.kind() == ErrorKind::NotFound => return None,
        Err(error) => {
            let why = format!("it cannot be told whether the file is there: {}", error.kind());
            return Some(FreezeFile { why: why.into(), by: "nobody knows".into(), since: Timestamp::default() });
        }
    };
    let mut text = String::new();
    // What is no text, or may not be read, freezes all the same.
    let _ = std::fs::File::open(path).and_then(|file| file.take(MOST).read_to_string(&mut text));
    let line = Untrusted::new(text.lines().next().unwrap_or_default().trim());
    let why = if line.as_str().is_empty() { "the file says no reason" } else { line.as_str() };
    let since = Timestamp::from_millis(facts.mtime().saturating_mul(1_000));
    Some(FreezeFile { why: why.into(), by: owner(facts.uid()), since })
}

/// A user's name, or number where the system has no name for it here.
fn owner(id: u32) -> Name {
    let users = std::fs::read_to_string(USERS).unwrap_or_default();
    let name = users.lines().find_map(|line| {
        let mut parts = line.split(':');
        let name = parts.next()?;
        (parts.nth(1)? == id.to_string()).then(|| Untrusted::new(name).as_str().to_owned())
    });
    name.map_or_else(|| format!("user {id}").into(), Name::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_says_why_and_by_whom_and_one_that_says_nothing_freezes_too() {
        let folder = tempfile::tempdir().expect("there is room for a folder");
        let path = folder.path().join("FREEZE");
        assert_eq!(look(&path), None);
        let says = |text: &[u8]| {
            std::fs::write(&path, text).expect("it can be written");
            look(&path).expect("it is there").why.to_string()
        };
        assert_eq!(says(b""), "the file says no reason");
        assert_eq!(says(b"the \x1b[31mnode lies\nand more"), Untrusted::new("the \u{1b}[31mnode lies").as_str());
        assert_eq!(says(&[0xFF, 0xFE]), "the file says no reason");
        let found = look(&path).expect("it is there");
        assert!(!found.by.as_str().is_empty() && found.since > Timestamp::default(), "{found:?}");
        let below = path.join("FREEZE");
        assert!(look(&below).is_some(), "what cannot be looked for counts as there");
    }
}
