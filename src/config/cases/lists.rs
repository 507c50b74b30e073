//! Watches whose addresses stand in a file.

use super::{BASE, PATH, around};
use crate::config::checked::{Config, ListConfig};
use crate::config::describe::describe;
use crate::config::faults::Faults;
use crate::config::load;
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
