//! What the config needs of the machine: variables and files. Tests give their own; nothing here writes.

use std::io;
use std::path::{Path, PathBuf};

/// Variables and files, so that the same code runs against a machine and against a table in a test.
pub trait Surroundings {
    /// An environment variable that is set and is text.
    fn variable(&self, name: &str) -> Option<String>;
    /// The text of a file.
    ///
    /// # Errors
    /// As the operating system says.
    fn read(&self, path: &Path) -> io::Result<String>;
    /// A file, to be read as it comes: a list of addresses may be larger than what should be held at once.
    ///
    /// # Errors
    /// As the operating system says.
    fn open(&self, path: &Path) -> io::Result<Box<dyn io::Read>> {
        self.read(path).map(|text| Box::new(io::Cursor::new(text)) as Box<dyn io::Read>)
    }
    /// Whether anybody but the owner may read the file.
    ///
    /// # Errors
    /// As the operating system says.
    fn open_to_others(&self, path: &Path) -> io::Result<bool>;
    /// The entries of a folder, in any order.
    ///
    /// # Errors
    /// As the operating system says.
    fn list(&self, folder: &Path) -> io::Result<Vec<PathBuf>>;
    /// Whether there is a file.
    fn exists(&self, path: &Path) -> bool;
}

/// Why a file or folder cannot be read, for people.
#[must_use]
pub fn why_unreadable(kind: io::ErrorKind) -> String {
    match kind {
        io::ErrorKind::NotFound => "it is not there".to_owned(),
        io::ErrorKind::PermissionDenied => "the user of this process may not read it".to_owned(),
        io::ErrorKind::IsADirectory => "it is a folder".to_owned(),
        io::ErrorKind::NotADirectory => "a part of its path is no folder".to_owned(),
        io::ErrorKind::InvalidData => "it is not text".to_owned(),
        other => other.to_string(),
    }
}

/// The machine itself.
#[derive(Debug, Clone, Copy)]
pub struct Machine;

impl Surroundings for Machine {
    fn variable(&self, name: &str) -> Option<String> {
        std::env::var(name).ok()
    }

    fn read(&self, path: &Path) -> io::Result<String> {
        std::fs::read_to_string(path)
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn io::Read>> {
        Ok(Box::new(std::fs::File::open(path)?))
    }

    fn open_to_others(&self, path: &Path) -> io::Result<bool> {
        use std::os::unix::fs::PermissionsExt;
        Ok(std::fs::metadata(path)?.permissions().mode() & 0o044 != 0)
    }

    fn list(&self, folder: &Path) -> io::Result<Vec<PathBuf>> {
        std::fs::read_dir(folder)?.map(|entry| entry.map(|entry| entry.path())).collect()
    }

    fn exists(&self, path: &Path) -> bool {
        path.is_file()
    }
}

/// A machine made of tables, for tests.
#[cfg(test)]
#[derive(Debug, Clone, Default)]
pub struct Scripted {
    /// Set variables.
    pub variables: std::collections::BTreeMap<String, String>,
    /// Files with their text.
    pub files: std::collections::BTreeMap<PathBuf, String>,
    /// Files that others can read.
    pub open: std::collections::BTreeSet<PathBuf>,
}

#[cfg(test)]
impl Scripted {
    /// A machine with these variables.
    #[must_use]
    pub fn with(variables: &[(&str, &str)]) -> Self {
        let variables = variables.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
        Self { variables, ..Self::default() }
    }

    /// The same machine with one more file.
    #[must_use]
    pub fn file(mut self, path: &str, text: &str) -> Self {
        self.files.insert(path.into(), text.into());
        self
    }
}

#[cfg(test)]
impl Surroundings for Scripted {
    fn variable(&self, name: &str) -> Option<String> {
        self.variables.get(name).cloned()
    }

    fn read(&self, path: &Path) -> io::Result<String> {
        self.files.get(path).cloned().ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn open_to_others(&self, path: &Path) -> io::Result<bool> {
        self.read(path).map(|_| self.open.contains(path))
    }

    fn list(&self, folder: &Path) -> io::Result<Vec<PathBuf>> {
        Ok(self.files.keys().filter(|path| path.parent() == Some(folder)).cloned().collect())
    }

    fn exists(&self, path: &Path) -> bool {
        self.files.contains_key(path)
    }
}
