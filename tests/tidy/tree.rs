//! The source tree as the tidy tests see it: every file with its code (no comments, no texts, no unit tests), its module, and what it knows.
//!
//! It reads tokens, not Rust: enough for paths and words. It never changes a file.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// One Rust file below `src/`.
#[derive(Debug)]
pub struct Source {
    /// Below the project's folder, as `src/reactor/chain.rs`.
    pub path: String,
    /// Its module, without `crate`: `["reactor", "chain"]`.
    pub module: Vec<String>,
    /// Without comments, texts and what is compiled only for tests.
    pub code: String,
    /// The whole file is compiled only for tests.
    pub test: bool,
}

/// The project's folder.
pub fn top() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Folders that programs make and git does not keep.
const MADE: [&str; 6] =
    [".git", "target", "tests/fuzz/artifacts", "tests/fuzz/corpus", "tests/fuzz/coverage", "tests/fuzz/target"];

/// Every file below a folder, sorted, with its path from the project's folder.
pub fn files(below: &str) -> Vec<(String, PathBuf)> {
    let mut found = Vec::new();
    let mut folders = vec![top().join(below)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("the folder is there").map(|entry| entry.expect("it can be read")) {
            let path = entry.path();
            let name = path.strip_prefix(top()).expect("it is below").to_string_lossy().into_owned();
            if entry.file_type().expect("it has one").is_dir() {
                if !MADE.contains(&name.as_str()) {
                    folders.push(path);
                }
            } else if name != ".git" {
                found.push((name, path));
            }
        }
    }
    found.sort();
    found
}

/// Whether a file holds Rust.
pub fn is_rust(path: &str) -> bool {
    Path::new(path).extension().is_some_and(|extension| extension == "rs")
}

/// Every Rust file below `src/`.
pub fn sources() -> Vec<Source> {
    let mut tests = BTreeSet::new();
    let mut all = Vec::new();
    for (path, place) in files("src").into_iter().filter(|(path, _)| is_rust(path)) {
        let text = fs::read_to_string(place).expect("it is text");
        let mut module: Vec<String> =
            path.trim_start_matches("src/").trim_end_matches(".rs").split('/').map(Into::into).collect();
        module.pop_if(|last| ["mod", "lib", "main"].contains(&last.as_str()));
        let code = without_tests(&bare(&text), &module, &mut tests);
        all.push(Source { path, module, code, test: false });
    }
    for source in &mut all {
        let named = |part: &String| part == "tests" || part.starts_with("tests_") || part.ends_with("_tests");
        source.test = source.module.iter().any(named)
            || (1..=source.module.len()).any(|length| tests.contains(&source.module[..length]));
    }
    all
}

/// The code without comments, and with every text empty.
fn bare(text: &str) -> String {
    let mut code = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let skipped = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("/*") {
            rest.find("*/").map_or(rest.len(), |end| end + 2)
        } else if first == '"' {
            code.push_str("\"\"");
            1 + closing(&rest[1..])
        } else if let Some(hashes) = raw_text(rest, &code) {
            let end = format!("\"{}", "#".repeat(hashes));
            let start = hashes + 2;
            code.push_str("\"\"");
            start + rest[start..].find(&end).expect("a text ends") + end.len()
        } else if let Some(length) = character(rest) {
            code.push_str("' '");
            length
        } else {
            code.push(first);
            first.len_utf8()
        };
        rest = &rest[skipped..];
    }
    code
}

/// How far it is behind the closing quote.
fn closing(text: &str) -> usize {
    let mut escaped = false;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return at + 1,
            _ => {}
        }
    }
    text.len()
}

/// The number of `#` of a raw text that begins here.
fn raw_text(rest: &str, before: &str) -> Option<usize> {
    let inside_a_name = before.ends_with(|last: char| last != 'b' && (last.is_alphanumeric() || last == '_'));
    let behind = rest.strip_prefix('r').filter(|_| !inside_a_name)?;
    let hashes = behind.bytes().take_while(|byte| *byte == b'#').count();
    behind[hashes..].starts_with('"').then_some(hashes)
}

/// The length of a character literal that begins here; a lifetime is none.
fn character(rest: &str) -> Option<usize> {
    let inner = rest.strip_prefix('\'')?;
    if let Some(escape) = inner.strip_prefix('\\') {
        return Some(2 + 1 + escape[1..].find('\'')? + 1);
    }
    let length = inner.chars().next()?.len_utf8();
    inner[length..].starts_with('\'').then_some(length + 2)
}

/// The code without items under `#[cfg(test)]`; modules among them that are files are noted.
fn without_tests(code: &str, module: &[String], tests: &mut BTreeSet<Vec<String>>) -> String {
    let mut kept = String::new();
    let mut rest = code;
    while let Some(at) = rest.find("#[cfg(test)]") {
        kept.push_str(&rest[..at]);
        let item = &rest[at + "#[cfg(test)]".len()..];
        let mut depth = 0_usize;
        let end = item.bytes().position(|byte| {
            match byte {
                b'{' | b'(' | b'[' => depth += 1,
                b'}' | b')' | b']' => depth -= 1,
                _ => {}
            }
            depth == 0 && (byte == b'}' || byte == b';')
        });
        let end = end.map_or(item.len(), |end| end + 1);
        let mut words = item[..end].split(|at: char| !(at.is_alphanumeric() || at == '_'));
        // A module whose file has another name (`#[path]`) is known by that name: see above.
        if item[..end].ends_with(';') && words.any(|word| word == "mod") {
            tests.insert([module, &[words.next().unwrap_or_default().to_owned()]].concat());
        }
        rest = &item[end..];
    }
    kept + rest
}

/// Every path that begins with `crate::` or `super::`, in groups too, from the crate's root.
pub fn known(source: &Source) -> BTreeSet<Vec<String>> {
    let mut found = BTreeSet::new();
    for start in ["crate::", "super::"] {
        for (at, _) in source.code.match_indices(start) {
            let before = &source.code[..at];
            if before.ends_with(|last: char| last.is_alphanumeric() || last == '_') || before.ends_with("super::") {
                continue;
            }
            let mut rest = &source.code[at..];
            let mut path = if start == "crate::" { Vec::new() } else { source.module.clone() };
            rest = rest.strip_prefix("crate::").unwrap_or(rest);
            while let Some(behind) = rest.strip_prefix("super::") {
                path.pop();
                rest = behind;
            }
            branch(rest, &path, &mut found);
        }
    }
    found
}

/// Reads a path or a group; returns what is behind it.
fn branch<'a>(rest: &'a str, path: &[String], found: &mut BTreeSet<Vec<String>>) -> &'a str {
    if let Some(mut inner) = rest.strip_prefix('{') {
        loop {
            inner = branch(inner.trim_start(), path, found).trim_start();
            let (next, behind) = (inner.chars().next(), inner.get(1..).unwrap_or_default());
            match next {
                Some(',') => inner = behind,
                Some('}') | None => return behind,
                // ` as Name`, `*`
                Some(other) => inner = &inner[other.len_utf8()..],
            }
        }
    }
    let length = rest.bytes().take_while(|byte| byte.is_ascii_alphanumeric() || *byte == b'_').count();
    if length == 0 {
        found.insert(path.to_vec());
        return rest;
    }
    let longer = [path, &[rest[..length].to_owned()]].concat();
    let behind = &rest[length..];
    if let Some(next) = behind.strip_prefix("::") {
        return branch(next, &longer, found);
    }
    found.insert(longer);
    behind
}
