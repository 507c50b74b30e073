//! What the reactor says of balances and transfers behind the real poll loop, and what it never says, whatever the explorer's index does.

use crate::scene::*;
use crate::stage::*;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;
use walletwatch::reactor::Reactor;
use walletwatch::reactor::event::NoBalance;
use walletwatch::types::{B256, U256};
use walletwatch::world::chain::{Action, Chain, Plan, Reorg};
use walletwatch::world::chance::Chance;
use walletwatch::world::explorer::{ExplorerSettings, Fault, Trouble};
use walletwatch::world::live::LiveChain;

const LOW: &str = r#"
[[rule]]
name = "low"
when = "balance"
asset = "SIM"
below = "500"
recovers_at = "1400"
notify = ["ops"]
[[rule]]
name = "low for long"
when = "balance"
asset = "SIM"
below = "500"
recovers_at = "1400"
for = "2m"
notify = ["ops"]
"#;

#[tokio::test(start_paused = true)]
async fn balances_by_an_explorer_cross_hold_recover_and_never_by_a_read_that_failed() {
    let chain = chain(ETHEREUM, &[vec![2_000_000_000]]);
    let scene = scene(&[Arc::clone(&chain)], KEY, ExplorerSettings::default(), Duration::from_millis(200)).await;
    watched(&scene, settings("", LOW), async |stage| {
        stage.until_holds(2_000_000_000).await;
        send(&chain, OWNER, PAYER, 1_500_000_000);
        stage.until_holds(500_000_000).await;
        assert_eq!(stage.said(), Vec::<String>::new(), "below is strictly below");
        send(&chain, OWNER, PAYER, 1);
        stage.until("it crosses", |_, said| said == ["balance.crossed low 499999999"]).await;

        // Nobody says how much there is now: what is known stays, with the reason, and nothing follows from it.
        for (trouble, why) in [(Trouble::Blank, NoBalance::NoAnswer), (Trouble::BadAddress, NoBalance::Empty)] {
            scene.explorer.set(|settings| settings.faults = vec![Fault::always(trouble).of("tokenbalance")]);
            send(&chain, PAYER, OWNER, 450_000_000);
            let unread = (Some(499_999_999), Some(why));
            stage.until(&format!("{trouble:?}"), |reactor, _| Watched::holds(reactor) == unread).await;
        }
        tokio::time::sleep(Duration::from_mins(10)).await;
        assert_eq!(stage.said(), ["balance.crossed low 499999999"], "not even that it was low for two minutes");
        scene.explorer.set(|settings| settings.faults.clear());
        stage.until_holds(1_399_999_999).await;
        send(&chain, PAYER, OWNER, 1);
        stage.until("it recovers", |_, said| said.len() > 1).await;
        let said = stage.said();
        assert!(said.contains(&"balance.recovered low 1400000000".into()), "{said:?}");

        // Low for long, and no sooner.
        send(&chain, OWNER, PAYER, 1_000_000_000);
        stage.until_holds(400_000_000).await;
        let low = Instant::now();
        let again = "balance.crossed low for long 400000000".to_owned();
        stage.until("it was low for long", |_, said| said.contains(&again)).await;
        assert!((110..180).contains(&low.elapsed().as_secs()), "{:?}", low.elapsed());
        let low = stage.said().into_iter().filter(|word| word.starts_with("balance.crossed low 4")).count();
        assert_eq!(low, 2, "{:?}", stage.said());
    })
    .await;
}

/// A rule for every movement at every stage.
pub(crate) const EVERYTHING: &str = r#"
[[rule]]
name = "all"
when = "transfer"
stages = ["seen", "confirmed", "final"]
notify = ["ops"]
"#;

/// A second for each block; in some of them the owner gets something. Gives what, in the order of the chain.
async fn live(chain: &LiveChain, scene: &Scene, chance: &mut Chance, seconds: u64) -> Vec<u64> {
    let mut paid = Vec::new();
    let mut hidden: BTreeMap<B256, u64> = BTreeMap::new();
    for second in 0..seconds {
        tokio::time::sleep(Duration::from_secs(1)).await;
        if chance.one_in(4) {
            let amount = 1_000 + second;
            send(chain, PAYER, OWNER, amount);
            paid.push(amount);
        } else {
            chain.change(|chain| chain.mine(noon(), &Plan::default()));
        }
        // Rows vanish for a while, old ones too; lists are empty, and answers are none.
        hidden.retain(|_, until| *until > second);
        if chance.one_in(6) {
            let number = chain.read(Chain::height).saturating_sub(chance.between(0, 40));
            let tx = chain.read(|chain| chain.at(number).and_then(|block| block.txs.first().map(|tx| tx.tx.hash)));
            hidden.extend(tx.map(|tx| (tx, second + chance.between(1, 60))));
        }
        let troubles = [Trouble::Empty, Trouble::Cut, Trouble::Busy, Trouble::Challenge, Trouble::Partial];
        let fault = chance.one_in(5).then(|| chance.pick(&troubles).map(|trouble| Fault::once(*trouble))).flatten();
        scene.explorer.set(|settings| {
            settings.hidden = hidden.keys().copied().collect();
            settings.faults.extend(fault);
        });
    }
    scene.explorer.set(|settings| {
        (settings.index_lag, settings.second_lag) = (0, None);
        settings.hidden.clear();
        settings.faults.clear();
    });
    paid
}

#[tokio::test(start_paused = true)]
async fn an_index_that_lags_splits_forgets_and_falls_silent_loses_nothing_and_takes_nothing_back() {
    for seed in 0..4 {
        let mut chance = Chance::new(seed);
        let chain = chain(ETHEREUM, &[vec![]]);
        let settings_of_explorer =
            ExplorerSettings { index_lag: 3, second_lag: Some(30), ..ExplorerSettings::default() };
        let scene = scene(&[Arc::clone(&chain)], KEY, settings_of_explorer, Duration::from_millis(200)).await;
        watched(&scene, settings("", EVERYTHING), async |stage| {
            let started = |reactor: &Reactor, _: &[String]| reactor.views().count() > 0;
            stage.until("the lists are read", started).await;
            let paid = live(&chain, &scene, &mut chance, 300).await;
            for _ in 0..25 {
                chain.change(|chain| chain.mine(noon(), &Plan::default()));
            }
            // A row above the last one shows how far the index is by now.
            send(&chain, PAYER, OWNER, 1);
            let finals = |said: &[String]| said.iter().filter(|word| word.starts_with("transfer.final")).count();
            stage.until("everything is final", |_, said| finals(said) >= paid.len()).await;
            let said = stage.said();
            let told: Vec<&String> = said.iter().filter(|word| word.starts_with("transfer.")).collect();
            let told_once: BTreeSet<&String> = told.iter().copied().collect();
            assert_eq!(told.len(), told_once.len(), "seed {seed}: told twice");
            for amount in &paid {
                for stage in ["seen", "confirmed", "final"] {
                    let word = format!("transfer.{stage} {amount}");
                    assert!(told_once.contains(&word), "seed {seed}: lost: {word}");
                }
            }
            assert!(!told.iter().any(|word| word.starts_with("transfer.retracted")), "seed {seed}: {told:?}");
            println!("seed {seed}: {} transfers, {} calls", paid.len(), scene.explorer.calls());
        })
        .await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_list_that_changes_while_its_pages_are_read_loses_nothing_and_what_a_reorg_takes_is_taken_back() {
    let chain = chain(ETHEREUM, &[vec![]]);
    // Every other page comes from an index that is a block behind.
    let two = ExplorerSettings { second_lag: Some(1), ..ExplorerSettings::default() };
    let scene = scene(&[Arc::clone(&chain)], KEY, two, Duration::from_millis(200)).await;
    watched(&scene, settings("", EVERYTHING), async |stage| {
        let started = |reactor: &Reactor, _: &[String]| reactor.views().count() > 0;
        stage.until("the lists are read", started).await;
        let send_all = |amounts: std::ops::Range<u64>| {
            let send = |amount| Action::Send { token: TOKEN, from: PAYER, to: OWNER, amount: U256::from(amount) };
            chain.change(|chain| chain.mine(noon(), &Plan { actions: amounts.map(send).collect(), ..Plan::default() }));
        };
        send_all(1..601);
        send_all(601..1_201);
        for _ in 0..60 {
            tokio::time::sleep(Duration::from_secs(1)).await;
            chain.change(|chain| chain.mine(noon(), &Plan::default()));
        }
        send_all(9_000..9_001);
        // The second index has it with the next block.
        send_all(0..0);
        let count = |said: &[String], kind: &str| said.iter().filter(|word| word.starts_with(kind)).count();
        let all = |_: &Reactor, said: &[String]| {
            count(said, "transfer.final") >= 1_200 && count(said, "transfer.seen") > 1_200
        };
        stage.until("all of it is final, and the last one seen", all).await;
        let said = stage.said();
        let told: BTreeSet<&String> = said.iter().filter(|word| word.starts_with("transfer.")).collect();
        assert_eq!(told.len(), count(&said, "transfer."), "told twice");
        assert_eq!((count(&said, "transfer.seen"), count(&said, "transfer.retracted")), (1_201, 0));
        // What is gone is taken back, and it alone.
        let last = |chain: &Chain| chain.at(chain.height() - 1).map(|block| block.txs[0].tx.hash);
        let dropped = chain.read(last).into_iter().collect();
        let reorg = Reorg { depth: 2, blocks: 3, dropped, ..Reorg::default() };
        chain.change(|chain| chain.reorg(noon(), &reorg)).expect("it is not deep");
        send_all(9_001..9_002);
        send_all(0..0);
        stage.until("it is taken back", |_, said| count(said, "transfer.retracted") == 1).await;
        assert!(stage.said().contains(&"transfer.retracted 9000".to_owned()));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_day_that_is_used_up_is_waited_out_blind_and_said_and_then_told_whole() {
    let chain = chain(ETHEREUM, &[vec![]]);
    let scarce = ExplorerSettings { calls_left: 20, ..ExplorerSettings::default() };
    let scene = scene(&[Arc::clone(&chain)], KEY, scarce, Duration::from_millis(200)).await;
    watched(&scene, settings("", EVERYTHING), async |stage| {
        let blind = |_: &Reactor, said: &[String]| said.iter().any(|word| word.starts_with("source.blind"));
        let began = Instant::now();
        stage.until("it is blind", blind).await;
        for amount in 1..=5 {
            send(&chain, PAYER, OWNER, amount);
        }
        let calls = scene.explorer.calls();
        // The rest of the day: it is eight in the morning.
        tokio::time::sleep(Duration::from_hours(16).saturating_sub(began.elapsed())).await;
        assert!(scene.explorer.calls() <= calls + 1, "{} calls while none was left", scene.explorer.calls() - calls);
        scene.explorer.set(|settings| settings.calls_left = settings.calls_per_day);
        let back = |_: &Reactor, said: &[String]| {
            let seen = said.iter().filter(|word| word.starts_with("transfer.seen")).count();
            seen == 5 && said.iter().any(|word| word.starts_with("source.recovered"))
        };
        stage.until("it sees again, and everything", back).await;
        let blind = stage.said().iter().filter(|word| word.starts_with("source.blind")).count();
        assert!(blind <= 2, "once for the source and once for its chain: {:?}", stage.said());
    })
    .await;
}
