//! One node's traces, apart from everything else. A node runs a block again for its traces, which may take minutes; nothing else waits
//! for them so long.
//!
//! For a block there is one question, however many wait for its answer. Few are under way at once. One that nobody waits for any more goes
//! on, and its answer is there for who asks next: a node that is still working on a block is not asked for it again. One that did not finish
//! in time is asked for no traces for as long as it worked in vain.

use super::ask_fault::AskFault;
use super::line::Answer;
use super::owed::Owed;
use super::pace::Pace;
use super::rpc::Rpc;
use crate::types::{B256, BlockRef, Tracer};
use crate::wire::jsonrpc::Call;
use futures::future::{BoxFuture, FutureExt, Shared};
use futures::stream::{FuturesUnordered, StreamExt};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{Notify, Semaphore};
use tokio::time::{Instant, timeout};

/// Most traces of one node under way at once: of new blocks; of old ones, which must not keep the new ones waiting; and of blocks that
/// were told without.
const AT_ONCE: [usize; 3] = [4, 2, 1];
/// How long a block that is there waits for its traces.
pub(super) const PATIENCE: Duration = Duration::from_secs(4);
/// A question that has been open for nearly as long was asked in vain; one that waited for its turn was not asked yet.
const IN_VAIN: Duration = Duration::from_secs(3);
/// Answers kept for who asks next. One may have some MB.
const KEPT: usize = 16;

/// How urgent traces are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Turn {
    /// Only to see what the node can do: also where it rests.
    Try,
    /// Of a new block.
    New,
    /// Of an old block.
    Old,
    /// Of a block that was told without them: nothing else waits for them.
    Late,
}

/// What became of a question for traces.
#[derive(Debug, Clone)]
pub(super) enum Traced {
    /// There is an answer, good or bad.
    Answered(Arc<Answer>),
    /// The node works on it for too long.
    Slow,
    /// Others go first: it was not its turn long enough.
    Later,
}

/// Which traces.
type Key = (Tracer, B256);

type Question = Shared<BoxFuture<'static, Arc<Answer>>>;

/// What is known of the questions that were sent. Pure: time is an argument.
#[derive(Debug, Default)]
struct Notes {
    /// Since when each is open.
    sent: BTreeMap<Key, Instant>,
    owed: Owed,
    rest: Pace,
}

impl Notes {
    fn sent(&mut self, key: Key, now: Instant) {
        self.sent.insert(key, now);
        self.owed.asked(now);
    }

    fn ended(&mut self, key: Key, answer: &Answer, now: Instant) {
        self.owed.answered(now);
        let worked = self.sent.remove(&key).map_or(Duration::ZERO, |sent| now - sent);
        // Nobody knows whether the node works on what its broken line asked for.
        if worked >= IN_VAIN && matches!(answer, Err(AskFault::Timeout | AskFault::Gone)) {
            self.rest.limited(now, Some(worked), false);
        }
    }

    fn is_in_vain(&self, key: Key, now: Instant) -> bool {
        self.sent.get(&key).is_some_and(|sent| now.saturating_duration_since(*sent) >= IN_VAIN)
    }

    /// Whether new questions are in vain, too.
    fn hangs(&self, is_full: bool, now: Instant) -> bool {
        self.rest.is_paused(now) || (is_full && self.owed.silence(now) >= PATIENCE)
    }
}

/// The questions.
#[derive(Default)]
struct Questions {
    open: BTreeMap<Key, Question>,
    /// Not taken by who keeps them going yet.
    new: Vec<Question>,
}

/// Where one node's traces are asked for.
pub(super) struct Desk {
    rpc: Arc<Rpc>,
    questions: Mutex<Questions>,
    notes: Arc<Mutex<Notes>>,
    slots: [Arc<Semaphore>; 3],
    asked: Notify,
}

impl Desk {
    pub(super) fn new(rpc: Arc<Rpc>) -> Self {
        let slots = AT_ONCE.map(|most| Arc::new(Semaphore::new(most)));
        Self { rpc, questions: Mutex::default(), notes: Arc::default(), slots, asked: Notify::new() }
    }

    /// Keeps the questions going, for ever, whoever waits for them.
    pub(super) async fn keep(&self) {
        let mut going = FuturesUnordered::new();
        going.extend(self.questions().open.values().cloned());
        loop {
            going.extend(std::mem::take(&mut self.questions().new));
            tokio::select! {
                () = self.asked.notified() => {}
                Some(_) = going.next() => {}
            }
        }
    }

    /// Asks for the traces of a block, or waits with whoever did.
    pub(super) async fn ask(&self, tracer: Tracer, block: BlockRef, turn: Turn) -> Traced {
        let key = (tracer, block.hash);
        let question = self.question(key, block.number, turn);
        let answer = match turn {
            Turn::Try | Turn::New | Turn::Old => timeout(PATIENCE, question).await.ok(),
            Turn::Late => Some(question.await),
        };
        match answer {
            Some(answer) => {
                self.questions().open.remove(&key);
                Traced::Answered(answer)
            }
            None if self.hangs(turn) || locked(&self.notes).is_in_vain(key, Instant::now()) => Traced::Slow,
            None => Traced::Later,
        }
    }

    /// Whether it rests after a question that was not answered in time.
    pub(super) fn rests(&self) -> bool {
        locked(&self.notes).rest.is_paused(Instant::now())
    }

    /// Whether traces are not to be had for now: the node rests after one that it did not finish, or works on all that it may be asked
    /// and has answered nothing for as long as a block waits.
    pub(super) fn hangs(&self, turn: Turn) -> bool {
        locked(&self.notes).hangs(self.slots(turn).available_permits() == 0, Instant::now())
    }

    fn slots(&self, turn: Turn) -> &Arc<Semaphore> {
        let [new, old, late] = &self.slots;
        match turn {
            Turn::Try | Turn::New => new,
            Turn::Old => old,
            Turn::Late => late,
        }
    }

    fn questions(&self) -> MutexGuard<'_, Questions> {
        locked(&self.questions)
    }

    fn question(&self, key: Key, number: u64, turn: Turn) -> Question {
        let mut questions = self.questions();
        let usable = |question: &&Question| question.peek().is_none_or(|answer| answer.is_ok());
        if let Some(question) = questions.open.get(&key).filter(usable) {
            return question.clone();
        }
        if questions.open.len() >= KEPT {
            questions.open.retain(|_, question| question.peek().is_none());
        }
        let question = self.send(key, number, turn).boxed().shared();
        questions.open.insert(key, question.clone());
        questions.new.push(question.clone());
        self.asked.notify_one();
        question
    }

    fn send(&self, key: Key, number: u64, turn: Turn) -> impl Future<Output = Arc<Answer>> + use<> {
        let call = match key {
            (Tracer::Calls, hash) => Call::CallTraces(hash),
            (Tracer::Flat, _) => Call::TraceBlock(number),
        };
        let (rpc, notes, slots) = (Arc::clone(&self.rpc), Arc::clone(&self.notes), Arc::clone(self.slots(turn)));
        async move {
            let _slot = slots.acquire_owned().await;
            if turn != Turn::Try && locked(&notes).rest.is_paused(Instant::now()) {
                return Arc::new(Err(AskFault::Timeout));
            }
            locked(&notes).sent(key, Instant::now());
            let answer = rpc.ask(&call).await;
            locked(&notes).ended(key, &answer, Instant::now());
            Arc::new(answer)
        }
    }
}

/// Changes are whole: a panic elsewhere leaves a usable value.
fn locked<T>(value: &Mutex<T>) -> MutexGuard<'_, T> {
    value.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::value::RawValue;

    #[derive(Debug, Clone, Copy)]
    enum Did {
        Send(u8),
        Answer(u8),
        Lose(u8),
    }

    /// What happened at which second; whether traces hang at second 20, where all slots are taken and where not.
    #[test]
    fn traces_hang_where_the_node_works_on_all_it_was_asked_or_did_not_finish_in_time() {
        use Did::{Answer, Lose, Send};
        let check = |history: &[(u64, Did)], expected: (bool, bool)| {
            let key = |block: u8| (Tracer::Flat, B256::repeat_byte(block));
            let start = Instant::now();
            let at = |second: u64| start + Duration::from_secs(second);
            let mut notes = Notes::default();
            for (second, did) in history {
                let answered = Ok(RawValue::from_string("[]".to_owned()).unwrap());
                match did {
                    Send(block) => notes.sent(key(*block), at(*second)),
                    Answer(block) => notes.ended(key(*block), &answered, at(*second)),
                    Lose(block) => notes.ended(key(*block), &Err(AskFault::Gone), at(*second)),
                }
            }
            assert_eq!((notes.hangs(true, at(20)), notes.hangs(false, at(20))), expected, "{history:?}");
        };
        check(&[], (false, false));
        check(&[(1, Send(1))], (true, false));
        check(&[(17, Send(1))], (false, false));
        check(&[(1, Send(1)), (18, Answer(1))], (false, false));
        check(&[(1, Send(1)), (1, Send(2)), (17, Answer(1))], (false, false));
        check(&[(1, Send(1)), (1, Send(2)), (15, Answer(1))], (true, false));
        // It worked for nine seconds in vain and rests for nine.
        check(&[(6, Send(1)), (15, Lose(1))], (true, true));
        check(&[(1, Send(1)), (10, Lose(1))], (false, false));
        // A line that broke says nothing of a trace that was asked for just then.
        check(&[(14, Send(1)), (15, Lose(1))], (false, false));
    }
}
