//! The page as a browser without a script gets it: every address of it, what strangers wrote, and who may see it.

use super::served::{OPERATE, READ, ask, bearer, serving, transfer};
use crate::http::Deadlines;
use crate::reactor::money::PaymentState;
use crate::types::{AlertId, MessageId};

/// Every address of the page, of what the store of these tests holds.
fn addresses() -> Vec<String> {
    let of = |path: &str, id: String| format!("/{path}/{id}");
    let mut all: Vec<String> =
        ["/", "/transfers", "/alerts", "/watches", "/payments", "/outbox", "/sources"].map(str::to_owned).into();
    all.extend([
        of("transfers", transfer(0).id.to_string()),
        of("alerts", AlertId([5; 16]).to_string()),
        of("outbox", MessageId([9; 16]).to_string()),
        "/watches/treasury".to_owned(),
        "/transfers?stage=seen&limit=2".to_owned(),
        "/alerts?state=raised".to_owned(),
        "/outbox?state=pending&sink=ops".to_owned(),
        "/payments?state=held".to_owned(),
    ]);
    all
}

#[tokio::test]
async fn every_page_is_whole_without_a_script_and_holds_nothing_that_a_stranger_could_run() {
    let served = serving(Deadlines::default()).await;
    let payments = ask(&served, "GET /payments", &[], "").await.body;
    let (_, payment) = payments.split_once("href=\"/payments/").expect("one is there");
    let mut paths = addresses();
    paths.push(format!("/payments/{}", &payment[..32]));
    for path in paths {
        let got = ask(&served, &format!("GET {path}"), &["Accept: text/html"], "").await;
        assert_eq!(got.status, 200, "{path}: {}", got.body);
        assert!(got.head.contains("text/html"), "{path}: {}", got.head);
        assert!(got.head.contains("script-src 'self'") && !got.head.contains("unsafe"), "{}", got.head);
        assert_eq!(got.body.matches("<script").count(), 1, "{path}: only its own");
        assert!(got.body.contains("<script src=\"/assets/") && got.body.contains("id=\"main\""), "{path}");
        let lower = got.body.to_lowercase();
        for word in [" style=", "<style", "javascript:", " onclick", " onerror", "http://", "https://"] {
            assert!(!lower.contains(word), "{path} holds {word}");
        }
        assert!(got.body.contains("<title>") && got.body.contains("<h1"), "{path}");
    }
}

#[tokio::test]
async fn what_is_not_there_is_said_on_a_page() {
    let served = serving(Deadlines::default()).await;
    for (path, status) in [
        ("/transfers/12", 400),
        ("/transfers/00000000000000000000000000000000", 404),
        ("/alerts/00000000000000000000000000000000", 404),
        ("/payments/x", 400),
        ("/outbox/00000000000000000000000000000000", 404),
        ("/watches/nobody", 404),
        ("/transfers?stage=buried", 400),
        ("/transfers?token=secret", 400),
        ("/watches/treasury?before=x", 400),
        ("/alerts?watch=nobody", 404),
        ("/outbox?sink=nobody", 404),
        ("/payments?rule=nothing", 404),
        ("/nosuch", 404),
        ("/nosuch/deep?token=secret", 404),
        ("/assets/page.js", 404),
    ] {
        let got = ask(&served, &format!("GET {path}"), &["Accept: text/html"], "").await;
        assert_eq!(got.status, status, "{path}");
        assert!(got.head.contains("text/html") && got.head.contains("script-src 'self'"), "{path}: {}", got.head);
        assert!(got.body.contains("<h1") && got.body.contains("href=\"/watches\""), "{path}: {}", got.body);
        assert!(!got.body.contains("secret") && !got.body.contains("treasury"), "{path}: {}", got.body);
        // Who asks for no page is told as a machine.
        for accept in ["Accept: application/json", "Accept: */*"] {
            let got = ask(&served, &format!("GET {path}"), &[accept], "").await;
            assert!(got.status == status && got.head.contains("problem+json"), "{path}: {}", got.head);
        }
    }
    for (asked, token, status, word) in
        [("POST /", OPERATE, 405, "openapi.json"), ("DELETE /nosuch", READ, 403, "Type a token")]
    {
        let got = ask(&served, asked, &["Accept: text/html", &bearer(token)], "").await;
        assert_eq!(got.status, status, "{asked}");
        assert!(got.head.contains("text/html") && got.body.contains(word), "{asked}: {}", got.body);
    }
    let api = ask(&served, "GET /api/v1/nosuch", &["Accept: text/html"], "").await;
    assert!(api.status == 404 && api.head.contains("problem+json"), "a machine is told as a machine");
}

#[tokio::test]
async fn who_may_not_see_a_page_is_asked_for_a_token_and_told_nothing() {
    let served = serving(Deadlines::default()).await;
    let (stranger, browser) = ("Host: evil.example", "Accept: text/html,application/xhtml+xml");
    for path in addresses() {
        let got = ask(&served, &format!("GET {path}"), &[stranger, browser], "").await;
        assert_eq!(got.status, 401, "{path}");
        assert!(got.head.contains("text/html") && got.head.contains("www-authenticate: bearer"), "{}", got.head);
        assert!(got.body.contains("data-locked") && !got.body.contains("treasury"), "{}", got.body);
        let wrong = ask(&served, &format!("GET {path}"), &[stranger, browser, &bearer("wrong")], "").await;
        assert_eq!(wrong.status, 401, "{path}");
        let known = ask(&served, &format!("GET {path}"), &[stranger, browser, &bearer(READ)], "").await;
        assert_eq!(known.status, 200, "{path}");
    }
    let api = ask(&served, "GET /api/v1/status", &[stranger, browser], "").await;
    assert!(api.status == 401 && api.head.contains("problem+json"), "a machine is told as a machine");
}

#[tokio::test]
async fn style_and_script_are_open_to_all_and_kept_for_ever_under_the_name_of_what_they_are() {
    let served = serving(Deadlines::default()).await;
    let page = ask(&served, "GET /", &[], "").await.body;
    let mut seen = Vec::new();
    for part in page.split("/assets/").skip(1) {
        let name = part.split('"').next().expect("there is a quote");
        let got = ask(&served, &format!("GET /assets/{name}"), &["Host: evil.example"], "").await;
        assert_eq!(got.status, 200, "{name}");
        assert!(got.head.contains("max-age=31536000, immutable") && !got.head.contains("no-store"), "{}", got.head);
        assert!(got.head.contains("nosniff"), "{}", got.head);
        seen.push(name.rsplit('.').next().expect("it has an end").to_owned());
    }
    seen.sort();
    seen.dedup();
    assert_eq!(seen, ["css", "js", "svg"]);
    for path in ["/assets/0000000000000000.js", "/assets/page.js", "/assets/", "/assets/..%2fmod.rs"] {
        assert_eq!(ask(&served, &format!("GET {path}"), &[], "").await.status, 404, "{path}");
    }
}

#[tokio::test]
async fn the_address_of_a_thing_answers_why() {
    let served = serving(Deadlines::default()).await;
    let payments = ask(&served, "GET /payments", &[], "").await.body;
    let (_, payment) = payments.split_once("href=\"/payments/").expect("one is there");
    let payment = format!("/payments/{}", &payment[..32]);
    let transfer = format!("/transfers/{}", transfer(0).id);
    let alert = format!("/alerts/{}", AlertId([5; 16]));
    // What a rule asked for and what there was; until when a payment waits; what looks at a watch, and from where on it is complete.
    for (path, words) in [
        (
            &*transfer,
            &["Why it was said, or not", "at least", "1.5 ETH", "asked for: at least 2 ETH", "it is seen"][..],
        ),
        (&alert, &["Why it was said, or not", "asked for: at least 2 ETH"]),
        (&payment, &["Why, and what it waits for", "Refused without a decision", "in 23 h", "What was written of it"]),
        ("/watches/treasury", &["Why it is spoken of, or not", "No rule looks at it", "[[rule]]"]),
        ("/payments", &["It lapses <time", "lapses <time", "in 23 h", "0.000005"]),
        ("/", &["It lapses <time"]),
    ] {
        let page = ask(&served, &format!("GET {path}"), &[], "").await;
        for word in words {
            assert!(page.body.contains(word), "{path} does not say {word}: {}", page.body);
        }
    }
}

#[tokio::test]
async fn many_payments_that_wait_are_folded_and_each_is_in_a_list_to_decide_from() {
    let served = serving(Deadlines::default()).await;
    served.snapshot.send_modify(|standing| {
        let payments = &mut std::sync::Arc::make_mut(standing).payments;
        payments.live.insert(PaymentState::Held, 1_050);
        payments.rehearsals.insert(PaymentState::Human, 3);
    });
    for path in ["/", "/payments"] {
        let page = ask(&served, &format!("GET {path}"), &[], "").await.body;
        let (_, waiting) = page.split_once("id=\"waiting\"").expect("something waits");
        for words in ["1,053", "href=\"/payments?state=held\">All 1,050 held", "All 3 human", "Approve"] {
            assert!(waiting.contains(words), "{path} does not say {words}: {page}");
        }
    }
    let list = ask(&served, "GET /payments?state=held", &[], "").await.body;
    assert!(list.matches("id=\"waiting\"").count() == 1 && list.contains("Approve"), "{list}");
    assert!(!list.contains("All 1,050"), "it is that list: {list}");
}
