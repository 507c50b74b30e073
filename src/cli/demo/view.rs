//! What the demo shows: what the receivers got, and what the monitor's own API says, both as anybody outside would have them.

use super::screen::{Screen, Tone};
use super::told::{self, counted, short};
use super::{Failure, page_url, signing_in};
use crate::config::checked::Config;
use crate::net::http::HttpClient;
use crate::net::{Reach, Request, Target, Tls};
use crate::types::Secret;
use crate::world::receiver::Receiver;
use crate::world::story::World;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, IsTerminal, Stdout};
use std::net::SocketAddr;
use std::time::Duration;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::sync::watch;
use tokio::time::{Instant, MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

/// How often the API is asked how things stand, at most.
const SHORTEST_LOOK: Duration = Duration::from_millis(100);
/// Transfers of the API that are looked at: those that are not final are among the newest.
const TRANSFERS: usize = 20;
/// Transfers that one line names.
const NAMED: usize = 4;

/// Which message it is, over all sinks.
type Identity = (String, u32);

/// Looks, and tells.
pub(super) struct Viewer {
    screen: Screen<Stdout>,
    client: HttpClient,
    page: Option<String>,
    began: Instant,
    look_every: Duration,
    header: Vec<String>,
    /// Watches by address, as the API writes it.
    watches: BTreeMap<String, &'static str>,
    /// Chains with the depth at which a transfer of them is final.
    depths: BTreeMap<String, u64>,
    /// How many deliveries were read of the receiver that never fails, and of the book-keeping's.
    read: (u64, u64),
    /// What each of the two took.
    taken: (BTreeSet<Identity>, BTreeSet<Identity>),
    /// What the book-keeping refused first.
    refused: BTreeMap<Identity, Instant>,
    retracted: usize,
    climbed: String,
    /// Payments that wait for a person, of which nobody was told how to approve them.
    held: Vec<String>,
    approver_token: String,
}

impl Viewer {
    pub(super) fn new(world: &World, config: &Config, seed: u64, speed: u32) -> Result<Self, Failure> {
        crate::net::install_crypto_provider();
        let stdout = io::stdout();
        let terminal = stdout.is_terminal();
        let watched = world.watched();
        let names: Vec<&str> = watched.iter().map(|watch| watch.name).collect();
        let header = vec![
            "nothing here is real: two chains, an explorer, prices and receivers of webhooks, all on this machine"
                .to_owned(),
            format!("it watches {}, on simnet through a node and on ethereum through an explorer", names.join(", ")),
            format!("seed {seed}, {} a second; Ctrl-C ends it", counted(u64::from(speed), "beat")),
            "in another terminal, for a reorg, a dead receiver and more when you like: walletwatch demo do".to_owned(),
        ];
        let depth = |chain: &crate::reactor::settings::ChainSettings| (chain.name.to_string(), chain.final_after);
        Ok(Self {
            screen: Screen::new(stdout, terminal),
            client: HttpClient::new(&Tls::baked()).map_err(Failure::again)?,
            page: None,
            began: Instant::now(),
            look_every: (world.beat() / 2).max(SHORTEST_LOOK),
            header,
            watches: watched.iter().map(|watch| (watch.address.to_checksum(None), watch.name)).collect(),
            depths: config.settings.chains.values().map(depth).collect(),
            read: (0, 0),
            taken: (BTreeSet::new(), BTreeSet::new()),
            refused: BTreeMap::new(),
            retracted: 0,
            climbed: String::new(),
            held: Vec::new(),
            approver_token: world.approver_token().to_owned(),
        })
    }

    /// Shows until it is over. A screen that is gone ends the demo.
    pub(super) async fn show(
        mut self,
        world: &World,
        mut page: watch::Receiver<Option<SocketAddr>>,
        mut news: UnboundedReceiver<&'static str>,
        over: CancellationToken,
        stop: &CancellationToken,
    ) -> io::Result<()> {
        let shown = self.follow(world, &mut page, &mut news, &over).await;
        stop.cancel();
        shown?;
        self.screen.end()?;
        let (all, books) = (&self.taken.0, &self.taken.1);
        let messages = counted(u64::try_from(all.len()).unwrap_or(u64::MAX), "message");
        let had = all.intersection(books).count();
        self.screen.say(&format!(
            "the end: {messages} delivered, {} of them taking back what was said before; the book-keeping has {had} of {}",
            self.retracted,
            all.len()
        ))?;
        self.screen.say("for a real config: walletwatch --help, and config.example.toml")
    }

    async fn follow(
        &mut self,
        world: &World,
        page: &mut watch::Receiver<Option<SocketAddr>>,
        news: &mut UnboundedReceiver<&'static str>,
        over: &CancellationToken,
    ) -> io::Result<()> {
        let mut looks = interval(self.look_every);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = over.cancelled() => {
                    // What came last is told too.
                    self.deliveries(&world.receiver)?;
                    return self.books(&world.books);
                }
                Ok(()) = page.changed() => {
                    let at = *page.borrow_and_update();
                    at.map_or(Ok(()), |at| self.begin(at))?;
                }
                Some(text) = news.recv() => self.screen.tell(self.began.elapsed(), "·", Tone::Story, text)?,
                () = world.receiver.wait_for(self.read.0 + 1) => self.deliveries(&world.receiver)?,
                () = world.books.wait_for(self.read.1 + 1) => self.books(&world.books)?,
                _ = looks.tick() => self.look().await?,
            }
        }
    }

    /// The first words, the page's address first of all.
    fn begin(&mut self, at: SocketAddr) -> io::Result<()> {
        let page = page_url(at);
        let link = signing_in(&format!("{page}/"), &self.approver_token);
        self.screen.say(&format!("walletwatch demo; the page is {link}"))?;
        self.page = Some(page);
        for line in std::mem::take(&mut self.header) {
            self.screen.say(&line)?;
        }
        self.began = Instant::now();
        Ok(())
    }

    fn deliveries(&mut self, receiver: &Receiver) -> io::Result<()> {
        for delivery in receiver.deliveries_since(self.read.0) {
            self.read.0 += 1;
            let line = told::line(&delivery.body);
            if line.kind == "RETRACTED" {
                self.retracted += 1;
            }
            self.held.extend(told::held(&delivery.body));
            self.taken.0.extend(told::identity(&delivery.body));
            self.screen.tell(self.began.elapsed(), &line.kind, line.tone, &line.text)?;
        }
        Ok(())
    }

    /// The book-keeping's receiver gets what the other one gets: only what is special about it is told.
    fn books(&mut self, receiver: &Receiver) -> io::Result<()> {
        for delivery in receiver.deliveries_since(self.read.1) {
            self.read.1 += 1;
            let Some(identity) = told::identity(&delivery.body) else { continue };
            let taken = matches!(delivery.answer, crate::world::receiver::Answer::Status(200..=299));
            let what = told::line(&delivery.body);
            if !taken {
                let text = format!("the book-keeping refused \"{} {}\"; it will be sent again", what.kind, what.text);
                self.refused.insert(identity, Instant::now());
                self.screen.tell(self.began.elapsed(), "refused", Tone::Warning, &text)?;
                continue;
            }
            if let Some(first) = self.refused.remove(&identity) {
                let after = counted(first.elapsed().as_secs(), "second");
                let text =
                    format!("the book-keeping has \"{} {}\" {after} later, under the same id", what.kind, what.text);
                self.screen.tell(self.began.elapsed(), "sent again", Tone::Good, &text)?;
            }
            self.taken.1.insert(identity);
        }
        Ok(())
    }

    /// How things stand, by the monitor's own word.
    async fn look(&mut self) -> io::Result<()> {
        let Some(page) = self.page.clone() else { return Ok(()) };
        self.how_to_approve(&page).await?;
        let status = self.ask(&format!("{page}/api/v1/status")).await;
        let transfers = self.ask(&format!("{page}/api/v1/transfers?limit={TRANSFERS}")).await;
        // It is on its way up or down.
        let (Some(status), Some(transfers)) = (status, transfers) else { return Ok(()) };
        let climbing = self.climbing(&transfers);
        if self.screen.is_terminal() {
            let parts: Vec<String> = standing(&status).into_iter().chain(climbing).collect();
            return self.screen.now(&parts.join(" · "));
        }
        let text = climbing.join(", ");
        if !text.is_empty() && text != self.climbed {
            let block =
                status["chains"].as_array().and_then(|chains| chains.iter().find(|one| one["chain"] == "simnet"));
            let block = block.and_then(|one| one["block"].as_u64()).unwrap_or(0);
            self.screen.tell(self.began.elapsed(), &format!("block {block}"), Tone::Story, &text)?;
        }
        self.climbed = text;
        Ok(())
    }

    /// Says how each payment that waits is approved. With a config of one's own, `walletwatch payments approve ID` does the same.
    async fn how_to_approve(&mut self, page: &str) -> io::Result<()> {
        for id in std::mem::take(&mut self.held) {
            let place = format!("{page}/api/v1/payments/{id}");
            let Some(payment) = self.ask(&place).await else { continue };
            let body = payment["live"]["body_sha256"].as_str().unwrap_or_default();
            let text = format!(
                "to approve it: curl -X POST {place}/approve -H 'Authorization: Bearer {}' -d '{{\"body_sha256\":\"{body}\"}}', \
                 or its button on the page (with a config of your own: walletwatch payments approve {id})",
                self.approver_token
            );
            self.screen.tell(self.began.elapsed(), "you", Tone::Money, &text)?;
        }
        Ok(())
    }

    async fn ask(&self, url: &str) -> Option<Value> {
        let target = Target::parse(&Secret::new(url.to_owned())).ok()?;
        let answer = self.client.send(Request::get(target).reaching(Reach::Anywhere)).await.ok()?;
        serde_json::from_slice(&answer.body).ok().filter(|_| answer.is_success())
    }

    /// Transfers on their way to final, each with how deep it is; the newest last.
    fn climbing(&self, transfers: &Value) -> Vec<String> {
        let items = transfers["items"].as_array().map_or(&[][..], Vec::as_slice);
        let mut shown: Vec<String> = items.iter().filter_map(|item| self.climb(item)).take(NAMED).collect();
        shown.reverse();
        shown
    }

    fn climb(&self, item: &Value) -> Option<String> {
        let text = |key: &str| item[key].as_str();
        if !matches!(text("stage"), Some("seen" | "confirmed")) || !item["suspect"].is_null() {
            return None;
        }
        let (chain, depth) = (text("chain")?, item["confirmations"].as_u64()?);
        let all = self.depths.get(chain).copied().filter(|all| depth < *all)?;
        let (amount, symbol) = (text("amount")?, item["asset"]["symbol"].as_str()?);
        let whose = match (self.watches.get(text("to")?), self.watches.get(text("from")?)) {
            (Some(to), _) => format!("to {to}"),
            (None, from) => format!("from {}", from.copied().unwrap_or("nobody")),
        };
        Some(format!("{amount} {symbol} {whose} {depth} of {all}"))
    }
}

/// Blocks, price and gas in a few words.
fn standing(status: &Value) -> Vec<String> {
    let list = |key: &str| status[key].as_array().map_or(&[][..], Vec::as_slice);
    let mut parts: Vec<String> = Vec::new();
    for chain in list("chains") {
        if let (Some(name), Some(block)) = (chain["chain"].as_str(), chain["block"].as_u64()) {
            parts.push(format!("{name} {block}"));
        }
    }
    let ether = list("prices").iter().find(|price| price["pair"] == "ETH-USD");
    parts.extend(ether.and_then(|price| price["price"].as_str()).map(|price| format!("ETH {}", short(price))));
    let fee = list("chains").iter().find_map(|chain| chain["base_fee_gwei"].as_str());
    parts.extend(fee.map(|fee| format!("{} gwei", short(fee))));
    parts
}
