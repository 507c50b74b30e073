//! What is said, in the words of the scripts.

use walletwatch::reactor::effect::{Body, CrossingBody, CrossingSubject, Message, MessageKind};
use walletwatch::reactor::settings::Direction;
use walletwatch::types::{Allowance, B256, Name, Stage};

/// What a message says; `name` is how the script calls a transaction.
pub fn words(message: &Message, name: impl Fn(B256) -> String) -> String {
    let kind = message.kind.word();
    match &message.body {
        Body::Transfer(body) => {
            let direction = match body.direction {
                Direction::In => "in",
                Direction::Out => "out",
                Direction::Both => "self",
            };
            let nth = if body.key.nth == 0 { String::new() } else { format!("#{}", body.key.nth) };
            let mut words = format!("{} {}{nth} {} {direction}", body.stage.word(), name(body.key.tx), body.watch);
            if !body.verified {
                words += body.decimals.map_or_else(|| " raw".to_owned(), |it| format!(" decimals {it}")).as_str();
            }
            for word in body.suspect.words() {
                words = format!("{words} {word}");
            }
            if message.kind == MessageKind::Transfer(Stage::Retracted) && body.confirmations > 0 {
                words += " moved";
            }
            if body.history {
                words += " history";
            }
            if body.late {
                words += " late";
            }
            match (&body.usd, &body.usd_unknown) {
                (Some(usd), _) => format!("{words} {} USD by {}", usd.value, usd.quote.source),
                (None, Some(_)) => words + " worth unknown",
                (None, None) => words,
            }
        }
        Body::Approval(body) => {
            let allowance = Allowance::of(&body.key).map_or("", Allowance::word);
            format!("{kind} {} {} {allowance}", name(body.key.tx), body.watch)
        }
        Body::Crossing(CrossingBody { subject: CrossingSubject::Balance(balance), crossing, .. }) => {
            let about = if balance.at.hash.is_some() { "" } else { " about" };
            let again = if balance.reason.is_some() { " undone" } else { "" };
            format!("{kind} {crossing} {} at{about} {}{again}", balance.value, balance.at.number)
        }
        Body::Crossing(body) => format!("{kind} {}", body.crossing),
        Body::Payment(body) => format!("{kind} {}", body.reason.as_ref().map_or("", Name::as_str)).trim().to_owned(),
        Body::Frozen(body) => format!("{kind} {}", body.what),
        Body::Sink(_) => {
            format!("{kind} on {}", message.sinks.iter().map(Name::as_str).collect::<Vec<_>>().join(","))
        }
        Body::Source(body) if body.source.as_str() == "endpoints" => format!("{kind} endpoints"),
        Body::Source(body) if body.source.as_str() == "scan" && body.chain.is_some() => format!("{kind} scan"),
        Body::Resolved(_) => {
            let sinks = message.sinks.iter().map(Name::as_str).collect::<Vec<_>>().join(",");
            format!("{kind} {} on {sinks}", message.rule.as_ref().map_or("built-in", Name::as_str))
        }
        Body::Heartbeat(body) => format!("{kind} {}", body.trouble.len()),
        Body::Source(body) if body.reason.as_str().contains("was accepted") => format!("{kind} accepted"),
        Body::Source(_) | Body::Test => kind.to_owned(),
    }
}

/// Messages of one transfer keep their order; of different ones it does not matter.
pub fn by_subject(mut messages: Vec<String>) -> Vec<String> {
    let subject = |message: &String| message.split(' ').skip(1).take(2).map(str::to_owned).collect::<Vec<_>>();
    messages.sort_by_key(subject);
    messages
}
