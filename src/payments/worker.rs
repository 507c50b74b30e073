//! The payment worker: one future that does what the protocol asks, each thing once, and answers each once.
//!
//! What can move money is sent one after the other; what only reads goes beside it. A request whose connection stands too late is held
//! back and said to be unsent. When told to stop it begins nothing more: what is under way has its grace, and whatever is cut off is
//! ambiguous at the next start, as the store says already. It writes nothing and spawns nothing.

use super::client::{CircleClient, Heard, Trouble, sealed_body};
use super::scan::{Pace, Reader, settled};
use super::seal::{EntitySecret, Sealer};
use crate::reactor::money::CircleId;
use crate::reactor::payments::ask::{Answer, Ask, Asked, Create, LEAVE_WITHIN, Outcome, Unsent, Why};
use crate::telemetry::faults::{KillPoint, kill_point};
use crate::types::{Address, ChainId, Name, PaymentId, Timestamp, U256, Uuid, chain};
use crate::wire::circle::{self, FeeLevel};
use futures::future::{BoxFuture, OptionFuture};
use futures::stream::{FuturesUnordered, StreamExt as _};
use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until, timeout_at};
use tokio_util::sync::CancellationToken;

/// How long a stop waits for what is under way.
pub const GRACE: Duration = Duration::from_secs(5);
/// Between two requests that can move money. Circle allows five a second.
const SEND_SPACING: Duration = Duration::from_millis(250);
/// Readings under way at one time: a long scan does not hold up a single GET.
const MOST_READING: usize = 4;
/// How old the entity public key may be that the secret is encrypted with.
const KEY_FRESH: Duration = Duration::from_hours(1);
/// How often the entity public key and the wallet's balance are read.
const CHORES_EVERY: Duration = Duration::from_mins(1);

/// What the paying wallet holds, for people: nothing is decided by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WalletFunds {
    /// The chain that Circle says it is on.
    pub chain: ChainId,
    /// Raw USDC.
    pub usdc: U256,
    /// Wei of the chain's coin.
    pub coin: U256,
    /// When it was read.
    pub at: Timestamp,
}

/// What the worker works with.
#[derive(Debug)]
pub struct Parts {
    /// Circle.
    pub client: CircleClient,
    /// What authorizes transfers.
    pub secret: EntitySecret,
    /// The paying wallet whose balance is shown.
    pub shown: Option<Name>,
    /// SHA-256 of the entity public key that the config pins: with another one nothing leaves, whatever was accepted since.
    pub pinned: Option<[u8; 32]>,
}

/// What the worker is connected with. `clock` is the clock that dates commits; `frozen` whether a file `FREEZE` lies beside the config.
#[derive(Debug)]
pub struct Wires<C, F> {
    /// What is asked, behind its commit.
    pub asks: mpsc::Receiver<Asked>,
    /// What came of it, for the pump.
    pub answers: mpsc::Sender<Answer>,
    /// What the paying wallet holds.
    pub funds: watch::Sender<Option<WalletFunds>>,
    /// The wall time, as commits have it.
    pub clock: C,
    /// Whether nothing may leave.
    pub frozen: F,
    /// Begins nothing more once it is cancelled.
    pub stop: CancellationToken,
}

struct Worker<'a, C, F> {
    reader: Reader,
    sends: Pace,
    secret: &'a EntitySecret,
    pinned: Option<[u8; 32]>,
    sealer: Mutex<Option<(Sealer, Instant)>>,
    place: Mutex<Option<(ChainId, Address)>>,
    clock: &'a C,
    frozen: &'a F,
}

/// Something that was asked, and when it got here.
struct Due {
    asked: Asked,
    came: Instant,
}

/// Runs until it is told to stop, or until nobody asks any more.
pub async fn run<C, F>(parts: Parts, wires: Wires<C, F>)
where
    C: Fn() -> Timestamp + Sync,
    F: Fn() -> bool + Sync,
{
    let Parts { client, secret, shown, pinned } = parts;
    let Wires { mut asks, answers, funds, clock, frozen, stop } = wires;
    let worker = Worker {
        reader: Reader::new(client),
        sends: Pace::new(SEND_SPACING),
        secret: &secret,
        pinned,
        sealer: Mutex::default(),
        place: Mutex::default(),
        clock: &clock,
        frozen: &frozen,
    };
    let (mut to_send, mut to_read, mut unsaid) = (VecDeque::new(), VecDeque::new(), VecDeque::new());
    let mut sending: Option<BoxFuture<'_, Answer>> = None;
    let mut reading = FuturesUnordered::new();
    let mut chore: Option<BoxFuture<'_, ()>> = None;
    let mut chores = interval(CHORES_EVERY);
    chores.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let (mut open, mut grace) = (true, None);
    loop {
        let working = grace.is_none();
        if working && sending.is_none() {
            sending = to_send.pop_front().map(|due| Box::pin(worker.send(due)) as BoxFuture<'_, Answer>);
        }
        while working && reading.len() < MOST_READING {
            let Some(due) = to_read.pop_front() else { break };
            reading.push(worker.read(due));
        }
        let busy = sending.is_some() || (working && !(reading.is_empty() && to_read.is_empty())) || !unsaid.is_empty();
        if !(busy || open && working) {
            return;
        }
        tokio::select! {
            () = stop.cancelled(), if working => grace = Some(Instant::now() + GRACE),
            () = sleep_until(grace.unwrap_or_else(Instant::now)), if !working => return,
            Some(answer) = OptionFuture::from(sending.as_mut()), if sending.is_some() => {
                sending = None;
                unsaid.push_back(answer);
            }
            Some(answer) = reading.next(), if working && !reading.is_empty() => unsaid.push_back(answer),
            permit = answers.reserve(), if !unsaid.is_empty() => {
                // Without a pump there is nobody who could commit an answer.
                let Ok(permit) = permit else { return };
                if let Some(answer) = unsaid.pop_front() {
                    permit.send(answer);
                }
            }
            asked = asks.recv(), if open && working => match asked {
                Some(asked) => {
                    let due = Due { asked, came: Instant::now() };
                    match due.asked.ask {
                        Ask::Create(_) | Ask::Cancel { .. } => to_send.push_back(due),
                        Ask::Get { .. } | Ask::Scan(_) | Ask::Wallet { .. } | Ask::Funds { .. } | Ask::Fee { .. } => to_read.push_back(due),
                    }
                }
                None => open = false,
            },
            _ = chores.tick(), if working && chore.is_none() => chore = Some(Box::pin(worker.chores(shown.as_ref(), &funds))),
            Some(()) = OptionFuture::from(chore.as_mut()), if chore.is_some() => chore = None,
        }
    }
}

impl<C, F> Worker<'_, C, F>
where
    C: Fn() -> Timestamp + Sync,
    F: Fn() -> bool + Sync,
{
    /// What can move money, or takes it back.
    async fn send(&self, due: Due) -> Answer {
        let ticket = due.asked.ticket;
        let answer = |heard: Heard<Outcome>, entity_key| {
            let (outcome, date, request_id) = settled(heard);
            Answer { ticket, outcome, date, request_id, entity_key }
        };
        match &due.asked.ask {
            Ask::Create(create) => {
                let (heard, entity_key) = self.create(create, due.came).await;
                let answer = answer(heard, entity_key);
                say(create, &answer);
                answer
            }
            Ask::Cancel { id } => answer(self.cancel(id, due.came).await, None),
            Ask::Get { .. } | Ask::Scan(_) | Ask::Wallet { .. } | Ask::Funds { .. } | Ask::Fee { .. } => {
                self.read(due).await
            }
        }
    }

    async fn create(&self, create: &Create, came: Instant) -> (Heard<Outcome>, Option<[u8; 32]>) {
        let unsent = |why| Heard { told: Ok(Outcome::NotSent(why)), date: None, request_id: None };
        if circle::body_hash(create.body()) != create.hash() {
            return (unsent(Unsent::OtherBytes), None);
        }
        let leave_by = came + LEAVE_WITHIN;
        let is_other = |sealer: &Sealer| {
            [self.pinned, create.entity_key()].into_iter().flatten().any(|pinned| pinned != sealer.fingerprint())
        };
        let mut sealer = timeout_at(leave_by, self.sealer()).await.ok().flatten();
        if sealer.as_ref().is_some_and(is_other) {
            // The one at hand may be from before another was accepted: what Circle shows now counts.
            self.forget_key();
            sealer = timeout_at(leave_by, self.sealer()).await.ok().flatten();
        }
        let Some(sealer) = sealer else { return (unsent(Unsent::NoEntityKey), None) };
        let shown = sealer.fingerprint();
        if is_other(&sealer) {
            return (unsent(Unsent::OtherEntityKey(shown)), Some(shown));
        }
        let sealed = sealer.seal(self.secret).ok().and_then(|sealed| sealed_body(create.body(), &sealed).ok());
        // A body that nothing can be put into is not one that was rendered here.
        let Some(body) = sealed else { return (unsent(Unsent::OtherBytes), Some(shown)) };
        self.sends.turn().await;
        let may_leave = || (self.clock)() <= create.leave_by() && Instant::now() <= leave_by && !(self.frozen)();
        if !may_leave() {
            return (unsent(self.why_withheld()), Some(shown));
        }
        kill_point(KillPoint::BeforePost);
        let heard = self.reader.client().create(body, may_leave).await;
        kill_point(KillPoint::AfterPost);
        let heard = match &heard.told {
            Err(Trouble::Withheld) => unsent(self.why_withheld()),
            Err(Trouble::NoConnection(_)) => {
                // Answered when it is true: another commit at once would find the same.
                sleep_until(leave_by).await;
                unsent(Unsent::TooLate)
            }
            Err(Trouble::Said { .. }) => {
                // Perhaps for the key's sake: the next request looks at it again.
                self.forget_key();
                heard.map(|_| Outcome::Ambiguous(Why::Broken))
            }
            Ok(_) | Err(Trouble::Unreadable { .. } | Trouble::Lost(_)) => {
                heard.map(|(accepted, new)| match CircleId::parse(accepted.id.as_str()) {
                    Some(id) => Outcome::Accepted { id, state: accepted.state, new },
                    None => Outcome::Ambiguous(Why::Unreadable(if new { 201 } else { 200 })),
                })
            }
        };
        (heard, Some(shown))
    }

    fn why_withheld(&self) -> Unsent {
        if (self.frozen)() { Unsent::FreezeFile } else { Unsent::TooLate }
    }

    async fn cancel(&self, id: &CircleId, came: Instant) -> Heard<Outcome> {
        let ambiguous = || Heard { told: Ok(Outcome::Ambiguous(Why::Broken)), date: None, request_id: None };
        let Some(sealer) = self.sealer().await else { return ambiguous() };
        // The same wish has the same key.
        let key = Uuid::v4(PaymentId::hash("circle cancel", &[id.as_str().as_bytes()]).0);
        let sealed = sealer.seal(self.secret).ok();
        let body = sealed.and_then(|sealed| sealed_body(&circle::cancel_body(key), &sealed).ok());
        let Some(body) = body else { return ambiguous() };
        self.sends.turn().await;
        let leave_by = came.max(Instant::now()) + LEAVE_WITHIN;
        let heard = self.reader.client().cancel(&id.as_str().into(), body, || Instant::now() <= leave_by).await;
        heard.map(|_| Outcome::CancelAsked)
    }

    /// What only reads.
    async fn read(&self, due: Due) -> Answer {
        let heard = match &due.asked.ask {
            Ask::Get { id } => self.reader.transaction(&id.as_str().into()).await,
            Ask::Scan(scan) => self.reader.scan(&scan.wallet, scan.from).await,
            Ask::Wallet { wallet } => self.wallet(wallet).await,
            Ask::Funds { wallet, token } => self.reader.funds(wallet, *token).await,
            Ask::Fee { wallet, destination, amount, token, chain } => {
                self.fee(wallet, chain, *token, *destination, *amount).await
            }
            Ask::Create(_) | Ask::Cancel { .. } => {
                Heard { told: Ok(Outcome::Ambiguous(Why::Broken)), date: None, request_id: None }
            }
        };
        let (outcome, date, request_id) = settled(heard);
        Answer { ticket: due.asked.ticket, outcome, date, request_id, entity_key: None }
    }

    async fn wallet(&self, wallet: &Name) -> Heard<Outcome> {
        self.reader.pace().turn().await;
        self.reader.client().wallet(wallet).await.map(|read| {
            if read.id == *wallet {
                Outcome::Wallet { chain: read.blockchain, address: read.address, gasless: read.contract_account }
            } else {
                Outcome::Ambiguous(Why::Unreadable(200))
            }
        })
    }

    async fn fee(&self, wallet: &Name, chain: &Name, token: Address, to: Address, amount: U256) -> Heard<Outcome> {
        self.reader.pace().turn().await;
        match self.reader.client().estimate(wallet, chain, token, to, amount).await {
            Ok(heard) => heard.map(|estimate| {
                let fee = estimate.of(FeeLevel::Medium);
                fee.map_or(Outcome::Ambiguous(Why::Unreadable(200)), |fee| Outcome::Fee(fee.most))
            }),
            Err(_) => Heard { told: Ok(Outcome::Ambiguous(Why::Broken)), date: None, request_id: None },
        }
    }

    /// With a key that Circle showed within the hour.
    async fn sealer(&self) -> Option<Sealer> {
        let kept = self.sealer.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some((sealer, at)) = kept
            && at.elapsed() < KEY_FRESH
        {
            return Some(sealer);
        }
        self.reader.pace().turn().await;
        let key = match self.reader.client().entity_key().await.told {
            Ok(key) => key,
            Err(trouble) => {
                tracing::warn!("Circle's entity public key cannot be read: {trouble}");
                return None;
            }
        };
        match Sealer::new(&key) {
            Ok(sealer) => {
                *self.sealer.lock().unwrap_or_else(PoisonError::into_inner) = Some((sealer.clone(), Instant::now()));
                Some(sealer)
            }
            Err(fault) => {
                tracing::warn!("Circle's entity public key cannot be used: {fault}");
                None
            }
        }
    }

    fn forget_key(&self) {
        *self.sealer.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// Keeps the key at hand, since a payment has a second for everything; and reads what people look at.
    async fn chores(&self, shown: Option<&Name>, funds: &watch::Sender<Option<WalletFunds>>) {
        let _said = self.sealer().await;
        let Some(wallet) = shown else { return };
        let Some((chain, token)) = self.place_of(wallet).await else { return };
        let (outcome, _, _) = settled(self.reader.funds(wallet, token).await);
        if let Outcome::Funds { usdc, coin } = outcome {
            funds.send_replace(Some(WalletFunds { chain, usdc, coin, at: (self.clock)() }));
        }
    }

    /// The chain that Circle says a wallet is on, and USDC there by the chain table. It never moves.
    async fn place_of(&self, wallet: &Name) -> Option<(ChainId, Address)> {
        let kept = *self.place.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.is_some() {
            return kept;
        }
        self.reader.pace().turn().await;
        let found = match self.reader.client().wallet(wallet).await.told {
            Ok(read) => {
                circle::chain_of(read.blockchain.as_str()).and_then(|id| Some((id, chain::by_id(id)?.usdc?.address)))
            }
            Err(trouble) => {
                tracing::warn!("the paying wallet cannot be read: {trouble}");
                None
            }
        };
        *self.place.lock().unwrap_or_else(PoisonError::into_inner) = found;
        found
    }
}

/// A line for each attempt: what Circle's support asks for is the id of the request.
fn say(create: &Create, answer: &Answer) {
    let request = answer.request_id.as_ref().map_or("none", Name::as_str);
    let what = match &answer.outcome {
        Outcome::Accepted { id, state, new } => {
            let status = if *new { "201" } else { "200, known before" };
            format!("accepted ({status}) as {id}, {}", state.word())
        }
        Outcome::Refused { status, code, words } => {
            format!("refused with HTTP {status}, code {}: {words}", code.unwrap_or_default())
        }
        Outcome::NotSent(why) => format!("not sent: {why:?}"),
        Outcome::Ambiguous(why) => format!("nobody knows what became of it: {why:?}"),
        Outcome::Read(_)
        | Outcome::Found(_)
        | Outcome::CancelAsked
        | Outcome::Wallet { .. }
        | Outcome::Funds { .. }
        | Outcome::Fee(_) => return,
    };
    tracing::info!("payment {}, attempt {}: {what} (X-Request-Id {request})", create.payment(), create.attempt());
}

#[cfg(test)]
mod tests;
