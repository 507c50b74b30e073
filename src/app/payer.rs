//! The payment worker, as the pump sees it: questions behind their commit, and what came of them.

use crate::reactor::event::Event;
use crate::reactor::money::CircleId;
use crate::reactor::paying::FreezeFile;
use crate::reactor::payments::ask::{Answer, Ask, Asked, Outcome, Unsent, Why};
use crate::sources::hooks::Hint;
use tokio::sync::{mpsc, watch};

/// The payment worker, as the pump is connected to it.
#[derive(Debug)]
pub struct Payer {
    /// Questions, each behind the commit that holds it.
    pub asks: mpsc::Sender<Asked>,
    /// What came of them.
    pub answers: mpsc::Receiver<Answer>,
    /// Transactions that hooks speak of.
    pub hints: mpsc::Receiver<Hint>,
    /// The file that stops everything. The first look at it is news too.
    pub file: watch::Receiver<Option<FreezeFile>>,
}

fn frozen(file: &mut watch::Receiver<Option<FreezeFile>>) -> Event {
    Event::FreezeFile(file.borrow_and_update().clone().map(Box::new))
}

fn answered(answer: Answer) -> Event {
    Event::Answered(Box::new(answer))
}

/// A hint at an id that none of our payments can have is none.
fn hinted(hint: &Hint) -> Option<Event> {
    CircleId::parse(hint.transaction.as_str()).map(Event::Hinted)
}

/// What waits, answers first.
pub(super) fn waiting(payer: Option<&mut Payer>) -> Option<Event> {
    let payer = payer?;
    if payer.file.has_changed().unwrap_or(false) {
        return Some(frozen(&mut payer.file));
    }
    payer.answers.try_recv().ok().map(answered).or_else(|| hinted(&payer.hints.try_recv().ok()?))
}

/// What comes next; without a payment worker it never does.
pub(super) async fn next(payer: Option<&mut Payer>) -> Option<Event> {
    let payer = payer?;
    tokio::select! {
        Some(answer) = payer.answers.recv() => Some(answered(answer)),
        Some(hint) = payer.hints.recv() => hinted(&hint),
        Ok(()) = payer.file.changed() => Some(frozen(&mut payer.file)),
        else => None,
    }
}

/// Hands a question to the worker. Where none takes it not a byte of it leaves, and that is its answer.
pub(super) fn ask(payer: Option<&Payer>, asked: Asked) -> Option<Answer> {
    let refused = match payer {
        Some(payer) => payer.asks.try_send(asked).err()?.into_inner(),
        None => asked,
    };
    let outcome = match refused.ask {
        Ask::Create(_) => Outcome::NotSent(Unsent::TooLate),
        Ask::Get { .. }
        | Ask::Scan(_)
        | Ask::Cancel { .. }
        | Ask::Wallet { .. }
        | Ask::Funds { .. }
        | Ask::Fee { .. } => Outcome::Ambiguous(Why::Broken),
    };
    Some(Answer { ticket: refused.ticket, outcome, date: None, request_id: None, entity_key: None })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reactor::payments::ask::Ticket;

    #[tokio::test]
    async fn a_question_is_taken_by_the_worker_or_answered_at_once() {
        let asked = |ticket| {
            let id = CircleId::parse("a").expect("it is one");
            Asked { ticket: Ticket(ticket), ask: Ask::Get { id } }
        };
        let (asks, mut asked_of) = mpsc::channel(1);
        let (_answers, answers) = mpsc::channel(1);
        let (_hints, hints) = mpsc::channel(1);
        let (_file, file) = watch::channel(None);
        let payer = Payer { asks, answers, hints, file };
        assert_eq!(ask(Some(&payer), asked(1)), None);
        let full = ask(Some(&payer), asked(2)).expect("there is no room");
        assert_eq!((full.ticket, full.outcome), (Ticket(2), Outcome::Ambiguous(Why::Broken)));
        assert_eq!(asked_of.recv().await, Some(asked(1)));
        drop(asked_of);
        assert!(ask(Some(&payer), asked(3)).is_some() && ask(None, asked(4)).is_some());
    }
}
