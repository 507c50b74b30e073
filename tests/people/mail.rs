//! The email sink's way out against a strict mail server over real sockets: encryption, login, every refusal, every break.

use crate::common::mail::{Encryption, Fault, MailServer};
use crate::rig::{Book, HOSTILE, Rig, message};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use walletwatch::config::checked::{EmailConfig, MailSecurity, SinkConfig, SinkKind};
use walletwatch::config::mailbox::MailAddress;
use walletwatch::net::{Tls, install_crypto_provider};
use walletwatch::sinks::email::{Email, fault_in_words};
use walletwatch::sinks::letter::{Letter, LetterAnswer, LetterFault, Taken};
use walletwatch::sinks::{Answer, Attempt, Carry, Post, SendFault, Sink, SinkRequest, SmtpPost, freeze};
use walletwatch::store::OutboxRow;
use walletwatch::types::{Secret, Stage};

const USER: &str = "alerts@example.com";
const BROKE: &str = "the connection to the mail server broke, or what it says is no SMTP";
const PASSWORD: &str = "CANARY correct horse";

/// A certificate for `localhost`, and an authority to trust for it.
pub(crate) struct Papers {
    pub(crate) server: Arc<ServerConfig>,
    pub(crate) tls: Tls,
    pub(crate) certificate: String,
    pub(crate) key: String,
}

/// Of an authority of its own.
pub(crate) fn papers() -> Papers {
    install_crypto_provider();
    let mut params = CertificateParams::new(Vec::new()).expect("it has no names");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority_key = KeyPair::generate().expect("ring makes keys");
    let authority = params.self_signed(&authority_key).expect("it can be signed");
    let issuer = Issuer::new(params, authority_key);
    let own = CertificateParams::new(vec!["localhost".to_owned()]).expect("it is a name");
    let key = KeyPair::generate().expect("ring makes keys");
    let certificate = own.signed_by(&key, &issuer).expect("it can be signed");
    let private = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let config =
        ServerConfig::builder().with_no_client_auth().with_single_cert(vec![certificate.der().clone()], private);
    let tls = Tls::with_authorities(authority.pem().as_bytes()).expect("it is PEM");
    Papers {
        server: Arc::new(config.expect("the key belongs to the certificate")),
        tls,
        certificate: certificate.pem(),
        key: key.serialize_pem(),
    }
}

/// The sink's settings for a server on loopback.
pub(crate) fn config(port: u16, security: MailSecurity, login: bool) -> EmailConfig {
    let address = |text: &str| MailAddress::parse(text).expect("it is an address");
    EmailConfig {
        host: "localhost".into(),
        port,
        security,
        login: login.then(|| (USER.into(), Secret::new(PASSWORD.into()))),
        from: address("walletwatch <alerts@example.com>"),
        to: vec![address("ops@example.com"), address("Treasury <treasury@example.com>")],
        allow_private: true,
    }
}

/// The letter of a message about a token that is called so.
pub(crate) fn letter(config: &EmailConfig, symbol: &str, number: u32) -> Letter {
    let row = OutboxRow::new(1, freeze(&message(1, 1, Stage::Seen, symbol), &"people".into()));
    let email = Email::new(config).expect("the addresses are good");
    let letter = email.letter(&row, Attempt { number, again: false }, None);
    Letter { deadline: Duration::from_secs(20), ..letter }
}

#[tokio::test]
async fn a_letter_arrives_encrypted_and_logged_in_whatever_tokens_are_called() {
    let papers = papers();
    let ways = [
        (Encryption::StartTls(Arc::clone(&papers.server)), MailSecurity::StartTls, true),
        (Encryption::Implicit(Arc::clone(&papers.server)), MailSecurity::Tls, true),
        (Encryption::None, MailSecurity::Clear, false),
    ];
    for (encryption, security, login) in ways {
        let server = MailServer::start(encryption, login.then_some((USER, PASSWORD))).await;
        let config = config(server.at.port(), security, login);
        let post = SmtpPost::new(papers.tls.clone());
        for symbol in HOSTILE {
            let letter = letter(&config, symbol, 1);
            let id = letter.id.to_string();
            assert_eq!(post.carry(letter).await, Ok(Taken::default()), "{security:?} {symbol}");
            let mail = server.mails().pop().expect("it is there");
            assert_eq!(mail.header("Message-ID"), Some(format!("<{id}>")));
            assert_eq!(
                (mail.from.as_str(), mail.to.as_slice()),
                (USER, ["ops@example.com", "treasury@example.com"].map(String::from).as_slice())
            );
            assert_eq!((mail.encrypted, mail.user.is_some()), (security != MailSecurity::Clear, login));
            assert_eq!(mail.header("Bcc"), None);
            assert!(mail.content.contains("1234.567"), "{}", mail.content);
        }
        let email = Email::new(&config).expect("the addresses are good");
        assert_eq!(post.introduce(email.server()).await, Ok(()));
        assert_eq!(server.mails().len(), HOSTILE.len(), "an introduction sends nothing");
    }
}

/// Takes every letter at once.
#[derive(Clone, Default)]
pub(crate) struct Postbox(pub(crate) Arc<Mutex<Vec<Letter>>>);

impl Carry for Postbox {
    async fn carry(&self, letter: Letter) -> LetterAnswer {
        self.0.lock().expect("no holder panics").push(letter);
        Ok(Taken::default())
    }
}

impl Post for Postbox {
    async fn post(&self, _: SinkRequest) -> Answer {
        Err(SendFault { ambiguous: false, reason: "this is a postbox".into() })
    }
}

#[tokio::test(start_paused = true)]
async fn what_follows_before_the_store_has_the_first_refers_to_it_all_the_same() {
    let config = SinkKind::Email(Box::new(config(25, MailSecurity::Clear, false)));
    let sink = Sink::new(&SinkConfig { name: "people".into(), kind: config }).expect("it is whole");
    let postbox = Postbox::default();
    let rig = Rig::start(postbox.clone(), Book::slow(), sink);
    let stages = [Stage::Seen, Stage::Confirmed, Stage::Retracted];
    rig.commit((1..).zip(stages).map(|(revision, stage)| message(1, revision, stage, "X")).collect()).await;
    rig.until_closed().await;
    let letters = postbox.0.lock().expect("no holder panics").clone();
    let header = |letter: &Letter| {
        let text = String::from_utf8(letter.content.to_vec()).expect("it is ASCII");
        text.lines().find_map(|line| line.strip_prefix("In-Reply-To: ").map(str::to_owned))
    };
    let first = Some(format!("<{}>", letters[0].id));
    assert_eq!(letters.iter().map(header).collect::<Vec<_>>(), [None, first.clone(), first]);
    rig.end().await;
}

/// In words, with whether it may be there all the same.
fn words(answer: &LetterAnswer) -> String {
    match answer {
        Ok(Taken { refused }) => format!("taken, but for {}", refused.len()),
        Err(fault @ LetterFault::Refused(_)) => fault_in_words(fault),
        Err(fault @ LetterFault::Broken(broken)) => {
            format!("{}{}", if broken.ambiguous { "perhaps: " } else { "" }, fault_in_words(fault))
        }
    }
}

#[tokio::test]
async fn every_refusal_and_every_break_is_told_apart_and_no_word_of_the_server_is_repeated() {
    let papers = papers();
    let server = MailServer::start(Encryption::StartTls(Arc::clone(&papers.server)), Some((USER, PASSWORD))).await;
    let config = config(server.at.port(), MailSecurity::StartTls, true);
    let post = SmtpPost::new(papers.tls.clone());
    // The fault, which attempt it is, what comes of it, and how many mails are there then.
    let cases: [(Fault, u32, &str, usize); 17] = [
        (Fault::Greet(554), 1, "the mail server refuses us, at once (554 4.3.2)", 0),
        (Fault::Greet(421), 1, "the mail server refuses us, at once (421 4.3.2)", 0),
        (Fault::Garbage, 1, BROKE, 0),
        (Fault::NoStartTls, 1, "the mail server offers no STARTTLS, and nothing goes in the clear: look at `url`", 0),
        (Fault::Inject, 1, BROKE, 0),
        (Fault::Login, 1, "the mail server refuses the login (535 5.7.8): look at `user` and `password`", 0),
        (
            Fault::Sender(553),
            1,
            "the mail server refuses the sender (553 5.1.8): look at `from`, and whether the server wants a login",
            0,
        ),
        (Fault::Recipient(2, 450), 1, "the mail server refuses recipient 2 (450 4.1.1): look at `to`", 0),
        (Fault::Recipient(2, 450), 3, "the mail server refuses recipient 2 (450 4.1.1): look at `to`", 0),
        (Fault::Recipient(2, 450), 4, "taken, but for 1", 1),
        (Fault::Recipient(1, 550), 1, "taken, but for 1", 1),
        (Fault::Content(451), 1, "the mail server refuses the message (451 4.7.1)", 0),
        (Fault::Content(554), 1, "the mail server refuses the message (554 5.7.1)", 0),
        (Fault::CloseBeforeContent, 1, BROKE, 0),
        (
            Fault::CloseBehindContent,
            1,
            "perhaps: the connection to the mail server broke, or what it says is no SMTP",
            1,
        ),
        (Fault::HangBehindContent, 1, "perhaps: no answer in time", 1),
        (Fault::NoGoodbye, 1, "taken, but for 0", 1),
    ];
    for (fault, attempt, expected, there) in cases {
        server.script([fault]);
        let before = server.mails().len();
        let mut letter = letter(&config, "X", attempt);
        if fault == Fault::HangBehindContent {
            letter.deadline = Duration::from_secs(3);
        }
        let said = words(&post.carry(letter).await);
        assert_eq!(said, expected, "{fault:?}");
        assert_eq!(server.mails().len() - before, there, "{fault:?}");
    }
    let nobody = Letter { to: vec!["ops@example.com".into()], ..letter(&config, "X", 9) };
    server.script([Fault::Recipient(1, 550)]);
    let said = words(&post.carry(nobody).await);
    assert_eq!(said, "the mail server refuses recipient 1 (550 5.1.1): look at `to`", "nobody is left to have it");
    let wrong = EmailConfig { login: Some((USER.into(), Secret::new("CANARY wrong".into()))), ..config.clone() };
    let said = words(&post.carry(letter(&wrong, "X", 1)).await);
    assert!(said.contains("refuses the login") && !said.contains("CANARY"), "{said}");
}

#[tokio::test]
async fn an_encryption_that_cannot_be_trusted_is_none() {
    let papers = papers();
    let others = SmtpPost::new(Tls::baked());
    for (encryption, security) in [
        (Encryption::StartTls(Arc::clone(&papers.server)), MailSecurity::StartTls),
        (Encryption::Implicit(Arc::clone(&papers.server)), MailSecurity::Tls),
    ] {
        let server = MailServer::start(encryption, None).await;
        let config = config(server.at.port(), security, false);
        let said = words(&others.carry(letter(&config, "X", 1)).await);
        assert!(said.starts_with("the TLS handshake failed"), "{said}");
        let elsewhere = EmailConfig { host: "127.0.0.1".into(), ..config.clone() };
        let said = words(&SmtpPost::new(papers.tls.clone()).carry(letter(&elsewhere, "X", 1)).await);
        assert!(said.starts_with("the TLS handshake failed"), "the certificate is for another name: {said}");
        let inside = EmailConfig { allow_private: false, ..config };
        let said = words(&others.carry(letter(&inside, "X", 1)).await);
        assert!(said.contains("the destination is not public (loopback)"), "{said}");
        assert_eq!(server.mails().len(), 0);
    }
}
