//! The house rules that a compiler does not know, read off the tree. It never changes a file.

#[path = "tidy/tree.rs"]
mod tree;

use std::collections::{BTreeMap, BTreeSet};
use tree::{Source, files, is_rust, known, sources, top};

/// Who is above whom: a room knows only those in later rows, and nobody in its own.
const ROOMS: [&[&str]; 12] = [
    &["cli"],
    &["app"],
    &["http"],
    &["sources", "sinks", "payments"],
    &["store"],
    &["net"],
    &["telemetry"],
    &["config"],
    &["reactor"],
    &["world"],
    &["wire"],
    &["types"],
];
/// Nothing in these happens by itself: the same input gives the same output, everywhere.
const PURE: [&str; 3] = ["reactor", "wire", "types"];
/// A file holds one idea.
const LONGEST: usize = 450;
/// Longer files, each with the reason why it is one idea.
const LONGER: [(&str, usize); 3] = [
    ("src/reactor/chain.rs", 600),  // one window with its gaps: its laws are about all of it
    ("src/reactor/effect.rs", 550), // the closed list of what the reactor can ask for
    ("src/reactor/rows.rs", 600),   // the row of every table, and how each becomes state again
];
/// Who may know whom although it closes a circle, with the reason.
const CIRCLES: [[&str; 2]; 1] = [
    ["world/chain/block", "world/chain/action"], // a signed action is a transaction, and a transaction shows its action
];
/// Where the real clock is waited for, with the reason.
const SLEEPERS: [&str; 3] = [
    "tests/kill/",   // when a process dies is the test
    "tests/paying/", // the same of one that pays
    "benches/",      // how idle it is shows only with time
];

fn rank(room: &str) -> Option<usize> {
    ROOMS.iter().position(|row| row.contains(&room))
}

fn names(code: &str) -> impl Iterator<Item = &str> {
    code.split(|at: char| !(at.is_alphanumeric() || at == '_')).filter(|word| !word.is_empty())
}

fn without_test_files() -> Vec<Source> {
    let all = sources();
    assert!(all.len() > 100, "only {} files were read", all.len());
    all.into_iter().filter(|source| !source.test).collect()
}

/// Fails with everything that was found, a line each.
fn none(rule: &str, found: &[String]) {
    assert!(found.is_empty(), "{rule}:\n  {}", found.join("\n  "));
}

#[test]
fn a_room_knows_only_the_rooms_below_it() {
    let mut found = Vec::new();
    for source in without_test_files() {
        let Some(room) = source.module.first() else { continue };
        let Some(own) = rank(room) else {
            found.push(format!("{}: the room {room} has no place in the house", source.path));
            continue;
        };
        for other in known(&source).iter().filter_map(|path| path.first()).filter(|other| *other != room) {
            let fine = match other.as_str() {
                "world" => source.module.starts_with(&["cli".into(), "demo".into()]),
                other => rank(other).is_none_or(|other| own < other),
            };
            if !fine {
                found.push(format!("{} knows {other}", source.path));
            }
        }
    }
    found.dedup();
    none("a room knows only those below it, and only cli/demo knows the world", &found);
}

#[test]
fn no_modules_go_round_in_a_circle() {
    let all = without_test_files();
    let modules: BTreeSet<&[String]> = all.iter().map(|source| &source.module[..]).collect();
    // Between the files and folders of one folder. A file and the folder it opens are one thing.
    let mut edges: BTreeMap<Vec<String>, BTreeSet<Vec<String>>> = BTreeMap::new();
    for source in &all {
        for path in known(source) {
            let Some(target) = (0..=path.len()).rev().map(|length| &path[..length]).find(|at| modules.contains(at))
            else {
                continue;
            };
            let shared = source.module.iter().zip(target).take_while(|(own, other)| own == other).count();
            if shared < source.module.len() && shared < target.len() {
                let (from, to) = (&source.module[..=shared], &target[..=shared]);
                if !CIRCLES.contains(&[&from.join("/"), &to.join("/")]) {
                    edges.entry(from.to_vec()).or_default().insert(to.to_vec());
                }
            }
        }
    }
    let mut found = Vec::new();
    for start in edges.keys() {
        let mut seen = BTreeSet::new();
        let mut next: Vec<&Vec<String>> = edges[start].iter().collect();
        while let Some(at) = next.pop() {
            if at == start {
                found.push(format!("{} leads back to itself, by way of {:?}", start.join("/"), edges[start]));
            }
            if seen.insert(at) {
                next.extend(edges.get(at).into_iter().flatten());
            }
        }
    }
    none("no circles of modules", &found);
}

#[test]
fn every_file_says_what_it_is_and_is_short() {
    let mut found = Vec::new();
    for (path, place) in ["src", "tests", "benches"].into_iter().flat_map(files) {
        if !is_rust(&path) {
            continue;
        }
        let text = std::fs::read_to_string(place).expect("it is text");
        if !text.starts_with("//! ") {
            found.push(format!("{path} does not open with //!"));
        }
        let most = LONGER.iter().find(|(longer, _)| *longer == path).map_or(LONGEST, |(_, most)| *most);
        let lines = text.lines().count();
        if lines > most {
            found.push(format!("{path} has {lines} lines, at most {most}"));
        }
    }
    for (longer, _) in LONGER {
        if std::fs::read_to_string(top().join(longer)).map_or(0, |text| text.lines().count()) <= LONGEST {
            found.push(format!("{longer} is no longer an exception: take it off the list"));
        }
    }
    none("a file says what it is and holds one idea", &found);
}

#[test]
fn nothing_in_the_pure_rooms_happens_by_itself() {
    let banned = [
        "async",
        "await",
        "tokio",
        "tracing",
        "metrics",
        "HashMap",
        "HashSet",
        "SystemTime",
        "Instant",
        "rand",
        "fastrand",
        "fs",
        "net",
        "thread",
        "println",
        "eprintln",
        "reqwest",
        "rusqlite",
        "Mutex",
        "RwLock",
        "env",
    ];
    let mut found = Vec::new();
    for source in
        without_test_files().iter().filter(|source| PURE.contains(&source.module.first().map_or("", |room| room)))
    {
        let words: BTreeSet<&str> = names(&source.code).collect();
        found.extend(banned.iter().filter(|word| words.contains(*word)).map(|word| format!("{}: {word}", source.path)));
    }
    none("no clock, chance, I/O, async, logging or hash order in reactor, wire and types", &found);
}

/// A word, and the only places below `src/` that may hold it.
const HOMES: [(&str, &[&str]); 13] = [
    ("SystemTime", &["app/clock"]),
    ("clock_gettime", &["app/clock"]),
    ("anyhow", &["cli/"]),
    ("rusqlite", &["store/"]),
    ("reqwest", &["net/"]),
    ("lettre", &["sinks/"]),
    ("axum", &["http/"]),
    ("clap", &["cli/"]),
    ("spawn", &["app/", "cli/", "world/"]),
    ("spawn_blocking", &["app/", "cli/"]),
    ("serde", &["config/raw/", "wire/", "store/", "http/", "sinks/", "sources/", "world/"]),
    ("f64", &["telemetry/", "app/", "sources/etherscan/meter"]),
    ("f32", &[]),
];

#[test]
fn what_has_one_home_is_only_there() {
    let mut found = Vec::new();
    for source in without_test_files() {
        let words: BTreeSet<&str> = names(&source.code).collect();
        for (word, homes) in HOMES {
            let at_home = homes.iter().any(|home| source.path["src/".len()..].starts_with(home));
            if words.contains(word) && !at_home {
                found.push(format!("{}: {word}, whose home is {homes:?}", source.path));
            }
        }
        if source.path != "src/app/clock.rs" && source.code.contains("std::time::Instant") {
            found.push(format!("{}: std::time::Instant, whose home is app/clock", source.path));
        }
    }
    none("time, randomness, tasks and frameworks have one home each", &found);
}

#[test]
fn names_say_what_things_are() {
    let empty = ["utils", "util", "helpers", "helper", "common", "manager", "service"];
    let mut found = Vec::new();
    for source in without_test_files() {
        let stem = source.module.last().cloned().unwrap_or_default();
        let words: Vec<&str> = names(&source.code).collect();
        let defined =
            words.windows(2).filter(|pair| ["struct", "enum", "trait", "mod", "fn", "type"].contains(&pair[0]));
        for name in defined.map(|pair| pair[1]).chain([stem.as_str()]) {
            let mut spaced = String::new();
            name.chars().for_each(|letter| {
                spaced.extend(letter.is_uppercase().then_some('_'));
                spaced.extend(letter.to_lowercase());
            });
            if spaced.split('_').any(|word| empty.contains(&word)) {
                found.push(format!("{}: {name}", source.path));
            }
        }
    }
    none("names that say nothing", &found);
}

#[test]
fn nothing_is_left_undone_skipped_or_slept_through() {
    let mut found = Vec::new();
    for (path, place) in ["src", "tests", "benches"].into_iter().flat_map(files) {
        if !is_rust(&path) || path.starts_with("tests/tidy") {
            continue;
        }
        let text = std::fs::read_to_string(place).expect("it is text");
        let mut banned = vec!["todo!(", "unimplemented!(", "dbg!(", "#[ignore", "FIXME", "TODO", "XXX"];
        if !SLEEPERS.iter().any(|sleeper| path.starts_with(sleeper)) {
            banned.push("thread::sleep");
        }
        found.extend(banned.iter().filter(|word| text.contains(*word)).map(|word| format!("{path}: {word}")));
    }
    none("left-overs", &found);
}

#[test]
fn no_file_knows_the_machine_it_was_written_on() {
    let home = std::env::var("HOME").unwrap_or_default();
    let mut folders = vec![env!("CARGO_MANIFEST_DIR").to_owned(), "/root/".to_owned(), ["/wo", "rk/"].concat()];
    folders.extend((home.len() > 5).then_some(home));
    let mut found = Vec::new();
    for (path, place) in files("").into_iter().filter(|(path, _)| path != "tests/tidy.rs") {
        let Ok(text) = std::fs::read_to_string(place) else { continue };
        let of_a_word = |before: char| before.is_alphanumeric() || "._-})~*".contains(before);
        for folder in &folders {
            if text.match_indices(folder.as_str()).any(|(at, _)| !text[..at].ends_with(of_a_word)) {
                found.push(format!("{path}: {folder}"));
            }
        }
    }
    none("paths of a machine", &found);
}

#[test]
fn every_path_that_the_documents_name_is_there() {
    let mut found = Vec::new();
    let mut named = 0;
    let documents =
        ["README.md", "SECURITY.md", "src/lib.rs", "docs/runbook.md", "docs/scaling.md", "docs/security.md"];
    for document in documents {
        let text = std::fs::read_to_string(top().join(document)).expect("the document is there");
        for word in text.split(|at: char| !(at.is_ascii_alphanumeric() || "/._-".contains(at))) {
            let word = word.trim_end_matches('.').trim_start_matches("../");
            if ["src/", "tests/", "benches/", "dashboards/", "packaging/", "docs/"]
                .iter()
                .any(|start| word.starts_with(start))
            {
                named += 1;
                if !top().join(word).exists() {
                    found.push(format!("{document}: {word}"));
                }
            }
        }
    }
    assert!(named > 10, "only {named} paths were found");
    none("paths that lead nowhere", &found);
}
