//! Hooks of a simulated Circle, forged, repeated, out of order, written anew and unsigned.

use super::*;
use crate::types::{Address, Name, Timestamp, U256, Uuid};
use crate::wire::circle::{FeeLevel, TransferTerms};
use crate::world::circle::{Circle, SignedHook, WalletFacts};
use bytes::Bytes;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::mpsc;

/// An intake over a simulated Circle, without sockets.
struct Rig {
    circle: Arc<Circle>,
    hooks: CircleHooks,
    hints: mpsc::Receiver<Hint>,
    hands: Arc<AtomicI64>,
    fetched: Arc<AtomicUsize>,
    notes: Arc<Mutex<BTreeMap<String, String>>>,
}

const START: i64 = 1_790_000_000_000;

fn rig() -> Rig {
    let hands = Arc::new(AtomicI64::new(START));
    let clock: Arc<dyn Fn() -> Timestamp + Send + Sync> = {
        let hands = Arc::clone(&hands);
        Arc::new(move || Timestamp::from_millis(hands.load(Ordering::SeqCst)))
    };
    let circle = Circle::new(
        Arc::clone(&clock),
        WalletFacts {
            id: "w".into(),
            address: Address::repeat_byte(1),
            blockchain: "ETH-SEPOLIA".into(),
            token: Address::repeat_byte(2),
            usdc: U256::from(1_000),
            coin: U256::from(1),
            contract_account: false,
        },
    )
    .shared();
    circle.change(|book| book.paced(Duration::from_mins(1)));
    let (fetched, notes) = (Arc::new(AtomicUsize::new(0)), Arc::new(Mutex::new(BTreeMap::new())));
    let fetch: FetchKey = {
        let (circle, fetched) = (Arc::clone(&circle), Arc::clone(&fetched));
        Arc::new(move |id| {
            fetched.fetch_add(1, Ordering::SeqCst);
            let signer = circle.signer();
            let key = if id == signer.id() { Ok(signer.public()) } else { Err(KeyTrouble::Unknown) };
            Box::pin(std::future::ready(key))
        })
    };
    let keep: KeepNote = {
        let notes = Arc::clone(&notes);
        Arc::new(move |key, note| {
            notes.lock().expect("nobody panicked").insert(key, note);
            Box::pin(std::future::ready(true))
        })
    };
    let (hints_out, hints) = mpsc::channel(2);
    let wires = HookWires { fetch, keep, hints: hints_out, clock };
    Rig { hooks: CircleHooks::new(wires, Seen::default()), circle, hints, hands, fetched, notes }
}

impl Rig {
    fn pay(&self, key: u8) -> Name {
        let terms = TransferTerms {
            key: Uuid::v4([key; 16]),
            wallet: "w".into(),
            blockchain: "ETH-SEPOLIA".into(),
            token: Address::repeat_byte(2),
            destination: Address::repeat_byte(3),
            amount: U256::from(1),
            fee: FeeLevel::Medium,
            reference: "ww1.a.b".into(),
        };
        let now = Timestamp::from_millis(self.hands.load(Ordering::SeqCst));
        self.circle.change(|book| book.asked_elsewhere(&terms, now))
    }

    fn turn(&self, span: Duration) {
        self.hands.fetch_add(i64::try_from(span.as_millis()).expect("it is short"), Ordering::SeqCst);
    }

    fn hinted(&mut self) -> Option<Name> {
        self.hints.try_recv().ok().map(|hint| hint.transaction)
    }
}

fn raw(hook: &SignedHook) -> RawHook {
    RawHook {
        key_id: Some(hook.key_id.clone()),
        signature: Some(hook.signature.clone()),
        body: Bytes::from(hook.body.clone()),
    }
}

#[tokio::test]
async fn a_hook_of_circles_is_a_hint_once_and_its_repeats_are_answered() {
    let mut rig = rig();
    let id = rig.pay(1);
    let hook = rig.circle.hook(&id).expect("there is such a transaction");
    assert_eq!(rig.hooks.take(raw(&hook)).await, Verdict::Taken);
    assert_eq!(rig.hinted(), Some(id.clone()));
    for _ in 0..3 {
        assert_eq!(rig.hooks.take(raw(&hook)).await, Verdict::Noted, "a repeat");
    }
    assert_eq!(rig.hinted(), None);
    // Over a restart.
    let notes: Vec<String> = rig.notes.lock().expect("nobody panicked").values().cloned().collect();
    assert!(Seen::restore(notes.clone()).has(circle_id(&hook), Timestamp::from_millis(START)));
    // A later state is another hook, also when it comes first.
    rig.turn(Duration::from_mins(1));
    let later = rig.circle.hook(&id).expect("there is such a transaction");
    assert_ne!(hook.body, later.body);
    assert_eq!(rig.hooks.take(raw(&later)).await, Verdict::Taken);
    assert_eq!(rig.hooks.take(raw(&hook)).await, Verdict::Noted, "the earlier one again, behind it");
    assert_eq!((rig.hinted(), rig.hinted()), (Some(id), None));
    assert_eq!(rig.fetched.load(Ordering::SeqCst), 1, "the key was fetched once");
}

fn circle_id(hook: &SignedHook) -> Uuid {
    crate::wire::circle::hook(&hook.body).expect("it is a hook").id
}

#[tokio::test]
async fn what_is_forged_written_anew_or_unsigned_is_refused() {
    let mut rig = rig();
    let id = rig.pay(1);
    let hook = rig.circle.hook(&id).expect("there is such a transaction");
    let check = async |change: &dyn Fn(&mut RawHook), words: &str| {
        let mut changed = raw(&hook);
        change(&mut changed);
        assert_eq!(rig.hooks.take(changed).await, Verdict::Refused, "{words}");
    };
    check(&|raw| raw.signature = None, "no signature").await;
    check(&|raw| raw.key_id = None, "no key").await;
    check(&|raw| raw.signature = Some(String::new()), "an empty signature").await;
    check(&|raw| raw.key_id = Some("../../v1/w3s/wallets".into()), "an id that is a path").await;
    let text = String::from_utf8(hook.body.clone()).expect("it is text");
    check(&|raw| raw.body = text.replace("SENT", "COMPLETE").replace("INITIATED", "COMPLETE").into(), "forged").await;
    check(&|raw| raw.body = text.replacen(':', ": ", 1).into(), "one blank more").await;
    check(&|raw| raw.body = format!("{text}\n").into(), "a line break more").await;
    let value: serde_json::Value = serde_json::from_str(&text).expect("it is JSON");
    check(&|raw| raw.body = serde_json::to_string_pretty(&value).expect("it is JSON").into(), "written anew").await;
    check(&|raw| raw.body = Bytes::new(), "nothing").await;
    assert_eq!(rig.hinted(), None);
    assert!(rig.notes.lock().expect("nobody panicked").is_empty());
    let other = crate::world::circle::HookKey::new(rig.circle.signer().id(), Timestamp::from_millis(START));
    let forged = SignedHook { signature: other.sign(&hook.body), ..hook.clone() };
    assert_eq!(rig.hooks.take(raw(&forged)).await, Verdict::Refused, "signed by somebody else");
    assert_eq!(rig.hooks.take(raw(&hook)).await, Verdict::Taken, "and the real one is still taken");
}

#[tokio::test]
async fn strangers_wear_out_the_ration_of_look_ups_and_no_more() {
    let rig = rig();
    let id = rig.pay(1);
    let hook = rig.circle.hook(&id).expect("there is such a transaction");
    let made_up = |number: u8| RawHook { key_id: Some(Uuid::v4([number; 16]).to_string()), ..raw(&hook) };
    assert_eq!(rig.hooks.take(made_up(1)).await, Verdict::Refused, "Circle knows no such key");
    assert_eq!(rig.hooks.take(made_up(2)).await, Verdict::Later, "the ration is used up");
    assert_eq!(rig.hooks.take(raw(&hook)).await, Verdict::Later, "for Circle too, who comes again");
    assert_eq!(rig.fetched.load(Ordering::SeqCst), 1);
    rig.turn(Duration::from_mins(1));
    assert_eq!(rig.hooks.take(raw(&hook)).await, Verdict::Taken);
}

#[tokio::test]
async fn tests_are_answered_and_old_hooks_are_not_taken_for_new_ones() {
    let mut rig = rig();
    for _ in 0..2 {
        let test = rig.circle.test_hook();
        assert_eq!(rig.hooks.take(raw(&test)).await, Verdict::Noted);
    }
    let id = rig.pay(1);
    let hook = rig.circle.hook(&id).expect("there is such a transaction");
    rig.turn(Duration::from_hours(24 * 31));
    assert_eq!(rig.hooks.take(raw(&hook)).await, Verdict::Refused, "who knows whether it was taken before");
    assert_eq!(rig.hinted(), None);
}

#[tokio::test]
async fn without_room_for_a_hint_nothing_is_kept_and_circle_comes_again() {
    let mut rig = rig();
    let ids: Vec<Name> = (1..=3).map(|key| rig.pay(key)).collect();
    let hooks: Vec<SignedHook> = ids.iter().filter_map(|id| rig.circle.hook(id)).collect();
    let mut verdicts = Vec::new();
    for hook in &hooks {
        verdicts.push(rig.hooks.take(raw(hook)).await);
    }
    assert_eq!(verdicts, [Verdict::Taken, Verdict::Taken, Verdict::Later]);
    assert_eq!(rig.hinted().as_ref(), Some(&ids[0]));
    assert_eq!(rig.hooks.take(raw(&hooks[2])).await, Verdict::Taken);
    assert_eq!((rig.hinted().as_ref(), rig.hinted().as_ref()), (Some(&ids[1]), Some(&ids[2])));
}
