//! What templates make of messages, what they cannot change, and which are refused.

use super::*;
use crate::reactor::effect::{Message, Suspect, TransferBody};
use crate::sinks::body::tests::every_kind;
use crate::sinks::freeze;
use crate::sinks::samples::{of_transfer, transfer};
use crate::types::Stage;
use proptest::prelude::*;
use std::sync::Mutex;

fn written(text: &str) -> Option<Written> {
    let place = Place { line: 7, column: 9, ..Place::whole(0, "w.toml") };
    (!text.is_empty()).then(|| Written { text: text.to_owned(), place })
}

fn template(types: &[&str], title: &str, text: &str, link: &str) -> TemplateConfig {
    let types = types.iter().copied().map(Name::from).collect();
    let (sinks, rules) = (Vec::new(), Vec::new());
    TemplateConfig { types, sinks, rules, title: written(title), text: written(text), link: written(link) }
}

fn words(templates: &[TemplateConfig]) -> Words {
    Words::new(templates, |_| ()).unwrap_or_else(|faults| panic!("{faults}"))
}

fn text(words: &Words, message: &Message) -> Text {
    words.text(&"chat".into(), &freeze(message, &"chat".into()), false)
}

fn title(template_title: &str, body: TransferBody) -> String {
    text(&words(&[template(&["transfer.*"], template_title, "", "")]), &of_transfer(body)).title
}

#[test]
fn a_template_says_amounts_exactly_addresses_whole_or_short_and_what_is_missing() {
    let check = |template: &str, expected: &str| assert_eq!(title(template, transfer()), expected, "{template}");
    check("{{ watch }} got {{ sum }}", "treasury got 1234.567 USDC");
    check("{{ amount_raw | units(6) | grouped }}", "1,234.567");
    check("{{ from }}", "0x1111111111111111111111111111111111111111");
    check("{{ from | short }}", "0x11111111…11111111");
    check("{{ usd | usd }} at {{ timestamp | time }}", "unknown at 2026-11-22 00:44:09 UTC");
    check("{{ ref | default('nobody') }}{% if label %} {{ label }}{% endif %}", "nobody");
    check("{{ tags | join('+') }} {{ type | upper }}", "own TRANSFER.CONFIRMED");
    check("{{ ours.title }}!", "treasury received 1234.567 USDC on ethereum (confirmed)!");
    check("{{ block.number }} {{ late }} {{ log_index | default(0) }}", "19000000 false 12");
}

#[test]
fn what_a_message_must_say_no_template_can_leave_out() {
    let say = words(&[template(&["*"], "quiet", "nothing", "")]);
    let suspect = Suspect { look_alike: true, ..Suspect::default() };
    let mut message = of_transfer(TransferBody { stage: Stage::Retracted, suspect, ..transfer() });
    message.simulated = true;
    let said = say.text(&"chat".into(), &freeze(&message, &"chat".into()), true);
    assert_eq!(said.title, "SIMULATED: RETRACTED: quiet");
    assert_eq!(said.lines, ["SUSPECT: look alike", "nothing", "again: this message may have been here before"]);
    assert_eq!(said.url.as_deref(), Some("https://etherscan.io/tx/0xabab"), "ours, where a template has none");
    for message in every_kind() {
        let (ours, said) = (text(&Words::default(), &message), text(&say, &message));
        let marks = ["RETRACTED: ", "RECOVERED: ", "RESOLVED: ", "REHEARSAL, nothing is sent: "];
        for mark in marks {
            assert_eq!(ours.title.contains(mark), said.title.contains(mark), "{:?} {mark}", message.kind);
        }
        assert!(said.title.ends_with("quiet"), "{}", said.title);
    }
    let stranger = TransferBody { verified: false, symbol: Some("USDC".into()), ..transfer() };
    assert_eq!(title("{{ asset.symbol }}", stranger), "\"USDC\" (unverified)");
}

#[test]
fn the_first_template_that_fits_type_sink_and_rule_is_taken() {
    let of = |title: &str, sinks: &[&str], rules: &[&str]| TemplateConfig {
        sinks: sinks.iter().copied().map(Name::from).collect(),
        rules: rules.iter().copied().map(Name::from).collect(),
        ..template(&["transfer.confirmed"], title, "", "")
    };
    let say = words(&[
        of("pager", &["pager"], &[]),
        of("other", &[], &["other"]),
        of("rule", &[], &["usdc in"]),
        of("all", &[], &[]),
    ]);
    let check = |sink: &str, rule: Option<&str>, stage: Stage, expected: &str| {
        let message = Message { rule: rule.map(Name::from), ..of_transfer(TransferBody { stage, ..transfer() }) };
        let said = say.text(&sink.into(), &freeze(&message, &sink.into()), false).title;
        assert!(said.starts_with(expected), "{said}");
    };
    check("pager", Some("usdc in"), Stage::Confirmed, "pager");
    check("chat", Some("usdc in"), Stage::Confirmed, "rule");
    check("chat", Some("other"), Stage::Confirmed, "other");
    check("chat", None, Stage::Confirmed, "all");
    check("chat", None, Stage::Seen, "treasury received");
}

#[test]
fn a_template_that_cannot_work_is_refused_with_its_place() {
    let check = |title: &str, text: &str, link: &str, expected: &str| {
        let refused = Words::new(&[template(&["transfer.*"], title, text, link)], |_| ()).expect_err(title);
        let [fault] = refused.all() else { panic!("{refused}") };
        assert!(fault.to_string().contains(expected), "{fault}\n{expected}");
    };
    check("{{ watch }", "", "", "w.toml:7:");
    check("{{ watch }", "", "", "the template cannot be read");
    check("to {{ nobody }}", "", "", "w.toml:7:16: the template fails for a transfer.seen: `nobody` is undefined");
    check("", "one\n{{ watch }}\n  {{ nobody }}\n", "", "w.toml:10:6: ");
    check("{{ ref }}", "", "", "this can be missing");
    check("{{ log_index }}", "", "", "this can be missing");
    check("{{ tags }}", "", "", "this is a list");
    check("{{ asset }}", "", "", "several values");
    check("{{ confirmations / 7 }}", "", "", "not exact");
    check("{{ amount | units(6) }}", "", "", "units takes a raw amount");
    check("{{ watch | short }}", "", "", "short takes an address");
    check("{{ watch | no_filter }}", "", "", "no_filter");
    check("{% if late %}{% endif %}", "", "", "it makes nothing");
    check("", "{% for a in 'x' * 300 %}{% for b in 'x' * 300 %}{% endfor %}{% endfor %}", "", "fuel");
    check("", "{{ 'long ' * 1000 }}", "", "more than 2000 characters");
    check("", "", "https://x.example.com/{{ watch }} {{ chain }}", "it makes no link");
    check("{% include 'other' %}", "", "", "the template");
}

#[test]
fn a_template_that_fails_at_run_time_gives_way_to_our_words_and_is_counted() {
    let counted = Arc::new(Mutex::new(Vec::new()));
    let counter = Arc::clone(&counted);
    let title = "{% if watch == 'hot' %}{{ nobody }}{% else %}{{ watch }}{% endif %}";
    let count = move |sink: &Name| counter.lock().expect("no holder panics").push(sink.clone());
    let say = Words::new(&[template(&["transfer.*"], title, "", "")], count).expect("no sample is of the watch hot");
    assert_eq!(text(&say, &of_transfer(transfer())).title, "treasury");
    for _ in 0..2 {
        let said = text(&say, &of_transfer(TransferBody { watch: "hot".into(), ..transfer() }));
        assert_eq!(said.title, "hot received 1234.567 USDC on ethereum (confirmed)");
    }
    assert_eq!(*counted.lock().expect("no holder panics"), ["chat".into(), "chat".into()] as [Name; 2]);
}

#[test]
fn every_type_has_words_of_ours_to_build_on() {
    let say =
        words(&[template(&["*"], "{{ type }} {{ alert_id }} {{ severity }}", "{{ ours.title }}\n{{ ours.text }}", "")]);
    for message in every_kind() {
        let said = text(&say, &message);
        assert!(said.title.contains(message.kind.word()) && said.lines.len() > 1, "{said:?}");
    }
}

proptest! {
    #[test]
    fn whatever_a_stranger_is_called_a_link_leads_to_the_operators_host(symbol: String) {
        let body = TransferBody { verified: false, symbol: Some(symbol.as_str().into()), ..transfer() };
        let say = words(&[template(&["transfer.*"], "{{ sum }}", "", "https://desk.example.com/{{ asset.symbol }}?q={{ sum }}")]);
        let said = text(&say, &of_transfer(body));
        let url = url::Url::parse(said.url.as_deref().expect("there is one")).expect("it is a url");
        prop_assert_eq!(url.host_str(), Some("desk.example.com"));
        prop_assert!(url.path_segments().is_some_and(|segments| segments.count() == 1) && url.fragment().is_none());
        prop_assert!(said.title.contains("1234.567") || said.title.contains("1234567000"));
    }
}
