//! One process per store: a lock file beside it, held for as long as the store is open.
//!
//! The lock is the system's, not the file's existence: it ends with the process, however that dies. The file stays and is never deleted.

use super::fault::StoreFault;
use std::ffi::OsString;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};

/// The right to write a store. Dropping it gives it up.
#[derive(Debug)]
pub struct StoreLock {
    file: File,
}

/// Where the lock file of a store is: its path with `.lock` behind it.
#[must_use]
pub fn lock_path(store: &Path) -> PathBuf {
    let mut name = OsString::from(store);
    name.push(".lock");
    name.into()
}

impl StoreLock {
    /// Takes the lock of `store` and notes this process in it.
    ///
    /// # Errors
    /// [`StoreFault::Locked`] with the holder's process number; `NoFolder`, `ReadOnly`, `Full` or `Io` when the file cannot be had.
    pub fn take(store: &Path) -> Result<Self, StoreFault> {
        let path = lock_path(store);
        if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty() && !folder.is_dir()) {
            return Err(StoreFault::NoFolder { path: folder.to_path_buf() });
        }
        let fault = |error: &io::Error| StoreFault::of_io(&path, "taking the lock", error);
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        let mut file = options.open(&path).map_err(|error| fault(&error))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(StoreFault::Locked { path: store.to_path_buf(), holder: holder(&mut file) });
            }
            Err(TryLockError::Error(error)) => return Err(fault(&error)),
        }
        file.set_len(0).map_err(|error| fault(&error))?;
        file.rewind().map_err(|error| fault(&error))?;
        writeln!(file, "{}", std::process::id()).map_err(|error| fault(&error))?;
        Ok(Self { file })
    }
}

impl Drop for StoreLock {
    /// Gives it up by name: closing the file alone would not, while a child that is just being started still has a copy of it.
    fn drop(&mut self) {
        // Where that fails, closing does it.
        drop(self.file.unlock());
    }
}

/// The process number that the holder wrote; it may be just about to.
fn holder(file: &mut File) -> Option<u32> {
    let mut text = String::new();
    file.take(32).read_to_string(&mut text).ok()?;
    text.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_taker_is_told_who_holds_it_and_gets_it_after() {
        let folder = tempfile::tempdir().unwrap();
        let store = folder.path().join("walletwatch.db");
        let first = StoreLock::take(&store).unwrap();
        let fault = StoreLock::take(&store).unwrap_err();
        let pid = std::process::id();
        assert_eq!(fault, StoreFault::Locked { path: store.clone(), holder: Some(pid) });
        assert!(fault.to_string().contains(&format!("locked by process {pid}")), "{fault}");
        drop(first);
        StoreLock::take(&store).unwrap();
    }

    #[test]
    fn a_missing_folder_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let missing = folder.path().join("nowhere");
        let fault = StoreLock::take(&missing.join("walletwatch.db")).unwrap_err();
        assert_eq!(fault, StoreFault::NoFolder { path: missing });
    }

    #[test]
    fn a_stale_number_in_the_file_locks_nobody_out() {
        let folder = tempfile::tempdir().unwrap();
        let store = folder.path().join("walletwatch.db");
        std::fs::write(lock_path(&store), "4294967295 and a long tail of text that is not a number").unwrap();
        let _held = StoreLock::take(&store).unwrap();
        assert_eq!(std::fs::read_to_string(lock_path(&store)).unwrap().trim(), std::process::id().to_string());
    }
}
