//! `[[explorer]]`: what it needs, what it is taken for, and what `check` says of it.

use super::{BASE, check_more, fine};
use crate::config::describe::describe;
use crate::config::forecast::forecasts;
use crate::types::ChainId;
use crate::types::pace::Limits;
use crate::wire::etherscan::Dialect;

/// A watch on base, which a free key does not cover.
const WATCHED: &str = "[[chain]]\nname = \"base\"\n[[watch]]\nname = \"b\"\n\
address = \"0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC\"\nchains = [\"base\"]\n";

fn explorer(keys: &str) -> String {
    format!("[[explorer]]\nchain = \"base\"\n{keys}\n")
}

fn with(keys: &str) -> String {
    format!("{BASE}{WATCHED}{}", explorer(keys))
}

#[test]
fn each_kind_has_its_own_address_key_and_budget() {
    let check = |keys: &str, dialect: Dialect, url: &str, has_key: bool, limits: (u32, u32)| {
        let config = fine(&with(keys));
        let explorer = config.explorers.last().expect("it is there");
        assert_eq!(explorer.name.as_str(), format!("{}-base", dialect.word()));
        assert_eq!((explorer.dialect, explorer.url.expose()), (dialect, url), "{keys}");
        assert_eq!((explorer.api_key.is_some(), &explorer.chains), (has_key, &vec![ChainId(8_453)]), "{keys}");
        assert_eq!((explorer.calls_per_second, explorer.calls_per_day), limits, "{keys}");
        assert_eq!(config.settings.chains[&ChainId(8_453)].explorer, Some(explorer.name.clone()));
        assert_eq!(
            config.settings.chains[&ChainId(1)].explorer.as_ref().map(crate::types::id::Name::as_str),
            Some("etherscan")
        );
        assert_eq!(config.explorers[0].chains, [ChainId(1)], "each is asked for its own chains");
    };
    let routescan = "https://api.routescan.io/v2/network/mainnet/evm/8453/etherscan/api";
    let (of_all, instance) = ("https://api.blockscout.com/8453/api", "https://base.example.com/api");
    let key = "api_key = \"env:ETHERSCAN_API_KEY\"";
    check("kind = \"routescan\"", Dialect::Routescan, routescan, false, (2, 10_000));
    check(&format!("kind = \"routescan\"\n{key}"), Dialect::Routescan, routescan, true, (2, 10_000));
    check(&format!("kind = \"blockscout\"\n{key}"), Dialect::Blockscout, of_all, true, (5, 5_000));
    let own = format!("kind = \"blockscout\"\nurl = \"{instance}\"");
    check(&own, Dialect::Blockscout, instance, false, (3, 5_000));
    check(&format!("{own}\ncalls_per_second = 9\ncalls_per_day = 77"), Dialect::Blockscout, instance, false, (9, 77));
    let etherscan = "https://api.etherscan.io/v2/api";
    check(&format!("kind = \"etherscan\"\n{key}"), Dialect::Etherscan, etherscan, true, (3, 100_000));
}

#[test]
fn what_an_explorer_lacks_is_said_with_its_place() {
    let check = |keys: &str, expected: &[&str]| check_more(&format!("{WATCHED}{}", explorer(keys)), expected);
    check("kind = \"routescan\"", &[]);
    check("", &["nothing can read the chain base", "[[explorer]] has no `kind`"]);
    check(
        "kind = \"blockscot\"",
        &["nothing can read", "`kind` cannot be `blockscot`. hint: did you mean `blockscout`?"],
    );
    check("kind = \"blockscout\"", &["[[explorer]] has no `url`…an instance of the chain…api.blockscout.com"]);
    check("kind = \"blockscout\"\nurl = \"https://b.example.com\"", &["does not end in /api"]);
    check("kind = \"blockscout\"\nurl = \"https://b.example.com/api?x=1\"", &["`url` of an explorer has a query"]);
    check("kind = \"blockscout\"\nurl = \"https://api.blockscout.com/8453/api\"", &["[[explorer]] has no `api_key`"]);
    check("kind = \"etherscan\"", &["[[explorer]] has no `api_key`…Etherscan answers nothing without a key"]);
    check("kind = \"routescan\"\napi_key = \"K3Y\"", &["`api_key`: a secret is written here in plain text"]);
    check("kind = \"routescan\"\nurl = \"ftp://x\"", &["`url` is no url that begins with https or http"]);
    check("kind = \"routescan\"\ncalls_per_day = 0", &["`calls_per_day` is out of bounds"]);
    check("kind = \"routescan\"\nname = \"x\"", &["[[explorer]] has no key `name`"]);
    check_more("[[explorer]]\nkind = \"routescan\"", &["[[explorer]] has no `chain`"]);
    check_more(
        "[[explorer]]\nkind = \"routescan\"\nchain = \"bse\"",
        &["there is no chain of this name. hint: did you mean `base`?"],
    );
    let twice = format!("{WATCHED}{}{}", explorer("kind = \"routescan\""), explorer("kind = \"routescan\""));
    check_more(&twice, &["base has an [[explorer]] already, at /etc/w.toml:"]);
    let both = WATCHED.replace("name = \"base\"", "name = \"base\"\netherscan = true");
    check_more(
        &format!("{both}{}", explorer("kind = \"routescan\"")),
        &["base has two explorers: `etherscan = true`, and routescan-base"],
    );
}

#[test]
fn an_explorer_takes_the_place_of_etherscan_where_both_could_read_a_chain() {
    let text = BASE.replace("rpc = [\"wss://node.example.com\"]", "");
    let config = fine(&format!("{text}[[explorer]]\nchain = \"ethereum\"\nkind = \"routescan\"\n"));
    let ethereum = &config.settings.chains[&ChainId(1)];
    assert_eq!(ethereum.explorer.as_ref().map(crate::types::id::Name::as_str), Some("routescan-ethereum"));
    assert!(config.explorers[0].chains.is_empty(), "Etherscan is not asked for it");
    // A test network has another address, and a known chain needs no [[chain]].
    let watch = "[[watch]]\nname = \"t\"\naddress = \"0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC\"\nchains = [\"avalanche-fuji\"]\n";
    let config = fine(&format!("{BASE}{watch}[[explorer]]\nchain = \"avalanche-fuji\"\nkind = \"routescan\"\n"));
    let url = "https://api.routescan.io/v2/network/testnet/evm/43113/etherscan/api";
    assert_eq!(config.explorers[1].url.expose(), url);
    assert_eq!(config.explorers[1].chains, [ChainId(43_113)]);
}

#[test]
fn an_explorer_that_nobody_needs_a_key_in_the_clear_and_one_key_for_two_are_warned_of() {
    let said = |text: &str, words: &str| {
        let warnings = fine(text).warnings;
        assert!(warnings.iter().any(|warning| warning.contains(words)), "{words}\n{warnings:?}");
    };
    said(
        &format!("{BASE}{}", explorer("kind = \"routescan\"")),
        "nothing is watched on base: its [[explorer]] is not asked",
    );
    let key = "api_key = \"env:ETHERSCAN_API_KEY\"";
    said(
        &with(&format!("kind = \"blockscout\"\nurl = \"http://b.example.com/api\"\n{key}")),
        "the key of blockscout-base goes to http://b.example.com/… in the clear",
    );
    let optimism = format!("[[explorer]]\nchain = \"optimism\"\nkind = \"blockscout\"\n{key}\n");
    said(
        &format!(
            "{}{optimism}",
            with(&format!("kind = \"blockscout\"\n{key}"))
                .replace("chains = [\"base\"]", "chains = [\"base\", \"optimism\"]")
        ),
        "blockscout-base and blockscout-optimism have one key",
    );
}

#[test]
fn check_forecasts_every_account_by_itself_and_names_no_key() {
    let config = fine(&with("kind = \"blockscout\"\napi_key = \"env:ETHERSCAN_API_KEY\"\nmax_view_age = \"10m\""));
    let [etherscan, blockscout] = forecasts(&config).try_into().expect("two accounts");
    assert_eq!((etherscan.source.as_str(), blockscout.source.as_str()), ("etherscan", "blockscout-base"));
    assert_eq!(blockscout.limits, Limits { per_second: 5, per_day: 5_000 });
    assert_eq!((blockscout.demand.lead, blockscout.demand.heads), (6, 1));
    let words = describe(&config);
    for part in [
        "explorer blockscout-base: lists of every watched address",
        "blockscout-base: 6 calls a round, ",
        "of 5000, at most 5 a second",
        "base: txlist 2, txlistinternal 2, tokentx 2; each is read every ",
        "blockscout-base: every watched address on the chains that it covers (2)",
        "etherscan: every watched address on the chains that it covers (1)",
    ] {
        assert!(words.contains(part), "{part}\n{words}");
    }
    assert!(!words.contains("ETHERSCANKEY") && !format!("{config:?}").contains("ETHERSCANKEY"));
    let promise = explorer(
        "kind = \"blockscout\"\napi_key = \"env:ETHERSCAN_API_KEY\"\ncalls_per_day = 100\nmax_view_age = \"10m\"",
    );
    check_more(&format!("{WATCHED}{promise}"), &["a view can get…by 100 calls a day and 5 a second"]);
}
