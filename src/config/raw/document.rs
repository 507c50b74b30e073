//! Reads the config file and what it includes, and puts them together. One level: an included file includes nothing.

use crate::config::faults::{Notes, Place};
use crate::config::raw::tree::{Entry, Lines, Table, Value};
use crate::config::surroundings::{Surroundings, why_unreadable};
use std::path::{Path, PathBuf};

/// What was read.
pub(crate) struct Document {
    /// Everything, put together.
    pub whole: Table,
    /// A file could not be read or is not TOML: what the rest means would only be guessed at.
    pub torn: bool,
}

/// Reads a config with its includes. What cannot be read or parsed is noted; the rest is there.
pub(crate) fn read(path: &Path, around: &dyn Surroundings, notes: &Notes) -> Document {
    let shown = path.display().to_string();
    let (mut whole, mut torn) = parse(0, &shown, path, around, notes);
    let Some(at) = whole.entries.iter().position(|entry| entry.key == "include") else {
        return Document { whole, torn };
    };
    let include = whole.entries.remove(at);
    let folder = path.parent().unwrap_or(Path::new(""));
    for (index, file) in included(&include, folder, around, notes).iter().enumerate() {
        let shown = file.display().to_string();
        let (part, broken) = parse(index + 1, &shown, file, around, notes);
        torn |= broken;
        for entry in part.entries {
            add(&mut whole, entry, notes);
        }
    }
    Document { whole, torn }
}

fn parse(order: usize, shown: &str, path: &Path, around: &dyn Surroundings, notes: &Notes) -> (Table, bool) {
    let nothing = Table { place: Place::whole(order, shown), entries: Vec::new() };
    let text = match around.read(path) {
        Ok(text) => text,
        Err(error) => {
            let what = format!("the file cannot be read: {}", why_unreadable(error.kind()));
            notes.fault(&nothing.place, what, "name another with --config, or look at its owner and mode");
            return (nothing, true);
        }
    };
    let lines = Lines::new(order, shown, &text);
    let (table, errors) = toml::de::DeTable::parse_recoverable(&text);
    let torn = !errors.is_empty();
    for error in errors {
        let place = error.span().map_or_else(|| Place::whole(order, shown), |span| lines.place(span.start));
        notes.fault(
            &place,
            format!("this is not TOML: {}", error.message()),
            "the rest is checked once this is mended",
        );
    }
    (lines.table(table.get_ref(), 0), torn)
}

/// The files that `include` names, sorted and each once.
fn included(include: &Entry, folder: &Path, around: &dyn Surroundings, notes: &Notes) -> Vec<PathBuf> {
    let shape = "a list of files beside this one, for example [\"rules/*.toml\"]";
    let Value::List(patterns) = &include.node.value else {
        notes.fault(&include.node.place, format!("`include` is {}", include.node.value.called()), shape);
        return Vec::new();
    };
    let mut files = Vec::new();
    for pattern in patterns {
        let Value::Text(text) = &pattern.value else {
            notes.fault(&pattern.place, format!("a file name is {}", pattern.value.called()), shape);
            continue;
        };
        let asked = Path::new(text);
        let name = asked.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let base = asked.parent().unwrap_or(Path::new(""));
        if asked.is_absolute() || name.is_empty() || base.to_string_lossy().contains('*') {
            notes.fault(&pattern.place, "it is not a relative file name with `*` in its last part only", shape);
            continue;
        }
        let base = folder.join(base);
        if !name.contains('*') {
            files.push(base.join(name));
            continue;
        }
        let matching =
            |path: &PathBuf| path.file_name().and_then(|found| found.to_str()).is_some_and(|found| fits(name, found));
        match around.list(&base) {
            Ok(entries) => files.extend(entries.into_iter().filter(matching)),
            Err(error) => {
                let what = format!("the folder {} cannot be read: {}", base.display(), why_unreadable(error.kind()));
                notes.fault(&pattern.place, what, "make the folder, or take the line out");
            }
        }
    }
    files.sort();
    files.dedup();
    files
}

/// Whether a name fits a pattern in which `*` stands for any text; names that begin with a point are hidden from it.
fn fits(pattern: &str, name: &str) -> bool {
    if name.starts_with('.') && !pattern.starts_with('.') {
        return false;
    }
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = name.strip_prefix(first) else {
        return false;
    };
    let mut parts: Vec<&str> = parts.collect();
    let last = parts.pop();
    for part in parts {
        let Some(at) = rest.find(part) else {
            return false;
        };
        rest = &rest[at + part.len()..];
    }
    last.map_or(rest.is_empty(), |last| rest.ends_with(last))
}

/// Adds an entry of an included file: lists of tables grow, anything else may stand once.
fn add(whole: &mut Table, entry: Entry, notes: &Notes) {
    if entry.key == "include" {
        notes.fault(&entry.place, "an included file includes others", "name them all in the main file: one level");
        return;
    }
    let Some(there) = whole.entries.iter_mut().find(|there| there.key == entry.key) else {
        whole.entries.push(entry);
        return;
    };
    if let (Value::List(all), Value::List(more)) = (&mut there.node.value, &entry.node.value) {
        all.extend(more.iter().cloned());
    } else if let (Value::Table(all), Value::Table(more)) = (&mut there.node.value, &entry.node.value) {
        for entry in &more.entries {
            if let Some(first) = all.entries.iter().find(|there| there.key == entry.key) {
                twice(entry, &first.place, notes);
            } else {
                all.entries.push(entry.clone());
            }
        }
    } else {
        twice(&entry, &there.place, notes);
    }
}

fn twice(entry: &Entry, first: &Place, notes: &Notes) {
    let what = format!("`{}` is set twice; first at {first}", entry.key);
    notes.fault(&entry.place, what, "keep one of them");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_any_text() {
        for (pattern, name, expected) in [
            ("*.toml", "a.toml", true),
            ("*.toml", "a.toml.bak", false),
            ("*.toml", ".a.toml", false),
            ("*", "a", true),
            ("a*b*c", "aXbYc", true),
            ("a*b*c", "aXcYb", false),
            ("ab*ba", "aba", false),
        ] {
            assert_eq!(fits(pattern, name), expected, "{pattern} {name}");
        }
    }
}
