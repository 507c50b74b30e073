//! One node's socket: which answer belongs to which question, and the subscription to heads.
//!
//! The protocol never waits and never holds more than what was asked. An error that answers nothing ends the subscription, or the
//! connection: nothing is left open that will never speak again.

use super::ask_fault::AskFault;
use crate::net::socket::{Reason, status_words};
use crate::net::{Protocol, SocketState, Verdict};
use crate::types::Name;
use crate::wire::jsonrpc::{Call, Header, Message, Refusal, RpcError, parse_header, parse_messages, parse_text};
use serde_json::value::RawValue;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::Instant;

/// Requests that may wait to be written. What is asked at once is bounded far below; more waits only when the peer does not read.
const OUTGOING: usize = 1_024;

/// What a question is answered with.
pub(super) type Answer = Result<Box<RawValue>, AskFault>;

/// Where the line stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum LineState {
    /// On its way.
    Connecting,
    /// Questions may be asked; the number tells connections apart.
    Up(u64),
    /// Connected, and silent for too long.
    Stale,
    /// Not connected, for this reason.
    Down(Name),
    /// Turned away, for this reason; tried again late.
    Refused(Name),
}

/// The asking end of a socket. Cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct Line {
    shared: Arc<Shared>,
    outgoing: mpsc::Sender<String>,
}

#[derive(Debug)]
struct Shared {
    table: Mutex<Table>,
    state: watch::Sender<LineState>,
    heads: watch::Sender<Option<Header>>,
}

#[derive(Debug, Default)]
struct Table {
    last_id: u64,
    waiting: BTreeMap<u64, oneshot::Sender<Answer>>,
    /// The question that asks for the subscription, while it is open.
    subscribing: Option<u64>,
    /// Whether heads are announced: the subscription was granted and has not ended.
    announced: bool,
    connections: u64,
}

impl Table {
    const fn next_id(&mut self) -> u64 {
        self.last_id += 1;
        self.last_id
    }

    fn subscribe(&mut self) -> String {
        let id = self.next_id();
        self.subscribing = Some(id);
        self.announced = false;
        Call::SubscribeHeads.text(id)
    }
}

impl Shared {
    /// The table. Every change of it is whole, so a panic elsewhere leaves it usable.
    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A question that is open; it is closed when this is dropped, also by a caller that gave up.
struct Open<'a> {
    shared: &'a Shared,
    id: u64,
}

impl Drop for Open<'_> {
    fn drop(&mut self) {
        self.shared.table().waiting.remove(&self.id);
    }
}

/// Makes a line: its asking end, its protocol, and what is to be written.
pub(super) fn line() -> (Line, HeadsProtocol, mpsc::Receiver<String>) {
    let (outgoing, texts) = mpsc::channel(OUTGOING);
    let shared = Arc::new(Shared {
        table: Mutex::default(),
        state: watch::Sender::new(LineState::Connecting),
        heads: watch::Sender::new(None),
    });
    (Line { shared: Arc::clone(&shared), outgoing }, HeadsProtocol(shared), texts)
}

impl Line {
    /// Asks, and waits for the answer; the caller sets the deadline.
    pub(super) async fn ask(&self, call: &Call) -> Answer {
        let (answer, answered) = oneshot::channel();
        let id = {
            let mut table = self.shared.table();
            let id = table.next_id();
            table.waiting.insert(id, answer);
            id
        };
        let _open = Open { shared: &self.shared, id };
        if !matches!(*self.shared.state.borrow(), LineState::Up(_) | LineState::Stale) {
            return Err(AskFault::Gone);
        }
        self.outgoing.send(call.text(id)).await.map_err(|_| AskFault::Gone)?;
        answered.await.unwrap_or(Err(AskFault::Gone))
    }

    /// Asks for the subscription again, unless that question is open.
    pub(super) fn subscribe_again(&self) {
        let mut table = self.shared.table();
        if table.subscribing.is_none() {
            // When it cannot be written the line is about to go down, and a new one subscribes by itself.
            let _full = self.outgoing.try_send(table.subscribe());
        }
    }

    /// Whether heads are announced by the node.
    pub(super) fn is_announced(&self) -> bool {
        self.shared.table().announced
    }

    /// Where it stands, from now on.
    pub(super) fn states(&self) -> watch::Receiver<LineState> {
        self.shared.state.subscribe()
    }

    /// Announced heads, the newest only.
    pub(super) fn heads(&self) -> watch::Receiver<Option<Header>> {
        self.shared.heads.subscribe()
    }

    /// Takes a change of the socket. Whoever waits for an answer of a connection that ended is told.
    pub(super) fn on_state(&self, state: &SocketState) {
        let mut table = self.shared.table();
        let line = match state {
            SocketState::Connecting => LineState::Connecting,
            SocketState::Subscribing | SocketState::Aging => return,
            SocketState::Live => LineState::Up(table.connections),
            SocketState::Stale => LineState::Stale,
            SocketState::BackingOff { reason: reason @ Reason::Rejected, .. } => {
                LineState::Refused(reason.words().into())
            }
            SocketState::BackingOff { reason, .. } => LineState::Down(reason.words().into()),
            SocketState::Refused { status: 429, .. } => LineState::Down(status_words(429).into()),
            SocketState::Refused { status, .. } => LineState::Refused(status_words(*status).into()),
            // Told to stop: nothing failed, and there is nothing to say of it.
            SocketState::Stopped => return,
        };
        if !matches!(line, LineState::Up(_) | LineState::Stale) {
            table.waiting.clear();
            table.subscribing = None;
            table.announced = false;
        }
        drop(table);
        self.shared.state.send_replace(line);
    }
}

/// What the frames of a node's socket mean.
#[derive(Debug)]
pub(super) struct HeadsProtocol(Arc<Shared>);

impl Protocol for HeadsProtocol {
    fn connected(&mut self, _now: Instant, verdicts: &mut Vec<Verdict>) {
        let mut table = self.0.table();
        table.waiting.clear();
        table.connections += 1;
        verdicts.push(Verdict::Send(table.subscribe()));
    }

    fn frame(&mut self, text: &str, _now: Instant, verdicts: &mut Vec<Verdict>) {
        let Ok(messages) = parse_messages(text) else {
            verdicts.push(Verdict::Broken { detail: "a frame that is no JSON-RPC".into() });
            return;
        };
        for message in messages {
            match message {
                Message::Answer { id, result } => self.answer(id, result, verdicts),
                Message::Notice { result, .. } => self.notice(result, verdicts),
                Message::Orphan(error) => self.orphan(&error, verdicts),
                Message::Other => verdicts.push(Verdict::Chatter),
            }
        }
    }
}

impl HeadsProtocol {
    fn answer(&self, id: u64, result: Result<&RawValue, RpcError>, verdicts: &mut Vec<Verdict>) {
        let mut table = self.0.table();
        if table.subscribing == Some(id) {
            table.subscribing = None;
            table.announced = result.is_ok_and(|id| parse_text(id).is_ok());
            // Refused or not: the line can be asked, and where heads are not announced they are polled.
            verdicts.push(Verdict::Subscribed);
            return;
        }
        verdicts.push(match &result {
            Ok(_) => Verdict::Useful,
            Err(_) => Verdict::Chatter,
        });
        let Some(asker) = table.waiting.remove(&id) else { return };
        drop(table);
        // An asker that gave up meanwhile needs no answer.
        let _gone = asker.send(result.map(ToOwned::to_owned).map_err(AskFault::of_node));
    }

    fn notice(&self, result: &RawValue, verdicts: &mut Vec<Verdict>) {
        match parse_header(result) {
            Ok(header) => {
                self.0.heads.send_replace(Some(header));
                verdicts.push(Verdict::Useful);
            }
            // A header that cannot be read still says that there is a block: polling finds it.
            Err(_) => verdicts.push(Verdict::Chatter),
        }
    }

    fn orphan(&self, error: &RpcError, verdicts: &mut Vec<Verdict>) {
        match error.refusal {
            Refusal::SubscriptionEnded => verdicts.push(Verdict::Send(self.0.table().subscribe())),
            Refusal::RateLimited { .. }
            | Refusal::RangeTooLarge { .. }
            | Refusal::BeyondHead
            | Refusal::NotFound
            | Refusal::MethodMissing
            | Refusal::Busy
            | Refusal::Reverted
            | Refusal::BadRequest
            | Refusal::Other => verdicts.push(Verdict::Broken { detail: error.message.as_str().to_owned() }),
        }
    }
}
