//! Who hears a rule: `notify`, `[route]` by its severity, `[defaults]`, and the filters of sinks; as faults of a config, and as what is told.

use super::{check, fine};
use crate::reactor::Reactor;
use crate::reactor::effect::Effect;
use crate::reactor::event::{Event, Tick};
use crate::types::{Pair, Price, Timestamp};
use std::time::Duration;

const BEFORE: &str = r#"
[[feed]]
kind = "coinbase"
pairs = ["ETH-USD"]
[[sink]]
name = "desk"
kind = "log"
[[sink]]
name = "chat"
kind = "log"
min_severity = "warning"
[[sink]]
name = "pager"
kind = "log"
types = ["price.crossed"]
"#;

fn config(route: &str, rule: &str) -> String {
    let rule_head =
        "[[rule]]\nname = \"low\"\nwhen = \"price\"\npair = \"ETH-USD\"\nbelow = \"100\"\nrecovers_at = \"150\"";
    format!("{BEFORE}{route}\n{rule_head}\n{rule}\n")
}

const ALL: &str =
    "[route]\ninfo = [\"desk\"]\nwarning = [\"desk\", \"chat\"]\ncritical = [\"desk\", \"chat\", \"pager\"]";

#[test]
fn a_rule_that_nobody_would_hear_is_a_fault() {
    let case = |route: &str, rule: &str, expected: &[&str]| check(&config(route, rule), expected);
    case(ALL, "", &[]);
    case("[route]\ninfo = \"desk\"", "", &[]);
    case("[route]\ncritical = \"desk\"", "", &["nobody hears this rule: it has no `notify`, and [route] has no info"]);
    case("[route]\ninfo = \"desk\"", "severity = \"critical\"", &["[route] has no critical"]);
    case("", "", &["[route] has no info"]);
    case("", "notify = \"desk\"", &[]);
    case(ALL, "notify = []", &["`notify` is empty"]);
    case("[route]\ninfo = \"dusk\"", "", &["there is no sink `dusk`…did you mean `desk`?"]);
    case("[route]\ninfo = \"desk\"\nurgent = \"desk\"", "", &["`urgent`"]);
    // A route to whom nothing of it would reach.
    case("[route]\ninfo = \"chat\"", "", &["min_severity"]);
}

/// What a price does to each route, second by second: the price, and who is told what.
#[test]
fn each_severity_goes_its_own_way() {
    const CROSSED: &str = "price.crossed";
    const RECOVERED: &str = "price.recovered";
    type Told<'a> = &'a [(&'a str, &'a [&'a str])];
    let case = |route: &str, rule: &str, prices: &[(u64, &str, Told<'_>)]| {
        let settings = fine(&config(route, rule)).settings;
        let mut reactor = Reactor::default();
        let began = Timestamp::from_secs(1_700_000_000);
        reactor.handle(began, Event::Configured(Box::new(settings)));
        for (second, price, expected) in prices {
            let at = began.after(Duration::from_secs(*second));
            let (pair, price) = (Pair::parse("ETH-USD").expect("a pair"), Price::parse(price).expect("a price"));
            let effects = reactor.handle(at, Event::Tick(Tick { feed: "coinbase".into(), pair, price, time: at }));
            let told: Vec<(&str, Vec<&str>)> = effects
                .iter()
                .filter_map(|effect| match effect {
                    Effect::Tell(message) => Some(message),
                    Effect::Put(_) | Effect::Delete(_) | Effect::Notice(_) | Effect::Answer(_) => None,
                })
                .map(|message| (message.kind.word(), message.sinks.iter().map(crate::types::Name::as_str).collect()))
                .collect();
            let expected: Vec<(&str, Vec<&str>)> =
                expected.iter().map(|(kind, sinks)| (*kind, sinks.to_vec())).collect();
            assert_eq!(told, expected, "{route} {rule} at {second} s");
        }
    };
    let way = |sinks: &'static [&'static str], ended: &'static [&'static str]| {
        [(CROSSED, sinks), (RECOVERED, ended)].map(|(kind, sinks)| vec![(kind, sinks)])
    };
    let whole = |route: &str, rule: &str, [crossed, recovered]: [Vec<(&str, &[&str])>; 2]| {
        let none: Told<'_> = &[];
        let prices =
            [(1, "101", none), (2, "99", &crossed[..]), (3, "98", none), (4, "150", &recovered[..]), (5, "151", none)];
        case(route, rule, &prices);
    };
    whole(ALL, "", way(&["desk"], &["desk"]));
    whole(ALL, "severity = \"warning\"", way(&["desk", "chat"], &["desk", "chat"]));
    whole(ALL, "severity = \"critical\"", way(&["desk", "chat", "pager"], &["desk", "chat"]));
    whole(ALL, "severity = \"critical\"\nnotify = \"chat\"", way(&["chat"], &["chat"]));
    whole(&format!("{ALL}\n[defaults]\nseverity = \"warning\""), "", way(&["desk", "chat"], &["desk", "chat"]));
    whole(&format!("{ALL}\n[defaults]\nseverity = \"warning\""), "severity = \"info\"", way(&["desk"], &["desk"]));
    whole(&format!("{ALL}\n[defaults]\nnotify = \"chat\"\nseverity = \"critical\""), "", way(&["chat"], &["chat"]));
    // The wait and the rest between two of a rule go with it, whoever hears it.
    let rule = "severity = \"warning\"\nfor = \"10s\"\nat_most_every = \"60s\"";
    let both: &[&str] = &["desk", "chat"];
    case(
        ALL,
        rule,
        &[
            (1, "99", &[]),
            (10, "99", &[]),
            (11, "99", &[(CROSSED, both)]),
            (20, "150", &[(RECOVERED, both)]),
            (30, "99", &[]),
            (45, "99", &[]),
            (50, "150", &[]),
            (70, "99", &[]),
            (80, "99", &[(CROSSED, both)]),
        ],
    );
}
