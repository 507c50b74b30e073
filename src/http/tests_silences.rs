//! The routes of silences: who may, what is taken, and what is refused with a word about why.

use super::served::{APPROVE, OPERATE, READ, ask, bearer, serving};
use super::*;

const FITS: &str = r#"{"for": "2h", "comment": "the vault moves", "chain": "ethereum"}"#;

#[tokio::test]
async fn whoever_may_operate_sets_and_ends_silences_and_all_may_read_them() {
    let served = serving(Deadlines::default()).await;
    let check = async |line: &str, token: Option<&str>, body: &str, status: u16| {
        let head: Vec<String> = token.map(bearer).into_iter().collect();
        let head: Vec<&str> = head.iter().map(String::as_str).collect();
        let got = ask(&served, line, &head, body).await;
        assert_eq!(got.status, status, "{line} {token:?}: {}", got.body);
        got
    };
    check("GET /api/v1/silences", None, "", 200).await;
    for (token, status) in [(None, 401), (Some("wrong"), 401), (Some(READ), 403)] {
        check("POST /api/v1/silences", token, FITS, status).await;
        check("DELETE /api/v1/silences/7", token, "", status).await;
    }
    for token in [OPERATE, APPROVE] {
        let set = check("POST /api/v1/silences", Some(token), FITS, 201).await.json();
        assert_eq!((&set["set"], &set["items"][0]["id"]), (&7.into(), &7.into()));
        let by = if token == OPERATE { "admin" } else { "ann" };
        assert_eq!(set["items"][0]["author"], by, "the token's name, whatever the body says");
        check("DELETE /api/v1/silences/7", Some(token), "", 200).await;
    }
    check("DELETE /api/v1/silences/8", Some(OPERATE), "", 404).await;
    check("DELETE /api/v1/silences/seven", Some(OPERATE), "", 400).await;
    check("DELETE /api/v1/silences/-1", Some(OPERATE), "", 400).await;
}

#[tokio::test]
async fn a_silence_that_would_silence_nothing_or_everything_is_refused() {
    let served = serving(Deadlines::default()).await;
    let check = async |body: &str, status: u16, words: &str| {
        let got = ask(&served, "POST /api/v1/silences", &[&bearer(OPERATE)], body).await;
        assert_eq!(got.status, status, "{body}: {}", got.body);
        let detail = got.json()["detail"].to_string();
        assert!(detail.contains(words), "{body}: {detail}");
    };
    let of = |labels: &str| format!(r#"{{"for": "2h", "comment": "c", {labels}}}"#);
    for body in ["", "[]", "null", r#"{"for": "2h"}"#, r#"{"for": 2, "comment": "c", "chain": "ethereum"}"#] {
        check(body, 400, "the body is not what this takes").await;
    }
    check(&of(r#""chain": "ethereum", "until": "x""#), 400, "the body is not what this takes").await;
    for span in ["", "0s", "-1h", "31d", "soon"] {
        check(&format!(r#"{{"for": "{span}", "comment": "c", "chain": "ethereum"}}"#), 422, "at most 30 days").await;
    }
    for comment in ["", "   ", &"x".repeat(501)] {
        check(&format!(r#"{{"for": "2h", "comment": "{comment}", "chain": "ethereum"}}"#), 422, "`comment` says why")
            .await;
    }
    check(r#"{"for": "2h", "comment": "c"}"#, 422, "that would silence everything").await;
    check(&of(r#""up_to": "info""#), 422, "that would silence everything").await;
    check(&of(r#""chain": "ethereum", "up_to": "loud""#), 422, "`up_to` is info, warning or critical").await;
    for types in ["transfers.*", "transfer", "seen", "*x"] {
        check(&of(&format!(r#""types": "{types}""#)), 422, "no message has such a type").await;
    }
    // A name that nobody has silences nothing, and nobody would notice.
    check(&of(r#""chain": "etherum""#), 422, r#"there is no chain \"etherum\"; did you mean \"ethereum\"?"#).await;
    check(&of(r#""watch": "tresury""#), 422, r#"there is no watch \"tresury\"; did you mean \"treasury\"?"#).await;
    check(&of(r#""rule": "sink.faling""#), 422, r#"there is no rule \"sink.faling\"; did you mean \"sink.failing\"?"#)
        .await;
    check(&of(r#""rule": "nothing at all like it""#), 422, r#"there is no rule \"nothing at all like it\""#).await;
    for labels in [
        r#""rule": "source.blind""#,
        r#""watch": "deposits""#,
        r#""types": "transfer.*""#,
        r#""types": "source.blind""#,
    ] {
        let got = ask(&served, "POST /api/v1/silences", &[&bearer(OPERATE)], &of(labels)).await;
        assert_eq!(got.status, 201, "{labels}: {}", got.body);
    }
}
