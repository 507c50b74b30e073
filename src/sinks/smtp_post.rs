//! The real [`Carry`]: a letter to a mail server, by lettre's client over a stream that `net` made and vetted.
//!
//! One connection a letter. Without TLS, as the config wants it, not a word of the letter or the login is said. It repeats none of the
//! server's words: they can quote what they refuse.

mod clear;

use super::answer::SendFault;
use super::letter::{Carry, Letter, LetterAnswer, LetterFault, MailServer, Refusal, Step, Taken};
use crate::config::checked::MailSecurity;
use crate::net::{ByteStream, StreamFault, StreamReach, Tls};
use crate::types::Name;
use clear::Greeted;
use lettre::Address;
use lettre::transport::smtp::Error;
use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use lettre::transport::smtp::client::AsyncSmtpConnection;
use lettre::transport::smtp::commands::{Data, Mail, Rcpt};
use lettre::transport::smtp::extension::ClientId;
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;
use tokio::time::timeout;

/// For a connection, encryption and login.
const HELLO_DEADLINE: Duration = Duration::from_secs(30);
/// For a goodbye, which changes nothing.
const QUIT_DEADLINE: Duration = Duration::from_secs(2);

/// Sends mail.
#[derive(Debug, Clone)]
pub struct SmtpPost {
    tls: Tls,
}

impl SmtpPost {
    /// Whom it trusts.
    #[must_use]
    pub const fn new(tls: Tls) -> Self {
        Self { tls }
    }

    /// Connects, encrypts and logs in, as for a letter, and leaves.
    ///
    /// # Errors
    /// What a letter would meet.
    pub async fn introduce(&self, server: &MailServer) -> Result<(), LetterFault> {
        let mut connection = self.hello(server).await?;
        quit(&mut connection).await;
        Ok(())
    }

    async fn hello(&self, server: &MailServer) -> Result<AsyncSmtpConnection, LetterFault> {
        timeout(HELLO_DEADLINE, self.connect(server)).await.unwrap_or_else(|_| Err(broken(false, "no answer in time")))
    }

    async fn connect(&self, server: &MailServer) -> Result<AsyncSmtpConnection, LetterFault> {
        let host = server.host.as_str();
        let reach = match (server.security, server.allow_private) {
            (MailSecurity::Clear, _) => StreamReach::PrivateOnly,
            (MailSecurity::Tls | MailSecurity::StartTls, true) => StreamReach::Anywhere,
            (MailSecurity::Tls | MailSecurity::StartTls, false) => StreamReach::PublicOnly,
        };
        let stream = ByteStream::connect(host, server.port, reach).await.map_err(unreached)?;
        let me = stream.ends().map_or(IpAddr::V4(Ipv4Addr::LOCALHOST), |(own, _)| own.ip());
        // An address in brackets is what a client says that has no name of its own (RFC 5321 §4.1.4).
        let me = match me {
            IpAddr::V4(address) => ClientId::Ipv4(address),
            IpAddr::V6(address) => ClientId::Ipv6(address),
        };
        let stream = match server.security {
            MailSecurity::Clear => Greeted::new(stream),
            MailSecurity::Tls => Greeted::new(stream.secure(host, &self.tls).await.map_err(unreached)?),
            MailSecurity::StartTls => {
                let (greeting, stream) = clear::ask_to_encrypt(stream, &me).await?;
                let stream = stream.secure(host, &self.tls).await.map_err(unreached)?;
                Greeted::again(stream, greeting)
            }
        };
        let connected = AsyncSmtpConnection::connect_with_transport(Box::new(stream), &me).await;
        let mut connection = connected.map_err(|error| failed(&error, Step::Greeting, false))?;
        if let Some((user, password)) = &server.login {
            let credentials = Credentials::new(user.to_string(), password.expose().to_owned());
            let answer = connection.auth(&[Mechanism::Plain, Mechanism::Login], &credentials).await;
            answer.map_err(|error| failed(&error, Step::Login, false))?;
        }
        Ok(connection)
    }

    /// `sent` becomes true before the last byte of the letter may leave.
    async fn speak(&self, letter: &Letter, sent: &mut bool) -> LetterAnswer {
        let mut connection = self.hello(&letter.server).await?;
        let from = address(&letter.from)?;
        let answer = connection.command(Mail::new(Some(from), Vec::new())).await;
        answer.map_err(|error| failed(&error, Step::Sender, false))?;
        let mut refused = Vec::new();
        for (nth, to) in letter.to.iter().enumerate() {
            let answer = connection.command(Rcpt::new(address(to)?, Vec::new())).await;
            match answer.map_err(|error| failed(&error, Step::Recipient(nth + 1), false)) {
                Ok(_) => {}
                Err(LetterFault::Refused(refusal)) => refused.push(refusal),
                Err(broken @ LetterFault::Broken(_)) => return Err(broken),
            }
        }
        let later = refused.iter().find(|refusal| refusal.may_pass()).copied();
        let nobody = refused.len() == letter.to.len();
        if let Some(refusal) =
            later.filter(|_| nobody || letter.together).or(refused.first().copied().filter(|_| nobody))
        {
            quit(&mut connection).await;
            return Err(LetterFault::Refused(refusal));
        }
        connection.command(Data).await.map_err(|error| failed(&error, Step::Content, false))?;
        *sent = true;
        connection.message(&letter.content).await.map_err(|error| failed(&error, Step::Content, true))?;
        quit(&mut connection).await;
        Ok(Taken { refused })
    }
}

impl Carry for SmtpPost {
    async fn carry(&self, letter: Letter) -> LetterAnswer {
        let mut sent = false;
        let answer = timeout(letter.deadline, self.speak(&letter, &mut sent)).await;
        answer.unwrap_or_else(|_| Err(broken(sent, "no answer in time")))
    }
}

/// What the server did is done, whatever it says to this.
async fn quit(connection: &mut AsyncSmtpConnection) {
    let _said = timeout(QUIT_DEADLINE, connection.quit()).await;
}

fn address(text: &Name) -> Result<Address, LetterFault> {
    text.as_str().parse().map_err(|_| broken(false, "a mail address cannot be used"))
}

fn broken(ambiguous: bool, reason: &str) -> LetterFault {
    LetterFault::Broken(SendFault { ambiguous, reason: reason.into() })
}

fn unreached(fault: StreamFault) -> LetterFault {
    broken(false, &fault.to_string())
}

/// What lettre's error means, by its codes. `sent`: the whole letter may have left.
fn failed(error: &Error, at: Step, sent: bool) -> LetterFault {
    if let Some(code) = error.status() {
        let words = std::error::Error::source(error).map(ToString::to_string).unwrap_or_default();
        return LetterFault::Refused(Refusal { at, code: code.into(), finer: clear::finer(&words) });
    }
    if error.is_client() {
        // Only a login can be: there is no way that both sides know.
        return broken(false, "the mail server offers neither AUTH PLAIN nor AUTH LOGIN: look at `url` and `user`");
    }
    broken(sent, clear::BROKE)
}
