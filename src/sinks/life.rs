//! What a message is in the life of its alert, and what each kind of sink makes of it: the table that the README shows.
//!
//! An alert is raised, updated, and resolved or retracted. Where a receiver can change what it has, it is changed; where it can only be
//! answered, it is answered; nobody hears a change, so that an end is always said besides.

use crate::store::NewMessage;

/// What a message is in the life of its alert.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Life {
    /// It begins, or goes on.
    Goes,
    /// Part of what was said is taken back; the rest stands.
    TakenBackInPart,
    /// Over.
    Resolved,
    /// It never was so.
    TakenBack,
}

impl Life {
    /// Of a message.
    #[must_use]
    pub fn of(message: &NewMessage) -> Self {
        /// What becomes of a payment that waited for a person: nobody has to do anything about it any more.
        const DONE: [&str; 5] =
            ["payment.approved", "payment.sent", "payment.complete", "payment.refused", "payment.rehearsed"];
        let kind = message.kind.as_str();
        if message.retracts {
            Self::TakenBack
        } else if kind.ends_with(".recovered")
            || kind == "alert.resolved"
            || (message.revision > 1 && DONE.contains(&kind))
        {
            Self::Resolved
        } else if kind.ends_with("retracted") {
            Self::TakenBackInPart
        } else {
            Self::Goes
        }
    }

    /// Whether nothing of the alert is left.
    #[must_use]
    pub const fn ends(self) -> bool {
        match self {
            Self::Goes | Self::TakenBackInPart => false,
            Self::Resolved | Self::TakenBack => true,
        }
    }

    /// Whether a change alone would be overlooked.
    #[must_use]
    pub const fn is_said_besides(self) -> bool {
        match self {
            Self::Goes => false,
            Self::TakenBackInPart | Self::Resolved | Self::TakenBack => true,
        }
    }
}

/// Whether an alert of this kind lasts until something ends it. The others happened, once.
#[must_use]
pub fn lasts(kind: &str) -> bool {
    let names = ["source.blind", "source.disagrees", "sink.failing", "payment.held", "payment.needs_person"];
    kind.ends_with(".crossed") || names.contains(&kind)
}

/// What a kind of sink makes of the life of an alert.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Can {
    /// The word in the config.
    pub kind: &'static str,
    /// What an update is there.
    pub update: &'static str,
    /// What an end is there: resolved or retracted.
    pub end: &'static str,
    /// What a repeat is there, after an answer that did not come.
    pub repeat: &'static str,
}

/// Every kind of sink.
pub const TABLE: [Can; 12] = [
    can("webhook", "same `alert_id`, higher `revision`", "same `alert_id`, higher `revision`", "same `webhook-id`"),
    can("slack with `url`", "a message", "a message that says what it ends", "a message, marked again"),
    can(
        "slack with `token`",
        "the first is edited; a reply in its thread",
        "the first is edited; a reply in its thread, shown in the channel",
        "a message, marked again",
    ),
    can("telegram", "a reply", "a reply", "a message, marked again"),
    can("email", "a mail in the thread", "a mail in the thread", "a mail of the same `Message-ID`, marked again"),
    can("pagerduty", "the same incident", "the incident is resolved", "the same event"),
    can("discord", "the first is edited", "the first is edited, and a message says so", "a message, marked again"),
    can("ntfy", "a message", "a message that says what it ends", "a message, marked again"),
    can(
        "alertmanager",
        "the same labels",
        "`endsAt` is now; what never was so fires with `retracted`",
        "the same alert",
    ),
    can(
        "nats",
        "same `alert_id`, higher `revision`",
        "same `alert_id`, higher `revision`",
        "same `Nats-Msg-Id`, so that the stream keeps one",
    ),
    can("log", "a line", "a line", "a line, marked again"),
    can("any of them, by `walletwatch outbox replay`", "as before", "as before", "the same body and id"),
];

const fn can(kind: &'static str, update: &'static str, end: &'static str, repeat: &'static str) -> Can {
    Can { kind, update, end, repeat }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sinks::samples::small_row;

    #[test]
    fn every_kind_of_message_has_its_place_in_a_life() {
        let check = |kind: &str, revision: u32, retracts: bool, expected: Life| {
            let message = small_row(1, "ops", 1, revision, retracts).message;
            assert_eq!(Life::of(&NewMessage { kind: kind.into(), ..message }), expected, "{kind} {revision}");
        };
        check("transfer.seen", 1, false, Life::Goes);
        check("transfer.final", 3, false, Life::Goes);
        check("transfer.retracted", 2, true, Life::TakenBack);
        check("transfer.retracted", 2, false, Life::TakenBackInPart);
        check("balance.retracted", 2, true, Life::TakenBack);
        check("price.recovered", 2, false, Life::Resolved);
        check("alert.resolved", 2, false, Life::Resolved);
        check("payment.complete", 1, false, Life::Goes);
        check("payment.complete", 3, false, Life::Resolved);
        check("payment.held", 1, false, Life::Goes);
        check("payment.refused", 2, false, Life::Resolved);
        check("payment.rehearsed", 1, false, Life::Goes);
        check("payment.trigger_retracted", 3, false, Life::TakenBackInPart);
        assert!(lasts("price.crossed") && lasts("source.blind") && !lasts("transfer.seen") && !lasts("test"));
    }

    #[test]
    fn the_readme_has_the_table() {
        let readme = include_str!("../../README.md");
        for Can { kind, update, end, repeat } in TABLE {
            let kind = if kind.contains(' ') { kind.to_owned() } else { format!("`{kind}`") };
            let line = format!("| {kind} | {update} | {end} | {repeat} |");
            assert!(readme.contains(&line), "the README lacks: {line}");
        }
    }
}
