//! What holds of every simulated chain, whatever is mined and taken off.

use super::*;
use proptest::prelude::*;

const TOKEN: Address = Address::repeat_byte(0x77);

fn account(n: u8) -> Address {
    Address::repeat_byte(n)
}

fn genesis(seed: u64) -> Genesis {
    let token = Token { contract: TOKEN, symbol: "SIM".into(), name: "Simulated".into(), decimals: Some(6) };
    Genesis {
        id: ChainId(31_337),
        seed,
        at: Timestamp::from_secs(1_000),
        base_fee: U256::from(8_000_000_000_u64),
        safe_after: 4,
        final_after: 8,
        coin: (1..=3).map(|n| (account(n), U256::from(10).pow(U256::from(20)))).collect(),
        tokens: vec![(token, BTreeMap::from([(account(1), U256::from(1_000))]))],
    }
}

fn pay(from: u8, to: u8, value: u64) -> Action {
    Action::Pay { from: account(from), to: account(to), value: U256::from(value) }
}

fn plan(actions: Vec<Action>) -> Plan {
    Plan { actions, ..Plan::default() }
}

/// All coin there is or was.
fn all_coin(chain: &Chain) -> U256 {
    let ledger = chain.ledger(chain.head().at.hash).expect("the head's state is kept");
    ledger.coin.values().fold(ledger.burned, |sum, coin| sum + *coin)
}

fn check_links(chain: &Chain) {
    for number in 1..=chain.height() {
        let (block, parent) = (chain.at(number).expect("it stands"), chain.at(number - 1).expect("it stands"));
        assert_eq!((block.at.number, block.at.parent), (number, parent.at.hash));
        assert!(block.time >= parent.time);
        assert_eq!(block.base_fee, next_base_fee(parent.base_fee, parent.gas_used, GAS_LIMIT));
        let indices: Vec<u64> = block.txs.iter().flat_map(|tx| &tx.logs).map(|log| log.index).collect();
        assert_eq!(indices, (0..indices.len() as u64).collect::<Vec<_>>());
    }
}

#[derive(Debug, Clone)]
enum Step {
    Mine(Vec<Action>, u8),
    Reorg(u64, u64, u64, bool),
}

fn any_action() -> impl Strategy<Value = Action> {
    let who = 1..4_u8;
    (0..9_u8, who.clone(), who, 0..2_000_u64).prop_map(|(kind, from, to, amount)| {
        let (from, to, value, by) = (account(from), account(to), U256::from(amount), account(from));
        let (contract, token, amount) = (account(9), TOKEN, value);
        match kind {
            0 => Action::PayInVain { from, to, value },
            1 => Action::Send { token, from, to, amount },
            2 => Action::SendTwice { token, from, to, amount },
            3 => Action::Forge { token, by, from: to, to: from, amount: U256::ZERO },
            4 => Action::Through { from, contract, to, value, fails: Fails::Nothing },
            5 => Action::Through { from, contract, to, value, fails: Fails::Inner },
            6 => Action::Through { from, contract, to, value, fails: Fails::Whole },
            7 => Action::Create { from, value },
            _ => Action::Pay { from, to, value },
        }
    })
}

fn any_step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (prop::collection::vec(any_action(), 0..4), 0..=100_u8).prop_map(|(actions, full)| Step::Mine(actions, full)),
        1 => (1..6_u64, 0..7_u64, 0..3_u64, any::<bool>()).prop_map(|(depth, blocks, later, drop)| Step::Reorg(depth, blocks, later, drop)),
    ]
}

fn run(steps: &[Step]) -> Chain {
    let mut chain = Chain::new(genesis(7));
    for (nth, step) in steps.iter().enumerate() {
        let at = Timestamp::from_secs(1_001 + nth as u64);
        match step {
            Step::Mine(actions, fullness) => {
                chain.mine(at, &Plan { actions: actions.clone(), fullness: *fullness, again: vec![] });
            }
            Step::Reorg(depth, blocks, later, drop) => {
                let first = (chain.height() + 1).saturating_sub(*depth);
                let ancestors: Vec<B256> =
                    (0..first).map(|number| chain.at(number).expect("it stands").at.hash).collect();
                let old = chain.head().at;
                let all = chain.head().txs.iter().map(|tx| tx.tx.hash);
                let dropped = if *drop { all.collect() } else { BTreeSet::new() };
                let reorg = Reorg { depth: *depth, blocks: *blocks, dropped, later: *later, ..Reorg::default() };
                let Ok(new) = chain.reorg(at, &reorg) else { continue };
                for (number, hash) in ancestors.iter().enumerate() {
                    assert_eq!(chain.at(number as u64).map(|block| block.at.hash), Some(*hash));
                }
                assert_eq!(chain.since(old.hash, chain.height()), new);
                assert_eq!(chain.height(), first + blocks - 1);
                assert!(chain.block(old.hash).is_some() && !chain.has(old));
                assert!(reorg.dropped.iter().all(|tx| chain.mined(*tx).is_none()));
            }
        }
    }
    chain
}

proptest! {
    #[test]
    fn blocks_stay_linked_coin_is_only_moved_or_burned_and_a_seed_is_a_chain(steps in prop::collection::vec(any_step(), 1..30)) {
        let chain = run(&steps);
        check_links(&chain);
        prop_assert_eq!(all_coin(&chain), all_coin(&Chain::new(genesis(7))));
        prop_assert_eq!(&run(&steps).canonical, &chain.canonical);
        let stands: BTreeSet<B256> = (0..=chain.height())
            .flat_map(|number| chain.at(number).expect("it stands").txs.iter().map(|tx| tx.tx.hash))
            .collect();
        prop_assert_eq!(chain.places.keys().copied().collect::<BTreeSet<_>>(), stands);
        for (tx, block) in &chain.places {
            prop_assert_eq!(chain.mined(*tx).map(|(found, _)| found.at.hash), Some(*block));
        }
    }
}

#[test]
fn another_seed_is_another_chain() {
    assert_ne!(Chain::new(genesis(1)).head().at.hash, Chain::new(genesis(2)).head().at.hash);
}

#[test]
fn what_a_reorg_drops_is_gone_until_it_is_mined_again_under_its_own_hash() {
    let mut chain = Chain::new(genesis(3));
    let at = Timestamp::from_secs(2_000);
    let first = chain.mine(at, &plan(vec![pay(1, 2, 5), pay(1, 3, 7)]));
    chain.mine(at, &plan(vec![]));
    let [dropped, kept] = [0, 1].map(|nth: usize| first.txs[nth].tx.hash);
    let reorg = Reorg { depth: 2, blocks: 3, dropped: [dropped].into(), later: 1, ..Reorg::default() };
    let new = chain.reorg(at, &reorg).expect("nothing is final yet");
    assert_eq!(chain.mined(kept).map(|(block, _)| block.at), Some(new[1].at), "one block later than before");
    assert_eq!(chain.mined(dropped), None);
    let again = chain.mine(at, &Plan { again: vec![dropped, kept], ..Plan::default() });
    assert_eq!(again.txs.iter().map(|tx| tx.tx.hash).collect::<Vec<_>>(), [dropped], "what stands is not mined twice");
}

#[test]
fn what_is_final_is_not_taken_back() {
    let mut chain = Chain::new(genesis(3));
    for _ in 0..10 {
        chain.mine(Timestamp::from_secs(2_000), &Plan::default());
    }
    let reorg = |depth| Reorg { depth, blocks: 1, ..Reorg::default() };
    let at = Timestamp::from_secs(3_000);
    assert_eq!((chain.finalized(10), chain.safe(10)), (2, 6));
    assert!(matches!(chain.reorg(at, &reorg(9)), Err(WorldFault::TooDeep { depth: 9, head: 10, lowest: 3 })));
    assert!(matches!(chain.reorg(at, &reorg(0)), Err(WorldFault::NoReorg)));
    assert_eq!(chain.height(), 10);
    assert_eq!(chain.reorg(at, &reorg(8)).map(|new| new.len()).ok(), Some(1));
    assert_eq!((chain.height(), chain.finalized(3)), (3, 2), "final stays where it was on a shorter chain");
}

#[test]
fn each_action_moves_what_it_says_and_failures_move_nothing() {
    let (from, to, contract, token) = (account(1), account(8), account(9), TOKEN);
    let value = U256::from(10);
    let check = |action: Action, succeeds: bool, got: u64, kept: u64, tokens: u64, logs: usize| {
        let mut chain = Chain::new(genesis(5));
        let block = chain.mine(Timestamp::from_secs(2_000), &plan(vec![action.clone()]));
        let (done, ledger) = (&block.txs[0], chain.ledger(block.at.hash).expect("it is new"));
        let coin = |who: Address| ledger.coin.get(&who).copied().unwrap_or_default();
        let held = ledger.tokens.get(&(token, to)).copied().unwrap_or_default();
        assert_eq!((done.succeeded, done.logs.len()), (succeeds, logs), "{action:?}");
        assert_eq!(done.root.failed, !succeeds);
        let created = done.created.map(coin).unwrap_or_default();
        assert_eq!(
            (coin(to) + created, coin(contract), held),
            (U256::from(got), U256::from(kept), U256::from(tokens)),
            "{action:?}"
        );
    };
    let through = |fails| Action::Through { from, contract, to, value, fails };
    check(Action::Pay { from, to, value }, true, 10, 0, 0, 0);
    check(Action::PayInVain { from, to, value }, false, 0, 0, 0, 0);
    check(Action::Pay { from: account(8), to: from, value }, false, 0, 0, 0, 0);
    check(Action::Send { token, from, to, amount: value }, true, 0, 0, 10, 1);
    check(Action::Send { token, from, to, amount: U256::from(1_001) }, false, 0, 0, 0, 0);
    check(Action::SendTwice { token, from, to, amount: value }, true, 0, 0, 20, 2);
    check(Action::Forge { token, by: from, from: to, to: from, amount: U256::ZERO }, true, 0, 0, 0, 1);
    check(through(Fails::Nothing), true, 10, 0, 0, 0);
    check(through(Fails::Inner), true, 0, 10, 0, 0);
    check(through(Fails::Whole), false, 0, 0, 0, 0);
    check(Action::Create { from, value }, true, 10, 0, 0, 0);
}
