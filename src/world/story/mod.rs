//! The demo's story: two chains that grow by the beat, a price that falls and comes back, feeds that fall silent and differ, a gas spike,
//! reorgs, a node that hangs and a receiver that dies for a while; and the faces that show it all. Starts anew after each act, and never ends.

mod bank;
mod cast;
mod config;
mod deed;
mod script;

use bank::{Bank, Ports};
pub use cast::{Cast, EXPLORED, SIMNET};
use deed::Deeds;
pub use deed::{Deed, Facts};
pub use script::{
    ACT, Beat, DOOMED, HOT_FILLED, HOT_PAYS, LARGE_DEPOSIT, MINED_AGAIN, MOVED, NODE_ANSWERS, NODE_HANGS, Script,
    TAKEN_BACK, Turn,
};

use super::explorer::{Explorer, ExplorerSettings};
use super::live::LiveChain;
use super::node::Node;
use super::prices::{PriceFeed, Venue};
use super::receiver::{Answer, Receiver};
use super::{Clock, WorldFault};
use crate::types::{Address, Pair, Price, Timestamp};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

/// What the explorer allows, and the config promises to keep: more than a free key, so that a demo is no long wait.
const CALLS_PER_SECOND: usize = 5;
/// One beat of the story at pace 1: as long as a block.
const BEAT: Duration = Duration::from_secs(1);

/// An address that the demo watches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Watched {
    /// The watch's name.
    pub name: &'static str,
    /// Its address.
    pub address: Address,
    /// The chains' names.
    pub chains: Vec<&'static str>,
}

/// The world as whoever started it sees it. Its faces can be made to fail while the story runs.
pub struct World {
    /// Who plays.
    pub cast: Cast,
    /// The node of the chain `simnet`.
    pub node: Arc<Node>,
    /// The explorer of the other chain.
    pub explorer: Arc<Explorer>,
    /// The first price feed, in Coinbase's way.
    pub prices: Arc<PriceFeed>,
    /// The second one, in Kraken's.
    pub second: Arc<PriceFeed>,
    /// The receiver that never fails.
    pub receiver: Arc<Receiver>,
    /// The book-keeping's receiver, which fails for a while.
    pub books: Arc<Receiver>,
    bank: Arc<Bank>,
    deeds: Arc<Mutex<Deeds>>,
    pace: u32,
    explorer_key: String,
    page_token: String,
    approver_token: String,
    /// Where node, explorer, the two feeds and the two receivers listen.
    places: [SocketAddr; 6],
}

/// How a world is to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Making {
    /// The same seed, the same story.
    pub seed: u64,
    /// Beats a second, at least one.
    pub pace: u32,
    /// Blocks and prices go on, and nothing else happens by itself.
    pub calm: bool,
}

/// The world's work: to be awaited somewhere, or nothing moves.
pub struct Run {
    cast: Cast,
    node: Arc<Node>,
    explorer: Arc<Explorer>,
    prices: Arc<PriceFeed>,
    second: Arc<PriceFeed>,
    receiver: Arc<Receiver>,
    books: Arc<Receiver>,
    listeners: [TcpListener; 6],
    bank: Arc<Bank>,
    bank_ports: Ports,
    deeds: Arc<Mutex<Deeds>>,
    script: Script,
    clock: Clock,
    pace: u32,
}

fn pair(text: &str) -> Pair {
    Pair::parse(text).expect("it is written as a pair")
}

/// A loopback port for a face, and its address.
async fn listen(face: &'static str) -> Result<(TcpListener, SocketAddr), WorldFault> {
    let fault = |reason| WorldFault::Listen { face, reason };
    let listener = TcpListener::bind("127.0.0.1:0").await.map_err(fault)?;
    let place = listener.local_addr().map_err(fault)?;
    Ok((listener, place))
}

impl World {
    /// Makes a world and opens its ports; [`Run::run`] lets it live.
    ///
    /// # Errors
    /// [`WorldFault::Listen`] when loopback has no free port.
    ///
    /// # Panics
    /// Never: the pairs and prices it begins with are well written.
    pub async fn start(Making { seed, pace, calm }: Making, clock: Clock) -> Result<(Self, Run), WorldFault> {
        let cast = Cast::new(seed);
        let now = clock();
        let simnet = Arc::new(LiveChain::new(cast.simnet(seed, now)));
        let other = Arc::new(LiveChain::new(cast.explored(seed, now)));
        let key = |name| format!("{:x}", cast::key(seed, name));
        let settings = ExplorerSettings {
            key: key("explorer"),
            calls_per_second: CALLS_PER_SECOND,
            calls_left: u64::MAX,
            ..ExplorerSettings::default()
        };
        let first = |text: &str| Price::parse(text).expect("it is written as a price");
        let prices = BTreeMap::from([(pair("ETH-USD"), first("2620.00")), (pair("USDC-USD"), first("1.0000"))]);
        let node = Arc::new(Node::new(simnet));
        let explorer = Arc::new(Explorer::new(other, settings));
        let second = Arc::new(PriceFeed::of(Venue::Kraken, clock.clone(), prices.clone()));
        let prices = Arc::new(PriceFeed::new(clock.clone(), prices));
        let receiver = Arc::new(Receiver::new(clock.clone(), cast::key(seed, "receiver").0));
        let books = Arc::new(Receiver::new(clock.clone(), cast::key(seed, "books").0));
        let (node_port, node_place) = listen("node").await?;
        let (explorer_port, explorer_place) = listen("explorer").await?;
        let (feed_port, feed_place) = listen("price feed").await?;
        let (second_port, second_place) = listen("second price feed").await?;
        let (receiver_port, receiver_place) = listen("receiver").await?;
        let (books_port, books_place) = listen("book-keeping").await?;
        let (bank, bank_ports) = Bank::start(seed, &cast, clock.clone()).await?;
        let bank = Arc::new(bank);
        let deeds = Arc::new(Mutex::new(Deeds::default()));
        let script = Script::new(seed, cast.clone(), calm);
        let run = Run {
            cast: cast.clone(),
            node: node.clone(),
            explorer: explorer.clone(),
            prices: prices.clone(),
            second: second.clone(),
            receiver: receiver.clone(),
            books: books.clone(),
            listeners: [node_port, explorer_port, feed_port, second_port, receiver_port, books_port],
            bank: bank.clone(),
            bank_ports,
            deeds: deeds.clone(),
            script,
            clock,
            pace: pace.max(1),
        };
        let places = [node_place, explorer_place, feed_place, second_place, receiver_place, books_place];
        let world = Self {
            cast,
            node,
            explorer,
            prices,
            second,
            receiver,
            books,
            bank,
            deeds,
            pace: pace.max(1),
            explorer_key: key("explorer"),
            page_token: key("page"),
            approver_token: key("approver"),
            places,
        };
        Ok((world, run))
    }

    /// The node's socket; over `http` the same port answers too.
    #[must_use]
    pub fn node_url(&self) -> String {
        format!("ws://{}", self.places[0])
    }

    /// The explorer's API.
    #[must_use]
    pub fn explorer_url(&self) -> String {
        format!("http://{}/v2/api", self.places[1])
    }

    /// The price feed's socket.
    #[must_use]
    pub fn feed_url(&self) -> String {
        format!("ws://{}", self.places[2])
    }

    /// The second price feed's socket.
    #[must_use]
    pub fn second_feed_url(&self) -> String {
        format!("ws://{}", self.places[3])
    }

    /// How long a beat takes: as long as a block.
    #[must_use]
    pub fn beat(&self) -> Duration {
        BEAT / self.pace
    }

    /// Where the book-keeping's webhooks go.
    #[must_use]
    pub fn books_url(&self) -> String {
        format!("http://{}/hook", self.places[5])
    }

    /// Where webhooks go.
    #[must_use]
    pub fn receiver_url(&self) -> String {
        format!("http://{}/hook", self.places[4])
    }

    /// What is watched.
    #[must_use]
    pub fn watched(&self) -> Vec<Watched> {
        let Cast { treasury, deposits, hot, .. } = self.cast;
        let one = |name, address, chains: &[&'static str]| Watched { name, address, chains: chains.to_vec() };
        let mut all = vec![
            one("treasury", treasury, &["simnet", "ethereum"]),
            one("deposits", deposits, &["simnet"]),
            one("hot", hot, &["simnet"]),
        ];
        all.extend(self.bank.watched().map(|(name, address)| one(name, address, &["sepolia"])));
        all
    }

    /// Asks for something on the next beat; false, and nothing happens, while the same is under way.
    #[must_use]
    pub fn ask(&self, deed: Deed) -> bool {
        self.deeds.lock().unwrap_or_else(PoisonError::into_inner).ask(deed)
    }

    /// The token that lets a person approve payments in this world.
    #[must_use]
    pub fn approver_token(&self) -> &str {
        &self.approver_token
    }
}

impl Run {
    /// Serves all faces at once and tells the story from `begin` on, until cancelled. `told` hears of what is out of
    /// the ordinary.
    pub async fn run(
        self,
        begin: impl Future<Output = ()> + Send,
        cancel: CancellationToken,
        told: impl FnMut(&'static str) + Send,
    ) {
        let [node, explorer, feed, second, receiver, books] = self.listeners;
        let story = Story {
            node: self.node.clone(),
            explorer: self.explorer.clone(),
            prices: self.prices.clone(),
            second: self.second.clone(),
            books: self.books.clone(),
            bank: self.bank.clone(),
            cast: self.cast,
            deeds: self.deeds,
            script: self.script,
            clock: self.clock,
            beat: BEAT / self.pace,
        };
        tokio::join!(
            self.node.serve(node, cancel.clone()),
            self.explorer.serve(explorer, cancel.clone()),
            self.prices.serve(feed, cancel.clone()),
            self.second.serve(second, cancel.clone()),
            self.receiver.serve(receiver, cancel.clone()),
            self.books.serve(books, cancel.clone()),
            self.bank.serve(self.bank_ports, cancel.clone()),
            async {
                if cancel.run_until_cancelled(begin).await.is_some() {
                    story.tell(cancel.clone(), told).await;
                }
            },
        );
    }
}

struct Story {
    cast: Cast,
    deeds: Arc<Mutex<Deeds>>,
    node: Arc<Node>,
    explorer: Arc<Explorer>,
    prices: Arc<PriceFeed>,
    second: Arc<PriceFeed>,
    books: Arc<Receiver>,
    bank: Arc<Bank>,
    script: Script,
    clock: Clock,
    beat: Duration,
}

impl Story {
    async fn tell(mut self, cancel: CancellationToken, mut told: impl FnMut(&'static str) + Send) {
        let mut beats = interval(self.beat);
        beats.set_missed_tick_behavior(MissedTickBehavior::Delay);
        for nth in 0_u64.. {
            tokio::select! {
                () = cancel.cancelled() => return,
                _ = beats.tick() => {}
            }
            self.play(nth).into_iter().for_each(&mut told);
        }
    }

    /// One beat. Gives what a reader is told of it.
    fn play(&mut self, nth: u64) -> Vec<&'static str> {
        let at = (self.clock)();
        let (simnet, explored) = (self.node.chain(), self.explorer.chain());
        let script = &mut self.script;
        let mut beat = simnet.read(|simnet| explored.read(|explored| script.beat(nth, simnet, explored)));
        let mut deeds = self.deeds.lock().unwrap_or_else(PoisonError::into_inner);
        let begun = simnet.read(|simnet| deeds.change(nth, &mut beat, &self.cast, simnet));
        drop(deeds);
        play_turn(simnet, at, &beat.simnet);
        play_turn(explored, at, &beat.explored);
        self.second.set(|faults| faults.silent = !beat.second_speaks);
        for feed in [&self.prices, &self.second] {
            feed.trade(&pair("ETH-USD"), beat.ether);
        }
        // A trade a beat keeps the other pair fresh.
        if let Some(price) = self.prices.price(&pair("USDC-USD")) {
            self.prices.trade(&pair("USDC-USD"), price);
        }
        self.second.trade(&pair("USDC-USD"), beat.second_dollar);
        self.node.set(|faults| faults.paused = !beat.node_answers);
        self.books.answer_with(if beat.books_open { Answer::Status(204) } else { Answer::Status(503) });
        self.bank.play(&beat, at);
        beat.told.into_iter().chain(begun.into_iter().map(|deed| deed.facts().what)).collect()
    }
}

fn play_turn(chain: &LiveChain, at: Timestamp, turn: &Turn) {
    match turn {
        Turn::Mine(plan) => {
            chain.change(|chain| chain.mine(at, plan));
        }
        Turn::Reorg(reorg) => {
            // The script stays above what is final; were it ever not so, the story would go on without this reorg.
            let _too_deep = chain.change(|chain| chain.reorg(at, reorg)).is_err();
        }
    }
}

#[cfg(test)]
mod tests;
