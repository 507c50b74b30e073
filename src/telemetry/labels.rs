//! The words that stand for ids outside: names of chains, symbols and decimals of known assets, and which series a config has.
//!
//! All of it is from the config; nothing that a chain said is here.

use crate::reactor::event::{SourceId, SourceKind};
use crate::reactor::settings::{Condition, KnownToken, Rule, Settings, Watch};
use crate::types::{Address, Asset, ChainId, Name, Pair, Severity};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

/// What a chain is called outside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChainLabel {
    /// Its name in the config.
    pub name: Name,
    /// Symbol of the coin.
    pub coin: Name,
    /// Decimals of the coin.
    pub decimals: u8,
    /// No new block for this long is blindness.
    pub stale_after: Duration,
    /// Text before a transaction's hash in a link.
    pub tx_url: Option<Name>,
    /// With so many confirmations a transfer is final; `None` where a tag of the chain says it.
    pub final_after: Option<u64>,
}

/// The words of one config in force.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Labels {
    /// Chains.
    pub chains: BTreeMap<ChainId, ChainLabel>,
    /// Tokens that are known by contract.
    pub tokens: BTreeMap<(ChainId, Address), KnownToken>,
    /// The watch list.
    pub watches: Arc<Vec<Watch>>,
    /// Every source.
    pub sources: Vec<SourceId>,
    /// Every sink.
    pub sinks: Vec<Name>,
    /// Every rule with its severity and, where it is about chains, which.
    pub rules: Vec<(Name, Severity, Vec<ChainId>)>,
    /// The pair that values an asset.
    pub values: BTreeMap<(ChainId, Asset), Pair>,
    /// Every price that is taken: the pair and its feed.
    pub prices: Vec<(Pair, Name)>,
    /// What rules look at, by their names.
    pub conditions: Vec<(Name, Condition)>,
    /// Rules that pay, each with how long one of its payments waits for a person before it is refused.
    pub paying: Vec<(Name, Duration)>,
}

impl Labels {
    /// The words of these settings.
    #[must_use]
    pub fn of(settings: &Settings) -> Self {
        let chains = settings.chains.iter().map(|(id, chain)| {
            let label = ChainLabel {
                name: chain.name.clone(),
                coin: chain.coin.clone(),
                decimals: chain.coin_decimals,
                stale_after: chain.stale_after,
                tx_url: chain.tx_url.clone(),
                final_after: (!chain.finalized_tag).then_some(chain.final_after),
            };
            (*id, label)
        });
        let prices =
            settings.feeds.iter().flat_map(|(feed, pairs)| pairs.iter().map(|pair| (pair.clone(), feed.clone())));
        Self {
            chains: chains.collect(),
            tokens: settings.tokens.clone(),
            watches: Arc::clone(&settings.watches),
            sources: sources(settings),
            sinks: settings.sinks.keys().cloned().collect(),
            rules: settings.rules.iter().map(|rule| (rule.name.clone(), rule.severity, rule_chains(rule))).collect(),
            values: settings.values.clone(),
            prices: prices.collect(),
            conditions: settings.rules.iter().map(|rule| (rule.name.clone(), rule.condition.clone())).collect(),
            paying: settings.payments.iter().map(|payment| (payment.rule.clone(), payment.approval_expires)).collect(),
        }
    }

    /// The chain's name; its id where the config has no such chain any more.
    #[must_use]
    pub fn chain(&self, id: ChainId) -> Name {
        self.chains.get(&id).map_or_else(|| Name::from(id.to_string()), |chain| chain.name.clone())
    }

    /// The rules that look at a watch, each with what of it: nothing else speaks of one.
    pub fn looking_at<'a>(
        &'a self,
        watch: &'a Watch,
        of_config: bool,
    ) -> impl Iterator<Item = (&'a Name, &'static str)> {
        let looks = self.conditions.iter().filter(move |(_, condition)| condition.looks_at(watch, of_config));
        looks.map(|(name, condition)| {
            let what = match condition {
                Condition::Transfer(_) => "transfers",
                Condition::Approval(_) => "approvals",
                Condition::Balance(_) => "balances",
                // Their conditions look at no watch.
                Condition::Price(_) | Condition::Change(_) | Condition::Gas(_) => "prices",
            };
            (name, what)
        })
    }

    /// How long a payment of this rule waits for a person before it is refused.
    #[must_use]
    pub fn waits(&self, rule: &Name) -> Option<Duration> {
        self.paying.iter().find(|(paying, _)| paying == rule).map(|(_, waits)| *waits)
    }

    /// The chain with this name.
    #[must_use]
    pub fn chain_named(&self, name: &str) -> Option<ChainId> {
        self.chains.iter().find(|(_, chain)| chain.name.as_str() == name).map(|(id, _)| *id)
    }

    /// Every address of the watch with this name.
    #[must_use]
    pub fn addresses(&self, watch: &str) -> Option<BTreeSet<Address>> {
        let watch = self.watches.iter().find(|one| one.name.as_str() == watch)?;
        Some(watch.addresses.addresses().copied().collect())
    }

    /// Symbol and decimals of an asset that the table or the config names.
    #[must_use]
    pub fn asset(&self, chain: ChainId, asset: Asset) -> Option<(&Name, u8)> {
        match asset {
            Asset::Coin => self.chains.get(&chain).map(|chain| (&chain.coin, chain.decimals)),
            Asset::Token(contract) => self.tokens.get(&(chain, contract)).map(|token| (&token.symbol, token.decimals)),
        }
    }
}

fn sources(settings: &Settings) -> Vec<SourceId> {
    let of_chain = |kind, chain, name: &Name| SourceId { kind, chain: Some(chain), name: name.clone() };
    let on_chains = settings.chains.values().flat_map(|chain| {
        let endpoints = chain.endpoints.iter().map(move |name| of_chain(SourceKind::Rpc, chain.id, name));
        endpoints.chain(chain.explorer.iter().map(move |name| of_chain(SourceKind::Explorer, chain.id, name)))
    });
    let feeds = settings.feeds.keys().map(|name| SourceId { kind: SourceKind::Feed, chain: None, name: name.clone() });
    on_chains.chain(feeds).collect()
}

fn rule_chains(rule: &Rule) -> Vec<ChainId> {
    match &rule.condition {
        Condition::Transfer(condition) => condition.chains.iter().copied().collect(),
        Condition::Approval(condition) => condition.chains.iter().copied().collect(),
        Condition::Gas(condition) => vec![condition.chain],
        Condition::Price(_) | Condition::Change(_) => Vec::new(),
        Condition::Balance(condition) => {
            let chains: BTreeSet<ChainId> = condition.thresholds.keys().map(|(chain, _)| *chain).collect();
            chains.into_iter().collect()
        }
    }
}
