//! What an order came back with, as who gave it is to have it.

use crate::http::Refusal;
use crate::reactor::effect::Reply;
use crate::reactor::payments::desk::Refusal as NotDone;
use crate::reactor::watch_list::WatchAnswer;

/// The answer to an order for the watch list.
///
/// # Errors
/// Where it came back without one, which it cannot.
pub fn of_watches(reply: Option<Reply>) -> Result<WatchAnswer, Refusal> {
    match reply {
        Some(Reply::Watches(answer)) => Ok(answer),
        Some(Reply::Payments(_)) | None => Err(unanswered()),
    }
}

/// What came of an order about payments.
///
/// # Errors
/// Where it came back without an answer, which it cannot.
pub fn of_payments(reply: Option<Reply>) -> Result<Result<(), NotDone>, Refusal> {
    match reply {
        Some(Reply::Payments(done)) => Ok(done),
        Some(Reply::Watches(_)) | None => Err(unanswered()),
    }
}

fn unanswered() -> Refusal {
    Refusal::NotNow("the order was not answered: look before asking again".to_owned())
}
