//! The watch list through the API: what is read, what is taken, and what is told of what is not.

use super::served::{Got, OPERATE, READ, Served, ask, bearer, serving};
use crate::http::Deadlines;
use crate::reactor::watch_list::{MOST_AT_ONCE, WatchOrder};
use crate::types::Address;
use serde_json::{Value, json};

const ONE: &str = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8";

async fn post(served: &Served, body: &str, head: &[&str]) -> Got {
    let admin = bearer(OPERATE);
    let head: Vec<&str> = [admin.as_str()].into_iter().chain(head.iter().copied()).collect();
    ask(served, "POST /api/v1/watches", &head, body).await
}

fn noted(served: &Served) -> Option<WatchOrder> {
    served.control.1.lock().expect("nobody panics").pop().map(|(_, order)| order)
}

#[tokio::test]
async fn the_list_holds_what_the_config_and_the_api_own_page_by_page() {
    let served = serving(Deadlines::default()).await;
    let get = async |path: &str| ask(&served, &format!("GET /api/v1/{path}"), &[], "").await;
    let names = |body: &Value| -> Vec<String> {
        let items = body["items"].as_array().cloned().unwrap_or_default();
        items.iter().map(|item| format!("{} {} {}", item["name"], item["owner"], item["addresses"])).collect()
    };
    let all = get("watches").await.json();
    assert_eq!(names(&all), ["\"deposits\" \"api\" 3", "\"treasury\" \"config\" 1", "\"zebra\" \"api\" 0"]);
    assert_eq!((&all["next"], &all["items"][0]["chains"]), (&Value::Null, &json!(["ethereum"])));
    let mut found = Vec::new();
    let mut next = String::new();
    loop {
        let page = get(&format!("watches?limit=1{next}")).await.json();
        found.extend(names(&page));
        let Some(place) = page["next"].as_str() else { break };
        next = format!("&before={place}");
    }
    assert_eq!(found, names(&all), "the same, one by one");
    let page = get("watches/deposits/addresses?limit=2").await.json();
    assert_eq!(page["items"][0]["ref"], "c-16");
    assert_eq!(page["items"][0]["complete_from"], json!({"ethereum": 19_000_000}));
    let rest =
        get(&format!("watches/deposits/addresses?limit=2&before={}", page["next"].as_str().expect("more"))).await;
    assert_eq!((rest.json()["items"].as_array().map(Vec::len), &rest.json()["next"]), (Some(1), &Value::Null));
    let own = get("watches/treasury/addresses").await.json();
    assert_eq!(own["items"][0]["address"], Address::repeat_byte(2).to_checksum(None));
    for (path, status) in [
        ("watches?limit=0", 400),
        ("watches?stage=seen", 400),
        ("watches/nobody/addresses", 404),
        ("watches/deposits/addresses?before=x", 400),
        ("transfers?watch=deposits", 200),
    ] {
        assert_eq!(get(path).await.status, status, "{path}");
    }
}

#[tokio::test]
async fn what_is_added_is_answered_with_the_block_from_which_it_is_complete() {
    let served = serving(Deadlines::default()).await;
    let body = json!({"watches": [{
        "name": "deposits", "chains": ["ethereum"], "tags": ["own"], "from_block": 7,
        "addresses": [ONE, {"address": Address::repeat_byte(9).to_string(), "ref": "c-9", "label": "Ada, cold", "from_block": "now"}],
    }]});
    let got = post(&served, &body.to_string(), &["Idempotency-Key: one"]).await;
    let expected =
        json!({"watches": [{"name": "deposits", "addresses": 2, "new": 2, "complete_from": {"ethereum": 19_000_001}}]});
    assert_eq!((got.status, got.json()), (200, expected), "{}", got.body);
    let Some(WatchOrder::Add { watches, request: Some(first) }) = noted(&served) else { panic!("an addition") };
    let [nine, one] = watches[0].addresses.as_slice() else { panic!("{watches:?}") };
    assert_eq!((nine.reference.as_ref().map(crate::types::id::Name::as_str), nine.from_block), (Some("c-9"), None));
    assert_eq!((one.reference.as_ref(), one.from_block), (None, Some(7)));
    for (key, same_key, same_body) in [("one", true, true), ("two", false, true)] {
        assert_eq!(post(&served, &body.to_string(), &[&format!("Idempotency-Key: {key}")]).await.status, 200);
        let Some(WatchOrder::Add { request: Some(again), .. }) = noted(&served) else { panic!("an addition") };
        assert_eq!((again.id == first.id, again.body == first.body), (same_key, same_body), "{key}");
    }
}

#[tokio::test]
async fn a_body_that_is_wrong_is_told_so_place_by_place() {
    let served = serving(Deadlines::default()).await;
    let many = |count: usize| {
        let addresses: Vec<String> = (1..=count).map(|n| format!("0x{n:040x}")).collect();
        json!({"watches": [{"name": "many", "addresses": addresses}]})
    };
    let one = |watch: Value| json!({ "watches": [watch] });
    let checks = [
        (json!({"watches": []}), 422, vec!["#/watches: it names no address"]),
        (
            one(
                json!({"name": "tag:x", "chains": ["nowhere"], "tags": ["\u{202e}"], "from_block": "later", "addresses": ["0x12", {"address": ONE, "ref": "x".repeat(65)}, ONE]}),
            ),
            422,
            vec![
                "#/watches/0/name/0: it cannot be a name",
                "#/watches/0/tags/0: it cannot be a name",
                "#/watches/0/chains/0: there is no such chain",
                "#/watches/0/from_block: it is neither a number nor \"now\"",
                "#/watches/0/addresses/0: an address is 0x",
                "#/watches/0/addresses/1/ref: it is longer than 64 characters",
                "#/watches/0/addresses/2: it is the same as addresses/1",
            ],
        ),
        (
            one(json!({"name": "a", "addresses": [ONE.replace('C', "c")]})),
            422,
            vec!["#/watches/0/addresses/0: the checksum is wrong"],
        ),
        (
            one(json!({"name": "a", "addresses": [7, {"address": ONE, "from_block": -1}, {"adress": ONE}]})),
            422,
            vec![
                "#/watches/0/addresses/0: it is neither an address nor an object of address",
                "#/watches/0/addresses/1/from_block: it is neither a number",
                "#/watches/0/addresses/2: it is neither an address nor an object of address",
            ],
        ),
        (one(json!({"name": "a", "address": ONE})), 400, vec![]),
        (json!([ONE]), 400, vec![]),
        (one(json!({"name": "treasury", "addresses": [ONE]})), 409, vec![]),
        (many(MOST_AT_ONCE), 200, vec![]),
        (many(MOST_AT_ONCE + 1), 413, vec![]),
    ];
    for (body, status, errors) in checks {
        let got = post(&served, &body.to_string(), &[]).await;
        let shown: String = body.to_string().chars().take(300).collect();
        assert_eq!(got.status, status, "{shown}\n{}", got.body);
        if status == 200 {
            continue;
        }
        assert!(got.head.contains("application/problem+json"), "{}", got.head);
        let said = got.json();
        let said: Vec<String> = said["errors"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|item| {
                format!("{}: {}", item["pointer"].as_str().unwrap_or(""), item["detail"].as_str().unwrap_or(""))
            })
            .collect();
        assert_eq!(said.len(), errors.len(), "{shown}\n{}", got.body);
        for (said, expected) in said.iter().zip(errors) {
            assert!(said.starts_with(expected), "{said} is not {expected}");
        }
    }
    // What is larger than any list is not read; what only others would send is as small as ever.
    let large = "x".repeat(crate::http::LARGEST_LIST + 1);
    assert_eq!(post(&served, &large, &[]).await.status, 413);
    let other = ask(&served, "POST /api/v1/sinks/ops/test", &[&bearer(OPERATE)], &"x".repeat(65 * 1024)).await;
    assert_eq!(other.status, 413);
}

#[tokio::test]
async fn what_is_taken_off_the_list_is_counted_and_needs_the_role() {
    let served = serving(Deadlines::default()).await;
    let (admin, reader) = (bearer(OPERATE), bearer(READ));
    let address = format!("DELETE /api/v1/watches/deposits/addresses/{ONE}");
    for (line, head, status) in [
        ("DELETE /api/v1/watches/deposits", &[][..], 401),
        ("DELETE /api/v1/watches/deposits", &[&*reader], 403),
        ("DELETE /api/v1/watches/deposits", &[&*admin, "Origin: http://evil.example"], 403),
        ("DELETE /api/v1/watches/deposits", &[&*admin], 200),
        ("DELETE /api/v1/watches/gone", &[&*admin], 404),
        (&address, &[&*admin], 404),
        ("DELETE /api/v1/watches/deposits/addresses/0x12", &[&*admin], 400),
        ("PUT /api/v1/watches/deposits", &[&*admin], 405),
    ] {
        let got = ask(&served, line, head, "").await;
        assert_eq!(got.status, status, "{line}: {}", got.body);
        if status == 200 {
            assert_eq!(got.json(), json!({"removed": 3}));
        }
    }
}
