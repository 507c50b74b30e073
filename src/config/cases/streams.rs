//! Streams of NATS: what a config may say of one.

use super::{check_more, fine};
use crate::config::checked::{NatsConfig, NatsLogin, SinkKind};

#[test]
fn a_stream_has_a_server_a_name_and_one_way_to_say_who_we_are() {
    let stream = |keys: &str| format!("[[sink]]\nname = \"s\"\nkind = \"nats\"\n{keys}");
    let good = "url = \"tls://nats.example.com\"\nstream = \"ALERTS\"\n";
    check_more(&stream(good), &[]);
    check_more(&stream(&format!("{good}token = \"env:NTFY_TOKEN\"")), &[]);
    check_more(&stream(&format!("{good}user = \"me\"\npassword = \"env:MAIL_PASSWORD\"")), &[]);
    check_more(&stream(&format!("{good}creds = \"env:NATS_CREDS\"\nsubject = \"ops.money\"")), &[]);
    check_more(
        &stream(&format!("{good}creds = \"env:NATS_CREDS\"\ntoken = \"env:NTFY_TOKEN\"")),
        &["says twice who we are"],
    );
    check_more(&stream(&format!("{good}user = \"me\"")), &["[[sink]] has no `password`"]);
    check_more(&stream(&format!("{good}password = \"env:MAIL_PASSWORD\"")), &["[[sink]] has no `user`"]);
    check_more(&stream(&format!("{good}token = \"hunter2\"")), &["written here in plain text"]);
    for wrong in ["a.b", "a b", "a*", ""] {
        check_more(
            &stream(&format!("url = \"tls://nats.example.com\"\nstream = \"{wrong}\"")),
            &["no name of a stream"],
        );
    }
    for wrong in ["a..b", ".a", "a.", "a.*", "a >", ""] {
        check_more(&stream(&format!("{good}subject = \"{wrong}\"")), &["none that can be published on"]);
    }
    check_more(&stream("stream = \"A\""), &["[[sink]] has no `url`"]);
    check_more(&stream("url = \"tls://nats.example.com\""), &["[[sink]] has no `stream`"]);
    let at = |url: &str| stream(&format!("url = \"{url}\"\nstream = \"A\"\n"));
    check_more(&at("nats://nats.example.com"), &["in the clear"]);
    check_more(&at("nats://127.0.0.1:4222"), &["in the clear"]);
    check_more(&format!("{}allow_private = true", at("nats://127.0.0.1:4222")), &[]);
    check_more(&format!("{}allow_private = true", at("nats://8.8.8.8:4222")), &["in the clear"]);
    check_more(&at("tls://10.0.0.7"), &["private network"]);
    check_more(&at("tls://me:secret@nats.example.com"), &["`url` holds a password", "holds a user or a password"]);
    check_more(&at("tls://nats.example.com/x"), &["more than a host and a port"]);
    check_more(&at("https://nats.example.com"), &["no url that begins with tls or nats"]);
    let config = fine(&format!("{}{}", super::BASE, stream(good)));
    let SinkKind::Nats(NatsConfig { port, tls, login, subject, .. }) = &config.sinks[1].kind else { panic!() };
    assert_eq!((*port, *tls, login, subject.as_str()), (4222, true, &NatsLogin::Nobody, "walletwatch"));
}
