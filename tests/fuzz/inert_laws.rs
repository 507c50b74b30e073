//! What holds of every sink, whatever strangers call their tokens: in our words and in a template's, nothing that a receiver is given holds
//! markup, a mention, a link, a control character or one that turns the order of the others, but ours; and the amount is never cut away.

#[path = "inert_readers.rs"]
mod readers;

use readers::{calm_data, of_html, of_mail, of_request, only, unhidden};
use serde_json::Value;
use std::sync::{Arc, LazyLock};
use walletwatch::config::checked::{
    AlertmanagerConfig, DiscordConfig, EmailConfig, MailSecurity, NatsConfig, NatsLogin, NtfyConfig, PagerDutyConfig,
    SinkConfig, SinkKind, SlackBotConfig, TelegramConfig, TemplateConfig, Written,
};
use walletwatch::config::faults::Place;
use walletwatch::config::mailbox::MailAddress;
use walletwatch::reactor::effect::{Body, Message, MessageKind, Suspect, TransferBody};
use walletwatch::reactor::settings::Direction;
use walletwatch::sinks::{Attempt, Outgoing, Sink, Words, digest, freeze};
use walletwatch::store::OutboxRow;
use walletwatch::types::{
    Address, AlertId, Asset, B256, ChainId, Kind, Name, Secret, Severity, Stage, Timestamp, TransferKey, U256,
    Untrusted,
};

/// The one link that is ours.
const LINK: &str = "https://etherscan.io/tx/0xabab";
fn at() -> Timestamp {
    Timestamp::from_secs(1_799_999_900)
}

/// Every sink, in our own words and in a template's that repeats what strangers wrote.
static SINKS: LazyLock<Vec<Sink>> = LazyLock::new(|| {
    let written = |text: &str| Some(Written { text: text.to_owned(), place: Place::whole(0, "law") });
    let template = TemplateConfig {
        types: vec!["*".into()],
        sinks: Vec::new(),
        rules: Vec::new(),
        title: written("{{ ours.title }}"),
        text: written(
            "{% if asset is defined %}{{ sum }}: {{ asset.symbol }}, {{ label | default('-') }}{% endif %}\n{{ ours.text }}",
        ),
        link: None,
    };
    let words = Words::new(&[template], |_| panic!("the template fails")).expect("it is good for every type");
    let ours = kinds().map(|(name, kind)| Sink::new(&SinkConfig { name: name.into(), kind }).expect("it is whole"));
    let ours: Vec<Sink> = ours.collect();
    ours.iter().cloned().chain(ours.iter().cloned().map(|sink| sink.in_words(words.clone()))).collect()
});

fn kinds() -> impl Iterator<Item = (&'static str, SinkKind)> {
    let secret = |text: &str| Secret::new(text.to_owned());
    let url = || secret("https://receiver.example.com");
    let address = |text: &str| MailAddress::parse(text).expect("it is an address");
    let allow_private = false;
    let signing = secret("whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=");
    [
        ("log", SinkKind::Log),
        ("webhook", SinkKind::Webhook { url: url(), secret: signing, allow_private }),
        ("slack", SinkKind::Slack { url: url(), allow_private }),
        (
            "bot",
            SinkKind::SlackBot(SlackBotConfig {
                url: url(),
                token: secret("t"),
                channel: "C012".into(),
                allow_private,
            }),
        ),
        (
            "telegram",
            SinkKind::Telegram(TelegramConfig {
                url: url(),
                token: secret("1:x"),
                chat: "1".into(),
                thread: None,
                allow_private,
            }),
        ),
        ("discord", SinkKind::Discord(DiscordConfig { url: url(), allow_private })),
        ("ntfy", SinkKind::Ntfy(NtfyConfig { url: url(), topic: "t".into(), token: None, allow_private })),
        (
            "pagerduty",
            SinkKind::PagerDuty(PagerDutyConfig { url: url(), routing_key: secret(&"k".repeat(32)), allow_private }),
        ),
        ("alertmanager", SinkKind::Alertmanager(AlertmanagerConfig { urls: vec![url()], token: None, allow_private })),
        (
            "nats",
            SinkKind::Nats(NatsConfig {
                host: "nats.example.com".into(),
                port: 4222,
                tls: true,
                login: NatsLogin::Nobody,
                stream: "ALERTS".into(),
                subject: "walletwatch".into(),
                allow_private,
            }),
        ),
        (
            "email",
            SinkKind::Email(Box::new(EmailConfig {
                host: "mail.example.com".into(),
                port: 587,
                security: MailSecurity::StartTls,
                login: None,
                from: address("walletwatch <alerts@example.com>"),
                to: vec![address("ops@example.com")],
                allow_private,
            })),
        ),
    ]
    .into_iter()
}

/// A movement of so much of a token that calls itself so.
fn moved(name: &str, amount: U256, label: &str) -> Message {
    let key = TransferKey {
        chain: ChainId(1),
        tx: B256::repeat_byte(0xab),
        kind: Kind::Token,
        asset: Asset::Token(Address::repeat_byte(0x33)),
        from: Address::repeat_byte(0x11),
        to: Address::repeat_byte(0x22),
        token_id: None,
        amount,
        nth: 0,
    };
    let noted = Untrusted::new(label);
    let body = TransferBody {
        transfer: key.id(),
        key,
        chain: "ethereum".into(),
        watch: "treasury".into(),
        address: Address::repeat_byte(0x22),
        reference: Some(noted.as_str().into()),
        label: Some(noted.as_str().into()),
        tags: Vec::new(),
        direction: Direction::In,
        symbol: Some(name.into()),
        decimals: Some(6),
        verified: false,
        block: 19_000_000,
        block_hash: None,
        block_time: at(),
        log_index: None,
        confirmations: 12,
        stage: Stage::Retracted,
        previous_stage: None,
        reason: Some(noted.as_str().into()),
        suspect: Suspect { look_alike: true, ..Suspect::default() },
        late: true,
        history: false,
        usd: None,
        usd_unknown: Some("no feed".into()),
        url: Some(LINK.into()),
    };
    Message {
        sinks: vec!["people".into()],
        alert: AlertId([7; 16]),
        revision: 2,
        kind: MessageKind::Transfer(Stage::Retracted),
        severity: Severity::Info,
        rule: Some("usdc in".into()),
        at: at(),
        body: Body::Transfer(Box::new(body)),
        simulated: true,
    }
}

/// That a token of this name, moved, is inert at every sink, and that each says how much moved.
pub fn inert(name: &str, amount: u128) {
    let message = moved(name, U256::from(amount), name);
    let frozen = freeze(&message, &"people".into());
    let body: Value = serde_json::from_slice(&frozen.body).expect("a body is JSON");
    let exact = body["data"]["amount"].as_str().expect("its decimals are known").to_owned();
    calm_data(&body);
    let row = Arc::new(OutboxRow::new(1, frozen));
    let folded = digest::fold(&[Arc::clone(&row), Arc::clone(&row)]).expect("there are two");
    for sink in SINKS.iter() {
        for row in [&*row, &folded] {
            for (number, first) in [(1, None), (2, first_of(sink))] {
                let attempt = Attempt { number, again: number > 1 };
                let first = first.map(Name::from);
                let shown = shown(&sink.outgoing(row, at(), attempt, first.as_ref()));
                assert!(shown.contains(&exact), "{exact} is cut away: {shown}");
            }
        }
    }
}

/// What the sink's receiver would have called an earlier message.
fn first_of(sink: &Sink) -> Option<&'static str> {
    use walletwatch::sinks::Kind as Of;
    match sink.kind() {
        Of::Telegram(_) => Some("1/57"),
        Of::Discord(_) => Some("123456789012345678"),
        Of::SlackBot(_) => Some("C012/1700000000.000100"),
        Of::Email(_) => Some("first@example.com"),
        Of::Log
        | Of::Webhook(_)
        | Of::Slack(_)
        | Of::PagerDuty(_)
        | Of::Ntfy(_)
        | Of::Alertmanager(_)
        | Of::Nats(_) => None,
    }
}

/// Everything that a person would see, once it is known to be inert.
fn shown(outgoing: &Outgoing) -> String {
    match outgoing {
        Outgoing::Line(line) => {
            unhidden(line);
            assert!(!line.contains('\n'), "{line}");
            line.clone()
        }
        Outgoing::Post(request) => of_request(request),
        Outgoing::Chat(draft) => {
            let body: Value = serde_json::from_slice(&draft.request().body).expect("JSON");
            only(&body, &["chat_id", "text", "parse_mode", "link_preview_options", "reply_parameters"]);
            assert_eq!(
                (&body["parse_mode"], &body["link_preview_options"]["is_disabled"]),
                (&"HTML".into(), &true.into())
            );
            let text = body["text"].as_str().expect("text");
            assert!(text.encode_utf16().count() <= 8 * 4_096);
            let shown = of_html(text, &["b", "code", "a"]);
            assert!(shown.encode_utf16().count() <= 4_096, "Telegram takes 4,096 units");
            shown
        }
        Outgoing::Edit(edit) => {
            let both = [Some(&edit.edit), Some(&edit.gone), edit.behind.as_ref()];
            both.into_iter().flatten().map(of_request).last().expect("there is a change")
        }
        Outgoing::Each(each) => each.requests.iter().map(of_request).last().expect("there is a member"),
        Outgoing::Mail(letter) => of_mail(std::str::from_utf8(&letter.content).expect("mail is ASCII")),
        Outgoing::Publish(publication) => {
            let body: Value = serde_json::from_slice(&publication.body).expect("JSON");
            calm_data(&body);
            body.to_string()
        }
    }
}
