//! The settings that scenarios begin with.

use crate::script::{CHAIN, USDC, address, pair};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;
use walletwatch::reactor::addresses::AddressList;
use walletwatch::reactor::settings::{
    Added, Approval, BalanceCondition, BalanceSettings, BetweenOwn, ChainSettings, Condition, Confirmed, Direction,
    KnownToken, Payee, PaymentAmount, PaymentSettings, PriceCondition, PriceSettings, Rule, Settings, Side,
    SinkSettings, SystemSettings, Threshold, TransferCondition, Watch,
};
use walletwatch::types::{Asset, Name, Price, Severity, Stage, U256};

pub const ALL: [Stage; 3] = [Stage::Seen, Stage::Confirmed, Stage::Final];

/// One chain with two endpoints; three confirmations, six are final; A is the treasury, B is hot; one rule for everything.
pub fn base() -> Settings {
    let watch = |name: &str, who: &str| Watch {
        name: name.into(),
        addresses: Arc::new(AddressList::from_iter([address(who)])),
        chains: vec![CHAIN],
        tags: Vec::new(),
        from_block: None,
    };
    let chain = ChainSettings {
        name: "dev".into(),
        id: CHAIN,
        coin: "ETH".into(),
        coin_decimals: 18,
        block_time: Duration::from_secs(1),
        confirmed: Confirmed::Depth(3),
        final_after: 6,
        finalized_tag: false,
        endpoints: vec!["a".into(), "b".into()],
        explorer: None,
        stale_after: Duration::from_hours(1),
        tx_url: None,
    };
    let sink = |name: &str| {
        let name = Name::from(name);
        (name.clone(), SinkSettings { name, min_severity: Severity::Info, types: Vec::new() })
    };
    Settings {
        chains: BTreeMap::from([(CHAIN, chain)]),
        watches: Arc::new(vec![watch("treasury", "A"), watch("hot", "B")]),
        tokens: BTreeMap::from([((CHAIN, USDC), KnownToken { symbol: "USDC".into(), decimals: 6 })]),
        rules: vec![rule(&ALL)],
        sinks: BTreeMap::from([sink("ops"), sink("chat")]),
        payments: Vec::new(),
        payees: BTreeMap::new(),
        live: None,
        system: SystemSettings {
            notify: vec!["ops".into(), "chat".into()],
            disabled: BTreeSet::new(),
            heartbeat: None,
        },
        feeds: BTreeMap::from([("feed".into(), vec![pair()])]),
        prices: PriceSettings::default(),
        values: BTreeMap::new(),
        balances: BalanceSettings::default(),
        simulated: false,
    }
}

/// `treasury` below 100 USDC, back at 150; the explorer `scan` beside the endpoints.
pub fn balance_rule(hold: u64) -> Settings {
    let mut settings = both();
    let threshold = Threshold {
        side: Side::Below,
        level: U256::from(100),
        recovers_at: U256::from(150),
        hold: Duration::from_secs(hold),
        at_most_every: None,
    };
    let condition = BalanceCondition {
        watches: BTreeSet::from(["treasury".into()]),
        added: Added::All,
        thresholds: BTreeMap::from([((CHAIN, Asset::Token(USDC)), threshold)]),
    };
    settings.rules = vec![Rule {
        name: "low".into(),
        severity: Severity::Critical,
        notify: vec!["ops".into()],
        condition: Condition::Balance(condition),
    }];
    settings
}

pub fn rule(stages: &[Stage]) -> Rule {
    let condition = TransferCondition {
        watches: BTreeSet::from(["treasury".into(), "hot".into()]),
        added: Added::All,
        chains: BTreeSet::from([CHAIN]),
        direction: Direction::Both,
        assets: None,
        from: None,
        at_least: None,
        at_least_usd: None,
        stages: stages.iter().copied().collect(),
        between_own: BetweenOwn::Each,
        skip_suspect: false,
        history: false,
    };
    Rule {
        name: "all".into(),
        severity: Severity::Info,
        notify: vec!["ops".into()],
        condition: Condition::Transfer(condition),
    }
}

pub fn with_rule(change: impl FnOnce(&mut TransferCondition)) -> Settings {
    let mut settings = base();
    if let Condition::Transfer(condition) = &mut settings.rules[0].condition {
        change(condition);
    }
    settings
}

pub fn stages(stages: &[Stage]) -> Settings {
    with_rule(|condition| condition.stages = stages.iter().copied().collect())
}

pub fn with_chain(change: impl FnOnce(&mut ChainSettings)) -> Settings {
    let mut settings = base();
    change(settings.chains.get_mut(&CHAIN).expect("it is there"));
    settings
}

/// No endpoint; an overlap of ten minutes is ten blocks.
pub fn explorer_only() -> Settings {
    with_chain(|chain| {
        chain.endpoints.clear();
        chain.explorer = Some("scan".into());
        chain.block_time = Duration::from_mins(1);
    })
}

pub fn both() -> Settings {
    with_chain(|chain| {
        chain.explorer = Some("scan".into());
        chain.block_time = Duration::from_mins(1);
    })
}

pub fn paying(approval: Approval) -> Settings {
    let mut settings = with_rule(|condition| {
        condition.direction = Direction::In;
        condition.watches = BTreeSet::from(["treasury".into()]);
        condition.assets = Some(BTreeSet::from([(CHAIN, Asset::Token(USDC))]));
        condition.at_least = Some(BTreeMap::from([((CHAIN, Asset::Token(USDC)), U256::from(100))]));
        condition.stages = BTreeSet::from([Stage::Final]);
    });
    settings.payments = vec![PaymentSettings {
        rule: "all".into(),
        payee: "payee".into(),
        amount: PaymentAmount::Match { reserve: U256::ZERO },
        stage: Stage::Final,
        per_payment: U256::from(1_000),
        per_day: U256::from(1_500),
        in_total: U256::from(10_000),
        max_per_day: 10,
        approval,
        approval_expires: Duration::from_mins(10),
        max_fee: None,
        live: false,
    }];
    let payee = Payee { name: "payee".into(), chain: CHAIN, address: address("P"), per_day: U256::from(10_000) };
    settings.payees = BTreeMap::from([("payee".into(), payee)]);
    settings
}

pub fn price_rule(hold: u64, every: Option<u64>) -> Settings {
    let price = |text: &str| Price::parse(text).expect("a price");
    let threshold = Threshold {
        side: Side::Below,
        level: price("100"),
        recovers_at: price("105"),
        hold: Duration::from_secs(hold),
        at_most_every: every.map(Duration::from_secs),
    };
    let condition = Condition::Price(PriceCondition { pair: pair(), threshold });
    let rule = Rule { name: "low".into(), severity: Severity::Info, notify: vec!["ops".into()], condition };
    Settings { rules: vec![rule], ..base() }
}
