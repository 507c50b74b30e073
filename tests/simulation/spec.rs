//! What a simulation is set to: the same facts for the reactor's settings and, in its own words, for the checker.

use crate::chain::Cast;
use fastrand::Rng;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;
use walletwatch::reactor::settings::{
    Added, Approval, ApprovalCondition, BalanceCondition, BalanceSettings, BetweenOwn, ChainSettings, Condition,
    Confirmed, Direction, GasCondition, KnownToken, Payee, PaymentAmount, PaymentSettings, PriceCondition,
    PriceSettings, Rule, Settings, Side, SinkSettings, SystemSettings, Threshold, TransferCondition, Watch,
};
use walletwatch::types::gas::Fee;
use walletwatch::types::{Address, Asset, ChainId, Kind, Name, Pair, Price, Severity, Stage, U256};

/// One chain's character.
#[derive(Debug, Clone)]
pub struct ChainSpec {
    pub id: ChainId,
    pub endpoints: usize,
    /// Whether each endpoint traces; those that do not leave internal movements to the explorer.
    pub traces: Vec<bool>,
    pub explorer: bool,
    pub tags: bool,
    pub confirmed: u64,
    pub final_after: u64,
    pub block_time: Duration,
    /// Blocks with transactions that lie before the watch.
    pub past: u64,
    /// Its endpoints show only what concerns the watch list: they give no receipts of whole blocks.
    pub chooses: bool,
}

impl ChainSpec {
    fn draw(id: ChainId, rng: &mut Rng) -> Self {
        let (endpoints, explorer) = match rng.u8(0..6) {
            0..3 => (rng.usize(1..4), false),
            3 => (0, true),
            _ => (rng.usize(1..3), true),
        };
        // All or none: where only some trace, what an explorer reports later than ten minutes of blocks without traces is not told.
        let traces = vec![rng.bool(); endpoints];
        Self {
            id,
            endpoints,
            traces,
            explorer,
            tags: endpoints > 0 && rng.bool(),
            confirmed: rng.u64(1..8),
            final_after: rng.u64(16..24),
            block_time: Duration::from_secs(rng.u64(1..13)),
            past: 0,
            chooses: false,
        }
    }

    /// What can be seen on it by some source at any time.
    pub fn kinds(&self) -> Vec<Kind> {
        let mut kinds = vec![Kind::Coin, Kind::Token, Kind::Approval];
        if self.explorer || self.traces.iter().all(|traces| *traces) {
            kinds.push(Kind::Internal);
        }
        kinds
    }
}

/// A transfer rule in the checker's words.
#[derive(Debug, Clone, Copy)]
pub struct RuleSpec {
    pub name: &'static str,
    pub watches: &'static [&'static str],
    pub direction: Direction,
    pub usdc_at_least: Option<u64>,
    pub between_own: BetweenOwn,
    pub stages: &'static [Stage],
    pub sinks: &'static [&'static str],
    /// Whether it speaks of what lies before the watch.
    pub history: bool,
    /// Whether it looks at watches that come and go.
    pub late: bool,
}

pub const SINKS: [&str; 3] = ["ops", "log", "chat"];

pub const RULES: [RuleSpec; 3] = [
    RuleSpec {
        name: "everything",
        watches: &["treasury", "hot", "cold"],
        direction: Direction::Both,
        usdc_at_least: None,
        between_own: BetweenOwn::Each,
        stages: &[Stage::Seen, Stage::Confirmed, Stage::Final],
        sinks: &["ops", "log"],
        history: false,
        late: true,
    },
    RuleSpec {
        name: "usdc in",
        watches: &["treasury"],
        direction: Direction::In,
        usdc_at_least: Some(1_000),
        between_own: BetweenOwn::Once,
        stages: &[Stage::Confirmed],
        sinks: &["ops"],
        history: false,
        late: false,
    },
    RuleSpec {
        name: "out",
        watches: &["hot", "cold"],
        direction: Direction::Out,
        usdc_at_least: None,
        between_own: BetweenOwn::Skip,
        stages: &[Stage::Seen, Stage::Final],
        sinks: &["chat"],
        history: false,
        late: false,
    },
];

/// What is said of the past, in worlds that have one.
const PAST: RuleSpec = RuleSpec {
    name: "past",
    watches: &["hot", "cold"],
    direction: Direction::Both,
    usdc_at_least: None,
    between_own: BetweenOwn::Each,
    stages: &[Stage::Seen, Stage::Confirmed, Stage::Final],
    sinks: &["log"],
    history: true,
    late: true,
};

/// The watch whose history is read.
pub const OLD_WATCH: &str = "cold";

/// Everything that a seed sets.
#[derive(Debug, Clone)]
pub struct Spec {
    pub chains: Vec<ChainSpec>,
    pub cast: Cast,
}

impl Spec {
    pub fn draw(rng: &mut Rng) -> Self {
        let chains = (0..rng.u64(1..3)).map(|place| ChainSpec::draw(ChainId(100 + place), rng)).collect();
        Self { chains, cast: Cast::new() }
    }

    /// Gives some worlds a past; the draws of all others stay what they were.
    pub fn with_past(mut self, rng: &mut Rng) -> Self {
        for chain in &mut self.chains {
            // Where lists are long, simulated explorers are slow.
            let short = !chain.explorer || chain_settings(chain).overlap() <= 150;
            chain.past = if short && rng.u8(0..3) == 0 { rng.u64(1..60) } else { 0 };
        }
        self
    }

    /// Gives some worlds watches that come and go, and endpoints that choose what they show by the watch list.
    pub fn with_late(mut self, rng: &mut Rng) -> Self {
        if rng.u8(0..3) == 0 {
            let address = Address::repeat_byte;
            self.cast.late = vec![("late", vec![address(0xd1), address(0xd2)]), ("later", vec![address(0xe1)])];
            self.chains.iter_mut().for_each(|chain| chain.chooses = rng.bool());
        }
        self
    }

    /// Whether it has a past.
    pub fn has_past(&self) -> bool {
        self.chains.iter().any(|chain| chain.past > 0)
    }

    /// Empty blocks between a chain's past and the beginning: nobody has to guess what is history.
    pub fn still(chain: &ChainSpec) -> u64 {
        chain_settings(chain).overlap().max(60) + 10
    }

    pub fn rules(&self) -> Vec<RuleSpec> {
        let past = self.has_past().then_some(PAST);
        RULES.into_iter().chain(past).collect()
    }

    pub fn settings(&self) -> Settings {
        let ids: Vec<ChainId> = self.chains.iter().map(|chain| chain.id).collect();
        let watches = self.cast.watches.iter().map(|(name, addresses)| Watch {
            name: (*name).into(),
            addresses: Arc::new(addresses.iter().copied().collect()),
            chains: ids.clone(),
            tags: Vec::new(),
            from_block: (*name == OLD_WATCH && self.chains.iter().any(|chain| chain.past > 0))
                .then_some(crate::chain::BASE + 1),
        });
        let tokens = ids.iter().map(|id| ((*id, self.cast.usdc), KnownToken { symbol: "USDC".into(), decimals: 6 }));
        let mut rules: Vec<Rule> = self.rules().iter().map(|rule| self.transfer_rule(rule, &ids)).collect();
        rules.push(approval_rule(&ids));
        rules.push(price_rule());
        rules.push(gas_rule(ids[0]));
        rules.extend(BALANCE_RULES.map(|(name, hold)| self.balance_rule(name, hold, &ids)));
        Settings {
            chains: self.chains.iter().map(|chain| (chain.id, chain_settings(chain))).collect(),
            watches: Arc::new(watches.collect()),
            tokens: tokens.collect(),
            rules,
            sinks: SINKS.iter().map(|name| (Name::from(*name), sink(name))).collect(),
            payments: vec![payment()],
            payees: BTreeMap::from([(Name::from("payee"), payee(ids[0]))]),
            live: None,
            system: SystemSettings {
                notify: vec!["ops".into(), "chat".into()],
                disabled: BTreeSet::new(),
                heartbeat: None,
            },
            feeds: BTreeMap::from([(Name::from("feed"), vec![pair()])]),
            prices: PriceSettings::default(),
            values: BTreeMap::from([((ids[0], Asset::Coin), pair())]),
            balances: BalanceSettings {
                shown: ids.iter().map(|id| (*id, Asset::Coin)).collect(),
                most: 6,
                rebasing: BTreeSet::new(),
            },
            simulated: true,
        }
    }

    /// Which of the watches that come and go a rule looks at: in worlds that have any.
    fn added(&self, late: bool) -> Added {
        if late && !self.cast.late.is_empty() { Added::All } else { Added::Tagged(BTreeSet::new()) }
    }

    fn transfer_rule(&self, rule: &RuleSpec, ids: &[ChainId]) -> Rule {
        let usdc = |id: &ChainId| (*id, Asset::Token(self.cast.usdc));
        let condition = TransferCondition {
            watches: rule.watches.iter().map(|name| Name::from(*name)).collect(),
            added: self.added(rule.late),
            chains: ids.iter().copied().collect(),
            direction: rule.direction,
            from: None,
            assets: rule.usdc_at_least.map(|_| ids.iter().map(usdc).collect()),
            at_least: rule.usdc_at_least.map(|level| ids.iter().map(|id| (usdc(id), U256::from(level))).collect()),
            at_least_usd: None,
            stages: rule.stages.iter().copied().collect(),
            between_own: rule.between_own,
            skip_suspect: false,
            history: rule.history,
        };
        let notify = rule.sinks.iter().map(|name| Name::from(*name)).collect();
        Rule { name: rule.name.into(), severity: Severity::Info, notify, condition: Condition::Transfer(condition) }
    }
}

/// The rule on approvals: all that any watch gives or takes back, of the known token or another.
pub const APPROVALS: (&str, &str, [Stage; 3]) = ("approvals", "ops", [Stage::Seen, Stage::Confirmed, Stage::Final]);

fn approval_rule(ids: &[ChainId]) -> Rule {
    let (name, sink, stages) = APPROVALS;
    let condition = ApprovalCondition {
        watches: ["treasury", "hot", "cold"].map(Name::from).into(),
        added: Added::Tagged(BTreeSet::new()),
        chains: ids.iter().copied().collect(),
        assets: None,
        at_least: None,
        trusted: BTreeSet::new(),
        trusted_watches: BTreeSet::new(),
        revokes: true,
        stages: stages.into(),
        skip_suspect: false,
    };
    let condition = Condition::Approval(condition);
    Rule { name: name.into(), severity: Severity::Warning, notify: vec![sink.into()], condition }
}

/// The rules on balances, and how many seconds each has to hold.
pub const BALANCE_RULES: [(&str, u64); 2] = [("low", 0), ("low for long", 30)];
/// The watches that they look at, and the one sink that is told.
pub const LOW: [&str; 2] = ["treasury", "hot"];
/// Below this they cross …
pub const LEVEL: u64 = 9_000;
/// … and there they recover.
pub const BACK: u64 = 12_000;

impl Spec {
    fn balance_rule(&self, name: &str, hold: u64, ids: &[ChainId]) -> Rule {
        let threshold = Threshold {
            side: Side::Below,
            level: U256::from(LEVEL),
            recovers_at: U256::from(BACK),
            hold: Duration::from_secs(hold),
            at_most_every: None,
        };
        let assets = [Asset::Coin, Asset::Token(self.cast.usdc)];
        let thresholds = ids.iter().flat_map(|id| assets.map(|asset| ((*id, asset), threshold)));
        let watches = LOW.iter().map(|name| Name::from(*name)).collect();
        let condition =
            Condition::Balance(BalanceCondition { watches, added: self.added(true), thresholds: thresholds.collect() });
        Rule { name: name.into(), severity: Severity::Critical, notify: vec!["chat".into()], condition }
    }
}

fn chain_settings(chain: &ChainSpec) -> ChainSettings {
    ChainSettings {
        name: format!("chain{}", chain.id).into(),
        id: chain.id,
        coin: "ETH".into(),
        coin_decimals: 18,
        block_time: chain.block_time,
        confirmed: Confirmed::Depth(chain.confirmed),
        final_after: chain.final_after,
        finalized_tag: chain.tags,
        endpoints: (0..chain.endpoints).map(endpoint_name).collect(),
        explorer: chain.explorer.then(|| "explorer".into()),
        stale_after: Duration::from_mins(3),
        tx_url: None,
    }
}

pub fn endpoint_name(place: usize) -> Name {
    format!("node{place}").into()
}

pub fn pair() -> Pair {
    Pair::parse("ETH-USD").expect("it is a pair")
}

pub fn price(value: u64) -> Price {
    Price::parse(&value.to_string()).expect("it is above zero")
}

fn price_rule() -> Rule {
    let threshold = Threshold {
        side: Side::Below,
        level: price(100),
        recovers_at: price(105),
        hold: Duration::from_secs(20),
        at_most_every: None,
    };
    let condition = Condition::Price(PriceCondition { pair: pair(), threshold });
    Rule { name: "price".into(), severity: Severity::Warning, notify: vec!["ops".into()], condition }
}

fn gas_rule(chain: ChainId) -> Rule {
    let threshold = Threshold {
        side: Side::Above,
        level: U256::from(80),
        recovers_at: U256::from(40),
        hold: Duration::ZERO,
        at_most_every: Some(Duration::from_mins(2)),
    };
    let condition = Condition::Gas(GasCondition { chain, threshold, of: Fee::Base });
    Rule { name: "gas".into(), severity: Severity::Warning, notify: vec!["chat".into()], condition }
}

fn sink(name: &str) -> SinkSettings {
    SinkSettings { name: name.into(), min_severity: Severity::Info, types: Vec::new() }
}

fn payment() -> PaymentSettings {
    PaymentSettings {
        rule: "usdc in".into(),
        payee: "payee".into(),
        amount: PaymentAmount::Match { reserve: U256::ZERO },
        stage: Stage::Final,
        per_payment: U256::from(10_000),
        per_day: U256::from(100_000),
        in_total: U256::from(1_000_000),
        max_per_day: 1_000,
        approval: Approval::None,
        approval_expires: Duration::from_hours(24),
        max_fee: None,
        live: false,
    }
}

fn payee(chain: ChainId) -> Payee {
    Payee { name: "payee".into(), chain, address: Address::repeat_byte(0x99), per_day: U256::from(100_000) }
}
