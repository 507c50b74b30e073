//! From any schema that was released to the newest one, forward only, after a copy of the store.

use super::fault::StoreFault;
use super::schema::{APPLICATION_ID, Migration};
use rusqlite::Connection;
use std::ffi::OsString;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

/// Copies that upgrades leave beside the store.
pub(super) const COPIES_KEPT: usize = 2;

/// What a database file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Found {
    /// Nothing yet: a new file, or one whose making was cut off.
    Empty,
    /// A store with this schema.
    Store(i64),
}

/// Looks what the file is.
///
/// # Errors
/// `Foreign` where another program made it, `Newer` where a later version of this one did, `Damaged` where it is no database.
pub(super) fn look(connection: &Connection, path: &Path, known: i64) -> Result<Found, StoreFault> {
    let fault = |error: &rusqlite::Error| StoreFault::of_sqlite(path, "reading what the store is", error);
    let number = |sql: &str| connection.query_row(sql, [], |row| row.get::<_, i64>(0)).map_err(|error| fault(&error));
    let application = number("PRAGMA application_id")?;
    let schema = number("PRAGMA user_version")?;
    let tables = number("SELECT count(*) FROM sqlite_schema")?;
    if application == 0 && schema == 0 && tables == 0 {
        return Ok(Found::Empty);
    }
    let application = i32::try_from(application).unwrap_or_default();
    if application != APPLICATION_ID {
        return Err(StoreFault::Foreign { path: path.to_path_buf(), found: application });
    }
    if schema > known {
        return Err(StoreFault::Newer { path: path.to_path_buf(), found: schema, known });
    }
    if schema < 1 {
        return Err(StoreFault::Damaged { path: path.to_path_buf(), what: format!("its schema is {schema}") });
    }
    Ok(Found::Store(schema))
}

/// The newest schema of these steps.
#[must_use]
pub(super) fn newest(migrations: &[Migration]) -> i64 {
    migrations.last().map_or(0, |migration| migration.to)
}

/// Brings what was found to the newest schema, in one transaction; does nothing where it is that already.
///
/// # Errors
/// When the copy cannot be made, or a step fails: the store is as it was.
pub(super) fn forward(
    connection: &mut Connection,
    path: &Path,
    found: Found,
    migrations: &[Migration],
    first: impl FnOnce(&Connection) -> rusqlite::Result<()>,
) -> Result<(), StoreFault> {
    let fault = |error: &rusqlite::Error| StoreFault::of_sqlite(path, "upgrading the store", error);
    let from = match found {
        Found::Empty => 0,
        Found::Store(schema) => schema,
    };
    let newest = newest(migrations);
    if from == newest {
        return Ok(());
    }
    if from > 0 {
        copy(connection, path, from)?;
    }
    let transaction = connection.transaction().map_err(|error| fault(&error))?;
    let steps = || {
        for migration in migrations.iter().filter(|migration| migration.to > from) {
            transaction.execute_batch(migration.sql)?;
        }
        transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
        transaction.pragma_update(None, "user_version", newest)?;
        if from == 0 { first(&transaction) } else { Ok(()) }
    };
    steps().map_err(|error| fault(&error))?;
    transaction.commit().map_err(|error| fault(&error))
}

/// Where the copy of a store with schema `schema` is.
#[must_use]
pub(super) fn copy_path(store: &Path, schema: i64) -> PathBuf {
    let mut name = OsString::from(store);
    name.push(format!(".v{schema}.copy"));
    name.into()
}

/// Copies the store beside itself and keeps the newest two copies.
fn copy(connection: &Connection, path: &Path, schema: i64) -> Result<(), StoreFault> {
    write_copy(connection, path, &copy_path(path, schema))?;
    let old = (1..schema).rev().map(|older| copy_path(path, older)).filter(|copy| copy.exists());
    for copy in old.skip(COPIES_KEPT - 1) {
        fs::remove_file(&copy).map_err(|error| StoreFault::of_io(&copy, "removing an old copy", &error))?;
    }
    Ok(())
}

/// Writes a whole, compact copy of the store to `to`, durably and for its owner only: it appears under its name when it is complete.
///
/// # Errors
/// When it cannot be written; nothing is left under `to` then, or what was there before.
pub(super) fn write_copy(connection: &Connection, store: &Path, to: &Path) -> Result<(), StoreFault> {
    let mut part = OsString::from(to);
    part.push(".part");
    let part = PathBuf::from(part);
    let written = write_part(connection, store, to, &part);
    if written.is_err() {
        // What is left of it helps nobody; the fault says what matters.
        drop(fs::remove_file(&part));
    }
    written
}

fn write_part(connection: &Connection, store: &Path, to: &Path, part: &Path) -> Result<(), StoreFault> {
    let io = |error: &io::Error| StoreFault::of_io(to, "copying the store", error);
    let name = part.to_str().ok_or_else(|| StoreFault::Io {
        path: to.to_path_buf(),
        doing: "copying the store",
        what: "the path is not UTF-8".to_owned(),
    })?;
    match fs::remove_file(part) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(io(&error)),
        Ok(()) | Err(_) => {}
    }
    // SQLite writes into a file that is empty, and would make one that others can read.
    own(part).map_err(|error| io(&error))?;
    // As of one moment: what is committed meanwhile is not in it, and waits for nothing.
    connection.execute("VACUUM INTO ?1", [name]).map_err(|error| {
        let no_room = error.sqlite_error_code() == Some(rusqlite::ErrorCode::DiskFull);
        StoreFault::of_sqlite(if no_room { to } else { store }, "copying the store", &error)
    })?;
    File::open(part).and_then(|file| file.sync_all()).map_err(|error| io(&error))?;
    fs::rename(part, to).map_err(|error| io(&error))?;
    sync_folder(to).map_err(|error| io(&error))
}

/// Makes a file that only its owner can read.
fn own(path: &Path) -> io::Result<()> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map(drop)
}

/// Makes the name of a file durable.
pub(super) fn sync_folder(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    File::open(folder.unwrap_or(Path::new("."))).and_then(|folder| folder.sync_all())
}
