//! Probes of a simulated Circle that keeps its promises, and of some that do not.

use super::*;
use crate::payments::testing::{Bench, token, wallet};
use crate::types::U256;
use crate::world::circle::Manner;

fn plan(bench: &Bench) -> ProbePlan {
    ProbePlan {
        wallet: wallet(),
        address: Address::repeat_byte(0xAA),
        blockchain: "ETH-SEPOLIA".into(),
        token: token(),
        key: Uuid::v4([9; 16]),
        at: bench.hands.now(),
        pinned: None,
    }
}

async fn probed(bench: &Bench) -> Result<ProbeReport, ProbeFault> {
    probe(&bench.client(), &Bench::secret(), &plan(bench), || false).await
}

#[tokio::test]
async fn an_account_that_keeps_its_promises_is_shown_to() {
    let bench = Bench::new().await;
    let report = probed(&bench).await.expect("Circle is there");
    assert!(report.allows_resends(), "{report:?}");
    let posted = bench.circle.posted();
    assert_eq!(posted.iter().map(|posted| posted.status).collect::<Vec<_>>(), [201, 200]);
    assert_eq!(posted[0].frozen, posted[1].frozen);
    assert_ne!(posted[0].ciphertext, posted[1].ciphertext);
    assert_ne!(posted[0].request_id, posted[1].request_id);
    let entries = bench.circle.read(|book| book.entries().to_vec());
    assert_eq!(entries.len(), 1);
    assert_eq!((entries[0].terms.amount, entries[0].terms.destination), (U256::from(1), Address::repeat_byte(0xAA)));
    assert!(!entries[0].terms.reference.as_str().starts_with("ww1."));
}

#[tokio::test]
async fn an_account_that_does_not_is_found_out() {
    let bench = Bench::new().await;
    bench.circle.set(|trouble| trouble.empty_references = true);
    let report = probed(&bench).await.expect("Circle is there");
    assert_eq!((report.repeat_is_known, report.listed_after), (true, None));

    // A repeat that is answered as something new, and is the same transaction, was made once.
    let bench = Bench::new().await;
    bench.circle.set(|trouble| trouble.repeats_as_new = true);
    let report = probed(&bench).await.expect("Circle is there");
    assert!(report.allows_resends(), "{report:?}");
    assert_eq!(bench.circle.posted().iter().map(|posted| posted.status).collect::<Vec<_>>(), [201, 201]);
    assert_eq!(bench.circle.read(|book| book.entries().len()), 1);

    let bench = Bench::new().await;
    bench.circle.set(|trouble| trouble.posts.extend([Manner::Usual, Manner::Refused(409, 1_083)]));
    let report = probed(&bench).await.expect("Circle is there");
    assert!(!report.repeat_is_known && !report.allows_resends());
}

#[tokio::test]
async fn a_probe_that_shows_nothing_says_so() {
    let bench = Bench::new().await;
    assert_eq!(
        probe(&bench.client(), &Bench::secret(), &plan(&bench), || true).await,
        Err(ProbeFault::Circle(Trouble::Withheld)),
        "frozen"
    );
    let other = ProbePlan { pinned: Some([0; 32]), ..plan(&bench) };
    assert_eq!(probe(&bench.client(), &Bench::secret(), &other, || false).await, Err(ProbeFault::OtherEntityKey));
    assert_eq!(bench.circle.posted(), [], "not one byte left");
    probed(&bench).await.expect("Circle is there");
    assert_eq!(probed(&bench).await, Err(ProbeFault::KeyUsed));
}
