//! `walletwatch check --probe`: asks every upstream of a config what the monitor would ask it first, and says what came of it.
//!
//! It runs the sources themselves, each alone, until they have said who they are. Of sinks it asks those that can be asked without telling
//! anybody anything ([`receivers`]). Nothing is committed, and nothing is delivered.

mod circle;
mod receivers;

use crate::app::clock::Clock;
use crate::config::checked::{Config, EndpointConfig, ExplorerConfig, FeedConfig};
use crate::config::history::histories;
use crate::net::http::{HttpClient, HttpFault};
use crate::net::{Tls, install_crypto_provider};
use crate::reactor::event::{Contact, Event, Head, SourceState};
use crate::reactor::wants::Wants;
use crate::sources::WallClock;
use crate::sources::chain::{ChainReader, unchanging};
use crate::sources::etherscan::fetch::head_of;
use crate::sources::etherscan::{Explorer, Fetch};
use crate::sources::prices;
use crate::sources::queue::{EventIntake, event_queue};
use crate::store::Reader;
use crate::telemetry::Tally;
use crate::types::{B256, ChainId, Name, Pair, Price};
use futures::future::{join_all, join4};
use std::collections::BTreeMap;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, sleep, sleep_until};
use tokio_util::sync::CancellationToken;

/// For an upstream to say who it is: twice what a connection may take, and the venue's time for a first price.
const PATIENCE: Duration = Duration::from_secs(15);
/// Events that are taken at once.
const EVENTS: usize = 64;

/// What was found of one upstream.
#[derive(Debug)]
pub(super) struct Finding {
    /// Which.
    pub(super) upstream: String,
    /// What it said, or what is wrong.
    pub(super) found: Result<String, String>,
}

/// What is needed to ask.
struct Asker {
    http: HttpClient,
    clock: WallClock,
}

/// Asks every upstream, all at the same time but an explorer's chains, which share one account.
pub(super) async fn probe(config: &Config) -> Result<Vec<Finding>, HttpFault> {
    install_crypto_provider();
    let clock = Clock::start(None);
    let asker = Asker { http: HttpClient::new(&Tls::baked())?, clock: Arc::new(move || clock.now()) };
    let known = genesis_noted(config);
    let nodes = join_all(config.endpoints.iter().map(|endpoint| asker.node(config, endpoint)));
    let explorers = join_all(config.explorers.iter().map(|account| asker.explorer(config, account)));
    let feeds = join_all(config.feeds.iter().map(|one| feed(one, &asker.clock)));
    let sinks = receivers::probe(config, &asker.http, &asker.clock);
    let (nodes, answers, prices, receivers) = join4(nodes, explorers, feeds, sinks).await;
    let mut findings = same_genesis(known, nodes);
    findings.extend(answers.into_iter().flatten());
    findings.extend(prices);
    findings.extend(receivers);
    findings.extend(circle::probe(config).await);
    Ok(findings)
}

/// The genesis blocks that the store noted at first contact, where there is a store.
fn genesis_noted(config: &Config) -> BTreeMap<ChainId, B256> {
    let rows = Reader::open(&config.store.path).and_then(|reader| reader.chains()).unwrap_or_default();
    rows.into_iter().filter_map(|row| row.genesis.map(|genesis| (row.chain, genesis))).collect()
}

/// What a node said, with the genesis block that it has.
struct Node {
    chain: ChainId,
    genesis: Option<B256>,
    finding: Finding,
}

/// Nodes of one chain must agree on where it begins, with each other and with what was noted.
fn same_genesis(mut known: BTreeMap<ChainId, B256>, nodes: Vec<Node>) -> Vec<Finding> {
    let judge = |node: Node| {
        let Node { chain, genesis, mut finding } = node;
        if let Some(genesis) = genesis {
            let first = *known.entry(chain).or_insert(genesis);
            if first != genesis && finding.found.is_ok() {
                finding.found = Err(format!("its chain begins with {genesis}, not with {first}: it is another chain"));
            }
        }
        finding
    };
    nodes.into_iter().map(judge).collect()
}

/// What a node has said so far.
#[derive(Default)]
struct Heard {
    contact: Option<Contact>,
    head: Option<Head>,
    reads: bool,
    trouble: Option<String>,
}

impl Heard {
    fn take(&mut self, event: Event) {
        match event {
            Event::Contact(contact) => self.contact = Some(contact),
            Event::Head(head) => self.head = Some(head),
            Event::Run(_) => self.reads = true,
            Event::Source(report) => self.trouble = trouble(report.state),
            Event::Configured(_)
            | Event::Tags(_)
            | Event::Explored(_)
            | Event::History(_)
            | Event::Logs(_)
            | Event::ExplorerHead(_)
            | Event::Unlistable(_)
            | Event::Receipt(_)
            | Event::Token(_)
            | Event::Balances(_)
            | Event::Tick(_)
            | Event::Fees(_)
            | Event::Quiet { .. }
            | Event::Delivery(_)
            | Event::Command(_)
            | Event::Opinion(_)
            | Event::Answered(_)
            | Event::Hinted(_)
            | Event::FreezeFile(_)
            | Event::Clock(_)
            | Event::Unreadable { .. }
            | Event::Deadline(_) => {}
        }
    }

    const fn is_done(&self) -> bool {
        self.trouble.is_some() || (self.contact.is_some() && self.head.is_some() && self.reads)
    }
}

/// What is wrong with a source in this state.
fn trouble(state: SourceState) -> Option<String> {
    match state {
        SourceState::Connecting | SourceState::Fresh => None,
        SourceState::Stale => Some("it is silent".to_owned()),
        SourceState::BackingOff(reason) => Some(reason.to_string()),
        SourceState::Refused(reason) => Some(format!("it refuses: {reason}")),
        SourceState::OverBudget(until) => Some(format!("over its budget until {until}")),
    }
}

impl Asker {
    async fn node(&self, config: &Config, endpoint: &EndpointConfig) -> Node {
        let chain = endpoint.chain;
        let settings = config.settings.chains.get(&chain);
        let name = settings.map_or_else(|| chain.to_string(), |settings| settings.name.to_string());
        let bell = Arc::new(Notify::new());
        let (queue, mut intake) = event_queue(Arc::clone(&bell));
        // Nothing is wanted of it: it begins with its newest block.
        let (_wants, wants) = watch::channel(Arc::new(Wants::default()));
        let reader = ChainReader {
            tally: Tally::default(),
            chain,
            block_time: settings.map_or(PATIENCE, |settings| settings.block_time),
            endpoints: unchanging(vec![endpoint.clone()]),
            wants,
            queue,
            http: self.http.clone(),
            tls: Tls::baked(),
            clock: Arc::clone(&self.clock),
        };
        let mut heard = Heard::default();
        // Boxed: it is as large as everything that a chain's reading may wait for.
        let reading = Box::pin(reader.run(CancellationToken::new()));
        listen(reading, &bell, &mut intake, |event| {
            heard.take(event);
            heard.is_done()
        })
        .await;
        let genesis = heard.contact.as_ref().and_then(|contact| contact.genesis);
        let finding =
            Finding { upstream: format!("rpc {name}/{}", endpoint.name), found: self.judge(config, chain, heard) };
        Node { chain, genesis, finding }
    }

    fn judge(&self, config: &Config, chain: ChainId, heard: Heard) -> Result<String, String> {
        if let Some(trouble) = heard.trouble {
            return Err(trouble);
        }
        let silence = || format!("it did not say who it is within {} s", PATIENCE.as_secs());
        let (contact, newest) = heard.contact.zip(heard.head).ok_or_else(silence)?;
        let age = (self.clock)().since(newest.time).as_secs();
        let genesis = contact.genesis.map_or("none that it still has".to_owned(), |genesis| genesis.to_string());
        let no_traces = || "no traces: coin moved inside transactions is not seen".to_owned();
        let traces = contact.traces.map_or_else(no_traces, |tracer| format!("traces by {}", tracer.method()));
        let said = format!("chain id {chain}, block {} ({age} s old), genesis {genesis}, {traces}", newest.at.number);
        if heard.reads {
            let past = histories(config).into_iter().find(|history| history.chain == chain);
            let past = past.and_then(|history| history.words_at(newest.at.number));
            Ok(format!("{said}, whole blocks{}", past.map_or_else(String::new, |words| format!("; {words}"))))
        } else {
            Err(format!("{said}; but no whole block could be read within {} s", PATIENCE.as_secs()))
        }
    }

    async fn explorer(&self, config: &Config, account: &ExplorerConfig) -> Vec<Finding> {
        let ExplorerConfig { name, dialect, url, api_key, .. } = account;
        let explorer = match Explorer::of(*dialect, self.http.clone(), url, api_key.clone()) {
            Ok(explorer) => explorer,
            Err(fault) => return vec![Finding { upstream: format!("explorer {name}"), found: Err(fault.to_string()) }],
        };
        let pause = Duration::from_secs(1) / account.calls_per_second.max(1);
        let mut findings = Vec::new();
        for chain in &account.chains {
            findings.push(explored(config, &explorer, name, *chain).await);
            sleep(pause).await;
        }
        findings
    }
}

/// One cheap call for one chain: it shows whether the key is good, and whether its plan holds the chain.
async fn explored(config: &Config, explorer: &impl Fetch, source: &Name, chain: ChainId) -> Finding {
    let name = config.settings.chains.get(&chain).map_or_else(|| chain.to_string(), |it| it.name.to_string());
    let found = head_of(explorer, chain).await;
    let found = found.map(|head| format!("block {head}"));
    let found = found.map_err(|failure| failure.reason(source.as_str()).to_string());
    Finding { upstream: format!("explorer {source} for {name}"), found }
}

/// Connects to a feed and waits for a price of each pair.
async fn feed(feed: &FeedConfig, clock: &WallClock) -> Finding {
    let bell = Arc::new(Notify::new());
    let (queue, mut intake) = event_queue(Arc::clone(&bell));
    let mut prices: BTreeMap<Pair, Price> = BTreeMap::new();
    let mut wrong = None;
    let stop = CancellationToken::new();
    let running = Box::pin(async {
        let ended = prices::run(feed, Tls::baked(), &queue, Tally::default(), Arc::clone(clock), stop).await;
        ended.err().map(|fault| fault.to_string())
    });
    let mut unusable = None;
    let running = async { unusable = running.await };
    listen(running, &bell, &mut intake, |event| {
        if let Event::Tick(tick) = event {
            prices.insert(tick.pair, tick.price);
        } else if let Event::Source(report) = event {
            wrong = trouble(report.state);
        }
        wrong.is_some() || feed.pairs.iter().all(|pair| prices.contains_key(pair))
    })
    .await;
    let missing: Vec<_> = feed.pairs.iter().filter(|pair| !prices.contains_key(*pair)).map(Pair::to_string).collect();
    let said: Vec<_> = prices.iter().map(|(pair, price)| format!("{pair} {price}")).collect();
    let found = match unusable.or(wrong) {
        Some(wrong) => Err(wrong),
        None if missing.is_empty() => Ok(said.join(", ")),
        None => Err(format!("no price of {} within {} s", missing.join(", "), PATIENCE.as_secs())),
    };
    Finding { upstream: format!("feed {}", feed.name), found }
}

/// Runs a source, and hands on what it says, until that is enough, it ends, or it took too long.
async fn listen(
    source: impl Future<Output = ()>,
    bell: &Notify,
    intake: &mut EventIntake,
    mut enough: impl FnMut(Event) -> bool,
) {
    let until = Instant::now() + PATIENCE;
    let mut source = pin!(source);
    loop {
        let ended = tokio::select! {
            () = &mut source => true,
            () = bell.notified() => false,
            () = sleep_until(until) => true,
        };
        let mut done = ended;
        for event in intake.try_recv_many(EVENTS) {
            done |= enough(event);
        }
        if done {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nodes_of_one_chain_must_begin_with_the_same_block() {
        let node = |chain: u64, genesis: Option<u8>| Node {
            chain: ChainId(chain),
            genesis: genesis.map(B256::repeat_byte),
            finding: Finding { upstream: String::new(), found: Ok("fine".to_owned()) },
        };
        let check = |noted: &[(u64, u8)], nodes: Vec<Node>, fine: &[bool]| {
            let noted = noted.iter().map(|(chain, genesis)| (ChainId(*chain), B256::repeat_byte(*genesis))).collect();
            let found: Vec<_> = same_genesis(noted, nodes).iter().map(|finding| finding.found.is_ok()).collect();
            assert_eq!(found, fine);
        };
        check(&[], vec![node(1, Some(1)), node(1, Some(1)), node(2, Some(2)), node(2, None)], &[true; 4]);
        check(&[], vec![node(1, Some(1)), node(1, Some(2))], &[true, false]);
        check(&[(1, 2)], vec![node(1, Some(1)), node(1, Some(2))], &[false, true]);
    }
}
