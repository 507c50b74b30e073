//! The real binary pays: a transfer comes in on a simulated chain, a person approves, a simulated Circle pays, and everything is said,
//! counted and written down. Commands are given as people give them.

#[path = "../common/mod.rs"]
mod common;
mod leaks;
mod people;
mod rig;

use rig::{ANN, DUTY, Rig, post, said};
use serde_json::json;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_person_approves_and_circle_pays_once() {
    let rig = Rig::new("approval = \"manual\"", "").await;
    let checked = said(&rig.place.command(&["check"]));
    for words in
        ["LIVE: `in` pays what another address received to cold", "anyone can make it pay", "at most 300 USDC a day"]
    {
        assert!(checked.1.contains(words), "{words}: {}", checked.1);
    }
    let monitor = rig.start().await;
    rig.pays_in(5_000_000);
    let held = rig.payment(&monitor, "5", "held").await;
    let id = held["payment_id"].as_str().expect("it has one").to_owned();
    assert_eq!(held["reason"], "approval");
    assert_eq!(rig.told("payment.held").await["data"]["payment_id"], json!(id));

    let listed = rig.payments(&monitor, &["list"]);
    assert!(listed.0 == 0 && listed.1.contains(&id) && listed.1.contains("held"), "{listed:?}");
    let shown = rig.payments(&monitor, &["show", &id]);
    assert!(shown.1.contains("body_sha256") && shown.1.contains("planned"), "{shown:?}");
    let other = ["approve", &id, "--body", &"00".repeat(32)];
    let wrong = rig.payments(&monitor, &other);
    assert!(wrong.0 == 2 && wrong.1.contains("names another one, or none"), "{wrong:?}");
    assert_eq!(post(&monitor, DUTY, &format!("{id}/approve"), "{}").await, 403);
    assert!(rig.moved().is_empty());

    let approved = rig.payments(&monitor, &["approve", &id, "--as", "bob"]);
    assert!(approved.0 == 0 && approved.1.contains("approved: 5 USDC to cold"), "{approved:?}");
    rig.payment(&monitor, "5", "complete").await;
    assert_eq!(rig.moved(), [5_000_000]);
    for kind in ["payment.approved", "payment.sent", "payment.complete"] {
        let told = rig.told(kind).await;
        assert_eq!((&told["data"]["payment_id"], &told["data"]["rehearsal"]), (&json!(id), &json!(false)), "{kind}");
    }
    let again = rig.payments(&monitor, &["approve", &id]);
    assert!(again.0 == 2 && again.1.contains("does not stand where this can be done"), "{again:?}");
    let shown = rig.payments(&monitor, &["show", &id]);
    assert!(shown.1.contains("by bob at") && shown.1.contains("COMPLETE"), "{shown:?}");

    // A reload changes nothing about money, and ends nothing.
    let reloaded = said(&rig.place.command_at(monitor.page(), &["reload"]));
    assert_eq!(reloaded.0, 0, "{reloaded:?}");
    rig.pays_in(7_000_000);
    let held = rig.payment(&monitor, "7", "held").await;
    let id = held["payment_id"].as_str().expect("it has one").to_owned();
    assert_eq!(rig.payments(&monitor, &["reject", &id]).0, 0);
    rig.payment(&monitor, "7", "refused").await;
    let verified = rig.payments(&monitor, &["verify"]);
    assert!(verified.0 == 0 && verified.1.contains("complete: 1 payments, 5 USDC"), "{verified:?}");
    let head = rig.told("payment.complete").await["data"]["audit_head"].as_str().expect("it has one").to_owned();
    let head = head.trim_start_matches("0x");
    assert_eq!(rig.payments(&monitor, &["verify", "--head", head]).0, 0);
    assert_eq!(rig.payments(&monitor, &["verify", "--head", &"ab".repeat(32)]).0, 3);
    let exported = rig.payments(&monitor, &["export"]).1;
    let lines: Vec<&str> = exported.lines().collect();
    assert_eq!(lines.iter().filter(|line| line.starts_with("{\"payment\":")).count(), 2, "{exported}");
    assert!(lines.iter().filter(|line| line.starts_with("{\"audit\":")).count() > 5, "{exported}");
    for series in [
        "walletwatch_payments{state=\"complete\",rehearsal=\"false\"} 1",
        "walletwatch_payments{state=\"refused\",rehearsal=\"false\"} 1",
        "walletwatch_payment_limit_used_ratio{rule=\"in\",limit=\"max_per_day\"} 0.1",
        "walletwatch_payments_frozen 0",
    ] {
        rig::shows(&monitor, series).await;
    }
    assert!(monitor.stop().await.success());
    let without = said(&rig.place.command(&["payments", "list"]));
    assert!(without.0 == 0 && without.1.contains("complete"), "{without:?}");
    assert_eq!(said(&rig.place.command(&["payments", "verify"])).0, 0);
    assert_eq!(rig.circle.posted().len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_freeze_stops_everything_with_and_without_a_monitor_and_two_names_are_two_people() {
    let rig = Rig::new("approval = \"none\"", "two_approvals_over = \"8\"").await;
    let monitor = rig.start().await;
    rig.pays_in(2_000_000);
    rig.payment(&monitor, "2", "complete").await;

    let frozen = rig.payments(&monitor, &["freeze", "a drill", "--as", "duty"]);
    assert!(frozen.0 == 0 && frozen.1.contains("no payment leaves"), "{frozen:?}");
    let told = rig.told("payments.frozen").await;
    assert_eq!((&told["data"]["what"], &told["data"]["reason"]), (&json!("everything"), &json!("a drill")));
    rig.pays_in(3_000_000);
    let held = rig.payment(&monitor, "3", "held").await;
    let id = held["payment_id"].as_str().expect("it has one").to_owned();
    assert_eq!(held["reason"], "frozen");
    let refused = rig.payments(&monitor, &["approve", &id]);
    assert!(refused.0 == 2 && refused.1.contains("payments are frozen"), "{refused:?}");
    let listed = rig.payments(&monitor, &["list"]);
    assert!(listed.1.contains("FROZEN: a drill"), "{listed:?}");
    rig::shows(&monitor, "walletwatch_payments_frozen 1").await;
    let duty = rig.payments(&monitor, &["unfreeze", "--as", "duty"]);
    assert!(duty.0 == 2 && duty.1.contains("duty"), "{duty:?}");
    assert_eq!(rig.payments(&monitor, &["unfreeze"]).0, 0);
    rig.told("payments.unfrozen").await;
    assert_eq!(rig.payments(&monitor, &["approve", &id]).0, 0);
    rig.payment(&monitor, "3", "complete").await;

    rig.pays_in(101_000_000);
    let held = rig.payment(&monitor, "101", "held").await;
    let above = held["payment_id"].as_str().expect("it has one").to_owned();
    let shown = rig.payments(&monitor, &["show", &above]);
    assert!(held["reason"] == "limit" && shown.1.contains("no room") && shown.1.contains("per_payment"), "{shown:?}");

    rig.pays_in(9_000_000);
    let held = rig.payment(&monitor, "9", "held").await;
    let id = held["payment_id"].as_str().expect("it has one").to_owned();
    for _ in 0..2 {
        let first = rig.payments(&monitor, &["approve", &id, "--as", "ann"]);
        assert!(first.0 == 0 && first.1.contains("a second name is needed"), "{first:?}");
    }
    assert_eq!(rig.payment(&monitor, "9", "held").await["live"]["approvals"].as_array().map(Vec::len), Some(1));
    assert_eq!(rig.payments(&monitor, &["approve", &id, "--as", "bob"]).0, 0);
    rig.payment(&monitor, "9", "complete").await;
    assert_eq!(rig.moved(), [2_000_000, 3_000_000, 9_000_000]);
    let first = rig.payments(&monitor, &["approve", &above, "--as", "ann"]);
    assert!(first.0 == 0 && first.1.contains("a second name is needed"), "{first:?}");
    let text = std::fs::read_to_string(rig.place.data().with_file_name("walletwatch.toml")).expect("it is there");
    let text = text.replace("[http]\nlisten = \"127.0.0.1:0\"\n", "");
    rig.place.configure(&text.replace("per_payment = \"100\"", "per_payment = \"99\""));
    let reloaded = said(&rig.place.command_at(monitor.page(), &["reload"]));
    assert!(reloaded.0 == 0 && reloaded.1.contains("nothing of what is otherwise is in force yet"), "{reloaded:?}");
    monitor.kill().await;

    let alone = said(&rig.place.command(&["payments", "unfreeze"]));
    assert!(alone.0 == 1 && alone.1.contains("only a running monitor does this"), "{alone:?}");
    let alone = said(&rig.place.command(&["payments", "freeze", "no monitor is trusted"]));
    assert!(alone.0 == 0 && alone.1.contains("this is done there"), "{alone:?}");
    let monitor = rig.start().await;
    let why = said(&rig.place.command_at(monitor.page(), &["why", &above])).1;
    assert!(why.contains("approved by ann at ") && why.contains("it does not count any more"), "{why}");
    rig.pays_in(4_000_000);
    let held = rig.payment(&monitor, "4", "held").await;
    assert_eq!(held["reason"], "frozen", "a freeze outlives every process");
    assert_eq!(post(&monitor, ANN, "unfreeze", "").await, 200);
    assert_eq!(rig.payments(&monitor, &["verify"]).0, 0);
    assert!(monitor.stop().await.success());
    assert_eq!(rig.moved().len(), 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_config_that_nobody_accepted_sends_nothing_and_a_store_that_is_gone_stops_the_start() {
    let rig = Rig::new("approval = \"none\"", "").await;
    let text = std::fs::read_to_string(rig.place.data().with_file_name("walletwatch.toml")).expect("it is there");
    // As strict as with live money: secrets from files, the main network watched, the payee a day old.
    let folder = rig.place.data().with_file_name("");
    for (name, secret) in
        [("key", walletwatch::world::circle::API_KEY), ("entity", walletwatch::world::circle::ENTITY_SECRET)]
    {
        use std::os::unix::fs::PermissionsExt;
        let path = folder.join(name);
        std::fs::write(&path, secret).expect("it can be written");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).expect("it is ours");
    }
    let strict = text
        .replace("[http]\nlisten = \"127.0.0.1:0\"\n", "")
        .replace("relaxed = true\n", "")
        .replace("env:CIRCLE_KEY", &format!("file:{}", folder.join("key").display()))
        .replace("env:CIRCLE_ENTITY", &format!("file:{}", folder.join("entity").display()));
    rig.place.configure(&strict);
    let faucet = said(&rig.place.command(&["check"]));
    assert!(faucet.0 == 2 && faucet.1.contains("a test network, where coins are free"), "{faucet:?}");
    let strict = strict.replace("sepolia", "ethereum");
    rig.place.configure(&strict);
    let checked = said(&rig.place.command(&["check"]));
    assert!(checked.0 == 0 && checked.1.contains("one operator alone reads ethereum"), "{checked:?}");
    let missing = said(&rig.place.command(&["run"]));
    assert!(missing.0 == 3 && missing.1.contains("walletwatch run --new-store"), "{missing:?}");
    assert!(missing.1.contains("where this is its first start") && missing.1.contains("bring it back"), "{missing:?}");
    let monitor = rig.place.start_with(&["run", "--new-store"]).await.expect("it starts");
    let frozen =
        |standing: &serde_json::Value| standing["frozen"].as_str().is_some_and(|why| why.contains("the store is new"));
    let standing = monitor.until("/api/v1/payments/standing", frozen).await;
    assert!(standing["in_force"].is_string() && standing["accepted"].is_null(), "{standing}");
    let shown = rig.payments(&monitor, &["accept"]);
    assert!(
        shown.1.contains("NOT accepted; nothing was accepted before") && shown.1.contains("+ LIVE: `in`"),
        "{shown:?}"
    );
    let wrong = rig.payments(&monitor, &["accept", "0123456789"]);
    assert!(wrong.0 == 2, "{wrong:?}");
    let fingerprint: String = standing["in_force"].as_str().expect("it is one").chars().take(16).collect();
    let accepted = rig.payments(&monitor, &["accept", &fingerprint]);
    assert!(accepted.0 == 0 && accepted.1.contains("is accepted"), "{accepted:?}");
    let standing = monitor.get("/api/v1/payments/standing").await;
    assert_eq!(standing["in_force"], standing["accepted"]);
    let one = rig.payments(&monitor, &["accept", "--payee", "cold", "--as", "ann"]);
    assert!(one.0 == 0 && one.1.contains("a second name is needed"), "{one:?}");
    let two = rig.payments(&monitor, &["accept", "--payee", "cold", "--as", "bob"]);
    assert!(two.0 == 0 && two.1.contains("may be paid at once"), "{two:?}");
    assert!(monitor.stop().await.success());

    // What was accepted is said again where it is otherwise, and nothing is accepted any more.
    rig.place.configure(&strict.replace("per_payment = \"100\"", "per_payment = \"90\""));
    let monitor = rig.place.start().await;
    let shown = rig.payments(&monitor, &["accept"]);
    assert!(shown.1.contains("NOT accepted; otherwise than accepted"), "{shown:?}");
    assert!(shown.1.contains("- limits: 100 USDC each") && shown.1.contains("+ limits: 90 USDC each"), "{shown:?}");
    assert!(!shown.1.contains("payee `cold`"), "what did not change is not said: {shown:?}");
    let checked = said(&rig.place.command(&["check"]));
    assert!(checked.1.contains("which nobody accepted yet") && checked.1.contains("+ limits: 90 USDC"), "{checked:?}");
    assert!(monitor.stop().await.success());
    assert!(rig.circle.posted().is_empty());
}
