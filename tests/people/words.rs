//! Words of the operator's own, through the real binary: `check` tries them, and a message goes out in them.

use crate::common::PATIENCE;
use crate::common::monitor::Place;
use axum::Router;
use axum::extract::State;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::mpsc;

const SINK: &str = "[[sink]]\nname = \"chat\"\nkind = \"ntfy\"\ntopic = \"treasury\"\n";

fn said(config: &str) -> (Option<i32>, String) {
    let place = Place::new(config);
    place.set("TOKEN", "0123456789abcdef0123456789abcdef");
    let output = place.command(&["check"]);
    let text = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
    (output.status.code(), text)
}

#[test]
fn check_tries_every_template_and_says_file_line_and_column() {
    let check = |template: &str, expected: &[&str]| {
        let (code, said) = said(&format!("{SINK}[[template]]\n{template}\n"));
        assert_eq!(code == Some(0), expected.is_empty(), "{template}\n{said}");
        for words in expected {
            assert!(said.contains(words), "{words:?} is not in\n{said}");
        }
    };
    check("types = [\"test\"]\ntitle = \"{{ type }}: {{ ours.title }}\"", &[]);
    // `Place` puts two lines before the config, and the sink has four.
    check(
        "types = [\"transfer.*\"]\ntitle = \"to {{ nobody }}\"",
        &[":16: the template fails for a transfer.seen", "`nobody`", "walletwatch.toml:"],
    );
    check(
        "types = [\"price.*\"]\ntext = \"\"\"\n{{ pair }}\n{{ sum }}\"\"\"",
        &[":4: the template fails for a price.crossed"],
    );
    check("types = [\"transfer.*\"]\ntitle = \"{{ ref }\"", &["the template cannot be read"]);
    check("types = [\"transfer.*\"]\ntitle = \"{{ ref }}\"", &["this can be missing"]);
    check("title = \"x\"", &["has no `types`"]);
    check("types = [\"transfers\"]\ntitle = \"x\"", &["no message has such a type"]);
    check("types = [\"test\"]", &["has no `title`"]);
    check("types = [\"test\"]\nsinks = [\"nobody\"]\ntitle = \"x\"", &["there is no sink `nobody`"]);
    check("types = [\"test\"]\nrules = [\"none\"]\ntitle = \"x\"", &["there is no rule of this name"]);
    check(
        "types = [\"transfer.*\"]\nlink = \"https://{{ chain }}.example.com/\"",
        &["where a link leads must not depend"],
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_goes_out_in_the_operators_words() {
    async fn take(State(came): State<mpsc::Sender<Value>>, body: axum::body::Bytes) -> &'static str {
        came.send(serde_json::from_slice(&body).expect("JSON")).await.expect("the test waits");
        "{\"id\":\"sPs71M8A2T\"}"
    }
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
    let at = listener.local_addr().expect("it is bound");
    let (came_to, mut came) = mpsc::channel(16);
    let router = Router::new().fallback(take).with_state(came_to);
    tokio::spawn(async move { axum::serve(listener, router).await.expect("it serves") });
    let place = Place::new(&format!(
        "token = \"env:TOKEN\"\n{SINK}url = \"http://{at}\"\nallow_private = true\n\
         [[template]]\ntypes = [\"test\"]\ntitle = \"{{{{ type | upper }}}} at {{{{ timestamp | time }}}}\"\n\
         text = \"\"\"\nall is well\n{{{{ ours.text }}}}\"\"\"\n"
    ));
    place.set("TOKEN", "0123456789abcdef0123456789abcdef");
    let monitor = place.start().await;
    let sent = place.command_at(monitor.page(), &["sink", "test", "chat"]);
    assert!(sent.status.success(), "{}", String::from_utf8_lossy(&sent.stderr));
    let message = tokio::time::timeout(PATIENCE, came.recv()).await.expect("it comes").expect("the receiver lives");
    let title = message["title"].as_str().unwrap_or_default();
    assert!(title.starts_with("TEST at 20") && title.ends_with(" UTC"), "{title}");
    assert_eq!(message["message"], "all is well\ninfo");
    let metrics = monitor.text("/metrics").await;
    assert!(metrics.contains("walletwatch_template_failures_total{sink=\"chat\"} 0"), "{metrics}");
    monitor.stop().await;
}
