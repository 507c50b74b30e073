//! The real way into a NATS stream, over a stream of bytes that `net` made and vetted. One connection for each attempt.
//!
//! Nothing is published before the server said that it knows us. Without TLS, as the config wants it, not a word of the login or the message is
//! said. It repeats none of the server's words.

use super::answer::{DEADLINE, SendFault};
use super::nats::wire::{self, Line, Refusal};
use super::nats::{NatsServer, Publication, PublishAnswer, PublishFault};
use crate::net::{ByteStream, StreamReach, Tls};
use ring::rand::{SecureRandom as _, SystemRandom};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::timeout;

/// What is said of a dialogue that ends where it should not.
const BROKE: &str = "the connection to the server broke, or what it says is no NATS";

/// Publishes.
#[derive(Debug, Clone)]
pub struct NatsPost {
    tls: Tls,
}

impl NatsPost {
    /// Whom it trusts.
    #[must_use]
    pub const fn new(tls: Tls) -> Self {
        Self { tls }
    }

    /// Publishes once, and waits for what the stream says.
    ///
    /// # Errors
    /// [`PublishFault`] where no stream said anything.
    pub async fn publish(&self, publication: Publication) -> PublishAnswer {
        let mut sent = false;
        let answer = timeout(publication.deadline, self.speak(&publication, &mut sent)).await;
        answer.unwrap_or_else(|_| Err(broken(sent, "no answer in time")))
    }

    /// Connects, encrypts and logs in, as to publish, and leaves.
    ///
    /// # Errors
    /// What a publication would meet.
    pub async fn introduce(&self, server: &NatsServer) -> Result<(), PublishFault> {
        let hello = timeout(DEADLINE, self.hello(server, 0)).await;
        hello.unwrap_or_else(|_| Err(broken(false, "no answer in time"))).map(drop)
    }

    /// `sent` becomes true before the first byte of the message may leave.
    async fn speak(&self, publication: &Publication, sent: &mut bool) -> PublishAnswer {
        let (mut talk, inbox) = self.hello(&publication.server, wire::weight(publication)).await?;
        *sent = true;
        talk.say(&wire::publish(publication, &inbox)).await.map_err(|_| broken(true, BROKE))?;
        loop {
            match talk.hear().await.ok_or_else(|| broken(true, BROKE))? {
                Line::Message { status, payload } => {
                    let said = wire::acknowledged(status, &payload);
                    return said.ok_or_else(|| broken(true, "what answers on the subject is no stream"));
                }
                Line::Ping => talk.say(b"PONG\r\n").await.map_err(|_| broken(true, BROKE))?,
                Line::Refused(refusal) => return Err(PublishFault::Refused(refusal)),
                Line::Info(_) | Line::Pong | Line::Fine => {}
            }
        }
    }

    /// Connects, encrypts, logs in and listens, to publish so many bytes. Gives where it listens, too.
    async fn hello(&self, server: &NatsServer, weight: u64) -> Result<(Talk, String), PublishFault> {
        let reach = match (server.tls, server.allow_private) {
            (false, _) => StreamReach::PrivateOnly,
            (true, true) => StreamReach::Anywhere,
            (true, false) => StreamReach::PublicOnly,
        };
        let unreached = |fault: crate::net::StreamFault| broken(false, &fault.to_string());
        let stream = ByteStream::connect(server.host.as_str(), server.port, reach).await.map_err(unreached)?;
        let mut talk = Talk { stream, held: Vec::new() };
        let Line::Info(info) = talk.heard().await? else { return Err(broken(false, BROKE)) };
        if server.tls {
            // Whatever was said behind the greeting in the clear is a stranger's.
            let Talk { stream, held } = talk;
            if !held.is_empty() {
                return Err(broken(false, BROKE));
            }
            let stream = stream.secure(server.host.as_str(), &self.tls).await.map_err(unreached)?;
            talk = Talk { stream, held };
        }
        let refusal = if info.tls_required && !server.tls {
            Some(Refusal::Clear)
        } else if !info.headers {
            Some(Refusal::Old)
        } else {
            (weight > info.max_payload).then_some(Refusal::TooLarge)
        };
        if let Some(refusal) = refusal {
            return Err(PublishFault::Refused(refusal));
        }
        let inbox = inbox().ok_or_else(|| broken(false, "there are no random numbers to be had"))?;
        let hello = wire::hello(&server.login, server.tls, &info, &inbox);
        talk.say(hello.as_bytes()).await.map_err(|_| broken(false, BROKE))?;
        loop {
            match talk.heard().await? {
                Line::Pong => return Ok((talk, inbox)),
                Line::Ping => talk.say(b"PONG\r\n").await.map_err(|_| broken(false, BROKE))?,
                Line::Info(_) | Line::Fine => {}
                Line::Message { .. } => return Err(broken(false, BROKE)),
                Line::Refused(Refusal::Other) => return Err(broken(false, Refusal::Other.advice())),
                Line::Refused(refusal) => return Err(PublishFault::Refused(refusal)),
            }
        }
    }
}

/// Where one answer is heard: nobody else can guess it.
fn inbox() -> Option<String> {
    let mut bytes = [0; 16];
    SystemRandom::new().fill(&mut bytes).ok()?;
    Some(format!("_INBOX.{:032x}", u128::from_be_bytes(bytes)))
}

fn broken(ambiguous: bool, reason: &str) -> PublishFault {
    PublishFault::Broken(SendFault { ambiguous, reason: reason.into() })
}

/// A dialogue.
struct Talk {
    stream: ByteStream,
    /// What came and was not read yet.
    held: Vec<u8>,
}

impl Talk {
    async fn say(&mut self, words: &[u8]) -> std::io::Result<()> {
        self.stream.write_all(words).await?;
        self.stream.flush().await
    }

    /// The next thing that the server says; `None` where that never comes.
    async fn hear(&mut self) -> Option<Line> {
        loop {
            if let Some((line, length)) = wire::read(&self.held).ok()? {
                self.held.drain(..length);
                return Some(line);
            }
            if self.stream.read_buf(&mut self.held).await.ok()? == 0 {
                return None;
            }
        }
    }

    /// The same, before anything was published.
    async fn heard(&mut self) -> Result<Line, PublishFault> {
        self.hear().await.ok_or_else(|| broken(false, BROKE))
    }
}
