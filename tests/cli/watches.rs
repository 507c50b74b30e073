//! The watch list as a person changes it: in files, through a running monitor, and in the store where none runs.

use crate::place::{Place, http};
use std::fs;

const ONE: &str = "0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC";
const TWO: &str = "0x90F79bf6EB2c4f870365E785982E1f101E93b906";
/// Of the watch in the config.
const OWN: &str = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8";

#[test]
fn the_list_is_changed_with_and_without_a_monitor_and_outlives_both() {
    let place = Place::new().with_store();
    let file = place.folder.path().join("deposits.csv");
    fs::write(&file, format!("address,ref,label\n{ONE},c-1,\"Lovelace, Ada\"\n{TWO},c-2,\n")).unwrap();
    let file = file.to_str().unwrap();
    let added = place.ask(&["watch", "import", "deposits", file, "--tag", "late"]);
    added.answers(&[
        "2 addresses of deposits watched, 2 of them new; complete from the first block that is read on devnet",
    ]);
    let running = place.run();
    place
        .ask(&["watch", "list"])
        .answers(&["deposits  api     2          devnet  late", "hot       config  1          devnet"]);
    place.ask(&["watch", "list", "deposits"]).answers(&[
        ONE,
        "c-1",
        "Lovelace, Ada",
        "the first block that is read on devnet",
    ]);
    // Who is watched already stays so; who was removed is added anew.
    place.ask(&["watch", "import", "deposits", file, "--tag", "late"]).answers(&["2 addresses", "0 of them new"]);
    place.ask(&["watch", "remove", "deposits", ONE]).answers(&["1 address of deposits no longer watched"]);
    place.ask(&["watch", "import", "deposits", file]).answers(&["2 addresses", "1 of them new"]);
    place.ask(&["watch", "import", "deposits", file, "--tag", "early"]).fails(2, &["deposits has other tags"]);
    place.ask(&["watch", "add", "other", ONE]).fails(2, &["belongs to the watch deposits that was added at run time"]);
    place.ask(&["watch", "add", "other", OWN]).fails(2, &["belongs to the watch hot of the config"]);
    place.ask(&["watch", "add", "hot", ONE]).fails(2, &["belongs to the config"]);
    place
        .ask(&["watch", "add", "other", "0x12", "--chain", "nowhere"])
        .fails(2, &["#/watches/0/addresses/0", "no such chain"]);
    place.ask(&["watch", "remove", "deposits", TWO]).answers(&["1 address of deposits no longer watched"]);
    place
        .ask(&["watch", "add", "other", TWO, "--ref", "c-9", "--json"])
        .answers(&["\"complete_from\":{\"devnet\":null}"]);
    assert_eq!(http(place.port, "GET /api/v1/transfers?watch=other", None), 200);
    assert_eq!(running.stop(), 0);
    place.ask(&["watch", "list"]).answers(&["deposits  api     1 ", "other     api     1 "]);
    place.ask(&["watch", "remove", "other"]).answers(&["1 address of other no longer watched"]);
    place.ask(&["watch", "remove", "other"]).fails(2, &["there is no watch other"]);
    place.ask(&["watch", "remove", "hot"]).fails(2, &["belongs to the config"]);
}

#[test]
fn bad_lines_of_a_list_are_named_at_once_and_nothing_is_added() {
    let place = Place::new().with_store();
    let file = place.folder.path().join("deposits.csv");
    fs::write(&file, format!("{ONE}\n0x12\n{TWO},,,later\n{ONE}\n")).unwrap();
    let said = place.ask(&["watch", "import", "deposits", file.to_str().unwrap()]);
    said.fails(
        2,
        &[
            "deposits.csv:2: an address",
            "deposits.csv:3: `from_block`",
            "deposits.csv:4: its address stands on line 1",
            "3 bad lines: nothing was added",
        ],
    );
    assert!(!place.ask(&["watch", "list"]).answer.contains("deposits"));
    place.ask(&["watch", "import", "deposits", "nowhere.csv"]).fails(2, &["the list file nowhere.csv"]);
}

/// An exchange's deposits: a file of 50,000 with three bad lines is refused as a whole, with their numbers; without them it is watched as a
/// whole, in as many requests as it takes.
#[test]
fn fifty_thousand_deposits_are_watched_once_their_three_bad_lines_are_mended() {
    const BAD: [(usize, &str, &str); 3] = [
        (7, "0x00000000000000000000000000000000000000,c-7", "deposits.csv:7: an address"),
        (25_000, "c-25000", "deposits.csv:25000: an address"),
        (50_000, "0x0000000000000000000000000000000000000001,c-1", "deposits.csv:50000: its address stands on line 1"),
    ];
    let place = Place::new().with_store();
    let running = place.run();
    let file = place.folder.path().join("deposits.csv");
    let mut lines: Vec<String> = (1..=50_000).map(|n| format!("0x{n:040x},c-{n}")).collect();
    let good = lines.clone();
    BAD.iter().for_each(|(line, text, _)| (*text).clone_into(&mut lines[line - 1]));
    fs::write(&file, lines.join("\n")).unwrap();
    let named = BAD.map(|(_, _, said)| said);
    let said = place.ask(&["watch", "import", "deposits", file.to_str().unwrap()]);
    said.fails(2, &[&named[..], &["3 bad lines: nothing was added"]].concat());
    place.ask(&["watch", "list", "deposits"]).fails(2, &["there is no such watch"]);
    fs::write(&file, good.join("\n")).unwrap();
    let import = || place.ask(&["watch", "import", "deposits", file.to_str().unwrap()]);
    import().answers(&["50000 addresses of deposits watched, 50000 of them new"]);
    import().answers(&["50000 addresses of deposits watched, 0 of them new"]);
    assert_eq!(running.stop(), 0);
    place.ask(&["watch", "list"]).answers(&["deposits  api     50000 "]);
}

#[test]
fn a_list_file_that_lost_too_much_is_believed_only_when_somebody_says_so() {
    let place = Place::new().with_store();
    let list = place.data().join("list.csv");
    let config = fs::read_to_string(place.file()).unwrap();
    fs::write(place.file(), format!("{config}[[watch]]\nname = \"deposits\"\nfile = \"list.csv\"\n")).unwrap();
    let lines = |count: u32| (1..=count).map(|n| format!("0x{n:040x},c-{n}\n")).collect::<Vec<_>>().concat();
    fs::write(&list, lines(20)).unwrap();
    assert_eq!(place.run().stop(), 0);
    fs::write(&list, lines(18)).unwrap();
    assert_eq!(place.run().stop(), 0, "a tenth is believed");
    fs::write(&list, lines(16)).unwrap();
    place
        .ask(&["run"])
        .fails(2, &["the list file of the watch deposits has 16 addresses, and had 18", "--allow-shrink"]);
    place.ask(&["check"]).answers(&["has 16 addresses, and had 18"]);
    let mut command = place.command(&["run", "--allow-shrink"]);
    command.env("WALLETWATCH_LOG", "info");
    assert_eq!(crate::place::Running::start(command).stop(), 0);
    assert_eq!(place.run().stop(), 0, "it is the new measure");
    fs::write(&list, "0x12\nfine\n").unwrap();
    place.ask(&["run"]).fails(2, &["list.csv:1:1: an address", "list.csv:2:1: an address"]);
}
