//! The receiver, over real loopback sockets, with signatures made here by the standard's own example.

use super::*;
use crate::world::testing::*;
use std::net::SocketAddr;

const KEY: [u8; 32] = [7; 32];

async fn serve() -> (Arc<Receiver>, SocketAddr, CancellationToken) {
    let receiver = Arc::new(Receiver::new(clock(), KEY));
    let (listener, address) = listen().await;
    let cancel = CancellationToken::new();
    tokio::spawn(receiver.clone().serve(listener, cancel.clone()));
    (receiver, address, cancel)
}

fn signed(id: &str, seconds: i64, body: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(&KEY).expect("any length");
    mac.update(format!("{id}.{seconds}.{body}").as_bytes());
    let signature = STANDARD.encode(mac.finalize().into_bytes());
    format!(
        "POST /hook HTTP/1.1\r\nwebhook-id: {id}\r\nwebhook-timestamp: {seconds}\r\nwebhook-signature: v1,AAAA v1,{signature}"
    )
}

#[test]
fn the_standard_s_own_example_is_signed_as_it_says() {
    // From the specification: secret, id, time, body, signature.
    let key = STANDARD.decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").expect("it is base64");
    let mut mac = Hmac::<Sha256>::new_from_slice(&key).expect("any length");
    mac.update(br#"msg_p5jXN8AQM9LWM0D4loKWxJek.1614265330.{"test": 2432232314}"#);
    assert_eq!(STANDARD.encode(mac.finalize().into_bytes()), "g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
}

#[tokio::test]
async fn signed_deliveries_are_kept_and_answered_by_the_script_and_others_refused() {
    let (receiver, address, cancel) = serve().await;
    let now = noon().millis() / 1_000;
    receiver.script([Answer::SlowDown(9), Answer::Redirect("http://elsewhere/".into()), Answer::CloseAfterBody]);
    let send = |head: String, body: &'static str| async move { http(address, &head, body).await };
    let (status, head, _) = send(signed("a", now, "{}"), "{}").await.expect("it answers");
    assert!(status == 429 && head.contains("retry-after: 9"), "{head}");
    let (status, head, _) = send(signed("a", now, "{}"), "{}").await.expect("it answers");
    assert!(status == 302 && head.contains("location: http://elsewhere/"), "{head}");
    assert_eq!(send(signed("a", now, "{}"), "{}").await, None);
    assert_eq!(send(signed("a", now, "{}"), "{}").await.map(|answer| answer.0), Some(204));
    receiver.answer_with(Answer::Status(410));
    assert_eq!(send(signed("b", now, "{}"), "{}").await.map(|answer| answer.0), Some(410));
    for (head, expected) in [
        (signed("c", now, "{ }"), BadSignature::Mismatch),
        (signed("c", now - 301, "{}"), BadSignature::Time),
        (signed("c", now + 301, "{}"), BadSignature::Time),
        ("POST /hook HTTP/1.1".into(), BadSignature::Header),
    ] {
        assert_eq!(send(head, "{}").await.map(|answer| answer.0), Some(401));
        assert_eq!(receiver.deliveries().last().map(|delivery| delivery.signature), Some(Err(expected)));
    }
    receiver.wait_for(9).await;
    let ids: Vec<String> = receiver.deliveries().into_iter().map(|delivery| delivery.id).collect();
    assert_eq!(ids, ["a", "a", "a", "a", "b", "c", "c", "c", ""]);
    assert_eq!(receiver.deliveries()[0].body, b"{}");
    cancel.cancel();
}
