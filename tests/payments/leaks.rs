//! A live payment with the log at its loudest, answers lost and refused, hooks true and forged, and every command: whatever is written
//! holds no key of Circle's, no entity secret, no token and no signing key.

use crate::common::leaks::{files, search};
use crate::common::monitor::Monitor;
use crate::common::{PATIENCE, http_client};
use crate::rig::{self, Rig, said};
use walletwatch::types::Name;
use walletwatch::world::circle::{Manner, SignedHook};

async fn hook(at: &str, hook: &SignedHook) -> u16 {
    let ask = http_client().post(format!("http://{at}/hooks/circle")).body(hook.body.clone());
    let ask = ask.header("X-Circle-Key-Id", &hook.key_id).header("X-Circle-Signature", &hook.signature);
    ask.send().await.expect("it answers").status().as_u16()
}

/// Everything that the API shows of money, with each token and with a wrong one.
async fn search_api(monitor: &Monitor, ids: &[String], secrets: &[(&str, String)], found: &mut Vec<String>) {
    let fixed = ["/", "/metrics", "/readyz", "/api/v1/status", "/api/v1/alerts", "/api/v1/outbox"].map(str::to_owned);
    let money = ["", "/standing", "/audit", "/config"].map(|path| format!("/api/v1/payments{path}"));
    let each = ids.iter().flat_map(|id| ["", "/why"].map(|path| format!("/api/v1/payments/{id}{path}")));
    for path in fixed.into_iter().chain(money).chain(each) {
        for token in [rig::ANN, rig::DUTY, "ann-wrong-wrong-wrong-wrong"] {
            let ask = http_client().get(format!("{}{path}", monitor.page())).bearer_auth(token);
            let answer = ask.send().await.expect("it answers");
            let head = format!("{:?}", answer.headers());
            let text = answer.text().await.expect("it is whole");
            search(&path, format!("{head}{text}").as_bytes(), secrets, found);
        }
    }
    for path in ["freeze", "accept", "resume", "probe"] {
        let ask = http_client().post(format!("{}/api/v1/payments/{path}", monitor.page())).bearer_auth(rig::ANN);
        let ask = ask.header("content-type", "application/json").body(format!("{{\"x\":\"{}\"}}", rig::BOB));
        let text = ask.send().await.expect("it answers").text().await.expect("it is whole");
        search(path, text.as_bytes(), secrets, found);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_payment_leaves_no_secret_in_anything_that_is_written() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
    let inbound = listener.local_addr().expect("it is bound").to_string();
    drop(listener);
    let rig = Rig::new("approval = \"manual\"", &format!("[inbound]\nlisten = \"{inbound}\"\n")).await;
    rig.place.set("WALLETWATCH_LOG", "trace");
    let secrets = rig::secrets();
    let monitor = rig.start().await;
    let mut found = Vec::new();
    let mut ids = Vec::new();
    let troubles = [Manner::DoneThenClosed, Manner::DoneThenStatus(502), Manner::Refused(400, 155_201)];
    for (nth, manner) in troubles.into_iter().enumerate() {
        let amount = 5 + nth as u64;
        rig.pays_in(amount * 1_000_000);
        let held = rig.payment(&monitor, &amount.to_string(), "held").await;
        let id = held["payment_id"].as_str().expect("it has one").to_owned();
        rig.circle.set(|trouble| trouble.posts.push_back(manner));
        assert_eq!(rig.payments(&monitor, &["approve", &id]).0, 0);
        let end = if matches!(manner, Manner::Refused(..)) { "rejected" } else { "complete" };
        rig.payment(&monitor, &amount.to_string(), end).await;
        ids.push(id);
    }
    let made: Vec<Name> = rig.circle.read(|book| book.entries().iter().map(|entry| entry.id.clone()).collect());
    let true_one = rig.circle.hook(&made[0]).expect("there is such a transaction");
    let forged = SignedHook { signature: "AAAA".to_owned(), ..true_one.clone() };
    assert_eq!((hook(&inbound, &true_one).await, hook(&inbound, &forged).await), (200, 401));

    let story = rig.payments(&monitor, &["list"]).1;
    assert!(story.contains("STOPPED"), "a refused one stops its rule: {story}");
    let why = said(&rig.place.command_at(monitor.page(), &["why", &ids[0]])).1;
    for words in
        ["triggered by transfer", "per_payment: 0 and 5 of 100 USDC", "approved by ann", "attempt 1: ", "X-Request-Id "]
    {
        assert!(why.contains(words), "{words} is not in {why}");
    }
    search_api(&monitor, &ids, &secrets, &mut found).await;
    let mut commands = vec![vec!["check"], vec!["check", "--print"], vec!["status"], vec!["payments", "accept"]];
    commands.extend([vec!["payments", "verify"], vec!["payments", "export"], vec!["payments", "freeze", "a drill"]]);
    commands.extend(
        ids.iter().flat_map(|id| [vec!["why", id], vec!["payments", "show", id], vec!["payments", "cancel", id]]),
    );
    for command in commands {
        let output = said(&rig.place.command_at(monitor.page(), &command)).1;
        search(&command.join(" "), output.as_bytes(), &secrets, &mut found);
    }
    let from = tokio::time::Instant::now();
    while !rig.receiver.heard().iter().any(|heard| heard.kind() == "payments.frozen") {
        assert!(from.elapsed() < PATIENCE, "nobody is told of the freeze");
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    for heard in rig.receiver.heard() {
        search("a message", &heard.raw, &secrets, &mut found);
    }
    let log = monitor.log.clone();
    assert!(monitor.stop().await.success());
    assert!(log.lines().iter().any(|line| line.contains("TRACE") || line.contains("DEBUG")), "the log is loud");
    for line in log.lines() {
        search("the log", line.as_bytes(), &secrets, &mut found);
    }
    for path in files(&rig.place.data()) {
        let bytes = std::fs::read(&path).expect("it can be read");
        search(&path.display().to_string(), &bytes, &secrets, &mut found);
    }
    assert!(rig.circle.posted().len() >= 3, "Circle was asked with all of them");
    assert!(found.is_empty(), "{}", found.join("\n"));
}
