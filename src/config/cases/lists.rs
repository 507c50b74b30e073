//! Watches whose addresses stand in a file.

use super::{BASE, PATH, around};
use crate::config::checked::{Config, ListConfig};
use crate::config::describe::describe;
use crate::config::faults::Faults;
use crate::config::load;
use crate::reactor::room;
use crate::types::parse_address;
use std::path::Path;

const ONE: &str = "0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC";
const TWO: &str = "0x90F79bf6EB2c4f870365E785982E1f101E93b906";
/// The address of the watch in the config that is fine.
const OWN: &str = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8";

/// The config that is fine with one more watch, whose file is in the data folder.
fn read(watch: &str, file: &str) -> Result<Config, Faults> {
    let text = format!("{BASE}[[watch]]\nname = \"deposits\"\n{watch}\n");
    load(Path::new(PATH), Path::new("/data"), &around().file(PATH, &text).file("/data/list.csv", file))
}

#[test]
fn a_list_file_gives_each_address_what_its_line_says() {
    let file = format!("address,ref,label,from_block\n{TWO},c-2,\"Lovelace, Ada\",19000000\n{ONE},c-1,,\n");
    let config = read("file = \"list.csv\"\nfrom_block = 7", &file).expect("it is fine");
    let watch = &config.settings.watches[1];
    let of = |address: &str| watch.addresses.get(&parse_address(address).expect("it is one")).expect("it is there");
    assert_eq!((of(TWO).reference, of(TWO).label), (Some("c-2"), Some("Lovelace, Ada")));
    assert_eq!((of(ONE).reference, of(ONE).label), (Some("c-1"), None));
    assert_eq!((watch.from_block_of(&of(TWO)), watch.from_block_of(&of(ONE))), (Some(19_000_000), Some(7)));
    let list = ListConfig { watch: "deposits".into(), file: "/data/list.csv".into(), addresses: 2 };
    assert_eq!(config.lists, [list]);
    let words = describe(&config);
    assert!(words.contains("deposits: 2 addresses in /data/list.csv on ethereum, from block 7 on"), "{words}");
}

#[test]
fn what_is_wrong_with_a_list_is_named_with_its_lines_and_the_rest_of_the_config() {
    let check = |watch: &str, file: &str, expected: &[&str]| {
        let said = match read(watch, file) {
            Ok(config) => config.warnings,
            Err(faults) => faults.all().iter().map(ToString::to_string).collect(),
        };
        for words in expected {
            assert!(said.iter().any(|line| line.contains(words)), "{words}\n{said:#?}");
        }
    };
    let list = "file = \"list.csv\"";
    let bad = format!("{ONE}\n0x12\n{TWO}\n{ONE}\n");
    check(
        &format!("{list}\nchains = [\"nowhere\"]"),
        &bad,
        &["list.csv:2:1: an address is 0x", "list.csv:4:1: its address stands on line 1 already", "/etc/w.toml:"],
    );
    check(
        list,
        &format!("{ONE}\n{OWN}\n"),
        &[
            "list.csv:2:1: 0x70997970C51812dc3A010C7d01b50e0d17dc79C8 on ethereum belongs to the watch `w` at /etc/w.toml:9:11",
        ],
    );
    check("file = \"other.csv\"", "", &["`file`: /data/other.csv cannot be read: entity not found"]);
    check(&format!("{list}\naddress = \"{ONE}\""), "", &["`file` and `address` exclude each other"]);
    check(list, "", &["the list file list.csv is empty"]);
    check("", "", &["[[watch]] has no `address`"]);
    check(&format!("addresses = [\"{ONE}\", \"{ONE}\"]"), "", &["stands twice in this watch; first at /etc/w.toml:"]);
}

#[test]
fn what_is_read_address_by_address_has_a_bound_and_what_is_matched_against_blocks_has_none() {
    let many = |count: u64| (1..=count).map(|n| format!("0x{n:040x}")).collect::<Vec<_>>().join("\n");
    let said = |text: &str, file: &str| match load(
        Path::new(PATH),
        Path::new("/data"),
        &around().file(PATH, text).file("/data/list.csv", file),
    ) {
        Ok(_) => String::new(),
        Err(faults) => faults.to_string(),
    };
    let list = |base: &str| format!("{base}[[watch]]\nname = \"deposits\"\nfile = \"list.csv\"\n");
    let lists = |count: u64| format!("{} lists of {count} addresses on ethereum", 3 * count);
    // Three lists of each, and those of the config's own watch.
    let fits = room::MOST_LISTS / 3 - 1;
    assert_eq!(said(&list(BASE), &many(fits)), "");
    let faults = said(&list(BASE), &many(fits + 1));
    for part in [lists(fits + 2).as_str(), "its `rpc` reads it: write `etherscan = false`"] {
        assert!(faults.contains(part), "{part}\n{faults}");
    }
    let alone = BASE.replace("rpc = [\"wss://node.example.com\"]", "");
    assert!(said(&list(&alone), &many(fits + 1)).contains("give it an `rpc`"));
    let by_blocks = BASE.replace("name = \"ethereum\"", "name = \"ethereum\"\netherscan = false");
    assert_eq!(said(&list(&by_blocks), &many(fits + 1)), "");
    let rule = "[[rule]]\nname = \"low\"\nwhen = \"balance\"\nasset = \"native\"\nbelow = \"1\"\nrecovers_at = \"2\"\nnotify = [\"log\"]\n";
    let held = format!("{}{rule}", list(&by_blocks));
    assert_eq!(said(&held, &many(room::MOST_BALANCES - 1)), "");
    let faults = said(&held, &many(room::MOST_BALANCES));
    for part in ["low looks at 20001 balances: 20000 are read at most", "the names or tags that it is about"] {
        assert!(faults.contains(part), "{part}\n{faults}");
    }
    assert_eq!(said(&held.replace("when =", "watch = [\"w\"]\nwhen ="), &many(room::MOST_BALANCES)), "");
}

#[test]
fn check_says_what_an_address_more_costs_and_who_learns_of_it() {
    let alone = BASE.replace("rpc = [\"wss://node.example.com\"]", "");
    let rule = |more: &str| {
        format!(
            "[[rule]]\nname = \"low\"\nwhen = \"balance\"\nasset = \"native\"\nbelow = \"1\"\nrecovers_at = \"2\"\nnotify = [\"log\"]\n{more}"
        )
    };
    let words = |text: &str| {
        describe(&load(Path::new(PATH), Path::new("/data"), &around().file(PATH, text)).expect("it is fine"))
    };
    let check = |text: &str, there: &[&str], not_there: &[&str]| {
        let words = words(text);
        there.iter().for_each(|part| assert!(words.contains(part), "{part}\n{words}"));
        not_there.iter().for_each(|part| assert!(!words.contains(part), "{part}\n{words}"));
    };
    let all = format!("{alone}{}", rule(""));
    check(
        &all,
        &[
            "without a tag: 3 calls a round and 1 balance every 5m more",
            "balance of w, whatever is added at run time on ethereum below 1 ETH",
            "w: NFTs, which no rule speaks of",
        ],
        &[],
    );
    check(
        &format!("{alone}{}", rule("watch = [\"w\"]\n")),
        &["without a tag: 3 calls a round more"],
        &["whatever is added"],
    );
    // A node is told no list, but it is asked for balances.
    let seen = "addresses whose balances are read (1; none with";
    check(BASE, &[seen], &["no list"]);
    let silent = format!("[http]\nmax_balances = 0\n{BASE}");
    check(&silent, &["no list; it sees which transactions"], &[seen]);
    let past = silent
        .replace("etherscan = false", "")
        .replace("name = \"ethereum\"", "name = \"ethereum\"\netherscan = false");
    let past = past.replacen("name = \"w\"", "name = \"w\"\nfrom_block = 5", 1);
    check(&past, &["those whose history is read (w), which transactions"], &["no list"]);
}

#[test]
fn the_history_of_single_lines_of_a_list_is_counted_too() {
    let config = read("file = \"list.csv\"", &format!("{ONE},,,500\n{TWO},,,\n")).expect("it is fine");
    let words = describe(&config);
    assert!(
        words.contains("ethereum: 1 address from block 500 on, by the explorer's lists: at least 3 calls"),
        "{words}"
    );
}
