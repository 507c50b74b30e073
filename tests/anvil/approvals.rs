//! Who may move what: approvals of every form by the node, by the explorer alone and by both, and taken back by a reorg; NFTs.

use super::common::anvil::Anvil;
use super::common::receiver::{Heard, Receiver};
use super::everything::{Party, Sources, party_with};
use super::evm;
use super::explorer::Explorer;
use alloy::primitives::{Address, B256, U256, address, b256};
use serde_json::Value;
use std::collections::BTreeSet;
use std::sync::Arc;

const APPROVAL: B256 = b256!("0x8c5be1e5ebec7d5bd14f71427d1e84f3dd0314c0f7b2291e5b200ac8c7c3b925");
const APPROVAL_FOR_ALL: B256 = b256!("0x17307eab39ab6107e8899845ad3d59bd9653f200f220920489ca2b5937696c31");
pub(crate) const SINGLE: B256 = b256!("0xc3d58168c5ae7397731d063d5bbf3d657854427343f4c083240f7aacaa2d0f62");
pub(crate) const BATCH: B256 = b256!("0x4a39dc06d4c0dbc64b70af90fd698a233a518aa5d07e595d983b8c0526c8f7fb");
/// The table's USDC on Ethereum; here it writes whatever log it is told to.
const USDC: Address = address!("0xA0b86991c6218b36c1d19D4a2e9Eb0cE3606eB48");
/// NFTs that nobody knows.
const APES: Address = address!("0x00000000000000000000000000000000000000a9");
/// A spender that the rule on unlimited approvals trusts.
const ROUTER: Address = address!("0x000000000000000000000000000000000000d0d0");
const SPENDER: Address = address!("0x000000000000000000000000000000000000bad0");

const BY_RPC: Sources = Sources { rpc: true, etherscan: false };
const BY_EXPLORER: Sources = Sources { rpc: false, etherscan: true };
const BY_BOTH: Sources = Sources { rpc: true, etherscan: true };

/// Rules beside the one on transfers.
const RULES: &str = r#"
[[rule]]
name = "any"
when = "approval"
revokes = true
stages = ["seen", "confirmed"]
notify = ["ops"]
[[rule]]
name = "from 1000 on"
when = "approval"
asset = "USDC"
at_least = "1000"
notify = ["ops"]
[[rule]]
name = "unlimited"
when = "approval"
at_least = "unlimited"
unless_spender = ["0x000000000000000000000000000000000000d0d0"]
severity = "critical"
notify = ["ops"]
"#;

/// What a rule is to say of an approval: rule, spender, contract, allowance, raw amount, exact amount, token id.
type Said = (String, Address, Address, String, Option<String>, Option<String>, Option<String>);

fn said(heard: &Heard) -> Said {
    let data = heard.data();
    let text = |key: &str| data[key].as_str().map(str::to_owned);
    let account = |value: &Value| value.as_str().and_then(|text| text.parse().ok()).expect("an address");
    (
        heard.text("rule").to_owned(),
        account(&data["spender"]),
        account(&data["asset"]["contract"]),
        heard.text("allowance").to_owned(),
        text("amount_raw"),
        text("amount"),
        text("token_id"),
    )
}

fn approvals(heard: &[Heard]) -> Vec<&Heard> {
    heard.iter().filter(|heard| heard.kind().starts_with("approval.")).collect()
}

/// What was said when it was confirmed.
fn confirmed(heard: &[Heard]) -> Vec<&Heard> {
    heard.iter().filter(|heard| heard.kind() == "approval.confirmed").collect()
}

async fn start(anvil: &Anvil, explorer: &Explorer, owner: Address, sources: Sources) -> Party {
    party_with(anvil, explorer, owner, sources, |config| config + RULES).await
}

/// One log of a contract, in a block of its own.
async fn write(anvil: &Anvil, by: Address, contract: Address, topics: &[B256], data: &[U256]) -> B256 {
    let tx = anvil.send(by, Some(contract), U256::ZERO, &evm::log(topics, data)).await;
    anvil.mine(1).await;
    assert_eq!(anvil.receipt(tx).await["status"], "0x1");
    tx
}

async fn prepare(anvil: &Anvil) {
    for contract in [USDC, APES] {
        anvil.put_code(contract, &evm::scribe()).await;
    }
    anvil.mine(1).await;
}

/// Every form of approval, and what is to be said of it.
async fn approve_everything(anvil: &Anvil, owner: Address, stranger: Address) -> BTreeSet<Said> {
    let one = U256::from(1);
    let mut expected = BTreeSet::new();
    let mut expect = |rules: &[&str],
                      spender,
                      contract,
                      allowance: &str,
                      raw: Option<&str>,
                      exact: Option<&str>,
                      id: Option<&str>| {
        for rule in rules {
            let own = |text: Option<&str>| text.map(str::to_owned);
            let said = ((*rule).into(), spender, contract, allowance.into(), own(raw), own(exact), own(id));
            assert!(expected.insert(said), "expected twice");
        }
    };
    let erc20 = async |spender: Address, amount: U256| {
        write(anvil, owner, USDC, &[APPROVAL, owner.into_word(), spender.into_word()], &[amount]).await
    };
    erc20(SPENDER, U256::from(999_999_999)).await;
    expect(&["any"], SPENDER, USDC, "amount", Some("999999999"), Some("999.999999"), None);
    erc20(SPENDER, U256::from(1_000_000_000)).await;
    expect(&["any", "from 1000 on"], SPENDER, USDC, "amount", Some("1000000000"), Some("1000"), None);
    let most = U256::MAX.to_string();
    erc20(SPENDER, U256::MAX).await;
    expect(&["any", "from 1000 on", "unlimited"], SPENDER, USDC, "unlimited", Some(&most), None, None);
    erc20(ROUTER, U256::MAX).await;
    expect(&["any", "from 1000 on"], ROUTER, USDC, "unlimited", Some(&most), None, None);
    erc20(SPENDER, U256::ZERO).await;
    expect(&["any"], SPENDER, USDC, "nothing", Some("0"), None, None);
    let id = B256::from(U256::from(7));
    write(anvil, owner, APES, &[APPROVAL, owner.into_word(), SPENDER.into_word(), id], &[]).await;
    expect(&["any"], SPENDER, APES, "one", None, None, Some("7"));
    write(anvil, owner, APES, &[APPROVAL, owner.into_word(), B256::ZERO, id], &[]).await;
    expect(&["any"], Address::ZERO, APES, "nothing", None, None, Some("7"));
    let all = [APPROVAL_FOR_ALL, owner.into_word(), SPENDER.into_word()];
    write(anvil, owner, APES, &all, &[one]).await;
    expect(&["any", "unlimited"], SPENDER, APES, "everything", None, None, None);
    write(anvil, owner, APES, &all, &[U256::ZERO]).await;
    expect(&["any"], SPENDER, APES, "nothing", None, None, None);
    // What others allow is nobody's business, also when the owner is the one who may.
    write(anvil, stranger, USDC, &[APPROVAL, stranger.into_word(), owner.into_word()], &[U256::MAX]).await;
    expected
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_approval_is_told_once_by_node_by_explorer_and_by_both() {
    let Some(anvil) = Anvil::start("anvil: approvals", 1, &[]).await else { return };
    let anvil = Arc::new(anvil);
    let accounts = anvil.accounts().await;
    prepare(&anvil).await;
    let explorer = Explorer::start(Arc::clone(&anvil), &[]).await;
    let mut parties = Vec::new();
    for sources in [BY_RPC, BY_EXPLORER, BY_BOTH] {
        parties.push((sources, start(&anvil, &explorer, accounts[1], sources).await));
    }
    let expected = approve_everything(&anvil, accounts[1], accounts[2]).await;
    anvil.mine(3).await;
    let mut ids = Vec::new();
    for (sources, party) in &parties {
        let enough = |heard: &[Heard]| confirmed(heard).len() >= expected.len();
        let heard = party.receiver.until(enough).await.unwrap_or_else(|heard| {
            let got: Vec<_> = approvals(&heard).into_iter().map(|one| (one.kind().to_owned(), said(one))).collect();
            panic!("{sources:?}: {} of {} in {got:#?}", confirmed(&heard).len(), expected.len())
        });
        let got: Vec<Said> = confirmed(&heard).into_iter().map(said).collect();
        assert_eq!(got.iter().cloned().collect::<BTreeSet<_>>(), expected, "{sources:?}");
        assert_eq!(got.len(), expected.len(), "{sources:?}: something was said twice");
        assert!(heard.iter().all(|heard| !heard.kind().starts_with("transfer.")), "{sources:?}: nothing moved");
        let wrong: Vec<_> = heard.iter().filter(|heard| heard.kind() == "source.disagrees").collect();
        assert!(wrong.is_empty(), "{sources:?}: {wrong:?}");
        let of = |heard: &&Heard| (heard.text("approval_id").to_owned(), heard.text("rule").to_owned());
        ids.push(confirmed(&heard).iter().map(of).collect::<BTreeSet<_>>());
        // They are listed as what they are, and never as transfers.
        let listed = party.monitor.list("/api/v1/approvals").await;
        assert_eq!(listed.len(), 9, "{sources:?}: {listed:#?}");
        assert!(party.monitor.list("/api/v1/transfers").await.is_empty(), "{sources:?}");
        let metrics = party.monitor.text("/metrics").await;
        assert!(
            metrics.contains("walletwatch_approvals_total{chain=\"ethereum\",stage=\"confirmed\",suspect=\"false\"} 9")
        );
    }
    assert_eq!(ids[0], ids[1], "node and explorer give the same names");
    assert_eq!(ids[0], ids[2], "node and both give the same names");
    for (_, party) in parties {
        assert!(party.monitor.stop().await.success());
    }
}

/// What was said of one approval by the rule on all of them, in order.
fn told(heard: &[Heard], tx: B256) -> Vec<String> {
    let of = |heard: &&Heard| heard.text("tx_hash") == tx.to_string() && heard.text("rule") == "any";
    approvals(heard).into_iter().filter(of).map(|heard| heard.kind().to_owned()).collect()
}

async fn until_told(receiver: &Receiver, tx: B256, expected: &[&str]) {
    let enough = |heard: &[Heard]| told(heard, tx).len() >= expected.len();
    let heard = receiver.until(enough).await.unwrap_or_else(|heard| panic!("{:?}", told(&heard, tx)));
    assert_eq!(told(&heard, tx), expected);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reorg_takes_an_approval_back_by_node_and_by_explorer_alone() {
    let Some(anvil) = Anvil::start("anvil: approvals taken back", 1, &[]).await else { return };
    let anvil = Arc::new(anvil);
    let accounts = anvil.accounts().await;
    let owner = accounts[1];
    prepare(&anvil).await;
    let explorer = Explorer::start(Arc::clone(&anvil), &[]).await;
    let mut parties = Vec::new();
    for sources in [BY_RPC, BY_EXPLORER] {
        parties.push(start(&anvil, &explorer, owner, sources).await);
    }
    let approve = async |amount: u64| {
        let topics = [APPROVAL, owner.into_word(), SPENDER.into_word()];
        write(&anvil, owner, USDC, &topics, &[U256::from(amount)]).await
    };
    let stays = approve(1).await;
    anvil.mine(3).await;
    let gone = approve(2).await;
    anvil.mine(1).await;
    for party in &parties {
        until_told(&party.receiver, stays, &["approval.seen", "approval.confirmed"]).await;
        until_told(&party.receiver, gone, &["approval.seen", "approval.confirmed"]).await;
    }
    // Another miner, so that no new block is an old one again.
    anvil.call("anvil_setCoinbase", serde_json::json!([Address::repeat_byte(9).to_string()])).await;
    anvil.reorg(2).await;
    // A row above it lets the explorer's list be judged.
    anvil.mine(1).await;
    let after = approve(3).await;
    anvil.mine(3).await;
    for party in &parties {
        until_told(&party.receiver, after, &["approval.seen", "approval.confirmed"]).await;
        until_told(&party.receiver, gone, &["approval.seen", "approval.confirmed", "approval.retracted"]).await;
        until_told(&party.receiver, stays, &["approval.seen", "approval.confirmed"]).await;
    }
    for party in parties {
        let listed = party.monitor.list("/api/v1/approvals?stage=retracted").await;
        assert_eq!(listed.len(), 1, "{listed:#?}");
        assert!(party.monitor.stop().await.success());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nfts_move_with_their_id_and_exact_quantity_and_each_row_of_a_batch_is_one_transfer() {
    let Some(anvil) = Anvil::start("anvil: NFTs", 1, &[]).await else { return };
    let anvil = Arc::new(anvil);
    let accounts = anvil.accounts().await;
    let (giver, owner) = (accounts[0], accounts[1]);
    prepare(&anvil).await;
    let explorer = Explorer::start(Arc::clone(&anvil), &[]).await;
    let mut parties = Vec::new();
    for sources in [BY_RPC, BY_EXPLORER] {
        parties.push((sources, start(&anvil, &explorer, owner, sources).await));
    }
    let (from, to) = (giver.into_word(), owner.into_word());
    let words = |words: &[u64]| words.iter().map(|word| U256::from(*word)).collect::<Vec<_>>();
    let most = U256::MAX;
    write(&anvil, giver, APES, &[evm::TRANSFER, from, to, B256::from(most)], &[]).await;
    write(&anvil, giver, APES, &[SINGLE, from, from, to], &[U256::from(3), most]).await;
    // Two rows are equal: they are two transfers.
    write(&anvil, giver, APES, &[BATCH, from, from, to], &words(&[64, 192, 3, 5, 6, 5, 3, 10, 20, 10])).await;
    // A batch whose lists do not fit says nothing, and takes nothing with it.
    write(&anvil, giver, APES, &[BATCH, from, from, to], &words(&[64, 192, 3, 5, 6, 5, 2, 10, 20])).await;
    let last = write(&anvil, owner, APES, &[evm::TRANSFER, to, from, B256::from(U256::from(8))], &[]).await;
    anvil.mine(3).await;
    let (most, none) = (most.to_string(), String::new());
    let row = |kind: &str, way: &str, id: &str, amount: &str, nth: u64| {
        (kind.to_owned(), way.to_owned(), id.to_owned(), amount.to_owned(), nth)
    };
    let expected = BTreeSet::from([
        row("erc721", "in", &most, "1", 0),
        row("erc1155", "in", "3", &most, 0),
        row("erc1155", "in", "5", "10", 0),
        row("erc1155", "in", "5", "10", 1),
        row("erc1155", "in", "6", "20", 0),
        row("erc721", "out", "8", "1", 0),
    ]);
    let moved = |heard: &[Heard]| -> Vec<_> {
        let transfers = heard.iter().filter(|heard| heard.kind() == "transfer.confirmed");
        let of = |heard: &Heard| {
            let data = heard.data();
            let id = data["token_id"].as_str().unwrap_or(&none);
            row(
                heard.text("kind"),
                heard.text("direction"),
                id,
                heard.text("amount_raw"),
                data["nth"].as_u64().unwrap_or(99),
            )
        };
        transfers.map(of).collect()
    };
    let mut names = Vec::new();
    for (sources, party) in &parties {
        let heard = party.receiver.until(|heard| moved(heard).len() >= expected.len()).await;
        let heard = heard.unwrap_or_else(|heard| panic!("{sources:?}: {:#?}", moved(&heard)));
        assert_eq!(moved(&heard).into_iter().collect::<BTreeSet<_>>(), expected, "{sources:?}");
        assert_eq!(moved(&heard).len(), expected.len(), "{sources:?}: something was said twice");
        names.push(heard.iter().map(|heard| heard.text("transfer_id").to_owned()).collect::<BTreeSet<_>>());
        assert_eq!(names[0].len(), expected.len(), "each has a name of its own");
    }
    assert_eq!(names[0], names[1], "node and explorer give the same names");
    // A reorg takes the last one back. A row above it lets the explorer's list be judged.
    anvil.call("anvil_setCoinbase", serde_json::json!([Address::repeat_byte(9).to_string()])).await;
    anvil.reorg(4).await;
    anvil.mine(1).await;
    write(&anvil, giver, APES, &[evm::TRANSFER, from, to, B256::from(U256::from(9))], &[]).await;
    anvil.mine(3).await;
    let back = |heard: &[Heard]| -> Vec<String> {
        let back = heard.iter().filter(|heard| heard.kind() == "transfer.retracted");
        back.map(|heard| heard.text("tx_hash").to_owned()).collect()
    };
    for (sources, party) in parties {
        let heard = party.receiver.until(|heard| !back(heard).is_empty() && moved(heard).len() > expected.len()).await;
        let heard = heard.unwrap_or_else(|heard| panic!("{sources:?}: {:#?} {:?}", moved(&heard), back(&heard)));
        assert_eq!(back(&heard), [last.to_string()], "{sources:?}");
        assert!(party.monitor.stop().await.success());
    }
}
