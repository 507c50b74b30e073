//! One attempt: what is sent, and what comes of it. And what receivers called a message, until the store has it.

use crate::sinks::answer::{Answer, Each, Edit, EditOutcome, SendFault, SinkRequest, Verdict};
use crate::sinks::letter::{Letter, LetterAnswer, LetterFault};
use crate::sinks::nats::PublishFault;
use crate::sinks::telegram::Draft;
use crate::sinks::{Carry, Outgoing, Post, Publication, PublishAnswer, Sink, email, nats};
use crate::telemetry::faults::{KillPoint, kill_point};
use crate::types::{AlertId, Name};
use futures::future::join_all;
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
        Outgoing::Each(requests) => each(outside, sink, *requests).await,
        Outgoing::Mail(letter) => {
            let id = letter.id.clone();
            email::verdict(&id, &mail(outside, letter).await)
        }
        Outgoing::Publish(publication) => {
            let stream = publication.stream.clone();
            nats::verdict(&stream, &publish(outside, publication).await)
        }
    };
    Made { verdict, pause: None }
}

/// Changes what is there. What is not there any more, and what must be noticed, is said anew.
async fn edit(outside: &impl Post, Edit { edit, gone, behind, outcome }: Edit) -> Answer {
    let answer = post(outside, edit).await;
    match (outcome(&answer), behind) {
        (EditOutcome::Changed, Some(behind)) => post(outside, behind).await,
        (EditOutcome::Gone, _) => post(outside, gone).await,
        (EditOutcome::Changed, None) | (EditOutcome::Not, _) => answer,
    }
}

/// Sends to all of them at once. Who does not take it is named; what one of them has is delivered.
async fn each(outside: &impl Post, sink: &Sink, Each { requests, remember }: Each) -> Verdict {
    let answers = join_all(requests.into_iter().map(|request| post(outside, request))).await;
    let count = answers.len();
    let mut refused = Vec::new();
    for (nth, answer) in (1..).zip(&answers) {
        match sink.verdict(answer) {
            Verdict::Delivered { .. } | Verdict::Partly { .. } => {}
            not @ (Verdict::Again(_) | Verdict::Dead(_) | Verdict::Disabled(_)) => refused.push((nth, not)),
        }
    }
    let taken = count - refused.len();
    let Some((nth, first)) = refused.into_iter().min_by_key(|(_, verdict)| matches!(verdict, Verdict::Dead(_))) else {
        return Verdict::Delivered { receiver_id: Some(remember) };
    };
    if taken == 0 {
        return first;
    }
    let why = match first {
        Verdict::Again(setback) | Verdict::Dead(setback) | Verdict::Disabled(setback) => setback.reason,
        Verdict::Delivered { .. } | Verdict::Partly { .. } => Name::from("no reason"),
    };
    let reason = format!("{taken} of {count} have it; number {nth} in the config does not: {why}");
    Verdict::Partly { receiver_id: Some(remember), reason: reason.into() }
}

pub(super) async fn post(outside: &impl Post, request: SinkRequest) -> Answer {
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

async fn publish(outside: &impl Carry, publication: Publication) -> PublishAnswer {
    let limit = publication.deadline + SLACK;
    let answer = timeout(limit, outside.publish(publication)).await;
    kill_point(KillPoint::AfterAnswer);
    answer.unwrap_or_else(|_| Err(PublishFault::Broken(no_answer())))
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
