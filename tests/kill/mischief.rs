//! The checker sees what it is there for: messages are taken away, doubled and changed on purpose.

use super::checker::compare_with;
use super::scene::Scene;
use super::truth::truth;
use serde_json::Value;
use walletwatch::world::receiver::Delivery;

/// One thing that goes wrong on the way to a receiver.
type Mischief = fn(&mut Vec<Delivery>);

/// The last message that says this, however often it came.
fn last_of(got: &[Delivery], kind: &str) -> String {
    let says = |delivery: &&Delivery| String::from_utf8_lossy(&delivery.body).contains(kind);
    got.iter().rev().find(says).expect("there was one").id.clone()
}

fn rewrite(got: &mut [Delivery], kind: &str, from: &str, to: &str) {
    let id = last_of(got, kind);
    for delivery in got.iter_mut().filter(|delivery| delivery.id == id) {
        delivery.body = String::from_utf8_lossy(&delivery.body).replacen(from, to, 1).into_bytes();
    }
}

#[test]
fn the_checker_sees_each_kind_of_mischief() {
    let scene = Scene::new(11, false);
    scene.warm_up();
    scene.chains[0].pay();
    scene.settle();
    let truth = truth(&scene);
    let got: Vec<Vec<Delivery>> = scene.receivers.iter().map(|receiver| receiver.deliveries()).collect();
    assert_eq!(compare_with(&truth, &got).violations, Vec::<String>::new(), "nothing happened to it");
    let cases: [(&str, Mischief, &str); 8] = [
        (
            "a message that never came",
            |got| {
                let id = last_of(got, "transfer.final");
                got.retain(|delivery| delivery.id != id);
            },
            "lost",
        ),
        (
            "a transfer that was never told",
            |got| {
                let message: Value = serde_json::from_slice(&got.last().expect("there is one").body).expect("JSON");
                let alert = message["data"]["alert_id"].as_str().expect("it has one").to_owned();
                got.retain(|delivery| !String::from_utf8_lossy(&delivery.body).contains(&alert));
            },
            "last revision 0",
        ),
        (
            "the same under another id",
            |got| {
                let twin = Delivery { id: "another".into(), ..got.last().expect("there is one").clone() };
                got.push(twin);
            },
            "revision",
        ),
        (
            "another body under the same id",
            |got| {
                let mut twin = got.last().expect("there is one").clone();
                twin.body.push(b' ');
                got.push(twin);
            },
            "another body",
        ),
        ("the wrong order", |got| got.reverse(), "revision"),
        (
            "an amount that is not exact",
            |got| rewrite(got, "transfer.final", "\"amount\":\"0", "\"amount\":\"1"),
            "exact",
        ),
        ("an invention", |got| rewrite(got, "transfer.seen", "\"tx_hash\":\"0x", "\"tx_hash\":\"0xf"), "never was"),
        (
            "a retraction of what stands",
            |got| {
                let mut twin = got.last().expect("there is one").clone();
                let mut body: Value = serde_json::from_slice(&twin.body).expect("JSON");
                body["type"] = "transfer.retracted".into();
                body["data"]["confirmations"] = 0.into();
                body["data"]["revision"] = 99.into();
                twin.body = body.to_string().into_bytes();
                twin.id = "another".into();
                got.push(twin);
            },
            "lost",
        ),
    ];
    for (name, mischief, expected) in cases {
        let mut got = got.clone();
        mischief(&mut got[0]);
        let violations = compare_with(&truth, &got).violations;
        assert!(violations.iter().any(|violation| violation.contains(expected)), "{name}: {violations:?}");
    }
}
