//! The reactor behind the real poll loop, on the clock of both, and whatever else a script lets it hear.

use crate::config;
use crate::scene::*;
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::{Notify, mpsc, watch};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use walletwatch::reactor::Reactor;
use walletwatch::reactor::effect::{Body, CrossingSubject, Effect, Message};
use walletwatch::reactor::event::{Event, NoBalance};
use walletwatch::reactor::settings::Settings;
use walletwatch::sources::etherscan::{self, Setup};
use walletwatch::sources::queue::event_queue;
use walletwatch::types::{Address, Asset, Holding, U256};
use walletwatch::world::chain::{Action, Plan};
use walletwatch::world::live::LiveChain;

/// Longer than anything takes that has to happen. The clock is a simulated one.
pub(crate) const PATIENCE: Duration = Duration::from_mins(20);

/// The scene's chain and one watch on it; a block takes a second, three confirm, twenty are final. `more` of the chain, and rules.
pub(crate) fn settings(more: &str, rules: &str) -> Settings {
    let text = format!(
        r#"{}
[[chain]]
name = "ethereum"
{more}
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
    config::checked(&text, Path::new("data"), &[("KEY", KEY)]).settings
}

/// What is known and what was said.
pub(crate) struct Watched {
    reactor: Arc<Mutex<Reactor>>,
    said: watch::Receiver<Vec<String>>,
    events: mpsc::UnboundedSender<Event>,
}

impl Watched {
    /// Waits until it is so.
    pub(crate) async fn until(&self, what: &str, so: impl Fn(&Reactor, &[String]) -> bool) {
        let mut said = self.said.clone();
        let waited = said.wait_for(|said| so(&self.reactor.lock().expect("nobody panicked"), said));
        let outcome = tokio::time::timeout(PATIENCE, waited).await.map(|found| found.is_ok());
        let known: Vec<_> = self.reactor.lock().expect("nobody panicked").balances_kept().rows().cloned().collect();
        assert_eq!(outcome, Ok(true), "{what}: not so; said were {:#?}; known is {known:#?}", self.said());
    }

    pub(crate) fn said(&self) -> Vec<String> {
        self.said.borrow().clone()
    }

    /// What another source reports.
    pub(crate) fn tell(&self, event: Event) {
        self.events.send(event).expect("the reactor lives as long as the script");
    }

    /// The balance of the watch in the scene's token, and why it cannot be read now.
    pub(crate) fn holds(reactor: &Reactor) -> (Option<u64>, Option<NoBalance>) {
        let holding = Holding { chain: ETHEREUM, address: OWNER, asset: Asset::Token(TOKEN) };
        let row = reactor.balances_kept().get(&holding);
        let last = row.and_then(|row| row.last).map(|last| last.raw.to::<u64>());
        (last, row.and_then(|row| row.failing).map(|(_, why)| why))
    }

    pub(crate) async fn until_holds(&self, raw: u64) {
        self.until(&format!("it holds {raw}"), |reactor, _| Self::holds(reactor) == (Some(raw), None)).await;
    }
}

fn word(message: &Message) -> String {
    let (kind, rule) = (message.kind.word(), message.rule.as_ref().map_or("", |rule| rule.as_str()));
    match &message.body {
        Body::Crossing(body) => match &body.subject {
            CrossingSubject::Balance(balance) => format!("{kind} {rule} {}", balance.value),
            CrossingSubject::Price { .. } | CrossingSubject::Change(_) | CrossingSubject::Gas { .. } => kind.to_owned(),
        },
        Body::Transfer(body) | Body::Approval(body) => format!("{kind} {}", body.key.amount),
        Body::Source(body) => format!("{kind} {}", body.source),
        Body::Payment(_) | Body::Frozen(_) | Body::Sink(_) | Body::Resolved(_) | Body::Heartbeat(_) | Body::Test => {
            kind.to_owned()
        }
    }
}

/// Runs reactor and poll loop while a script changes the world.
pub(crate) async fn watched(scene: &Scene, settings: Settings, script: impl AsyncFnOnce(&Watched)) {
    let has_endpoint = settings.chains.values().any(|chain| !chain.endpoints.is_empty());
    let (queue, mut intake) = event_queue(Arc::new(Notify::new()));
    let (clock, began) = (clock(), Instant::now());
    let reactor = Arc::new(Mutex::new(Reactor::default()));
    let (say, said) = watch::channel(Vec::new());
    let (events, mut told) = mpsc::unbounded_channel();
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
                Some(event) = told.recv() => vec![event],
                () = due => deadline.clone().into_iter().map(|(_, deadline)| Event::Deadline(deadline)).collect(),
            };
            for event in events {
                wants_to.send_replace(handle(event));
            }
        }
    };
    let own_receipts = if has_endpoint { BTreeSet::new() } else { [ETHEREUM].into() };
    let setup = Setup { own_receipts, ..setup([ETHEREUM].into(), 3) };
    let cancel = CancellationToken::new();
    let polled = etherscan::run(setup, &scene.client, wants, queue, clock.clone(), |_| {}, cancel);
    let stage = Watched { reactor: Arc::clone(&reactor), said, events };
    tokio::select! {
        () = polled => panic!("the loop ended by itself"),
        () = pump => {}
        () = script(&stage) => {}
    }
}

/// Mines a block with one token transfer.
pub(crate) fn send(chain: &LiveChain, from: Address, to: Address, raw: u64) {
    let action = Action::Send { token: TOKEN, from, to, amount: U256::from(raw) };
    chain.change(|chain| chain.mine(noon(), &Plan { actions: vec![action], ..Plan::default() }));
}
