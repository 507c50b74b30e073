//! The story does what the demo promises, act for act, and its faces answer.

use super::*;
use crate::types::U256;
use crate::wire::jsonrpc as wire;
use crate::wire::jsonrpc::Call;
use crate::world::chain::{Action, Chain, Included};
use crate::world::testing::*;
use std::collections::BTreeSet;

/// Plays beats on bare chains; returns them and each beat.
fn play(seed: u64, beats: u64, mut look: impl FnMut(u64, &Beat, &Chain)) -> (Chain, Chain) {
    let cast = Cast::new(seed);
    let (mut simnet, mut explored) = (cast.simnet(seed, noon()), cast.explored(seed, noon()));
    let mut script = Script::new(seed, cast, false);
    for nth in 0..beats {
        let at = noon().after(Duration::from_secs(nth));
        let beat = script.beat(nth, &simnet, &explored);
        for (chain, turn) in [(&mut simnet, &beat.simnet), (&mut explored, &beat.explored)] {
            match turn {
                Turn::Mine(plan) => {
                    chain.mine(at, plan);
                }
                Turn::Reorg(reorg) => {
                    chain.reorg(at, reorg).expect("the script stays above what is final");
                }
            }
        }
        look(nth, &beat, &simnet);
    }
    (simnet, explored)
}

fn is_doomed(tx: &Included, cast: &Cast) -> bool {
    let doomed = U256::from(5) * U256::from(10).pow(U256::from(18));
    matches!(tx.tx.action, Action::Pay { to, value, .. } if to == cast.deposits && value == doomed)
}

#[test]
fn every_act_has_its_crossings_its_reorgs_and_its_calm() {
    for seed in 0..5 {
        let cast = Cast::new(seed);
        let (mut fees, mut prices, mut alive) = (Vec::new(), Vec::new(), Vec::new());
        let (mut doomed, mut moved, mut hot, mut second) = (BTreeSet::new(), Vec::new(), Vec::new(), Vec::new());
        let (simnet, _) = play(seed, 2 * ACT, |nth, beat, chain| {
            fees.push(chain.head().base_fee);
            prices.push(beat.ether);
            alive.push((beat.node_answers, beat.books_open));
            second.push((beat.second_speaks, beat.second_dollar));
            if nth % ACT == TAKEN_BACK - 1 {
                let at = (0..=chain.height()).rev().filter_map(|number| chain.at(number));
                let found = at.flat_map(|block| block.txs.iter().map(move |tx| (block.at.number, tx)));
                let (number, tx) = found.into_iter().find(|(_, tx)| is_doomed(tx, &cast)).expect("it was paid");
                let confirmations = chain.height() - number + 1;
                assert!((3..8).contains(&confirmations), "confirmed and not final: {confirmations}");
                doomed.insert(tx.tx.hash);
            }
            if [0, HOT_PAYS, HOT_FILLED].contains(&(nth % ACT)) {
                let ledger = chain.ledger(chain.head().at.hash).expect("the newest is kept");
                hot.push(ledger.tokens[&(cast.sim, cast.hot)] / U256::from(1_000_000));
            }
            if nth % ACT == MOVED {
                moved.extend(chain.head().txs.iter().map(|tx| (tx.tx.hash, chain.head().at)));
            }
        });
        assert_eq!((doomed.len(), moved.len()), (2, 2));
        let (full, low, filled) = (1_000_000, 400_000, 1_002_000);
        assert_eq!(hot, [full, low, filled, full, low, filled].map(U256::from), "an act gives back what it takes");
        assert!(doomed.iter().all(|tx| simnet.mined(*tx).is_none()), "what was taken back stays away");
        for (tx, old) in moved {
            assert!(simnet.mined(tx).is_some_and(|(block, _)| block.at.hash != old.hash), "it stands elsewhere");
        }
        let gwei = |n: u64| U256::from(n) * U256::from(1_000_000_000);
        let price = |text: &str| Price::parse(text).expect("it is a price");
        for act in 0..2_usize {
            let range = act * 120..(act + 1) * 120;
            let (fees, prices) = (&fees[range.clone()], &prices[range]);
            assert!(fees.iter().filter(|fee| **fee > gwei(20)).count() >= 4, "long enough to hold for two beats");
            assert!(fees[0] < gwei(12) && fees[119] < gwei(12));
            assert!(prices[0] > price("2550") && prices[119] > price("2550"));
            assert!(prices.iter().any(|now| *now < price("2500")));
        }
        assert_eq!(alive.iter().filter(|(node, _)| !node).count(), 18);
        assert_eq!(alive.iter().filter(|(_, books)| !books).count(), 6);
        assert_eq!(second.iter().filter(|(speaks, _)| !speaks).count(), 32);
        assert!(
            second.iter().all(|(speaks, dollar)| *speaks || *dollar == price("1")),
            "silent or different, not both"
        );
        let apart = second.iter().filter(|(_, dollar)| *dollar != price("1")).count();
        assert!(apart >= 2 * 61, "a minute of beats in each act, until it is said: {apart}");
    }
}

#[test]
fn the_same_seed_is_the_same_story() {
    let hashes = |seed| {
        let (simnet, explored) = play(seed, ACT, |_, _, _| {});
        (simnet.head().at.hash, explored.head().at.hash)
    };
    assert_eq!(hashes(4), hashes(4));
    assert_ne!(hashes(4), hashes(5));
}

#[test]
fn what_is_asked_for_happens_and_the_story_goes_on_as_its_seed_says() {
    let cast = Cast::new(6);
    let (mut simnet, explored) = (cast.simnet(6, noon()), cast.explored(6, noon()));
    let mut script = Script::new(6, cast.clone(), true);
    let mut deeds = Deeds::default();
    for deed in Deed::ALL {
        assert_eq!(Deed::named(deed.facts().name), Some(deed));
        assert!(deeds.ask(deed), "{deed:?} is not under way");
        assert!(!deeds.ask(deed), "and is not asked for twice");
    }
    let mut again = Script::new(6, cast.clone(), true);
    let (mut paid, mut reorgs, mut begun) = (BTreeSet::new(), 0, 0);
    for nth in 0..30 {
        let mut beat = script.beat(nth, &simnet, &explored);
        let asked = deeds.change(nth, &mut beat, &cast, &simnet);
        begun += asked.len();
        let plain = again.beat(nth, &simnet, &explored);
        assert_eq!((plain.ether == beat.ether, plain.books_open), (nth >= 10, true), "{nth}");
        assert_eq!((beat.node_answers, beat.books_open), (nth >= 20, nth >= 20), "{nth}");
        assert_eq!((beat.till_pays, beat.invoiced), (nth == 0, nth == 0), "{nth}");
        let at = noon().after(Duration::from_secs(nth));
        match &beat.simnet {
            Turn::Mine(plan) => {
                let block = simnet.mine(at, plan);
                paid.extend(block.txs.iter().map(|tx| tx.tx.hash));
            }
            Turn::Reorg(reorg) => {
                simnet.reorg(at, reorg).expect("it stays above what is final");
                reorgs += 1;
            }
        }
    }
    assert_eq!((begun, reorgs), (Deed::ALL.len(), 1));
    let gone: Vec<_> = paid.iter().filter(|tx| simnet.mined(**tx).is_none()).collect();
    assert_eq!(gone.len(), 1, "the one payment that was to be taken back, and no other");
    assert!(deeds.ask(Deed::Reorg), "what is over can be asked for again");
}

#[test]
fn the_poisoner_looks_like_the_customer_and_the_usdc_is_circle_s() {
    let cast = Cast::new(9);
    let (real, fake) = (cast.customers[0].to_string().to_lowercase(), cast.poisoner.to_string().to_lowercase());
    assert_ne!(real, fake);
    assert_eq!((&real[..8], &real[36..]), (&fake[..8], &fake[36..]));
    assert_eq!(cast.usdc.to_string(), "0xA0b86991c6218b36c1d19D4a2e9Eb0cE3606eB48");
}

#[tokio::test]
async fn a_world_serves_all_its_faces_and_its_config_names_them() {
    let (world, run) =
        World::start(Making { seed: 1, pace: 50, calm: false }, clock()).await.expect("loopback has ports");
    let cancel = CancellationToken::new();
    let ran = tokio::spawn(run.run(std::future::ready(()), cancel.clone(), |_| {}));
    let config: toml::Table = world.config_toml().parse().expect("it is TOML");
    assert_eq!(config["etherscan"]["url"].as_str(), Some(world.explorer_url().as_str()));
    for variable in world.environment().keys() {
        assert!(world.config_toml().contains(&format!("\"env:{variable}\"")));
    }
    let [node, explorer, feed, second, receiver, books] = world.places;
    let mut peer = connect(node).await;
    say(&mut peer, Call::SubscribeHeads.text(1)).await;
    hear(&mut peer).await.expect("it acknowledges");
    let head = hear(&mut peer).await.expect("the story goes on");
    let Ok(wire::Message::Notice { result, .. }) = wire::parse_message(&head) else { panic!("{head}") };
    assert!(wire::parse_header(result).expect("it is a header").at.number > 12);
    let mut prices = connect(feed).await;
    say(&mut prices, crate::wire::tickers::coinbase::subscribe(&[pair("ETH-USD")])).await;
    assert!(hear(&mut prices).await.expect("it acknowledges").contains("subscriptions"));
    let mut prices = connect(second).await;
    assert!(hear(&mut prices).await.expect("it says how it is").contains("\"system\":\"online\""));
    let key = &world.environment()["SIMULATED_EXPLORER_KEY"];
    let head = format!("GET /v2/api?chainid=1&module=proxy&action=eth_blockNumber&apikey={key} HTTP/1.1");
    assert!(http(explorer, &head, "").await.is_some_and(|(_, _, body)| body.contains("\"result\":\"0x")));
    for hook in [receiver, books] {
        assert_eq!(http(hook, "POST /hook HTTP/1.1", "{}").await.map(|answer| answer.0), Some(401));
    }
    cancel.cancel();
    ran.await.expect("it ends when told to");
}
