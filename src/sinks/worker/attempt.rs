//! One attempt: what is sent, and what comes of it. And what receivers called a message, until the store has it.

use crate::sinks::answer::{Answer, Edit, SendFault, SinkRequest, Verdict};
use crate::sinks::letter::{Letter, LetterAnswer, LetterFault};
use crate::sinks::telegram::Draft;
use crate::sinks::{Carry, Outgoing, Post, Sink, email};
use crate::telemetry::faults::{KillPoint, kill_point};
use crate::types::{AlertId, Name};
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::time::timeout;

/// How long behind its own deadline an attempt is cut off, should whoever sends not keep it.
const SLACK: Duration = Duration::from_secs(1);

/// What an attempt came to.
pub(super) struct Made {
    /// What it means for the message.
    pub(super) verdict: Verdict,
    /// How long the receiver asks us to send nothing more, though it may have taken this.
    pub(super) pause: Option<Duration>,
}

impl Made {
    fn by(sink: &Sink, answer: &Answer) -> Self {
        Self { verdict: sink.verdict(answer), pause: answer.as_ref().ok().and_then(|response| response.pause) }
    }
}

/// Makes an attempt.
pub(super) async fn make<P>(outside: &P, sink: &Sink, name: &Name, outgoing: Outgoing) -> Made
where
    P: Post + Carry + Sync,
{
    let verdict = match outgoing {
        Outgoing::Line(line) => {
            tracing::info!(target: "walletwatch::alerts", "{line}");
            Verdict::Delivered { receiver_id: None }
        }
        Outgoing::Post(request) => return Made::by(sink, &post(outside, request).await),
        Outgoing::Chat(draft) => return Made::by(sink, &chat(outside, name, *draft).await),
        Outgoing::Edit(both) => return Made::by(sink, &edit(outside, *both).await),
        Outgoing::Mail(letter) => {
            let id = letter.id.clone();
            email::verdict(&id, &mail(outside, letter).await)
        }
    };
    Made { verdict, pause: None }
}

/// Changes what is there. What is not there any more, and what must be noticed, is said anew.
async fn edit(outside: &impl Post, Edit { edit, new, both }: Edit) -> Answer {
    let answer = post(outside, edit).await;
    let changed = answer.as_ref().is_ok_and(|response| (200..300).contains(&response.status));
    let gone = answer.as_ref().is_ok_and(|response| response.status == 404);
    if gone || (changed && both) { post(outside, new).await } else { answer }
}

async fn post(outside: &impl Post, request: SinkRequest) -> Answer {
    let limit = request.deadline + SLACK;
    let answer = timeout(limit, outside.post(request)).await.unwrap_or_else(|_| Err(no_answer()));
    kill_point(KillPoint::AfterAnswer);
    answer
}

/// Sends, and sends what the answer asks for instead, which comes to an end: each change is made once.
async fn chat(outside: &impl Post, name: &Name, mut draft: Draft) -> Answer {
    loop {
        let answer = post(outside, draft.request()).await;
        let Some(other) = draft.instead(&answer) else {
            if let Some(chat) = draft.moved_to() {
                tracing::warn!(sink = %name, "the group became another chat: write chat = \"{chat}\" in the config");
            }
            return answer;
        };
        draft = other;
    }
}

async fn mail(outside: &impl Carry, letter: Letter) -> LetterAnswer {
    let limit = letter.deadline + SLACK;
    let answer = timeout(limit, outside.carry(letter)).await;
    kill_point(KillPoint::AfterAnswer);
    answer.unwrap_or_else(|_| Err(LetterFault::Broken(no_answer())))
}

fn no_answer() -> SendFault {
    SendFault { ambiguous: true, reason: Name::from("no answer in time") }
}

/// How receivers called the first message of an alert, while the write that keeps it is not durable.
#[derive(Debug, Default)]
pub(super) struct UnwrittenFirst {
    /// In the group of writes under way.
    now: BTreeMap<(Name, AlertId), Name>,
    /// In the next one.
    next: BTreeMap<(Name, AlertId), Name>,
}

impl UnwrittenFirst {
    /// A receiver said how it calls a message.
    pub(super) fn told(&mut self, sink: &Name, alert: AlertId, id: &Name) {
        self.next.entry((sink.clone(), alert)).or_insert_with(|| id.clone());
    }

    /// What is not durable yet of an alert.
    pub(super) fn get(&self, sink: &Name, alert: AlertId) -> Option<Name> {
        let key = (sink.clone(), alert);
        self.now.get(&key).or_else(|| self.next.get(&key)).cloned()
    }

    /// Everything so far goes into a group of writes.
    pub(super) fn writing(&mut self) {
        self.now.append(&mut self.next);
    }

    /// That group is durable.
    pub(super) fn written(&mut self) {
        self.now.clear();
    }
}
