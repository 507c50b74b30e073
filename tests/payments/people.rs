//! People at the command line: each with a token of their own and nobody else's secrets, and a file that stops everything.

use crate::common::receiver::Heard;
use crate::rig::{self, CUSTOMER, Rig, said};
use serde_json::json;
use walletwatch::world::circle::{Book, Fate};

/// From here on commands have these secrets alone; a monitor that runs has its own.
fn only(rig: &Rig, known: &[(&str, &str)]) {
    for (name, _) in rig::secrets() {
        let value = known.iter().find(|(of, _)| *of == name).map_or("", |(_, value)| *value);
        rig.place.set(name, value);
    }
}

fn all(rig: &Rig) {
    for (name, value) in rig::secrets() {
        rig.place.set(name, &value);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_people_decide_with_a_token_each_and_nobody_elses_secret() {
    let rig = Rig::new("approval = \"manual\"", "two_approvals_over = \"3\"").await;
    let monitor = rig.start().await;
    rig.pays_in(5_000_000);
    let held = rig.payment(&monitor, "5", "held").await;
    let id = held["payment_id"].as_str().expect("it has one").to_owned();

    only(&rig, &[("ANN", rig::ANN)]);
    let ann = rig.payments(&monitor, &["approve", &id]);
    assert!(ann.0 == 0 && ann.1.contains("a second name is needed"), "{ann:?}");
    let other = rig.payments(&monitor, &["approve", &id, "--as", "bob"]);
    assert!(other.0 == 2 && other.1.contains("bob (the variable BOB is not set)"), "{other:?}");
    let nobody = rig.payments(&monitor, &["approve", &id, "--as", "eve"]);
    assert!(nobody.0 == 2 && nobody.1.contains("no token eve"), "{nobody:?}");

    only(&rig, &[("DUTY", rig::DUTY)]);
    let duty = rig.payments(&monitor, &["approve", &id]);
    assert!(duty.0 == 2 && duty.1.contains("ann (the variable ANN is not set); bob"), "{duty:?}");
    let wrong = rig.payments(&monitor, &["freeze", "--as", "ann"]);
    let stands = rig.payments(&monitor, &["list"]).1;
    assert!(wrong.0 == 2 && wrong.1.contains("or: touch ") && !stands.contains("FROZEN"), "{wrong:?} {stands}");
    assert_eq!(rig.payments(&monitor, &["freeze", "a drill"]).0, 0);
    let listed = rig.payments(&monitor, &["list"]);
    assert!(listed.1.contains("FROZEN: a drill (by duty at "), "{listed:?}");

    only(&rig, &[("BOB", rig::BOB)]);
    assert_eq!(rig.payments(&monitor, &["unfreeze"]).0, 0);
    let bob = rig.payments(&monitor, &["approve", &id]);
    assert!(bob.0 == 0 && bob.1.contains("approved: 5 USDC"), "{bob:?}");
    rig.payment(&monitor, "5", "complete").await;
    monitor.kill().await;

    // Where no monitor runs, a stop needs nobody's secret at all; whatever lets money move needs a monitor.
    only(&rig, &[]);
    let alone = said(&rig.place.command(&["payments", "freeze", "nobody is here"]));
    assert!(alone.0 == 0 && alone.1.contains("this is done there"), "{alone:?}");
    let listed = said(&rig.place.command(&["payments", "list"]));
    assert!(listed.0 == 0 && listed.1.contains("FROZEN: nobody is here (by command line at "), "{listed:?}");
    // Who runs the monitor needs all of them.
    let start = said(&rig.place.command(&["check"]));
    assert!(start.0 == 2 && start.1.contains("CIRCLE_KEY is not set"), "{start:?}");

    // A config with a fault stands in the way of every command; the file is there for that.
    all(&rig);
    rig.place.configure("listen = 5\n");
    let broken = said(&rig.place.command(&["payments", "freeze"]));
    assert!(broken.0 == 2 && broken.1.contains("or: touch ") && broken.1.contains("FREEZE"), "{broken:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_stops_everything_and_is_shown_wherever_one_looks() {
    let rig = Rig::new("approval = \"none\"", "").await;
    let file = rig.place.data().with_file_name("FREEZE");
    let monitor = rig.start().await;
    std::fs::write(&file, "the node lies\n").expect("it can be written");
    let told = rig.told("payments.frozen").await;
    assert_eq!((&told["data"]["what"], &told["data"]["severity"]), (&json!("file"), &json!("critical")), "{told}");
    let reason = told["data"]["reason"].as_str().expect("it has one");
    assert!(reason.starts_with("the node lies (the file FREEZE beside the config, by "), "{reason}");
    rig::shows(&monitor, "walletwatch_payments_frozen 1").await;
    rig.pays_in(2_000_000);
    let held = rig.payment(&monitor, "2", "held").await;
    assert_eq!(held["reason"], "frozen");
    let id = held["payment_id"].as_str().expect("it has one").to_owned();
    let refused = rig.payments(&monitor, &["approve", &id]);
    assert!(refused.0 == 2 && refused.1.contains("payments are frozen"), "{refused:?}");
    let standing = monitor.get("/api/v1/payments/standing").await;
    assert!(standing["frozen"].is_null() && standing["freeze_file"]["why"] == "the node lies", "{standing}");
    assert!(rig.payments(&monitor, &["list"]).1.contains("FROZEN BY A FILE: the node lies (by "));
    let status = said(&rig.place.command_at(monitor.page(), &["status"]));
    assert!(status.1.contains("FROZEN by the file FREEZE: the node lies"), "{status:?}");
    monitor.kill().await;
    let alone = said(&rig.place.command(&["payments", "list"]));
    assert!(alone.1.contains("FROZEN BY A FILE: the node lies"), "{alone:?}");

    // It outlives the process, is told once, and is over when it is gone.
    let monitor = rig.start().await;
    rig::shows(&monitor, "walletwatch_payments_frozen 1").await;
    std::fs::remove_file(&file).expect("it is there");
    rig.told("payments.unfrozen").await;
    rig::shows(&monitor, "walletwatch_payments_frozen 0").await;
    assert_eq!(rig.payments(&monitor, &["approve", &id]).0, 0);
    rig.payment(&monitor, "2", "complete").await;
    assert!(monitor.stop().await.success());
    let frozen = rig.receiver.heard().into_iter().filter(|heard| heard.kind() == "payments.frozen").count();
    assert_eq!((frozen, rig.moved()), (1, vec![2_000_000]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_comes_too_late_is_told_and_no_silence_outlasts_what_waits() {
    let rig = Rig::new("approval = \"manual\"\napproval_expires = \"3s\"", "").await;
    let monitor = rig.start().await;
    let silence = |lasts: &str, types: &str| {
        let args = ["silence", "add", "--for", lasts, "--comment", "night", "--types", types];
        said(&rig.place.command_at(monitor.page(), &args))
    };
    for types in ["payment.*", "payment*", "payment.held"] {
        let longer = silence("3s", types);
        assert!(longer.0 == 2 && longer.1.contains("would be refused after 3s"), "{longer:?}");
    }
    assert_eq!(silence("30d", "transfer.*").0, 0, "another type may rest for longer");

    rig.pays_in(5_000_000);
    let held = rig.payment(&monitor, "5", "held").await;
    let id = held["payment_id"].as_str().expect("it has one").to_owned();
    assert_eq!(held["why"], "a person has to approve it");
    let why = said(&rig.place.command_at(monitor.page(), &["why", &id])).1;
    for words in [
        "why: a person has to approve it",
        "max_per_day: 0 and 1 of 10 payments",
        "now: 0 of 1 approvals: ",
        "where nobody does, it is refused at ",
    ] {
        assert!(why.contains(words), "{words} is not in {why}");
    }
    rig.payment(&monitor, "5", "refused").await;
    for args in [["approve", &id], ["reject", &id]] {
        let late = rig.payments(&monitor, &args);
        assert!(
            late.0 == 2 && late.1.contains("it is refused since ") && late.1.contains("nobody approved it in time"),
            "{late:?}"
        );
    }
    assert!(monitor.stop().await.success());
    // What stands in the store is told without a monitor too, and what only one can say is left out.
    let why = said(&rig.place.command(&["why", &id]));
    assert!(
        why.0 == 0 && why.1.contains("limits when it was planned") && why.1.contains("only a running monitor"),
        "{why:?}"
    );
    let none = said(&rig.place.command(&["why", &"ab".repeat(16)]));
    assert!(none.0 == 2 && none.1.contains("there is no such alert"), "{none:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_resolves_a_payment_is_told_what_became_of_it() {
    let rig = Rig::new("approval = \"none\"", "").await;
    rig.circle.change(|book| book.fates([Fate::Stick]));
    let monitor = rig.start().await;
    rig.pays_in(5_000_000);
    let accepted = rig.payment(&monitor, "5", "accepted").await;
    let id = accepted["payment_id"].as_str().expect("it has one").to_owned();
    let (circle, terms) = rig.circle.read(|book| (book.entries()[0].id.clone(), book.entries()[0].terms.clone()));
    rig.circle.change(|book| book.shows(&circle, |terms| terms.destination = CUSTOMER));
    rig.payment(&monitor, "5", "human").await;
    let told = rig.told("payment.needs_person").await;
    assert_eq!(told["data"]["reason"], "Circle shows another destination than the frozen one", "{told}");

    let absent = rig.payments(&monitor, &["resolve", &id, "--absent"]);
    assert!(absent.0 == 2 && absent.1.contains("so it is not absent"), "{absent:?}");
    let there = ["resolve", &id, "--circle", circle.as_str()];
    let other = rig.payments(&monitor, &there);
    let why = format!("{circle} is not it: Circle shows another destination than the frozen one");
    assert!(other.0 == 3 && other.1.contains(&why) && other.1.contains("still needs a person"), "{other:?}");
    let said = |heard: &Heard| heard.kind() == "payment.needs_person" && heard.body["data"]["reason"] == why;
    assert!(rig.receiver.heard().iter().any(said), "whoever is on duty hears it");
    let shown = rig.payments(&monitor, &["show", &id]);
    assert!(shown.1.contains("not it") && shown.1.contains(&why), "{shown:?}");

    let early = rig.payments(&monitor, &["cancel", &id]);
    assert!(early.0 == 2 && early.1.contains("it is human since "), "{early:?}");
    rig.circle.change(|book| book.shows(&circle, |shown| shown.destination = terms.destination));
    let resolved = rig.payments(&monitor, &there);
    assert!(resolved.0 == 0 && resolved.1.contains("it is this payment"), "{resolved:?}");
    let cancelled = rig.payments(&monitor, &["cancel", &id]);
    assert!(cancelled.0 == 0 && cancelled.1.contains(" the wish"), "{cancelled:?}");
    rig.circle.change(Book::loosen);
    rig.payment(&monitor, "5", "complete").await;
    assert!(rig.payments(&monitor, &["verify"]).0 == 0 && monitor.stop().await.success());
}
