//! What is wrong with a config, where, and what to do about it. It never holds a value that could be a secret.

use std::cell::RefCell;
use std::fmt;
use std::sync::Arc;

/// A place in a file. Places sort as a person reads: the main file first, then the included ones by name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The how-manieth file, the main one first.
    pub order: usize,
    /// The file as a person wrote or would write it.
    pub file: Arc<str>,
    /// From 1; 0 is the file as a whole.
    pub line: usize,
    /// In characters, from 1.
    pub column: usize,
}

impl Place {
    /// The file as a whole.
    #[must_use]
    pub fn whole(order: usize, file: &str) -> Self {
        Self { order, file: file.into(), line: 0, column: 0 }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        if self.line > 0 {
            write!(f, ":{}:{}", self.line, self.column)?;
        }
        Ok(())
    }
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fault {
    /// Where.
    pub place: Place,
    /// What.
    pub what: String,
    /// What to do next.
    pub hint: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}. hint: {}", self.place, self.what, self.hint)
    }
}

/// Everything that is wrong, sorted by place.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct Faults(Vec<Fault>);

impl Faults {
    /// Each of them, in the order of the text.
    #[must_use]
    pub fn all(&self) -> &[Fault] {
        &self.0
    }
}

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for fault in &self.0 {
            writeln!(f, "{fault}")?;
        }
        match self.0.len() {
            1 => f.write_str("1 fault: nothing was started or changed"),
            count => write!(f, "{count} faults: nothing was started or changed"),
        }
    }
}

/// Collects faults and warnings while a config is read, so that one run names them all.
#[derive(Debug, Default)]
pub struct Notes {
    faults: RefCell<Vec<Fault>>,
    warnings: RefCell<Vec<(Place, String)>>,
}

impl Notes {
    /// Notes that something is wrong.
    pub fn fault(&self, place: &Place, what: impl Into<String>, hint: impl Into<String>) {
        self.faults.borrow_mut().push(Fault { place: place.clone(), what: what.into(), hint: hint.into() });
    }

    /// Notes something allowed that should be said, as a sentence without a full stop.
    pub fn warn(&self, place: &Place, what: impl Into<String>) {
        self.warnings.borrow_mut().push((place.clone(), what.into()));
    }

    /// Whether nothing is wrong so far.
    #[must_use]
    pub fn is_fine(&self) -> bool {
        self.faults.borrow().is_empty()
    }

    /// The faults, sorted by place.
    #[must_use]
    pub fn into_faults(self) -> Faults {
        let mut faults = self.faults.into_inner();
        faults.sort();
        faults.dedup();
        Faults(faults)
    }

    /// The warnings as sentences in the order of the text.
    ///
    /// # Errors
    /// The faults, where there are any.
    pub fn finish(self) -> Result<Vec<String>, Faults> {
        if !self.is_fine() {
            return Err(self.into_faults());
        }
        let mut warnings = self.warnings.into_inner();
        warnings.sort();
        warnings.dedup();
        Ok(warnings.into_iter().map(|(place, what)| format!("{place}: {what}")).collect())
    }
}
