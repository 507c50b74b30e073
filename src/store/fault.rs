//! Why the store cannot be used, with what a person can do about it. Never holds a value of a row, a url or a secret.

use std::io;
use std::path::{Path, PathBuf};

/// Why the store cannot be used. Cloned to everyone who waited for the same transaction.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreFault {
    /// A later version wrote it.
    #[error(
        "the store {} was written by a newer version (its schema is {found}, this one knows {known}): \
         start that version, or the copy that its upgrade left beside the store",
        path.display()
    )]
    Newer {
        /// The store.
        path: PathBuf,
        /// Its schema.
        found: i64,
        /// The newest schema that this version knows.
        known: i64,
    },
    /// An earlier version wrote it, and this connection only reads.
    #[error(
        "the store {} has the schema {found} and this version reads {known}: start the monitor once, it upgrades the store",
        path.display()
    )]
    Older {
        /// The store.
        path: PathBuf,
        /// Its schema.
        found: i64,
        /// The schema that this version reads.
        known: i64,
    },
    /// It is a database, but not ours.
    #[error(
        "{} is a database of another program (application id {found:#010x}): name another file in [store] url",
        path.display()
    )]
    Foreign {
        /// The file.
        path: PathBuf,
        /// Its application id.
        found: i32,
    },
    /// What is in it cannot be true.
    #[error(
        "the store {} is damaged ({what}): keep the file, and start from a backup or from the copy beside it",
        path.display()
    )]
    Damaged {
        /// The store.
        path: PathBuf,
        /// What was found.
        what: String,
    },
    /// It is not there, and must be.
    #[error(
        "there is no store at {}; `--data-dir` names another folder",
        path.display()
    )]
    Missing {
        /// Where it should be.
        path: PathBuf,
    },
    /// Something is there already, and nothing is replaced.
    #[error("{} is there already, and nothing is written over it: name another place, or take it away", path.display())]
    Exists {
        /// What is there.
        path: PathBuf,
    },
    /// It was taken away under the running process.
    #[error(
        "the store {} was deleted, moved or replaced while this process had it open: nothing more is written; \
         bring the file back, or a backup of it, and start again",
        path.display()
    )]
    Gone {
        /// Where it was.
        path: PathBuf,
    },
    /// The folder that should hold it is not there.
    #[error("there is no folder {} for the store: make it, or name another data folder", path.display())]
    NoFolder {
        /// The folder.
        path: PathBuf,
    },
    /// Another process has it.
    #[error(
        "the store {} is locked by {}: stop that process, or ask it over its API",
        path.display(),
        holder.map_or_else(|| "another process".to_owned(), |pid| format!("process {pid}"))
    )]
    Locked {
        /// The store.
        path: PathBuf,
        /// Whose number stands in the lock file.
        holder: Option<u32>,
    },
    /// We may not write there.
    #[error(
        "{} cannot be written: its disk is mounted read-only, or the user of this process has no right to write it; \
         name a place that can be written ([store] url, --data-dir), mount it writable, or give the right",
        path.display()
    )]
    ReadOnly {
        /// The file or folder.
        path: PathBuf,
    },
    /// There is no room.
    #[error("the disk that holds {} is full: nothing that was committed is lost; make room and start again", path.display())]
    Full {
        /// The store.
        path: PathBuf,
    },
    /// The system failed us.
    #[error("{doing} failed on {} ({what}): what was committed is on disk; look at the disk and start again", path.display())]
    Io {
        /// The store.
        path: PathBuf,
        /// What we were at.
        doing: &'static str,
        /// What the system or SQLite said.
        what: String,
    },
    /// The writer has ended.
    #[error("the store was closed: this process is ending")]
    Closed,
}

/// What helps, for the exit code (FACES §1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Remedy {
    /// Trying again may help: exit code 1.
    Again,
    /// A person is needed: exit code 3.
    Person,
}

impl StoreFault {
    /// What helps.
    #[must_use]
    pub const fn remedy(&self) -> Remedy {
        match self {
            Self::Newer { .. }
            | Self::Foreign { .. }
            | Self::Damaged { .. }
            | Self::Missing { .. }
            | Self::Gone { .. } => Remedy::Person,
            Self::Older { .. }
            | Self::Exists { .. }
            | Self::NoFolder { .. }
            | Self::Locked { .. }
            | Self::ReadOnly { .. }
            | Self::Full { .. }
            | Self::Io { .. }
            | Self::Closed => Remedy::Again,
        }
    }

    /// What the system said about a file.
    pub(super) fn of_io(path: &Path, doing: &'static str, error: &io::Error) -> Self {
        let path = path.to_path_buf();
        match error.kind() {
            io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => Self::ReadOnly { path },
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => {
                Self::Full { path }
            }
            kind => Self::Io { path, doing, what: kind.to_string() },
        }
    }

    /// What SQLite said.
    pub(super) fn of_sqlite(path: &Path, doing: &'static str, error: &rusqlite::Error) -> Self {
        use rusqlite::{Error, ErrorCode};
        let path = path.to_path_buf();
        match error {
            Error::FromSqlConversionFailure(..) | Error::IntegralValueOutOfRange(..) | Error::InvalidColumnType(..) => {
                Self::Damaged { path, what: format!("{doing}: {error}") }
            }
            Error::SqliteFailure(code, _) => match code.code {
                ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase => {
                    Self::Damaged { path, what: format!("{doing}: {error}") }
                }
                ErrorCode::DiskFull => Self::Full { path },
                // The index of the log could not grow: only a full disk does that.
                _ if code.extended_code == rusqlite::ffi::SQLITE_IOERR_SHMSIZE => Self::Full { path },
                ErrorCode::ReadOnly | ErrorCode::PermissionDenied => Self::ReadOnly { path },
                ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => Self::Locked { path, holder: None },
                _ => Self::Io { path, doing, what: error.to_string() },
            },
            _ => Self::Io { path, doing, what: error.to_string() },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rusqlite::ffi;

    #[test]
    fn what_the_system_says_becomes_what_a_person_can_act_on() {
        let path = Path::new("data/walletwatch.db");
        let io = |kind: io::ErrorKind| StoreFault::of_io(path, "opening", &kind.into());
        let sqlite = |code: i32| {
            StoreFault::of_sqlite(path, "committing", &rusqlite::Error::SqliteFailure(ffi::Error::new(code), None))
        };
        let cases = [
            (io(io::ErrorKind::PermissionDenied), Remedy::Again, "cannot be written"),
            (io(io::ErrorKind::ReadOnlyFilesystem), Remedy::Again, "cannot be written"),
            (io(io::ErrorKind::StorageFull), Remedy::Again, "full"),
            (io(io::ErrorKind::Other), Remedy::Again, "opening failed"),
            (sqlite(ffi::SQLITE_FULL), Remedy::Again, "full"),
            (sqlite(ffi::SQLITE_IOERR_SHMSIZE), Remedy::Again, "full"),
            (sqlite(ffi::SQLITE_READONLY), Remedy::Again, "cannot be written"),
            (sqlite(ffi::SQLITE_BUSY), Remedy::Again, "locked by another process"),
            (sqlite(ffi::SQLITE_CORRUPT), Remedy::Person, "damaged"),
            (sqlite(ffi::SQLITE_NOTADB), Remedy::Person, "damaged"),
            (sqlite(ffi::SQLITE_IOERR_FSYNC), Remedy::Again, "committing failed"),
        ];
        for (fault, remedy, words) in cases {
            let text = fault.to_string();
            assert_eq!(fault.remedy(), remedy, "{text}");
            assert!(text.contains(words) && text.contains("data/walletwatch.db"), "{text}");
        }
    }
}
