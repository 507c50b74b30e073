//! A config file that was broken since the monitor read it: who only asks needs no more of it than where to ask.

use super::place::Place;
use std::fs;

#[test]
fn a_config_that_was_broken_meanwhile_stops_nobody_from_asking_the_monitor_or_from_freezing() {
    let place = Place::new();
    let running = place.run();
    let whole = fs::read_to_string(place.file()).unwrap();
    let torn = format!("{whole}\n[[rule]]\nname = \"in");
    let wrong = format!("{whole}\n[[rule]]\nname = \"in\"\nwhen = \"transfr\"\n");
    // What stands behind the tear is read.
    let early = format!("[[rule]]\nname = \"in\n{whole}");
    for broken in [&torn, &early, &wrong] {
        fs::write(place.file(), broken).unwrap();
        place.ask(&["status"]).fails(1, &["the config file has faults", "blind: devnet/main"]);
        for list in [["watch", "list"], ["outbox", "list"], ["payments", "list"], ["silence", "list"]] {
            let said = place.ask(&list);
            assert!(said.code == 0 && said.talk.contains("the config file has faults"), "{said:?}");
        }
        place.ask(&["payments", "freeze"]).answers(&["frozen"]);
        place.ask(&["reload"]).fails(2, &["nothing was started or changed"]);
    }
    // Where to ask is not known.
    fs::write(place.file(), wrong.replace("listen = \"127.0.0.1:", "listen = \"here:")).unwrap();
    place.ask(&["status"]).fails(2, &["`listen` is no address and port"]);
    fs::write(place.file(), &wrong).unwrap();
    assert_eq!(running.stop(), 0);
}

#[test]
fn without_a_monitor_a_broken_config_lets_payments_be_frozen_and_nothing_else_be_changed() {
    let place = Place::new().with_store();
    let whole = fs::read_to_string(place.file()).unwrap();
    // Where it is torn, another store may be named.
    fs::write(place.file(), format!("{whole}\n[[rule]]\nname = \"in")).unwrap();
    place.ask(&["watch", "list"]).fails(2, &["this is not TOML", "no monitor answers"]);
    place.ask(&["sink", "test", "log"]).fails(2, &["this is not TOML"]);
    place.ask(&["payments", "freeze"]).fails(2, &["this is not TOML", "touch "]);
    fs::write(place.file(), format!("{whole}\n[[rule]]\nname = \"in\"\nwhen = \"transfr\"\n")).unwrap();
    place.ask(&["sink", "test", "log"]).fails(2, &["transfr"]);
    place.ask(&["payments", "freeze"]).answers(&["frozen"]);
    fs::write(place.file(), whole).unwrap();
    let payments = place.ask(&["payments", "list"]);
    assert!(payments.talk.contains("FROZEN: "), "{payments:?}");
    let list = place.ask(&["outbox", "list", "--json"]);
    assert!(list.answer.contains("\"items\":[]"), "a test message was not made: {list:?}");
}
