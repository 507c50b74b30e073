//! schemathesis asks the demo whatever its OpenAPI document lets it, and more that it does not: nothing is a fault of ours, and nothing
//! is answered otherwise than the document says.

use crate::rig::{Demo, program};
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::process::{Command, Stdio};

/// How long it may ask, in seconds.
const SECONDS: &str = "30";
/// The same questions every time.
const SEED: &str = "1";

/// The first of what a list shows under a key.
async fn first(demo: &Demo, list: &str, key: &str) -> String {
    let page = demo.get(list).await;
    let found = page["items"].as_array().into_iter().flatten().find_map(|item| item[key].as_str());
    found.unwrap_or_else(|| panic!("{list} has no {key}: {page}")).to_owned()
}

/// Its config. 422 is for what is of the right shape and cannot be, which no schema can say: a wrong checksum, a chain that is not
/// there. In braces it often finds what is there.
async fn config(demo: &Demo) -> String {
    let mut text = String::from(
        "[checks.positive_data_acceptance]\nexpected-statuses = [\"2xx\", 401, 403, 404, 409, 422]\n\
         [checks.not_a_server_error]\nexpected-statuses = [\"2xx\", \"3xx\", \"4xx\"]\n",
    );
    // A stream of events does not end.
    text.push_str("[[operations]]\ninclude-name = \"GET /api/v1/events\"\nenabled = false\n");
    let alert = first(demo, "alerts", "alert_id").await;
    let message = first(demo, "outbox", "message_id").await;
    let payment = first(demo, "payments", "payment_id").await;
    let hash = first(demo, "transfers", "tx_hash").await;
    let places = [
        ("alert", "id", &alert, vec!["GET /api/v1/alerts/{id}"]),
        ("hash", "hash", &hash, vec!["GET /api/v1/transactions/{hash}"]),
        (
            "message",
            "id",
            &message,
            vec!["GET /api/v1/outbox/{id}", "POST /api/v1/outbox/{id}/replay", "POST /api/v1/outbox/{id}/drop"],
        ),
        (
            "payment",
            "id",
            &payment,
            vec![
                "GET /api/v1/payments/{id}",
                "POST /api/v1/payments/{id}/approve",
                "POST /api/v1/payments/{id}/reject",
                "POST /api/v1/payments/{id}/cancel",
                "POST /api/v1/payments/{id}/resolve",
            ],
        ),
        (
            "sink",
            "name",
            &"receiver".to_owned(),
            vec!["POST /api/v1/sinks/{name}/test", "POST /api/v1/sinks/{name}/enable"],
        ),
        ("chain", "name", &"simnet".to_owned(), vec!["POST /api/v1/chains/{name}/accept"]),
        (
            "watch",
            "name",
            &"added".to_owned(),
            vec!["GET /api/v1/watches/{name}/addresses", "DELETE /api/v1/watches/{name}"],
        ),
    ];
    for (dictionary, place, value, operations) in places {
        let _ = writeln!(text, "[dictionaries.{dictionary}]\nvalues = [{value:?}]");
        for operation in operations {
            let binding = format!("{{ \"path.{place}\" = {{ dictionary = \"{dictionary}\", probability = 0.5 }} }}");
            let _ = writeln!(text, "[[operations]]\ninclude-name = {operation:?}\nparameters = {binding}");
        }
    }
    text
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_api_is_what_its_document_says_whatever_is_asked() {
    let Some(program) = program("WALLETWATCH_SCHEMATHESIS", "schemathesis", "the API by schemathesis") else { return };
    let demo = Demo::start().await;
    let token = demo.approver().await;
    let added = json!({"watches": [{"name": "added", "chains": ["simnet"], "addresses": ["0x00000000000000000000000000000000000000a1"]}]});
    assert_eq!(demo.post(&token, "watches", &added).await, 200);
    let folder = tempfile::tempdir().expect("a folder can be made");
    let path = folder.path().join("schemathesis.toml");
    std::fs::write(&path, config(&demo).await).expect("it can be written");
    let mut command = Command::new(program);
    command.arg("--config-file").arg(&path).arg("run").arg(format!("{}/api/v1/openapi.json", demo.page));
    command.args(["--header", &format!("Authorization: Bearer {token}")]);
    command.args(["--phases", "coverage,fuzzing", "--max-examples", "20", "--max-time", SECONDS, "--seed", SEED]);
    command.args(["--no-color", "--warnings", "off", "--generation-database", "none"]);
    command.current_dir(folder.path()).stdin(Stdio::null());
    let said = tokio::task::spawn_blocking(move || command.output()).await.expect("nobody panics").expect("it starts");
    let text = String::from_utf8_lossy(&said.stdout).into_owned();
    assert!(said.status.success(), "{text}\n{}", String::from_utf8_lossy(&said.stderr));
    let document = demo.get("openapi.json").await;
    let paths = document["paths"].as_object().expect("it has paths");
    // All but the one that gives the document, and the stream of events.
    let operations =
        paths.values().map(|methods| methods.as_object().map_or(0, serde_json::Map::len)).sum::<usize>() - 2;
    assert!(text.contains(&format!("Tested: {operations}")), "{text}");
    // It is alive, and it was not only refused.
    assert_eq!(demo.get("status").await["simulated"], Value::Bool(true));
}
