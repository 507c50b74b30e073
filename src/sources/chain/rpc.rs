//! Asking one node, over a socket or over HTTP: every question has a deadline, and a node that says "too many" is left alone.
//!
//! Nothing is asked twice here: who asks decides about another try. No fault holds a url.

use super::ask_fault::AskFault;
use super::line::{Answer, Line};
use super::owed::Owed;
use super::pace::Pace;
use crate::net::http::{RPC_BODY_CAP, Request};
use crate::net::{HttpClient, HttpFault, Reach, Target};
use crate::sources::WallClock;
use crate::wire::jsonrpc::{Call, Message, Refusal, RpcError, parse_messages};
use bytes::Bytes;
use futures::StreamExt;
use futures::stream;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::{Instant, timeout};

/// How long a question may take.
const DEADLINE: Duration = Duration::from_secs(10);
/// How long a trace of a block may take: nodes run the block again for it, and only what waits for nothing else waits so long (`traces`).
const TRACE_DEADLINE: Duration = Duration::from_mins(2);
/// Most questions in one HTTP batch (facts/streams.md §2: Moralis takes 20).
const BATCH: usize = 20;
/// Most HTTP requests under way at once to one node.
const PARALLEL: usize = 4;

/// The way to one node.
pub(super) enum Way {
    /// A supervised socket.
    Socket(Line),
    /// Requests.
    Http {
        /// The client.
        client: HttpClient,
        /// Where to.
        target: Target,
        /// For `Retry-After` dates.
        clock: WallClock,
    },
}

/// One node that can be asked.
pub(super) struct Rpc {
    pub(super) way: Way,
    pace: Mutex<Pace>,
    /// Of traces alone: many nodes count them by themselves, and give few.
    trace_pace: Mutex<Pace>,
    owed: Mutex<Owed>,
    /// How long it may answer nothing.
    patience: Duration,
    /// Whether the node takes batches; learnt.
    takes_batches: AtomicBool,
}

impl Rpc {
    pub(super) fn new(way: Way, patience: Duration) -> Self {
        let (pace, trace_pace, owed) = (Mutex::default(), Mutex::default(), Mutex::default());
        Self { way, pace, trace_pace, owed, patience, takes_batches: AtomicBool::new(true) }
    }

    /// Whether it was asked and has answered nothing for too long.
    pub(super) fn is_silent(&self) -> bool {
        self.owed().silence(Instant::now()) >= self.patience
    }

    fn owed(&self) -> MutexGuard<'_, Owed> {
        self.owed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes that it is asked, until it answers or nobody waits any more.
    fn open(&self, is_aside: bool) -> Question<'_> {
        if !is_aside {
            self.owed().asked(Instant::now());
        }
        Question { rpc: self, is_aside, is_answered: false }
    }

    /// Whether it said "too many" a moment ago: nothing is asked until the pause is over.
    pub(super) fn is_paused(&self) -> bool {
        is_paused(&self.pace)
    }

    /// Whether it is asked for no traces for now, and answers everything else.
    pub(super) fn is_short_of_traces(&self) -> bool {
        is_paused(&self.trace_pace) && !self.is_paused()
    }

    /// Asks one question.
    pub(super) async fn ask(&self, call: &Call) -> Answer {
        if self.is_paused() || (is_trace(call) && is_paused(&self.trace_pace)) {
            return Err(AskFault::RateLimited);
        }
        let deadline = deadline_of(call);
        let answer = match &self.way {
            Way::Socket(line) => {
                let question = self.open(is_aside(call));
                let answer = timeout(deadline, line.ask(call)).await.unwrap_or(Err(AskFault::Timeout));
                question.close(!matches!(answer, Err(AskFault::Timeout)));
                answer
            }
            Way::Http { .. } => self.post(&[call]).await.pop().unwrap_or(Err(AskFault::Unreadable)),
        };
        self.note(answer, is_trace(call))
    }

    /// Asks many questions; the answers come in the same order. Over a socket all are sent at once, over HTTP in batches where the
    /// node takes them. Traces are asked for one by one: few nodes take them in a batch.
    pub(super) async fn ask_all(&self, calls: &[Call]) -> Vec<Answer> {
        let batches = matches!(self.way, Way::Http { .. }) && self.takes_batches.load(Ordering::Relaxed);
        let (mut portions, mut together): (Vec<Vec<usize>>, Vec<usize>) = (Vec::new(), Vec::new());
        for (place, call) in calls.iter().enumerate() {
            if batches && !is_trace(call) { together.push(place) } else { portions.push(vec![place]) }
        }
        portions.extend(together.chunks(BATCH).map(<[usize]>::to_vec));
        let parallel = if matches!(self.way, Way::Socket(_)) { calls.len().max(1) } else { PARALLEL };
        let mut answers: Vec<Answer> = calls.iter().map(|_| Err(AskFault::Unreadable)).collect();
        let mut asked = stream::iter(portions).map(|places| self.ask_portion(calls, places)).buffer_unordered(parallel);
        while let Some(portion) = asked.next().await {
            for (place, answer) in portion {
                if let Some(slot) = answers.get_mut(place) {
                    *slot = answer;
                }
            }
        }
        answers
    }

    async fn ask_portion(&self, calls: &[Call], places: Vec<usize>) -> Vec<(usize, Answer)> {
        let chosen: Vec<&Call> = places.iter().filter_map(|place| calls.get(*place)).collect();
        if let [call] = chosen.as_slice() {
            let answer = self.ask(call).await;
            return places.into_iter().zip([answer]).collect();
        }
        if self.is_paused() {
            return places.into_iter().map(|place| (place, Err(AskFault::RateLimited))).collect();
        }
        let mut answers = self.post(&chosen).await;
        if !self.takes_batches.load(Ordering::Relaxed) {
            // It refused the whole batch, which teaches for the rest of its life; this once the questions go one by one.
            answers.clear();
            for call in chosen {
                answers.push(self.ask(call).await);
            }
        }
        places.into_iter().zip(answers.into_iter().map(|answer| self.note(answer, false))).collect()
    }

    /// Keeps the pace by what was answered.
    fn note(&self, answer: Answer, is_trace: bool) -> Answer {
        if let Err(AskFault::Refused { error, .. }) = &answer
            && let Refusal::RateLimited { retry_after, long } = error.refusal
        {
            self.pace(is_trace).limited(Instant::now(), retry_after, long);
            return Err(AskFault::RateLimited);
        }
        if answer.is_ok() {
            self.pace(is_trace).answered(Instant::now());
        }
        answer
    }

    /// Where a node is short of everything, the next question that is no trace says so.
    fn pace(&self, is_trace: bool) -> MutexGuard<'_, Pace> {
        let pace = if is_trace { &self.trace_pace } else { &self.pace };
        pace.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One HTTP request with one question or a batch.
    async fn post(&self, calls: &[&Call]) -> Vec<Answer> {
        let all = |fault: AskFault| calls.iter().map(|_| Err(fault.clone())).collect::<Vec<_>>();
        let Way::Http { client, target, clock } = &self.way else { return all(AskFault::Gone) };
        let text = match calls {
            [call] => call.text(0),
            _ => Call::batch((0_u64..).zip(calls.iter().copied())),
        };
        let deadline = calls.iter().map(|call| deadline_of(call)).max().unwrap_or(DEADLINE);
        let request = Request::post_json(target.clone(), Bytes::from(text));
        let request = request.within(deadline).capped(RPC_BODY_CAP).reaching(Reach::Anywhere);
        // Traces are asked for one by one.
        let is_of_traces = calls.iter().any(|call| is_trace(call));
        let question = self.open(calls.iter().any(|call| is_aside(call)));
        let sent = client.send(request).await;
        question.close(!matches!(sent, Err(HttpFault::Timeout { .. })));
        let response = match sent {
            Ok(response) => response,
            Err(HttpFault::TooLarge { .. }) => return all(AskFault::TooLarge),
            Err(HttpFault::Timeout { .. }) => return all(AskFault::Timeout),
            Err(fault) => return all(AskFault::Http(fault)),
        };
        if response.status == 429 {
            self.pace(is_of_traces).limited(Instant::now(), response.retry_after(clock()), false);
            return all(AskFault::RateLimited);
        }
        // Many nodes say what is wrong in the body of a 4xx or 5xx: it is read first.
        let body = std::str::from_utf8(&response.body).unwrap_or_default();
        match parse_messages(body) {
            Ok(messages) => {
                self.sort_out(calls.len(), messages, Some(response.status).filter(|_| !response.is_success()))
            }
            Err(_) if response.status == 413 => all(AskFault::TooLarge),
            Err(_) if !response.is_success() => all(AskFault::Status(response.status)),
            Err(_) => all(AskFault::Unreadable),
        }
    }

    /// Puts the messages of a body into the order of the questions.
    fn sort_out(&self, asked: usize, messages: Vec<Message<'_>>, status: Option<u16>) -> Vec<Answer> {
        let refused = |error: RpcError| AskFault::Refused { error, status };
        let mut by_id: BTreeMap<u64, Answer> = BTreeMap::new();
        let mut whole = None;
        for message in messages {
            match message {
                Message::Answer { id, result } => {
                    by_id.insert(id, result.map(ToOwned::to_owned).map_err(refused));
                }
                Message::Orphan(error) => whole = Some(error),
                Message::Notice { .. } | Message::Other => {}
            }
        }
        if asked > 1 && by_id.len() <= 1 && !matches!(&whole, Some(error) if passes(error)) {
            self.takes_batches.store(false, Ordering::Relaxed);
        }
        let missing = || whole.clone().map_or(AskFault::Unreadable, refused);
        (0_u64..).take(asked).map(|id| by_id.remove(&id).unwrap_or_else(|| Err(missing()))).collect()
    }
}

/// A question that is open.
struct Question<'a> {
    rpc: &'a Rpc,
    /// Its silence says nothing of the node.
    is_aside: bool,
    is_answered: bool,
}

impl Question<'_> {
    /// It came to its end.
    fn close(mut self, is_answered: bool) {
        self.is_answered = is_answered;
    }
}

impl Drop for Question<'_> {
    fn drop(&mut self) {
        let (mut owed, now) = (self.rpc.owed(), Instant::now());
        match (self.is_aside, self.is_answered) {
            (false, true) => owed.answered(now),
            (false, false) => owed.given_up(now, self.rpc.patience),
            (true, true) => owed.spoke(now),
            (true, false) => {}
        }
    }
}

fn is_paused(pace: &Mutex<Pace>) -> bool {
    pace.lock().unwrap_or_else(PoisonError::into_inner).is_paused(Instant::now())
}

/// Whether a refusal says nothing about batches: it passes.
const fn passes(error: &RpcError) -> bool {
    matches!(error.refusal, Refusal::RateLimited { .. } | Refusal::Busy)
}

/// What a node may take its time for, or never answer, and be well: a trace, and what nobody waits for.
const fn is_aside(call: &Call) -> bool {
    is_trace(call) || matches!(call, Call::FeeHistory { .. })
}

const fn is_trace(call: &Call) -> bool {
    matches!(call, Call::CallTraces(_) | Call::TraceBlock(_))
}

const fn deadline_of(call: &Call) -> Duration {
    if is_trace(call) { TRACE_DEADLINE } else { DEADLINE }
}
