//! Hooks of the simulated Circle: signed as the real ones, and delivered by whoever wants them.

use super::Circle;
use crate::types::{Name, Uuid};
use serde_json::json;
use sha2::{Digest, Sha256};

/// A hook as it is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedHook {
    /// `X-Circle-Key-Id`.
    pub key_id: String,
    /// `X-Circle-Signature`.
    pub signature: String,
    /// The body.
    pub body: Vec<u8>,
}

impl Circle {
    /// The hook about a transaction in its present state; `None` where there is no such transaction.
    #[must_use]
    pub fn hook(&self, id: &Name) -> Option<SignedHook> {
        let shown = self.read(|book| {
            let entry = book.entries().iter().find(|entry| entry.id == *id)?;
            Some(book.shown(entry, false))
        })?;
        let notification = Sha256::digest(format!("{id} {}", shown.state));
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&notification[..16]);
        let at = shown.updated.unwrap_or_default();
        Some(self.signed(&json!({
            "subscriptionId": "d4c07d5f-f05f-4fe4-853d-000000000003",
            "notificationId": Uuid::v4(bytes).to_string(),
            "notificationType": "transactions.outbound",
            "notification": shown.write(),
            "timestamp": at.to_string(),
            "version": 2,
        })))
    }

    /// The test that each new subscription gets.
    #[must_use]
    pub fn test_hook(&self) -> SignedHook {
        let nothing = Uuid([0; 16]).to_string();
        self.signed(&json!({
            "subscriptionId": nothing,
            "notificationId": nothing,
            "notificationType": "webhooks.test",
            "notification": {"hello": "world"},
            "timestamp": "2024-01-26T18:22:19.779834211Z",
            "version": 2,
        }))
    }

    fn signed(&self, body: &serde_json::Value) -> SignedHook {
        let body = body.to_string().into_bytes();
        let signature = self.signer().sign(&body);
        SignedHook { key_id: self.signer().id().to_string(), signature, body }
    }
}
