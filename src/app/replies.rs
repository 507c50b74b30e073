//! What an order came back with, as who gave it is to have it.

use crate::http::Refusal;
use crate::reactor::effect::Reply;
use crate::reactor::hush::SilenceAnswer;
use crate::reactor::payments::desk::Refusal as NotDone;
use crate::reactor::waits::Waits;
use crate::reactor::watch_list::WatchAnswer;
use crate::reactor::why::Looked;

/// The answer to an order for the watch list.
///
/// # Errors
/// Where it came back without one, which it cannot.
pub fn of_watches(reply: Option<Reply>) -> Result<WatchAnswer, Refusal> {
    match reply {
        Some(Reply::Watches(answer)) => Ok(answer),
        Some(Reply::Payments(_) | Reply::Silences(_) | Reply::Why(_) | Reply::WhyPayment(_)) | None => {
            Err(unanswered())
        }
    }
}

/// What came of an order about payments.
///
/// # Errors
/// Where it came back without an answer, which it cannot.
pub fn of_payments(reply: Option<Reply>) -> Result<Result<(), NotDone>, Refusal> {
    match reply {
        Some(Reply::Payments(done)) => Ok(done),
        Some(Reply::Watches(_) | Reply::Silences(_) | Reply::Why(_) | Reply::WhyPayment(_)) | None => Err(unanswered()),
    }
}

/// The answer to an order for silences.
///
/// # Errors
/// Where it came back without one, which it cannot.
pub fn of_silences(reply: Option<Reply>) -> Result<SilenceAnswer, Refusal> {
    match reply {
        Some(Reply::Silences(answer)) => Ok(answer),
        Some(Reply::Watches(_) | Reply::Payments(_) | Reply::Why(_) | Reply::WhyPayment(_)) | None => Err(unanswered()),
    }
}

/// Which rules look at a transfer.
///
/// # Errors
/// Where it came back without an answer, which it cannot.
pub fn of_why(reply: Option<Reply>) -> Result<Vec<Looked>, Refusal> {
    match reply {
        Some(Reply::Why(looked)) => Ok(looked),
        Some(Reply::Watches(_) | Reply::Payments(_) | Reply::Silences(_) | Reply::WhyPayment(_)) | None => {
            Err(unanswered())
        }
    }
}

/// What a payment waits for.
///
/// # Errors
/// Where it came back without an answer, which it cannot.
pub fn of_why_payment(reply: Option<Reply>) -> Result<Option<Waits>, Refusal> {
    match reply {
        Some(Reply::WhyPayment(waits)) => Ok(waits),
        Some(Reply::Watches(_) | Reply::Payments(_) | Reply::Silences(_) | Reply::Why(_)) | None => Err(unanswered()),
    }
}

fn unanswered() -> Refusal {
    Refusal::NotNow("the order was not answered: look before asking again".to_owned())
}
