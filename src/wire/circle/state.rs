//! The states of a transaction at Circle. What we do not know is kept as text, and is not final.

use crate::types::Untrusted;
use std::fmt;

/// How far Circle is with a transaction. They may come out of order: CONFIRMED behind COMPLETE, or never.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CircleState {
    /// Taken.
    Initiated,
    /// Its screening is done.
    Cleared,
    /// Waits for its turn.
    Queued,
    /// On its way to the chain.
    Sent,
    /// Its fee is too low; it can still be mined and is no failure.
    Stuck,
    /// In a block.
    Confirmed,
    /// As deep as Circle wants it. Final.
    Complete,
    /// Final.
    Failed,
    /// Refused by a screening. Final.
    Denied,
    /// Final. Circle writes it with one L and with two.
    Cancelled,
    /// A word that we do not know.
    Other(Untrusted),
}

/// Every word of Circle's specification; its other spellings are read below.
const WORDS: [(&str, CircleState); 10] = [
    ("INITIATED", CircleState::Initiated),
    ("CLEARED", CircleState::Cleared),
    ("QUEUED", CircleState::Queued),
    ("SENT", CircleState::Sent),
    ("STUCK", CircleState::Stuck),
    ("CONFIRMED", CircleState::Confirmed),
    ("COMPLETE", CircleState::Complete),
    ("FAILED", CircleState::Failed),
    ("DENIED", CircleState::Denied),
    ("CANCELLED", CircleState::Cancelled),
];

impl CircleState {
    /// Reads a word; capital letters only, as Circle writes them.
    #[must_use]
    pub fn read(word: &str) -> Self {
        let known = WORDS.iter().find(|(known, _)| *known == word).map(|(_, state)| state.clone());
        known.unwrap_or_else(|| if word == "CANCELED" { Self::Cancelled } else { Self::Other(Untrusted::new(word)) })
    }

    /// Whether it ends a transaction: it is never followed by another that counts.
    #[must_use]
    pub const fn is_final(&self) -> bool {
        match self {
            Self::Complete | Self::Failed | Self::Denied | Self::Cancelled => true,
            Self::Initiated
            | Self::Cleared
            | Self::Queued
            | Self::Sent
            | Self::Stuck
            | Self::Confirmed
            | Self::Other(_) => false,
        }
    }

    /// Whether Circle takes a wish to cancel it.
    #[must_use]
    pub const fn can_be_cancelled(&self) -> bool {
        matches!(self, Self::Initiated | Self::Queued | Self::Sent)
    }

    /// Circle's word.
    #[must_use]
    pub fn word(&self) -> &str {
        match self {
            Self::Initiated => "INITIATED",
            Self::Cleared => "CLEARED",
            Self::Queued => "QUEUED",
            Self::Sent => "SENT",
            Self::Stuck => "STUCK",
            Self::Confirmed => "CONFIRMED",
            Self::Complete => "COMPLETE",
            Self::Failed => "FAILED",
            Self::Denied => "DENIED",
            Self::Cancelled => "CANCELLED",
            Self::Other(word) => word.as_str(),
        }
    }
}

impl fmt::Display for CircleState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_read_back_and_what_nobody_knows_is_kept_and_not_final() {
        for (word, state) in WORDS {
            assert_eq!((CircleState::read(word), state.word()), (state.clone(), word));
        }
        assert_eq!(CircleState::read("CANCELED"), CircleState::Cancelled);
        for word in ["WAITING", "PENDING_RISK_SCREENING", "ACCELERATED", "complete", "COMPLETED", "FAILED ", ""] {
            let state = CircleState::read(word);
            assert!(matches!(state, CircleState::Other(_)) && !state.is_final(), "{word}");
            assert_eq!(state.word(), word.trim(), "{word}");
        }
        let finals: Vec<&str> = WORDS.iter().filter(|(_, state)| state.is_final()).map(|(word, _)| *word).collect();
        assert_eq!(finals, ["COMPLETE", "FAILED", "DENIED", "CANCELLED"]);
    }
}
