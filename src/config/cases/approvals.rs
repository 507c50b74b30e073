//! Rules on approvals: what they mean, and what is refused.

use super::{BASE, check_more, check_paying, fine};
use crate::config::describe::describe;
use crate::reactor::settings::{ApprovalCondition, Condition, LeastAllowance};
use crate::types::{Asset, ChainId, Stage, U256};

fn rule(keys: &str) -> String {
    format!("[[rule]]\nname = \"leave\"\nwhen = \"approval\"\nnotify = [\"log\"]\n{keys}\n")
}

fn meant(keys: &str) -> ApprovalCondition {
    let config = fine(&format!("{BASE}{}", rule(keys)));
    match config.settings.rules.last().map(|rule| rule.condition.clone()) {
        Some(Condition::Approval(approval)) => approval,
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_approval_rule_means_every_approval_of_every_watch_unless_it_says_less() {
    let all = meant("");
    assert!(!all.watches.is_empty() && !all.chains.is_empty(), "{all:?}");
    assert_eq!((all.assets, all.at_least, all.revokes, all.skip_suspect), (None, None, false, false));
    assert!(all.trusted.is_empty() && all.trusted_watches.is_empty());
    assert_eq!(all.stages, [Stage::Confirmed].into());
    assert_eq!(meant("at_least = \"unlimited\"").at_least, Some(LeastAllowance::Unlimited));
    let usdc = meant("asset = \"USDC\"\nat_least = \"1000 USDC\"\nrevokes = true\nstages = [\"seen\", \"final\"]");
    let Some(LeastAllowance::Amount(levels)) = &usdc.at_least else { panic!("{usdc:?}") };
    assert!(usdc.revokes && usdc.stages == [Stage::Seen, Stage::Final].into());
    let of_ethereum = |((chain, asset), raw): (&(ChainId, Asset), &U256)| {
        (*chain == ChainId(1) && *asset != Asset::Coin).then_some(*raw)
    };
    assert_eq!(levels.iter().find_map(of_ethereum), Some(U256::from(1_000_000_000)));
    let trusting = meant("unless_spender = [\"0x90F79bf6EB2c4f870365E785982E1f101E93b906\", \"w\"]");
    assert_eq!(trusting.trusted.len(), trusting.chains.len());
    assert_eq!(trusting.trusted_watches, ["w".into()].into());
}

#[test]
fn what_an_approval_rule_cannot_mean_is_refused() {
    for (keys, expected) in [
        ("", &[][..]),
        ("at_least = \"1000\"", &["`at_least` means nothing without an asset…at_least = \"unlimited\""]),
        ("asset = \"USDC\"\nat_least = \"a lot\"", &["`at_least`"]),
        ("asset = \"native\"", &["`asset` names a coin: nobody can be given leave to move that"]),
        ("asset = \"0x6B175474E89094C44Da98b954EedeAC495271d0F\"\nat_least = \"1\"", &["decimals of a contract"]),
        ("asset = \"0x6B175474E89094C44Da98b954EedeAC495271d0F\"\nat_least = \"unlimited\"", &[]),
        ("unless_spender = [\"v\"]", &["no watch and no payee has this name"]),
        ("unless_spender = [\"0x90F79bf6EB2c4f870365E785982E1f101E93b907\"]", &["`unless_spender`: the checksum"]),
        ("direction = \"in\"", &["an approval rule has no key `direction`"]),
        ("history = true", &["an approval rule has no key `history`"]),
        ("stage = \"mined\"", &["there is no such stage"]),
    ] {
        check_more(&rule(keys), expected);
    }
    // A chain that no key covers and that has no node.
    let alone = BASE.replace("rpc = [\"wss://node.example.com\"]", "etherscan = false");
    let said = super::read(&format!("{alone}{}", rule(""))).expect_err("nothing can feed it").to_string();
    let expected = "nothing can read the chain ethereum";
    assert!(said.contains(expected) && said.contains("an `rpc`"), "{said}");
    let transfer = "when = \"transfer\"";
    check_paying(
        transfer,
        "when = \"approval\"",
        &["an approval rule has no key `direction`", "an approval moves nothing that could be paid for"],
    );
}

#[test]
fn a_payee_can_be_trusted_and_check_says_what_a_rule_speaks_of() {
    let payee = "[[payee]]\nname = \"cold\"\nchain = \"ethereum\"\naddress = \"0x90F79bf6EB2c4f870365E785982E1f101E93b906\"\nper_day = \"1\"\n";
    let text = format!("{BASE}{payee}{}", rule("at_least = \"unlimited\"\nunless_spender = \"cold\"\nrevokes = true"));
    let config = fine(&text);
    let said = describe(&config);
    let expected = "to move unlimited amounts of any token, or everything of any contract, unless to 0x90F79bf6EB2c4f870365E785982E1f101E93b906, and when that is taken back, when confirmed";
    assert!(said.contains(expected), "{said}");
}
