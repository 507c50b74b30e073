//! The real way out of every sink: HTTP, mail and NATS.

use super::answer::{Answer, Post, SinkRequest};
use super::http_post::HttpPost;
use super::letter::{Carry, Letter, LetterAnswer};
use super::nats::{Publication, PublishAnswer};
use super::nats_post::NatsPost;
use super::smtp_post::SmtpPost;
use crate::net::Tls;
use crate::types::Timestamp;

/// Sends what is to be sent.
#[derive(Debug, Clone)]
pub struct Courier<C> {
    http: HttpPost<C>,
    smtp: SmtpPost,
    nats: NatsPost,
}

impl<C> Courier<C> {
    /// Of an HTTP client, and of whom the others trust.
    pub fn new(http: HttpPost<C>, tls: Tls) -> Self {
        Self { http, smtp: SmtpPost::new(tls.clone()), nats: NatsPost::new(tls) }
    }
}

impl<C: Fn() -> Timestamp + Sync> Post for Courier<C> {
    async fn post(&self, request: SinkRequest) -> Answer {
        self.http.post(request).await
    }
}

impl<C: Fn() -> Timestamp + Sync> Carry for Courier<C> {
    async fn carry(&self, letter: Letter) -> LetterAnswer {
        self.smtp.carry(letter).await
    }

    async fn publish(&self, publication: Publication) -> PublishAnswer {
        self.nats.publish(publication).await
    }
}
