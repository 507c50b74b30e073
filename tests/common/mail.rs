//! A mail server: SMTP by RFC 5321 with STARTTLS and AUTH, strict about what it is told, that fails as a test wants.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustls::ServerConfig;
use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;

/// How it is reached.
#[derive(Clone)]
pub enum Encryption {
    /// Never encrypted.
    None,
    /// It offers STARTTLS, and wants it before anything else.
    StartTls(Arc<ServerConfig>),
    /// From the first byte.
    Implicit(Arc<ServerConfig>),
}

/// What it does on one connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Greets with this code.
    Greet(u16),
    /// Does not offer STARTTLS.
    NoStartTls,
    /// Somebody on the way puts an answer in behind the one to STARTTLS.
    Inject,
    /// Refuses the login.
    Login,
    /// Refuses the sender with this code.
    Sender(u16),
    /// Refuses the recipient with this number, from 1, with this code.
    Recipient(usize, u16),
    /// Refuses the content with this code, behind its last byte.
    Content(u16),
    /// Closes once it was asked for DATA.
    CloseBeforeContent,
    /// Takes the content and closes without a word.
    CloseBehindContent,
    /// Takes the content and says nothing.
    HangBehindContent,
    /// Says something that is no SMTP.
    Garbage,
    /// Takes everything and never says goodbye.
    NoGoodbye,
}

/// A mail that it has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mail {
    /// `MAIL FROM`.
    pub from: String,
    /// Those `RCPT TO` that it took.
    pub to: Vec<String>,
    /// Headers and body, with single line breaks.
    pub content: String,
    /// Whether it came encrypted.
    pub encrypted: bool,
    /// Who logged in.
    pub user: Option<String>,
}

impl Mail {
    /// A header, unfolded.
    pub fn header(&self, name: &str) -> Option<String> {
        let head = self.content.split("\n\n").next().unwrap_or_default().replace("\n ", " ");
        let mut lines = head.lines().filter_map(|line| line.split_once(": "));
        lines.find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.to_owned())
    }
}

#[derive(Debug, Default)]
struct Inside {
    mails: Vec<Mail>,
    violations: Vec<String>,
    script: VecDeque<Fault>,
    connections: usize,
    /// What logins said.
    logins: String,
}

/// A mail server.
pub struct MailServer {
    /// Where it listens.
    pub at: SocketAddr,
    inside: Arc<Mutex<Inside>>,
    count: watch::Sender<usize>,
}

/// What one connection works with.
#[derive(Clone)]
struct Desk {
    inside: Arc<Mutex<Inside>>,
    count: watch::Sender<usize>,
    login: Option<(&'static str, &'static str)>,
    fault: Option<Fault>,
    offers_tls: bool,
}

impl MailServer {
    /// On a free port; with this user and password, where it wants a login.
    pub async fn start(encryption: Encryption, login: Option<(&'static str, &'static str)>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback has a free port");
        let at = listener.local_addr().expect("it is bound");
        let (inside, count) = (Arc::new(Mutex::new(Inside::default())), watch::Sender::new(0));
        let server = Self { at, inside: Arc::clone(&inside), count: count.clone() };
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let fault = {
                    let mut inside = inside.lock().expect("no holder panics");
                    inside.connections += 1;
                    inside.script.pop_front()
                };
                let offers_tls = matches!(encryption, Encryption::StartTls(_));
                let desk = Desk { inside: Arc::clone(&inside), count: count.clone(), login, fault, offers_tls };
                tokio::spawn(serve(stream, encryption.clone(), desk));
            }
        });
        server
    }

    /// The next connections fare so, one each.
    pub fn script(&self, faults: impl IntoIterator<Item = Fault>) {
        self.inside.lock().expect("no holder panics").script.extend(faults);
    }

    /// Every mail; fails where anything was not as the RFCs have it.
    pub fn mails(&self) -> Vec<Mail> {
        let inside = self.inside.lock().expect("no holder panics");
        assert!(inside.violations.is_empty(), "not SMTP: {:#?}", inside.violations);
        inside.mails.clone()
    }

    /// Whether a login held this.
    pub fn has_heard(&self, secret: &str) -> bool {
        self.inside.lock().expect("no holder panics").logins.contains(secret)
    }

    /// Connections so far.
    pub fn connections(&self) -> usize {
        self.inside.lock().expect("no holder panics").connections
    }

    /// Waits for so many mails.
    pub async fn until(&self, many: usize) -> Vec<Mail> {
        let mut count = self.count.subscribe();
        let there = count.wait_for(|count| *count >= many);
        let _lives = tokio::time::timeout(super::PATIENCE, there).await.expect("the mails come in time");
        self.mails()
    }
}

impl Desk {
    fn violation(&self, what: String) {
        self.inside.lock().expect("no holder panics").violations.push(what);
    }

    fn keep(&self, mail: Mail) {
        self.inside.lock().expect("no holder panics").mails.push(mail);
        self.count.send_modify(|count| *count += 1);
    }
}

async fn serve(stream: TcpStream, encryption: Encryption, desk: Desk) -> io::Result<()> {
    match encryption {
        Encryption::None => Talk::new(stream, desk, false).run(true).await.map(drop),
        Encryption::Implicit(config) => {
            let stream = TlsAcceptor::from(config).accept(stream).await?;
            Talk::new(stream, desk, true).run(true).await.map(drop)
        }
        Encryption::StartTls(config) => {
            let Some(stream) = Talk::new(stream, desk.clone(), false).run(true).await? else { return Ok(()) };
            let stream = TlsAcceptor::from(config).accept(stream).await?;
            let desk = Desk { offers_tls: false, ..desk };
            Talk::new(stream, desk, true).run(false).await.map(drop)
        }
    }
}

/// One dialogue.
struct Talk<S> {
    stream: S,
    desk: Desk,
    read: Vec<u8>,
    encrypted: bool,
    user: Option<String>,
    from: Option<String>,
    to: Vec<String>,
    asked: usize,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Talk<S> {
    fn new(stream: S, desk: Desk, encrypted: bool) -> Self {
        Self { stream, desk, read: Vec::new(), encrypted, user: None, from: None, to: Vec::new(), asked: 0 }
    }

    async fn say(&mut self, words: &str) -> io::Result<()> {
        self.stream.write_all(format!("{words}\r\n").as_bytes()).await
    }

    /// One line; `None` at the end.
    async fn line(&mut self) -> io::Result<Option<String>> {
        loop {
            if let Some(at) = self.read.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.read.drain(..=at).collect();
                let line = String::from_utf8_lossy(&line).into_owned();
                if !line.ends_with("\r\n") || line.len() > 1_000 || !line.is_ascii() {
                    self.desk.violation(format!("a line is not as mail has it: {line:?}"));
                }
                return Ok(Some(line.trim_end_matches(['\r', '\n']).to_owned()));
            }
            if self.stream.read_buf(&mut self.read).await? == 0 {
                return Ok(None);
            }
        }
    }

    /// Up to its end, or to the place where TLS begins: then the stream comes back.
    async fn run(mut self, greets: bool) -> io::Result<Option<S>> {
        match self.desk.fault {
            Some(Fault::Greet(code)) => {
                self.say(&format!("{code} 4.3.2 not now, dear CANARY")).await?;
                return Ok(None);
            }
            Some(Fault::Garbage) => {
                self.say("SSH-2.0-whatever").await?;
                return Ok(None);
            }
            _ if greets => self.say("220 mail.example.com ESMTP").await?,
            _ => {}
        }
        while let Some(line) = self.line().await? {
            let verb = line.split(' ').next().unwrap_or_default().to_ascii_uppercase();
            match verb.as_str() {
                "EHLO" => self.hello().await?,
                "STARTTLS" if self.desk.offers_tls => {
                    let injected = if self.desk.fault == Some(Fault::Inject) { "\r\n250 2.0.0 injected" } else { "" };
                    self.say(&format!("220 2.0.0 go on{injected}")).await?;
                    return Ok(Some(self.stream));
                }
                "AUTH" => self.login(&line).await?,
                "MAIL" => self.sender(&line).await?,
                "RCPT" => self.recipient(&line).await?,
                "DATA" => {
                    if self.desk.fault == Some(Fault::CloseBeforeContent) || !self.content().await? {
                        return Ok(None);
                    }
                }
                "QUIT" if self.desk.fault == Some(Fault::NoGoodbye) => std::future::pending::<()>().await,
                "QUIT" => {
                    self.say("221 2.0.0 bye").await?;
                    return Ok(None);
                }
                _ => {
                    self.desk.violation(format!("{line:?} is no command"));
                    self.say("500 5.5.2 what").await?;
                }
            }
        }
        Ok(None)
    }

    async fn hello(&mut self) -> io::Result<()> {
        let tls = self.desk.offers_tls && self.desk.fault != Some(Fault::NoStartTls);
        let tls = if tls { "250-STARTTLS\r\n" } else { "" };
        let auth = if self.desk.login.is_some() && !self.desk.offers_tls { "250-AUTH LOGIN PLAIN\r\n" } else { "" };
        self.say(&format!("250-mail.example.com\r\n{tls}{auth}250 ENHANCEDSTATUSCODES")).await
    }

    async fn login(&mut self, line: &str) -> io::Result<()> {
        let said = line.strip_prefix("AUTH PLAIN ").and_then(|said| STANDARD.decode(said).ok());
        let said = String::from_utf8(said.unwrap_or_default()).unwrap_or_default();
        self.desk.inside.lock().expect("no holder panics").logins.push_str(&said);
        let parts: Vec<&str> = said.split('\0').collect();
        let fits = self.desk.login.is_some_and(|(user, password)| parts == ["", user, password]);
        if self.desk.offers_tls {
            self.desk.violation("a login in the clear".into());
        }
        if !fits || self.desk.fault == Some(Fault::Login) {
            // As some do: it quotes what it refuses.
            return self.say(&format!("535 5.7.8 no such login: {line}: {said:?}")).await;
        }
        self.user = parts.get(1).map(ToString::to_string);
        self.say("235 2.7.0 welcome").await
    }

    async fn sender(&mut self, line: &str) -> io::Result<()> {
        if self.desk.offers_tls {
            return self.say("530 5.7.0 Must issue a STARTTLS command first").await;
        }
        if self.desk.login.is_some() && self.user.is_none() {
            return self.say("530 5.7.0 Authentication required").await;
        }
        if let Some(Fault::Sender(code)) = self.desk.fault {
            return self.say(&format!("{code} 5.1.8 {line}")).await;
        }
        self.from = between(line, "MAIL FROM:<");
        let answer = if self.from.is_some() { "250 2.1.0 ok" } else { "501 5.5.4 from whom" };
        self.say(answer).await
    }

    async fn recipient(&mut self, line: &str) -> io::Result<()> {
        self.asked += 1;
        if let Some(Fault::Recipient(nth, code)) = self.desk.fault
            && nth == self.asked
        {
            let class = code / 100;
            return self.say(&format!("{code} {class}.1.1 {line}")).await;
        }
        let Some(to) = between(line, "RCPT TO:<").filter(|_| self.from.is_some()) else {
            self.desk.violation(format!("{line:?} out of turn"));
            return self.say("503 5.5.1 bad sequence").await;
        };
        self.to.push(to);
        self.say("250 2.1.5 ok").await
    }

    /// Whether the dialogue goes on.
    async fn content(&mut self) -> io::Result<bool> {
        if self.to.is_empty() {
            self.say("554 5.5.1 no valid recipients").await?;
            return Ok(true);
        }
        self.say("354 go on").await?;
        let mut content = String::new();
        loop {
            let Some(line) = self.line().await? else { return Ok(false) };
            if line == "." {
                break;
            }
            content.push_str(line.strip_prefix('.').unwrap_or(&line));
            content.push('\n');
        }
        if let Some(Fault::Content(code)) = self.desk.fault {
            let class = code / 100;
            self.say(&format!("{code} {class}.7.1 I quote: {}", content.lines().next().unwrap_or_default())).await?;
            return Ok(true);
        }
        let (from, to) = (self.from.take().unwrap_or_default(), std::mem::take(&mut self.to));
        self.desk.keep(Mail { from, to, content, encrypted: self.encrypted, user: self.user.clone() });
        match self.desk.fault {
            Some(Fault::CloseBehindContent) => return Ok(false),
            Some(Fault::HangBehindContent) => std::future::pending::<()>().await,
            _ => self.say("250 2.0.0 Ok: queued as 4Tq1Zx").await?,
        }
        Ok(true)
    }
}

fn between(line: &str, start: &str) -> Option<String> {
    let rest = line.strip_prefix(start)?;
    rest.split_once('>').map(|(address, _)| address.to_owned()).filter(|address| address.contains('@'))
}
