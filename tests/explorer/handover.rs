//! A chain's node is killed for two minutes: the explorer reads the chain in its place, says so, and hands it back.

use crate::scene::*;
use crate::stage::*;
use crate::watched::EVERYTHING;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;
use walletwatch::reactor::event::{
    Contact, Event, Run, RunPart, SourceId, SourceKind, SourceReport, SourceState, Tags,
};
use walletwatch::types::{Asset, Block, Kind, Movement, Name, Timestamp, Tracer};
use walletwatch::wire::hex;
use walletwatch::world::chain::{Plan, SimBlock};
use walletwatch::world::chance::Chance;
use walletwatch::world::explorer::ExplorerSettings;
use walletwatch::world::live::LiveChain;

/// So long the node is away.
const AWAY: u64 = 120;
/// What lies so deep the node calls final.
const FINAL: u64 = 20;

fn node() -> Name {
    "node".into()
}

fn state(state: SourceState) -> Event {
    let source = SourceId { kind: SourceKind::Rpc, chain: Some(ETHEREUM), name: node() };
    Event::Source(SourceReport { source, state })
}

/// A block as the node's reader gives it.
fn read(block: &SimBlock) -> Block {
    let logs = block.txs.iter().flat_map(|tx| tx.logs.iter().map(|log| (tx.tx.hash, log)));
    let moved = logs.map(|(tx, log)| Movement {
        tx,
        kind: Kind::Token,
        asset: Asset::Token(log.contract),
        from: walletwatch::types::Address::from_word(log.topics[1]),
        to: walletwatch::types::Address::from_word(log.topics[2]),
        token_id: None,
        amount: hex::word(&log.data, 0).expect("an amount"),
        log_index: Some(log.index),
    });
    let time = Timestamp::from_secs(block.time);
    Block { at: block.at, time, base_fee: None, next_base_fee: None, movements: moved.collect(), traced: true }
}

/// The node's blocks from this height on, as one run.
fn run(chain: &LiveChain, from: u64) -> Event {
    let blocks = chain
        .read(|chain| (from..=chain.height()).filter_map(|number| chain.at(number)).map(|block| read(block)).collect());
    Event::Run(Run { chain: ETHEREUM, endpoint: node(), blocks, part: RunPart::Tip, chosen_by: None })
}

/// What the node says that is final.
fn tags(chain: &LiveChain) -> Event {
    let finalized = chain.read(|chain| chain.at(chain.height().saturating_sub(FINAL)).map(|block| block.at));
    let finalized = finalized.map(|at| (at.number, at.hash));
    Event::Tags(Tags { chain: ETHEREUM, endpoint: node(), safe: None, finalized })
}

/// The node shows its newest block.
fn show(stage: &Watched, chain: &LiveChain) {
    stage.tell(run(chain, chain.read(walletwatch::world::chain::Chain::height)));
    stage.tell(tags(chain));
}

/// A second, and a block with a payment at times. Gives its amount.
async fn second(chain: &LiveChain, chance: &mut Chance, amount: u64) -> Option<u64> {
    tokio::time::sleep(Duration::from_secs(1)).await;
    if chance.one_in(4) {
        send(chain, PAYER, OWNER, amount);
        return Some(amount);
    }
    chain.change(|chain| chain.mine(noon(), &Plan::default()));
    None
}

#[tokio::test(start_paused = true)]
async fn a_node_that_is_killed_for_two_minutes_is_stood_in_for_and_costs_neither_loss_nor_double() {
    for seed in 0..4 {
        let mut chance = Chance::new(seed);
        let chain = chain(ETHEREUM, &[vec![]]);
        let lagging = ExplorerSettings { index_lag: 2, second_lag: Some(7), ..ExplorerSettings::default() };
        let scene = scene(&[Arc::clone(&chain)], KEY, lagging, Duration::from_millis(200)).await;
        let with_node = "rpc = [{ name = \"node\", url = \"ws://127.0.0.1:1\" }]";
        watched(&scene, settings(with_node, EVERYTHING), async |stage| {
            let genesis = chain.read(|chain| chain.at(0).map(|block| block.at.hash));
            let contact = Contact { chain: ETHEREUM, endpoint: node(), genesis, traces: Some(Tracer::Flat) };
            stage.tell(state(SourceState::Fresh));
            stage.tell(Event::Contact(contact));
            stage.tell(run(&chain, 1));
            let mut paid = Vec::new();
            for nth in 0..30 {
                paid.extend(second(&chain, &mut chance, 1_000 + nth).await);
                show(stage, &chain);
            }
            let count = |said: &[String], kind: &str| said.iter().filter(|word| word.starts_with(kind)).count();
            stage.until("the node's are told", |_, said| count(said, "transfer.seen") == paid.len()).await;
            assert_eq!(count(&stage.said(), "source."), 0, "{:?}", stage.said());

            stage.tell(state(SourceState::BackingOff("connection refused".into())));
            let (read_to, before) = (chain.read(walletwatch::world::chain::Chain::height), paid.len());
            for nth in 0..AWAY {
                paid.extend(second(&chain, &mut chance, 2_000 + nth).await);
            }
            let said = stage.said();
            let told = count(&said, "transfer.seen") - before;
            assert!(said.contains(&"source.blind endpoints".into()), "it is said that the explorer reads: {said:?}");
            assert!(
                told * 2 >= paid.len() - before,
                "seed {seed}: the explorer told {told} of {}",
                paid.len() - before
            );

            stage.tell(state(SourceState::Fresh));
            stage.tell(run(&chain, read_to + 1));
            for nth in 0..30 {
                paid.extend(second(&chain, &mut chance, 3_000 + nth).await);
                show(stage, &chain);
            }
            // Everything becomes final, and whatever the explorer lists of it was told.
            for _ in 0..AWAY {
                tokio::time::sleep(Duration::from_secs(1)).await;
                chain.change(|chain| chain.mine(noon(), &Plan::default()));
                show(stage, &chain);
            }
            stage.until("everything is final", |_, said| count(said, "transfer.final") >= paid.len()).await;
            let said = stage.said();
            let told: Vec<&String> = said.iter().filter(|word| word.starts_with("transfer.")).collect();
            let expected: BTreeSet<String> = paid
                .iter()
                .flat_map(|amount| ["seen", "confirmed", "final"].map(|word| format!("transfer.{word} {amount}")))
                .collect();
            assert_eq!(told.len(), expected.len(), "seed {seed}: none twice: {told:?}");
            assert_eq!(told.into_iter().cloned().collect::<BTreeSet<_>>(), expected, "seed {seed}: none lost");
            let sources: Vec<&String> = said.iter().filter(|word| word.starts_with("source.")).collect();
            assert_eq!(sources, ["source.blind endpoints", "source.recovered endpoints"], "seed {seed}");
        })
        .await;
    }
}
