//! A block whose reading ends the process: at the third start its chain alone stays stopped, and the other goes on.

use super::monitor::{self, Ending, Monitor};
use super::scene::{Scene, TOKEN_VALUE};
use serde_json::Value;
use std::time::Duration;

/// Longer than anything here takes.
const PATIENCE: Duration = Duration::from_mins(1);
/// So many blocks above the tip is the one that cannot be read.
const AHEAD: u64 = 2;

/// Every message that the first receiver got, oldest first.
fn told(scene: &Scene) -> Vec<Value> {
    let body = |body: &[u8]| serde_json::from_slice(body).expect("bodies are JSON");
    scene.receivers[0].deliveries().iter().map(|delivery| body(&delivery.body)).collect()
}

fn was_told(scene: &Scene, tx: &str) -> bool {
    told(scene).iter().any(|message| message["data"]["tx_hash"] == tx)
}

fn about_chain<'a>(messages: &'a [Value], kind: &str, chain: &str) -> Vec<&'a Value> {
    messages.iter().filter(|message| message["type"] == kind && message["data"]["chain"] == chain).collect()
}

#[test]
fn a_block_that_cannot_be_read_stops_its_own_chain_at_the_third_start_and_no_other() {
    if !cfg!(feature = "faults") {
        println!("left out: a planted panic (the binary was built without the feature `faults`)");
        return;
    }
    let scene = Scene::new(7, false);
    scene.warm_up();
    let (east, west) = (scene.chain("east"), scene.chain("west"));
    let bad = east.height() + AHEAD;
    let planted = || Some(("WALLETWATCH_FAULT_PANIC".to_owned(), format!("31337:{bad}")));
    for start in 1..=2 {
        let mut monitor = scene.start_with(planted());
        monitor.wait_ready(PATIENCE).expect("it starts: the block is not there yet, or not read yet");
        while east.height() < bad + AHEAD {
            east.pay();
        }
        let ending = monitor.wait(PATIENCE).expect("it cannot read the block");
        assert_eq!(ending, Ending::Code(1), "start {start}: a panic is a failure that trying again may help");
        assert!(monitor.log().contains("a planted panic"), "{}", monitor.log_tail());
    }
    let mut monitor = scene.start_with(planted());
    let at = monitor.wait_ready(PATIENCE).expect("it starts");
    let on_west = west.pay();
    let lost = east.pay();
    scene.wait(&monitor, "the other chain goes on", || was_told(&scene, &on_west));
    scene.wait(&monitor, "it says that it is blind", || !about_chain(&told(&scene), "source.blind", "east").is_empty());
    let messages = told(&scene);
    let blind = about_chain(&messages, "source.blind", "east")[0];
    let reason = blind["data"]["reason"].as_str().unwrap_or_default();
    assert_eq!(blind["data"]["severity"], "critical");
    assert!(reason.contains("cannot be read"), "{reason}");
    assert!(about_chain(&messages, "source.blind", "west").is_empty(), "the other chain was never blind");
    assert!(!was_told(&scene, &lost), "its chain is stopped");
    scene.wait(&monitor, "the status says so", || stopped(&monitor, at));

    let accept = |token| monitor::ask(at, "POST", "/api/v1/chains/east/accept", token).expect("it answers").0;
    assert_eq!(accept(None), 401, "nobody can do that without a token");
    assert_eq!(accept(Some(TOKEN_VALUE)), 204);
    let after = east.pay();
    scene.wait(&monitor, "what it did not read while it stood still is read", || {
        was_told(&scene, &after) && was_told(&scene, &lost)
    });
    assert!(
        !told(&scene).iter().any(|message| message["data"]["block"]["number"] == bad),
        "that block alone is left out"
    );
    scene.wait(&monitor, "it says so", || !about_chain(&told(&scene), "source.recovered", "east").is_empty());
    scene.wait(&monitor, "the status says so", || !stopped(&monitor, at));
    let messages = told(&scene);
    assert!(about_chain(&messages, "transfer.retracted", "east").is_empty(), "the chain is the one that it was");
    monitor.kill().expect("it runs");

    let monitor = scene.start(None);
    let (on_east, on_west) = (east.pay(), west.pay());
    scene.wait(&monitor, "both chains go on", || was_told(&scene, &on_east) && was_told(&scene, &on_west));
}

/// Whether the status calls the chain `east`, and no other, stopped.
fn stopped(monitor: &Monitor, at: std::net::SocketAddr) -> bool {
    let status = monitor::status(at).unwrap_or_else(|| panic!("no answer\n{}", monitor.log_tail()));
    let chains = status["chains"].as_array().expect("a list");
    assert!(chains.iter().all(|chain| chain["chain"] == "east" || chain["stopped"].is_null()), "{status}");
    chains.iter().any(|chain| chain["chain"] == "east" && !chain["stopped"].is_null())
}
