//! Payments through the API: who may decide what, what is read, and what is told of what was not done.

use super::served::{APPROVE, Got, OPERATE, READ, Served, ask, bearer, serving};
use crate::http::Deadlines;
use crate::reactor::payments::desk::Order;
use serde_json::{Value, json};

async fn post(served: &Served, token: &str, path: &str, body: &str) -> Got {
    ask(served, &format!("POST /api/v1/payments/{path}"), &[bearer(token).as_str()], body).await
}

fn ordered(served: &Served) -> Vec<(String, Order)> {
    let mut noted = served.control.2.lock().expect("nobody panics");
    noted.drain(..).map(|(by, order)| (by.to_string(), order)).collect()
}

#[tokio::test]
async fn whoever_is_on_duty_may_stop_money_and_only_an_approver_lets_it_move() {
    let served = serving(Deadlines::default()).await;
    let id = "07".repeat(16);
    let hash = "ab".repeat(32);
    let (approve, resolve) = (format!("{id}/approve"), format!("{id}/resolve"));
    let (reject, cancel) = (format!("{id}/reject"), format!("{id}/cancel"));
    let with_hash = format!("{{\"body_sha256\":\"{hash}\"}}");
    let accept = format!("{{\"config\":\"{hash}\"}}");
    for (path, body, status) in [
        (approve.as_str(), with_hash.as_str(), 200),
        (&approve, "{}", 200),
        (&reject, "", 200),
        (&cancel, "", 200),
        (&resolve, "{\"circle_id\":\"a-1\"}", 200),
        (&resolve, "{\"absent\":true}", 202),
        ("unfreeze", "", 409),
        ("resume", "{\"rule\":\"low\"}", 200),
        ("resume", "{\"clock\":true}", 200),
        ("accept", &accept, 200),
        ("accept", "{\"payee\":\"hot\"}", 200),
    ] {
        for token in [READ, OPERATE] {
            assert_eq!(post(&served, token, path, body).await.status, 403, "{path}");
        }
        assert_eq!(ask(&served, &format!("POST /api/v1/payments/{path}"), &[], body).await.status, 401, "{path}");
        assert_eq!(ordered(&served), [], "{path}");
        let got = post(&served, APPROVE, path, body).await;
        assert_eq!(got.status, status, "{path} {body}: {}", got.body);
        assert_eq!(ordered(&served).len(), 1, "{path}");
    }
    assert_eq!(post(&served, READ, "freeze", "").await.status, 403);
    assert_eq!(post(&served, OPERATE, "freeze", "{\"reason\":\"a drill\"}").await.status, 200);
    assert_eq!(ordered(&served), [("admin".to_owned(), Order::Freeze { why: "a drill".into() })]);
    let get = ask(&served, &format!("GET /api/v1/payments/{approve}"), &[bearer(APPROVE).as_str()], "").await;
    assert_eq!((get.status, ordered(&served)), (405, vec![]), "no link approves anything");
}

#[tokio::test]
async fn a_decision_that_is_not_understood_is_none() {
    let served = serving(Deadlines::default()).await;
    let id = "07".repeat(16);
    let (approve, resolve) = (format!("{id}/approve"), format!("{id}/resolve"));
    for (path, body, status) in [
        (&*approve, "{\"body_sha256\":\"ab\"}", 422),
        (&approve, "{\"body\":\"ab\"}", 400),
        (&approve, "[1", 400),
        ("x/approve", "{}", 400),
        (&resolve, "{}", 422),
        (&resolve, "{\"circle_id\":\"a\",\"absent\":true}", 422),
        (&resolve, "{\"circle_id\":\"../../x\"}", 422),
        ("freeze", "{\"reason\":\"\"}", 422),
        ("freeze", "{\"reason\":\"two\\nlines\"}", 422),
        ("resume", "{}", 400),
        ("resume", "{\"rule\":\"a\",\"payee\":\"b\"}", 400),
        ("resume", "{\"clock\":false}", 422),
        ("accept", "{\"config\":\"ab\"}", 422),
    ] {
        let got = post(&served, APPROVE, path, body).await;
        assert_eq!(got.status, status, "{path} {body}: {}", got.body);
    }
    assert_eq!(ordered(&served), []);
}

#[tokio::test]
async fn payments_are_read_with_what_was_written_of_them() {
    let served = serving(Deadlines::default()).await;
    let get = async |path: &str| ask(&served, &format!("GET /api/v1/payments{path}"), &[], "").await;
    let all = get("").await.json();
    let items = all["items"].as_array().cloned().unwrap_or_default();
    assert_eq!(items.len(), 1);
    let (item, live) = (&items[0], &items[0]["live"]);
    assert_eq!(
        (&item["state"], &item["amount"], &item["rehearsal"]),
        (&json!("held"), &json!("0.000005"), &json!(false))
    );
    assert_eq!((&live["body_sha256"], &live["body"]), (&json!("03".repeat(32)), &Value::Null));
    assert_eq!(get("?state=complete").await.json()["items"], json!([]));
    assert_eq!(get("?state=gone").await.status, 400);
    let one = get(&format!("/{}", item["payment_id"].as_str().unwrap_or_default())).await.json();
    assert_eq!((&one["live"]["body"], &one["audit"][0]["what"]), (&json!("{}"), &json!("planned")));
    assert_eq!(get(&format!("/{}", "08".repeat(16))).await.status, 404);
    assert_eq!(get("/audit").await.json()["items"][0]["seq"], 1);
    let standing = get("/standing").await.json();
    assert_eq!((&standing["frozen"], &standing["audit_head"]["seq"]), (&json!("a drill"), &json!(1)));
    assert_eq!(standing["payments"], json!([{"state":"held","rehearsal":false,"count":1}]));
    assert_eq!(get("/config").await.json()["in_force"], Value::Null);
}
