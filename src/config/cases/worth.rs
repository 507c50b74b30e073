//! What is worth what, prices over a window, and the venues: what is right, and what is named with a hint.

use super::{BASE, check_more, fine};
use crate::config::checked::FeedKind;
use crate::config::describe::describe;
use crate::reactor::settings::{Condition, Move, PriceSettings};
use crate::types::{Address, Asset, ChainId, Percent, Usd};
use std::time::Duration;

const FEED: &str = "[[feed]]\nkind = \"kraken\"\npairs = [\"ETH-USD\", \"USDC-USD\"]\n";

/// The config that is fine, with a feed and a rule.
fn rule(keys: &str) -> String {
    format!("{FEED}[[rule]]\nname = \"r\"\n{keys}\n")
}

#[test]
fn each_venue_has_its_own_socket_and_binance_its_own_pairs() {
    for kind in FeedKind::ALL {
        let pair = if kind == FeedKind::Binance { "ETH-USDT" } else { "ETH-USD" };
        let text = format!("{BASE}[[feed]]\nname = \"f\"\nkind = \"{}\"\npairs = [\"{pair}\"]\n", kind.word());
        let config = fine(&text);
        let feed = config.feeds.iter().find(|feed| feed.name.as_str() == "f").expect("it is there");
        assert_eq!((feed.kind, feed.url.expose()), (kind, kind.url()));
    }
}

#[test]
fn a_pair_that_binance_cannot_have_is_refused_with_what_could_feed_it() {
    let feed = "[[feed]]\nname = \"f\"\nkind = \"binance\"\npairs = [\"BTC-USDT\", \"ETH-USD\"]\n";
    let rule = "[[rule]]\nname = \"r\"\nwhen = \"price\"\npair = \"ETH-USD\"\nbelow = \"1\"\nrecovers_at = \"2\"\n";
    let said = "nothing feeds ETH-USD";
    check_more(&format!("{feed}{rule}"), &["nothing feeds ETH-USD…`ETH-USDT` or `ETH-USDC`…kind coinbase or kraken"]);
    // What another server has is its own affair.
    let elsewhere = feed.replace("pairs", "url = \"ws://127.0.0.1:9\"\npairs");
    let config = fine(&format!("{BASE}{elsewhere}{rule}"));
    assert!(config.warnings.iter().any(|warning| warning.contains(said)), "{:?}", config.warnings);
}

#[test]
fn the_limits_of_prices_are_read_or_named() {
    let config = fine(&format!("{BASE}[prices]\nstale_after = \"90s\"\ndisagree_percent = \"0.5%\"\n"));
    let disagree = Percent::parse("0.5").expect("it is one");
    assert_eq!(config.settings.prices, PriceSettings { stale_after: Duration::from_secs(90), disagree });
    assert_eq!(fine(BASE).settings.prices, PriceSettings::default());
    for text in ["0", "-1", "two", "2 percent"] {
        check_more(&format!("[prices]\ndisagree_percent = \"{text}\""), &["`disagree_percent` is no percentage"]);
    }
    check_more("[prices]\nstale_after = \"2d\"", &["`stale_after` is zero or longer than a day"]);
}

#[test]
fn main_networks_are_valued_and_what_only_calls_itself_so_is_not() {
    let chains = "[[chain]]\nname = \"sepolia\"\n[[chain]]\nname = \"devnet\"\nchain_id = 31337\ncoin = \"ETH\"\nblock_time = \"1s\"\n\
        confirmations = 3\nfinal_after = 10\nrpc = [\"ws://127.0.0.1:8545\"]\netherscan = false\n";
    let values = fine(&format!("{BASE}{FEED}{chains}")).settings.values;
    let usdc: Address = "0xA0b86991c6218b36c1d19D4a2e9Eb0cE3606eB48".parse().expect("an address");
    let named: Vec<_> = values.iter().map(|(asset, pair)| (*asset, pair.as_str().to_owned())).collect();
    let ethereum = ChainId(1);
    let both =
        [((ethereum, Asset::Coin), "ETH-USD".to_owned()), ((ethereum, Asset::Token(usdc)), "USDC-USD".to_owned())];
    assert_eq!(named, both);
    // Where a person says so.
    let valued = chains.replace("coin = \"ETH\"\n", "coin = \"ETH\"\npair = \"ETH-USD\"\n");
    let token = "[[token]]\nchain = \"devnet\"\nsymbol = \"TEST\"\ncontract = \"0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC\"\ndecimals = 6\npair = \"USDC-USD\"\n";
    let values = fine(&format!("{BASE}{FEED}{valued}{token}")).settings.values;
    assert_eq!(values.len(), 4, "{values:?}");
    // A pair that no feed has values nothing.
    assert!(fine(&BASE.replace("ETH-USD", "BTC-USD")).settings.values.is_empty());
    check_more(&format!("{FEED}{chains}{}", token.replace("USDC-USD", "BTC-USD")), &["no feed reports BTC-USD"]);
    check_more(
        &format!("{FEED}{chains}{}", token.replace("USDC-USD", "USDC-EUR")),
        &["`pair` is no pair in US dollars"],
    );
}

#[test]
fn a_worth_is_asked_for_in_dollars_and_something_has_to_have_one() {
    let least = |keys: &str| {
        let config = fine(&format!("{BASE}{}", rule(&format!("when = \"transfer\"\n{keys}"))));
        let Condition::Transfer(transfer) = &config.settings.rules[0].condition else {
            panic!("it is about transfers")
        };
        assert!(transfer.at_least.is_none());
        transfer.at_least_usd.map(|least| (least.worth, least.unknown_speaks))
    };
    let sum = |text: &str| Usd::parse(text).expect("it is a sum");
    assert_eq!(least(""), None);
    assert_eq!(least("at_least_usd = \"1000\""), Some((sum("1000"), true)));
    assert_eq!(least("at_least = \"1000.50 USD\""), Some((sum("1000.50"), true)));
    assert_eq!(least("at_least_usd = \"1000 USD\"\nwithout_price = \"skip\""), Some((sum("1000"), false)));
    let wrong = |keys: &str, words: &str| check_more(&rule(&format!("when = \"transfer\"\n{keys}")), &[words]);
    for text in ["-1", "1.001", "1000 EUR", "much"] {
        wrong(&format!("at_least_usd = \"{text}\""), "no sum of US dollars");
    }
    check_more(
        "[[rule]]\nname = \"r\"\nwhen = \"transfer\"\nasset = \"USDC\"\nat_least_usd = \"1\"",
        &["has a price: `at_least_usd` can never be reached"],
    );
}

#[test]
fn a_change_within_a_time_is_read_or_named() {
    let read = |keys: &str| {
        let config = fine(&format!("{BASE}{}", rule(&format!("when = \"price\"\npair = \"ETH-USD\"\n{keys}"))));
        let Condition::Change(change) = config.settings.rules[0].condition.clone() else {
            panic!("it is about a change")
        };
        assert!(describe(&config).contains("within"), "{}", describe(&config));
        (change.movement, change.threshold.level, change.threshold.recovers_at, change.within.as_secs())
    };
    let whole = Percent::whole;
    assert_eq!(read("change_percent = \"5\"\nwithin = \"1h\""), (Move::Either, whole(5), whole(5), 3_600));
    assert_eq!(
        read("change_percent = \"-5 %\"\nwithin = \"90m\"\nrecovers_at = \"2\""),
        (Move::Fall, whole(5), whole(2), 5_400)
    );
    assert_eq!(read("change_percent = \"+5%\"\nwithin = \"7d\"\nrecovers_at = \"2%\"").0, Move::Rise);
    let wrong = |keys: &str, words: &str| {
        check_more(&rule(&format!("when = \"price\"\npair = \"ETH-USD\"\n{keys}")), &[words]);
    };
    wrong("within = \"1h\"", "has no `change_percent`");
    wrong("change_percent = \"5\"", "has no `within`");
    let word = "`change_percent` is no percentage";
    for text in [
        "0",
        "-0",
        "+0.0",
        "",
        "-",
        "+-5",
        "--5",
        "- -5",
        "5e1",
        "1/2",
        "five",
        "NaN",
        "inf",
        "0.0000001",
        "5 %%",
        "5 USD",
        "−5",
        "9".repeat(30).as_str(),
    ] {
        wrong(&format!("change_percent = \"{text}\"\nwithin = \"1h\""), word);
    }
    for text in ["-100", "-100.000001", "-250 %"] {
        wrong(&format!("change_percent = \"{text}\"\nwithin = \"1h\""), "no price can fall by 100 % or more");
    }
    assert_eq!(read("change_percent = \"-99.999999\"\nwithin = \"1h\"").0, Move::Fall);
    assert_eq!(read("change_percent = \"+250\"\nwithin = \"1h\"").0, Move::Rise);
    for text in ["5", "-5", "5.5", "true"] {
        wrong(&format!("change_percent = {text}\nwithin = \"1h\""), "`change_percent` is");
    }
    for text in ["0s", "30s", "61s", "10081m", "-1h", "1", "soon"] {
        wrong(&format!("change_percent = \"5\"\nwithin = \"{text}\""), "`within`");
    }
    for text in ["0", "-2", "x"] {
        let keys = format!("change_percent = \"5\"\nwithin = \"1h\"\nrecovers_at = \"{text}\"");
        wrong(&keys, "`recovers_at` of a change is no percentage above zero");
    }
    wrong("change_percent = \"5\"\nwithin = \"90s\"", "`within` is not whole minutes");
    wrong("change_percent = \"5\"\nwithin = \"8d\"", "`within` is not whole minutes");
    wrong("change_percent = \"5\"\nwithin = \"1h\"\nbelow = \"1\"", "exclude each other");
    wrong("change_percent = \"5\"\nwithin = \"1h\"\nrecovers_at = \"6\"", "lies above the threshold");
}
