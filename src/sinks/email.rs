//! Mail: plain text, with the same in HTML beside it.
//!
//! The `Message-ID` is made from the message's id, so that it is the same on every repeat, and what follows refers to the alert's first
//! message. A mail server's 4xx is tried again and its 5xx is dead; a connection that broke behind the message's last byte may have
//! delivered it. What a stranger wrote is encoded as text: it cannot end a header, be markup or become a link.

#[cfg(test)]
mod tests;

use super::answer::{Blame, SendFault, Setback, Verdict};
use super::letter::{DEADLINE, Letter, LetterAnswer, LetterFault, MailServer, Refusal, Step, Taken};
use super::markup::{cut, escaped, unlinked};
use super::text::Text;
use crate::config::checked::EmailConfig;
use crate::config::mailbox::MailAddress;
use crate::store::OutboxRow;
use crate::types::{Name, Timestamp};
use lettre::Message;
use lettre::message::header::{HeaderName, HeaderValue};
use lettre::message::{Mailbox, MultiPart, SinglePart};
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

/// Attempts at once: each is a connection of its own, and mail servers count those.
pub const CONCURRENCY: usize = 2;
/// The most of a subject: what is longer no list of mails shows.
const MOST_SUBJECT: usize = 200;
/// So many attempts wait for every recipient; from then on those who are taken get it. Greylisting lets the second or third through.
const TOGETHER: u32 = 3;

/// One list of recipients.
#[derive(Debug, Clone)]
pub struct Email {
    server: Arc<MailServer>,
    from: MailAddress,
    to: Vec<MailAddress>,
    sender: Mailbox,
    recipients: Vec<Mailbox>,
}

impl Email {
    /// Of its config. `None` where an address cannot stand in a header.
    #[must_use]
    pub fn new(config: &EmailConfig) -> Option<Self> {
        let EmailConfig { host, port, security, login, from, to, allow_private } = config;
        let login = login.as_ref().map(|(user, password)| (user.clone(), Arc::new(password.clone())));
        let (port, security, allow_private) = (*port, *security, *allow_private);
        Some(Self {
            server: Arc::new(MailServer { host: host.clone(), port, security, login, allow_private }),
            sender: mailbox(from)?,
            recipients: to.iter().map(mailbox).collect::<Option<_>>()?,
            from: from.clone(),
            to: to.clone(),
        })
    }

    /// By way of whom.
    #[must_use]
    pub const fn server(&self) -> &Arc<MailServer> {
        &self.server
    }

    /// Whether messages go another way, or to others, than those of `before`.
    #[must_use]
    pub fn leads_elsewhere(&self, before: &Self) -> bool {
        (&self.server, &self.from, &self.to) != (&before.server, &before.from, &before.to)
    }

    /// What the attempt of this number sends. `first` is the `Message-ID` of the alert's first message.
    ///
    /// # Panics
    /// Never: a sender, a recipient and a date are all that a mail needs.
    #[must_use]
    pub fn letter(&self, row: &OutboxRow, text: &Text, number: u32, first: Option<&Name>) -> Letter {
        let message = &row.message;
        let domain = self.from.domain();
        let id = Name::from(format!("{}@{domain}", message.id));
        let mut mail = Message::builder()
            .message_id(Some(format!("<{id}>")))
            .date(UNIX_EPOCH + since_epoch(message.created))
            .from(self.sender.clone())
            .subject(cut(&text.title, MOST_SUBJECT))
            .raw_header(raw("Auto-Submitted", "auto-generated"));
        for recipient in &self.recipients {
            mail = mail.to(recipient.clone());
        }
        // No message has the alert's own id. It holds the thread together where the first message is not known any more.
        let mut references = format!("<alert.{}@{domain}>", message.alert);
        if let Some(first) = first.filter(|first| is_id(first.as_str()) && **first != id) {
            references.extend([" <", first.as_str(), ">"]);
            mail = mail.in_reply_to(format!("<{first}>"));
        }
        let parts = MultiPart::alternative()
            .boundary(format!("part.{}", message.id))
            .singlepart(SinglePart::plain(plain(text)))
            .singlepart(SinglePart::html(html(text)));
        let mail = mail.references(references).multipart(parts).expect("it has a sender, a recipient and a date");
        Letter {
            server: Arc::clone(&self.server),
            id,
            from: self.from.address.clone(),
            to: self.to.iter().map(|to| to.address.clone()).collect(),
            content: mail.formatted().into(),
            together: number <= TOGETHER,
            deadline: DEADLINE,
        }
    }
}

fn mailbox(address: &MailAddress) -> Option<Mailbox> {
    let name = address.name.as_ref().map(ToString::to_string);
    Some(Mailbox::new(name, address.address.as_str().parse().ok()?))
}

fn raw(name: &'static str, value: &str) -> HeaderValue {
    HeaderValue::new(HeaderName::new_from_ascii_str(name), value.to_owned())
}

fn since_epoch(at: Timestamp) -> Duration {
    Duration::from_millis(u64::try_from(at.millis()).unwrap_or(0))
}

/// Whether what was remembered has the shape of an id that we made.
fn is_id(text: &str) -> bool {
    text.contains('@') && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".@-".contains(&byte))
}

fn plain(text: &Text) -> String {
    let mut plain = unlinked(&text.title);
    plain.push_str("\n\n");
    for line in &text.lines {
        plain.push_str(&unlinked(line));
        plain.push('\n');
    }
    if let Some(url) = &text.url {
        plain.extend(["\n", url, "\n"]);
    }
    plain
}

fn html(text: &Text) -> String {
    let lines: Vec<String> = text.lines.iter().map(|line| escaped(&unlinked(line))).collect();
    let mut html = format!("<!doctype html>\n<p><b>{}</b></p>\n", escaped(&unlinked(&text.title)));
    html.extend(["<p>", &lines.join("<br>\n"), "</p>\n"]);
    if let Some(url) = &text.url {
        html.extend(["<p><a href=\"", &escaped(url), "\">look it up</a></p>\n"]);
    }
    html
}

/// What an answer means for the letter with this id.
///
/// A refused greeting or login says nothing about the message: it is tried again over the whole schedule, so that a password put right
/// within the day loses nothing. What is refused for good behind that is dead.
#[must_use]
pub fn verdict(id: &Name, answer: &LetterAnswer) -> Verdict {
    match answer {
        Ok(Taken { refused }) => match refused.first() {
            None => Verdict::Delivered { receiver_id: Some(id.clone()) },
            Some(first) => {
                let more = if refused.len() > 1 { format!(", and {} more", refused.len() - 1) } else { String::new() };
                let reason = format!("the others have it, but {first}{more}: look at `to`");
                Verdict::Partly { receiver_id: Some(id.clone()), reason: reason.into() }
            }
        },
        Err(LetterFault::Broken(SendFault { ambiguous, reason })) => {
            Verdict::Again(Setback { reason: reason.clone(), told: *ambiguous, wait: None, blame: Blame::Sink })
        }
        Err(LetterFault::Refused(refusal)) => refused(*refusal),
    }
}

/// Why a mail server does not take a letter, and what to look at.
#[must_use]
pub fn fault_in_words(fault: &LetterFault) -> String {
    match fault {
        LetterFault::Broken(SendFault { reason, .. }) => reason.to_string(),
        LetterFault::Refused(refusal) => {
            let advice = match refusal.at {
                Step::Greeting | Step::Hello | Step::Content => "",
                Step::StartTls => ": look at `url` and `starttls`",
                Step::Login => ": look at `user` and `password`",
                Step::Sender => ": look at `from`, and whether the server wants a login",
                Step::Recipient(_) => ": look at `to`",
            };
            format!("{refusal}{advice}")
        }
    }
}

fn refused(refusal: Refusal) -> Verdict {
    // 421: the server is going away, whatever it was asked.
    let whole =
        refusal.code == 421 || matches!(refusal.at, Step::Greeting | Step::Hello | Step::StartTls | Step::Login);
    let blame = if whole { Blame::Sink } else { Blame::Message };
    let setback =
        Setback { reason: fault_in_words(&LetterFault::Refused(refusal)).into(), told: false, wait: None, blame };
    if whole || refusal.may_pass() { Verdict::Again(setback) } else { Verdict::Dead(setback) }
}
