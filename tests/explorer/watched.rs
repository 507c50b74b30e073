//! The reactor behind the real poll loop, with an explorer as its only source: what it says of balances and transfers, and what it never
//! says, whatever the explorer's index does.

use crate::config;
use crate::scene::*;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::{Notify, watch};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use walletwatch::reactor::Reactor;
use walletwatch::reactor::effect::{Body, CrossingSubject, Effect, Message};
use walletwatch::reactor::event::{Event, NoBalance};
use walletwatch::reactor::settings::Settings;
use walletwatch::sources::etherscan;
use walletwatch::sources::queue::event_queue;
use walletwatch::types::{Asset, B256, Holding, U256};
use walletwatch::world::chain::{Action, Plan};
use walletwatch::world::chance::Chance;
use walletwatch::world::explorer::{ExplorerSettings, Fault, Trouble};
use walletwatch::world::live::LiveChain;

/// Longer than anything takes that has to happen. The clock is a simulated one.
const PATIENCE: Duration = Duration::from_mins(20);

/// The scene's chain and one watch on it; a block takes a second, three confirm, twenty are final.
fn settings(rules: &str) -> Settings {
    let text = format!(
        r#"{}
[[chain]]
name = "ethereum"
block_time = "1s"
confirmations = 3
final_after = 20
[[token]]
chain = "ethereum"
symbol = "SIM"
contract = "{TOKEN}"
decimals = 6
[[watch]]
name = "hot"
address = "{OWNER}"
chains = ["ethereum"]
[[sink]]
name = "ops"
kind = "log"
{rules}"#,
        config::etherscan("http://127.0.0.1:1/v2/api", 3, 100_000)
    );
    config::checked(&text, Path::new("data"), &[("KEY", "K")]).settings
}

/// What is known and what was said.
struct Watched {
    reactor: Arc<Mutex<Reactor>>,
    said: watch::Receiver<Vec<String>>,
}

impl Watched {
    /// Waits until it is so.
    async fn until(&self, what: &str, so: impl Fn(&Reactor, &[String]) -> bool) {
        let mut said = self.said.clone();
        let waited = said.wait_for(|said| so(&self.reactor.lock().expect("nobody panicked"), said));
        let outcome = tokio::time::timeout(PATIENCE, waited).await.map(|found| found.is_ok());
        let known: Vec<_> = self.reactor.lock().expect("nobody panicked").balances_kept().rows().cloned().collect();
        assert_eq!(outcome, Ok(true), "{what}: not so; said were {:#?}; known is {known:#?}", self.said());
    }

    fn said(&self) -> Vec<String> {
        self.said.borrow().clone()
    }

    /// The balance of the watch in the scene's token, and why it cannot be read now.
    fn holds(reactor: &Reactor) -> (Option<u64>, Option<NoBalance>) {
        let holding = Holding { chain: ETHEREUM, address: OWNER, asset: Asset::Token(TOKEN) };
        let row = reactor.balances_kept().get(&holding);
        let last = row.and_then(|row| row.last).map(|last| last.raw.to::<u64>());
        (last, row.and_then(|row| row.failing).map(|(_, why)| why))
    }

    async fn until_holds(&self, raw: u64) {
        self.until(&format!("it holds {raw}"), |reactor, _| Self::holds(reactor) == (Some(raw), None)).await;
    }
}

fn word(message: &Message) -> String {
    let (kind, rule) = (message.kind.word(), message.rule.as_ref().map_or("", |rule| rule.as_str()));
    match &message.body {
        Body::Crossing(body) => match &body.subject {
            CrossingSubject::Balance(balance) => format!("{kind} {rule} {}", balance.value),
            CrossingSubject::Price { .. } | CrossingSubject::BaseFee { .. } => kind.to_owned(),
        },
        Body::Transfer(body) => format!("{kind} {}", body.key.amount),
        Body::Source(body) => format!("{kind} {}", body.source),
        Body::Payment(_) | Body::Sink(_) | Body::Test => kind.to_owned(),
    }
}

/// Runs reactor and poll loop while a script changes the world.
async fn watched(scene: &Scene, settings: Settings, script: impl AsyncFnOnce(&Watched)) {
    let (queue, mut intake) = event_queue(Arc::new(Notify::new()));
    let (clock, began) = (clock(), Instant::now());
    let reactor = Arc::new(Mutex::new(Reactor::default()));
    let (say, said) = watch::channel(Vec::new());
    let handle = |event: Event| {
        let mut reactor = reactor.lock().expect("nobody panicked");
        let effects = reactor.handle(clock(), event);
        let tells = effects
            .iter()
            .filter_map(|effect| if let Effect::Tell(message) = effect { Some(word(message)) } else { None });
        let tells: Vec<String> = tells.collect();
        let wants = Arc::new(reactor.wants().clone());
        drop(reactor);
        // Whoever waits looks again, also where nothing was said.
        say.send_modify(|said| said.extend(tells));
        wants
    };
    let (wants_to, wants) = watch::channel(handle(Event::Configured(Box::new(settings))));
    let pump = async {
        loop {
            let deadline = reactor.lock().expect("nobody panicked").next_deadline();
            let due = async {
                match &deadline {
                    Some((due, _)) => tokio::time::sleep_until(began + due.since(noon())).await,
                    None => std::future::pending().await,
                }
            };
            let events = tokio::select! {
                () = intake.ready() => intake.try_recv_many(64),
                () = due => deadline.clone().into_iter().map(|(_, deadline)| Event::Deadline(deadline)).collect(),
            };
            for event in events {
                wants_to.send_replace(handle(event));
            }
        }
    };
    let setup = setup([ETHEREUM].into(), 3);
    let cancel = CancellationToken::new();
    let polled = etherscan::run(setup, &scene.client, wants, queue, clock.clone(), |_| {}, cancel);
    let stage = Watched { reactor: Arc::clone(&reactor), said };
    tokio::select! {
        () = polled => panic!("the loop ended by itself"),
        () = pump => {}
        () = script(&stage) => {}
    }
}

/// Mines a block with one token transfer.
fn send(chain: &LiveChain, from: walletwatch::types::Address, to: walletwatch::types::Address, raw: u64) {
    let action = Action::Send { token: TOKEN, from, to, amount: U256::from(raw) };
    chain.change(|chain| chain.mine(noon(), &Plan { actions: vec![action], ..Plan::default() }));
}

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
    let scene = scene(&[Arc::clone(&chain)], "K", ExplorerSettings::default(), Duration::from_millis(200)).await;
    watched(&scene, settings(LOW), async |stage| {
        stage.until_holds(2_000_000_000).await;
        send(&chain, OWNER, PAYER, 1_500_000_000);
        stage.until_holds(500_000_000).await;
        assert_eq!(stage.said(), Vec::<String>::new(), "below is strictly below");
        send(&chain, OWNER, PAYER, 1);
        stage.until("it crosses", |_, said| said == ["balance.crossed low 499999999"]).await;

        // Nobody says how much there is now: what is known stays, with the reason, and nothing follows from it.
        for (trouble, why) in [(Trouble::Blank, NoBalance::Empty), (Trouble::Busy, NoBalance::NoAnswer)] {
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

const EVERYTHING: &str = r#"
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
            let number = chain.read(|chain| chain.height()).saturating_sub(chance.between(0, 40));
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
        let scene = scene(&[Arc::clone(&chain)], "K", settings_of_explorer, Duration::from_millis(200)).await;
        watched(&scene, settings(EVERYTHING), async |stage| {
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
async fn a_day_that_is_used_up_is_waited_out_blind_and_said_and_then_told_whole() {
    let chain = chain(ETHEREUM, &[vec![]]);
    let scarce = ExplorerSettings { calls_left: 20, ..ExplorerSettings::default() };
    let scene = scene(&[Arc::clone(&chain)], "K", scarce, Duration::from_millis(200)).await;
    watched(&scene, settings(EVERYTHING), async |stage| {
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
