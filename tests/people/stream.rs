//! A stream of NATS in memory: it keeps a message once under its `Nats-Msg-Id`, in the order in which they came.

use crate::channels::sink;
use std::sync::{Arc, Mutex};
use walletwatch::config::checked::{NatsConfig, NatsLogin, SinkKind};
use walletwatch::sinks::answer::{Answer, SendFault, SinkRequest};
use walletwatch::sinks::letter::{Letter, LetterAnswer, LetterFault};
use walletwatch::sinks::nats::Said;
use walletwatch::sinks::{Carry, Post, Publication, PublishAnswer, Sink};

/// Ids and subjects.
#[derive(Clone, Default)]
pub(crate) struct Stream(Arc<Mutex<Vec<(String, String)>>>);

impl Stream {
    pub(crate) fn subjects(&self) -> Vec<String> {
        self.0.lock().expect("no holder panics").iter().map(|(_, subject)| subject.clone()).collect()
    }
}

impl Post for Stream {
    async fn post(&self, _: SinkRequest) -> Answer {
        Err(SendFault { ambiguous: false, reason: "this takes no posts".into() })
    }
}

impl Carry for Stream {
    async fn carry(&self, _: Letter) -> LetterAnswer {
        Err(LetterFault::Broken(SendFault { ambiguous: false, reason: "this carries no mail".into() }))
    }

    async fn publish(&self, publication: Publication) -> PublishAnswer {
        let mut kept = self.0.lock().expect("no holder panics");
        let known = kept.iter().position(|(id, _)| id.as_str() == publication.id.as_str());
        let at = known.unwrap_or(kept.len());
        if known.is_none() {
            kept.push((publication.id.to_string(), publication.subject.to_string()));
        }
        let seq = u64::try_from(at + 1).expect("few");
        Ok(Said::Kept { stream: publication.stream.to_string(), seq, duplicate: known.is_some() })
    }
}

pub(crate) fn stream() -> Sink {
    sink(SinkKind::Nats(NatsConfig {
        host: "nats.example.com".into(),
        port: 4_222,
        tls: true,
        login: NatsLogin::Nobody,
        stream: "ALERTS".into(),
        subject: "walletwatch".into(),
        allow_private: false,
    }))
}
