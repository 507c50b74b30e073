//! A rule on a chain that nothing can feed is a fault, one that is fed late or perhaps is said: every kind of rule and asset, on every kind
//! of source.

use super::{check, fine, read};

/// What reads a chain. `base` is one that a free key does not cover.
const SOURCES: [(&str, &str); 6] = [
    ("nothing", "[[chain]]\nname = \"base\"\n"),
    ("rpc", "[[chain]]\nname = \"base\"\nrpc = [\"wss://node.example.com\"]\n"),
    ("paid key", "[etherscan]\napi_key = \"env:ETHERSCAN_API_KEY\"\n[[chain]]\nname = \"base\"\netherscan = true\n"),
    (
        "blockscout",
        "[[chain]]\nname = \"base\"\n[[explorer]]\nchain = \"base\"\nkind = \"blockscout\"\nurl = \"https://b.example.com/api\"\n",
    ),
    ("routescan", "[[chain]]\nname = \"base\"\n[[explorer]]\nchain = \"base\"\nkind = \"routescan\"\n"),
    (
        "both",
        "[[chain]]\nname = \"base\"\nrpc = [\"wss://node.example.com\"]\n[[explorer]]\nchain = \"base\"\nkind = \"routescan\"\n",
    ),
];

const REST: &str = "[[watch]]\nname = \"w\"\naddress = \"0x70997970C51812dc3A010C7d01b50e0d17dc79C8\"\n\
[[sink]]\nname = \"log\"\nkind = \"log\"\n[route]\ninfo = \"log\"\n[[feed]]\nkind = \"coinbase\"\npairs = [\"ETH-USD\"]\n";

const DAI: &str = "0x6B175474E89094C44Da98b954EedeAC495271d0F";

/// What is expected of a rule on a source.
#[derive(Debug, Clone, Copy)]
enum Fed {
    /// Nothing is said.
    Fully,
    /// A warning with these words.
    Partly(&'static str),
    /// A fault with these words.
    Never(&'static str),
}

use Fed::{Fully, Never, Partly};

const LATE: Fed = Partly("rule r on base: only an explorer is read there, so it speaks late");
const OLD: Fed = Partly("rule r on base: only an explorer is read there: balances are of about a block");
const UNTRACED: Fed =
    Partly("rule r on base: coin moved inside transactions is seen only where the endpoint answers traces");
const UNREAD: Fed = Never("nothing can read the chain base…an `rpc`…an [[explorer]]");
const ORACLE: Fed = Partly("a gas rule on base: only the explorer's gas oracle tells it");
const NO_GAS: Fed = Never("no source can report gas prices of base…an `rpc`");

#[test]
fn every_rule_on_every_kind_of_source_is_fed_or_said_not_to_be() {
    let contract = format!("when = \"transfer\"\nasset = \"{DAI}\"");
    // In the order of SOURCES: nothing, rpc, paid key, blockscout, routescan, both.
    let rules: [(&str, [Fed; 6]); 12] = [
        ("when = \"transfer\"", [UNREAD, UNTRACED, LATE, LATE, LATE, Fully]),
        ("when = \"transfer\"\nasset = \"native\"", [UNREAD, UNTRACED, LATE, LATE, LATE, Fully]),
        ("when = \"transfer\"\nasset = \"native\"\nat_least = \"1 ETH\"", [UNREAD, UNTRACED, LATE, LATE, LATE, Fully]),
        ("when = \"transfer\"\nasset = \"USDC\"", [UNREAD, Fully, LATE, LATE, LATE, Fully]),
        ("when = \"transfer\"\nat_least = \"1 USDC\"\nasset = \"USDC\"", [UNREAD, Fully, LATE, LATE, LATE, Fully]),
        (&contract, [UNREAD, Fully, LATE, LATE, LATE, Fully]),
        (
            "when = \"balance\"\nasset = \"native\"\nbelow = \"1\"\nrecovers_at = \"2\"",
            [UNREAD, Fully, OLD, OLD, OLD, Fully],
        ),
        (
            "when = \"balance\"\nasset = \"USDC\"\nbelow = \"1\"\nrecovers_at = \"2\"",
            [UNREAD, Fully, OLD, OLD, OLD, Fully],
        ),
        (
            "when = \"gas\"\nchain = \"base\"\nabove = \"5 gwei\"\nrecovers_at = \"4 gwei\"",
            [NO_GAS, Fully, NO_GAS, NO_GAS, NO_GAS, Fully],
        ),
        (
            "when = \"gas\"\nchain = \"base\"\nof = \"priority\"\nabove = \"5 gwei\"\nrecovers_at = \"4 gwei\"",
            [NO_GAS, Fully, ORACLE, ORACLE, ORACLE, Fully],
        ),
        ("when = \"approval\"", [UNREAD, Fully, LATE, LATE, LATE, Fully]),
        ("when = \"approval\"\nasset = \"USDC\"", [UNREAD, Fully, LATE, LATE, LATE, Fully]),
    ];
    for (rule, expected) in rules {
        for ((name, sources), fed) in SOURCES.into_iter().zip(expected) {
            let text = format!("{sources}{REST}[[rule]]\nname = \"r\"\n{rule}\n");
            let of_rule = |text: &str| -> Vec<String> {
                let about = |warning: &&String| warning.contains("rule r on") || warning.contains("gas rule on");
                fine(text).warnings.iter().filter(about).cloned().collect()
            };
            match fed {
                Fully => assert_eq!(of_rule(&text), Vec::<String>::new(), "{rule} by {name}"),
                Partly(words) => {
                    let said = of_rule(&text);
                    assert!(said.len() == 1 && said[0].contains(words), "{rule} by {name}: {said:?}");
                }
                Never(words) if name == "nothing" && words.contains("gas") => {
                    check(&text, &["nothing can read the chain base", words]);
                }
                Never(words) => check(&text, &[words]),
            }
        }
    }
}

#[test]
fn a_price_that_no_feed_reports_and_a_chain_that_is_only_named_are_faults() {
    let rpc = SOURCES[1].1;
    let rule = |keys: &str| format!("{rpc}{REST}[[rule]]\nname = \"r\"\n{keys}\n");
    check(
        &rule("when = \"price\"\npair = \"BTC-USD\"\nbelow = \"1\""),
        &["no feed reports BTC-USD: nothing can feed this rule…a [[feed]]"],
    );
    check(&rule("when = \"price\"\npair = \"ETH-USD\"\nbelow = \"1\""), &[]);
    check(
        &rule("when = \"transfer\"\nchains = [\"linea\"]"),
        &["nothing that this rule is about is watched on linea: nothing can feed it there"],
    );
    let unwatched = rule("when = \"transfer\"\nchains = [\"linea\"]");
    let start = unwatched.find("[[watch]]").expect("it watches");
    let end = unwatched.find("[[sink]]").expect("it has a sink");
    let unwatched = format!("{}{}", &unwatched[..start], &unwatched[end..]);
    check(
        &unwatched,
        &["rule r: no source reads linea, so nothing can feed it there…an `rpc`, [etherscan] or an [[explorer]]"],
    );
    let past = rule("when = \"transfer\"\nhistory = true");
    assert!(fine(&past).warnings.iter().any(|warning| warning.contains("there is no history to speak of")));
    let past = past.replace("[[sink]]", "from_block = 7\n[[sink]]");
    assert!(!fine(&past).warnings.iter().any(|warning| warning.contains("there is no history")));
    assert!(read(&past).is_ok());
}
