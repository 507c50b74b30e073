//! What a mail holds, whatever strangers wrote, and what a mail server's answers mean.

use super::*;
use crate::config::checked::MailSecurity;
use crate::reactor::effect::TransferBody;
use crate::sinks::samples::{of_transfer, row, said, transfer};
use crate::sinks::{Attempt, freeze, text};
use crate::types::Secret;
use proptest::prelude::*;

fn sink() -> Email {
    let address = |text: &str| MailAddress::parse(text).expect("it is an address");
    Email::new(&EmailConfig {
        host: "mail.example.com".into(),
        port: 587,
        security: MailSecurity::StartTls,
        login: Some(("me".into(), Secret::new("hunter2hunter2".to_owned()))),
        from: address("Wällets <alerts@example.com>"),
        to: vec![address("ops@example.com"), address("Treasury, 2 <t+x@example.com>")],
        allow_private: false,
    })
    .expect("the addresses are good")
}

fn letter(body: TransferBody, attempt: Attempt, first: Option<&str>) -> Letter {
    let row = row(1, freeze(&of_transfer(body), &"mail".into()));
    sink().letter(&row, &said(&row, attempt.again), attempt.number, first.map(Name::from).as_ref())
}

const FIRST: Attempt = Attempt { number: 1, again: false };

/// Headers (unfolded), and the rest.
fn parted(letter: &Letter) -> (Vec<String>, String) {
    let text = std::str::from_utf8(&letter.content).expect("it is ASCII");
    let (head, rest) = text.split_once("\r\n\r\n").expect("there is a blank line");
    (head.replace("\r\n ", " ").split("\r\n").map(str::to_owned).collect(), rest.to_owned())
}

fn header(letter: &Letter, name: &str) -> Option<String> {
    let start = format!("{name}: ");
    let mut found = parted(letter).0.into_iter().filter_map(|line| line.strip_prefix(&start).map(str::to_owned));
    let first = found.next();
    assert_eq!(found.next(), None, "{name} stands twice");
    first
}

#[test]
fn a_mail_is_text_with_html_beside_it_and_says_that_a_machine_wrote_it() {
    let letter = letter(transfer(), FIRST, None);
    assert!(letter.content.is_ascii() && !format!("{letter:?}").contains("hunter2"));
    let get = |name| header(&letter, name).unwrap_or_default();
    assert_eq!(get("Subject"), "treasury received 1234.567 USDC on ethereum (confirmed)");
    assert_eq!(get("Date"), "Sun, 22 Nov 2026 00:44:09 +0000");
    assert_eq!(get("Auto-Submitted"), "auto-generated");
    assert_eq!(get("Message-ID"), format!("<{}>", letter.id));
    assert!(letter.id.as_str().ends_with("@example.com"));
    assert_eq!(get("To"), "ops@example.com, =?utf-8?b?VHJlYXN1cnksIDI=?= <t+x@example.com>");
    assert!(get("From").starts_with("=?utf-8?") && get("From").ends_with("<alerts@example.com>"));
    assert!(get("Content-Type").starts_with("multipart/alternative"));
    assert_eq!((letter.from.as_str(), letter.to.len(), letter.together), ("alerts@example.com", 2, true));
    let (_, body) = parted(&letter);
    for part in [
        "text/plain; charset=utf-8",
        "text/html; charset=utf-8",
        "1234.567 USDC",
        "<a href=3D\"https://ether",
        "rule usdc in, info",
    ] {
        let body = body.replace("=\r\n", "");
        assert!(body.contains(part) || body.contains(&part.replace("=3D", "=")), "{part}\n{body}");
    }
}

#[test]
fn a_repeat_has_the_same_id_date_and_parts_and_says_again() {
    let (first, second) = (letter(transfer(), FIRST, None), letter(transfer(), FIRST, None));
    assert_eq!(first, second, "nothing in it is random");
    let again = letter(transfer(), Attempt { number: 4, again: true }, None);
    assert_eq!((&again.id, header(&again, "Date")), (&first.id, header(&first, "Date")));
    assert!(parted(&again).1.contains("again: this message"));
    assert!(!again.together, "from the fourth attempt on nobody waits for anybody");
}

#[test]
fn what_follows_refers_to_the_first_message_and_every_message_to_its_alert() {
    let alone = letter(transfer(), FIRST, None);
    let root = header(&alone, "References").expect("it has one");
    assert!(root.starts_with("<alert.0707") && header(&alone, "In-Reply-To").is_none());
    let next = letter(transfer(), FIRST, Some("0123abcd@example.com"));
    assert_eq!(header(&next, "References"), Some(format!("{root} <0123abcd@example.com>")));
    assert_eq!(header(&next, "In-Reply-To").as_deref(), Some("<0123abcd@example.com>"));
    for other in ["-100123/57", "a@b\r\nBcc: x@example.com", "a@b> <c@d", alone.id.as_str()] {
        let letter = letter(transfer(), FIRST, Some(other));
        assert_eq!(header(&letter, "References").as_ref(), Some(&root), "{other}");
    }
}

#[test]
fn what_an_answer_means() {
    let check = |answer: LetterAnswer, expected: &str| {
        let got = match verdict(&"id@example.com".into(), &answer) {
            Verdict::Delivered { receiver_id } => format!("delivered {}", receiver_id.unwrap_or_else(|| "".into())),
            Verdict::Partly { reason, .. } => format!("partly: {reason}"),
            Verdict::Disabled(_) => "never".to_owned(),
            Verdict::Again(it) => format!("again {:?}{}: {}", it.blame, if it.told { ", told" } else { "" }, it.reason),
            Verdict::Dead(it) => format!("dead: {}", it.reason),
        };
        assert_eq!(got, expected, "{answer:?}");
    };
    let refusal = |at, code, finer| Refusal { at, code, finer };
    let refused = |at, code| Err(LetterFault::Refused(refusal(at, code, None)));
    let broken = |ambiguous| Err(LetterFault::Broken(SendFault { ambiguous, reason: "it broke".into() }));
    check(Ok(Taken::default()), "delivered id@example.com");
    let gone = refusal(Step::Recipient(2), 550, Some([5, 1, 1]));
    let partly = "partly: the others have it, but the mail server refuses recipient 2 (550 5.1.1): look at `to`";
    check(Ok(Taken { refused: vec![gone] }), partly);
    check(refused(Step::Greeting, 554), "again Sink: the mail server refuses us, at once (554)");
    check(
        refused(Step::Login, 535),
        "again Sink: the mail server refuses the login (535): look at `user` and `password`",
    );
    check(refused(Step::Recipient(1), 451), "again Message: the mail server refuses recipient 1 (451): look at `to`");
    check(refused(Step::Recipient(1), 550), "dead: the mail server refuses recipient 1 (550): look at `to`");
    check(
        refused(Step::Sender, 553),
        "dead: the mail server refuses the sender (553): look at `from`, and whether the server wants a login",
    );
    check(refused(Step::Content, 552), "dead: the mail server refuses the message (552)");
    check(refused(Step::Content, 421), "again Sink: the mail server refuses the message (421)");
    check(broken(false), "again Sink: it broke");
    check(broken(true), "again Sink, told: it broke");
}

proptest! {
    #[test]
    fn nothing_that_a_stranger_wrote_is_a_header_or_markup(symbol: String, watch in "\\PC{0,300}", reason in "\\PC{0,3000}") {
        let body = TransferBody { verified: false, symbol: Some(symbol.into()), watch: watch.into(), reason: Some(reason.into()), ..transfer() };
        let letter = letter(body.clone(), FIRST, None);
        prop_assert!(letter.content.is_ascii());
        let text = std::str::from_utf8(&letter.content).expect("it is ASCII");
        prop_assert!(!text.replace("\r\n", "").contains(['\r', '\n']), "every line ends as mail wants it");
        prop_assert!(text.split("\r\n").all(|line| line.len() <= 998));
        let names: Vec<String> = parted(&letter).0.iter().map(|line| line.split(':').next().unwrap_or_default().to_owned()).collect();
        let mut sorted = names.clone();
        sorted.sort();
        let expected = ["Auto-Submitted", "Content-Type", "Date", "From", "MIME-Version", "Message-ID", "References", "Subject", "To"];
        prop_assert_eq!(sorted, expected);
        let said = text::render(&freeze(&of_transfer(body), &"mail".into()).body, false).expect("it was written by us");
        let html = html(&said);
        let tags = html.matches('<').count();
        prop_assert_eq!(tags, 1 + 4 + 2 + (said.lines.len() - 1) + 4, "{}", html);
    }
}
