//! The real way out of every sink: HTTP and mail.

use super::answer::{Answer, Post, SinkRequest};
use super::http_post::HttpPost;
use super::letter::{Carry, Letter, LetterAnswer};
use super::smtp_post::SmtpPost;
use crate::types::Timestamp;

/// Sends what is to be sent.
#[derive(Debug, Clone)]
pub struct Courier<C> {
    http: HttpPost<C>,
    smtp: SmtpPost,
}

impl<C> Courier<C> {
    /// Of both.
    pub const fn new(http: HttpPost<C>, smtp: SmtpPost) -> Self {
        Self { http, smtp }
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
}
