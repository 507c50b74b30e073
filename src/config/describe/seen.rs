//! Who learns which addresses, and what nobody sees, in words.

use super::{Lines, chain_name, list};
use crate::config::checked::{Config, EmailConfig, EndpointConfig, SinkKind};
use crate::config::forecast::{forecasts, lists_of};
use crate::reactor::balances::Balances;
use crate::reactor::event::List;
use crate::reactor::lists::Lists;
use crate::reactor::settings::{ChainSettings, Watch};
use crate::types::{Address, ChainId, Name};
use std::collections::BTreeSet;

pub(super) fn learns(text: &mut Lines, config: &Config) {
    text.head("who learns which addresses");
    for forecast in forecasts(config) {
        let addresses: u64 = forecast.chains.values().map(|on| on.addresses).sum();
        let source = &forecast.source;
        text.line(format_args!("{source}: every watched address on the chains that it covers ({addresses})"));
    }
    let mut balances = Balances::default();
    balances.configure(&config.settings, &[], &mut Vec::new());
    for endpoint in &config.endpoints {
        let (chain, asked) = (chain_name(config, endpoint.chain), asked_of(config, endpoint, &mut balances));
        text.line(format_args!("rpc {} on {chain} ({}): {asked}", endpoint.name, endpoint.operator));
    }
    for sink in &config.sinks {
        text.line(format_args!("sink {}: {}", sink.name, told(&sink.kind)));
    }
}

/// What the questions to an endpoint give away. Blocks are read whole: by them alone it learns nothing.
fn asked_of(config: &Config, endpoint: &EndpointConfig, balances: &mut Balances) -> String {
    let id = endpoint.chain;
    let held: BTreeSet<Address> = balances.wants(id).iter().map(|want| want.address).collect();
    let past = |watch: &&Watch| {
        watch.chains.contains(&id) && watch.addresses.iter().any(|it| watch.from_block_of(&it).is_some())
    };
    let by_lists = config.settings.chains.get(&id).is_some_and(|chain| chain.explorer.is_some());
    let histories: Vec<&Name> =
        config.settings.watches.iter().filter(past).filter(|_| !by_lists).map(|watch| &watch.name).collect();
    let mut parts = Vec::new();
    if !held.is_empty() {
        parts.push(format!(
            "addresses whose balances are read ({}; none with `[http] max_balances = 0` and no balance rule)",
            held.len()
        ));
    }
    if !histories.is_empty() {
        parts.push(format!("those whose history is read ({})", list(histories)));
    }
    parts.push("which transactions are asked for again".to_owned());
    let lead = if held.is_empty() && parts.len() == 1 { "no list; it sees " } else { "" };
    format!("{lead}{}", parts.join(", "))
}

fn told(sink: &SinkKind) -> String {
    match sink {
        SinkKind::Log => "the log on this machine: addresses in alerts".to_owned(),
        SinkKind::Webhook { .. } => "webhook: addresses in the alerts that it takes".to_owned(),
        SinkKind::Slack { .. } | SinkKind::SlackBot(_) => "Slack: addresses in the alerts that it takes".to_owned(),
        SinkKind::PagerDuty(_) => "PagerDuty: addresses in the alerts that it takes".to_owned(),
        SinkKind::Discord(_) => "Discord: addresses in the alerts that it takes".to_owned(),
        SinkKind::Ntfy(_) => "ntfy: addresses in the alerts that it takes".to_owned(),
        SinkKind::Nats(nats) => {
            format!("the stream {} by {}:{}: addresses in the alerts that it takes", nats.stream, nats.host, nats.port)
        }
        SinkKind::Alertmanager(_) => "Alertmanager: addresses in the alerts that it takes".to_owned(),
        SinkKind::Telegram(telegram) => {
            format!("Telegram, and who is in the chat {}: addresses in the alerts that it takes", telegram.chat)
        }
        SinkKind::Email(email) => {
            let to: Vec<&str> = email.to.iter().map(|to| to.address.as_str()).collect();
            let EmailConfig { host, port, .. } = &**email;
            format!("mail by {host}:{port} to {}: addresses in the alerts that it takes", to.join(", "))
        }
    }
}

pub(super) fn unseen(text: &mut Lines, config: &Config) {
    text.head("what no source can see, or only late");
    for chain in config.settings.chains.values() {
        let words = match (chain.endpoints.is_empty(), chain.explorer.is_some()) {
            (false, false) => {
                "coin moved inside transactions, unless the endpoint answers traces; anything before `from_block`"
            }
            (true, true) => {
                "hashes of blocks with inner transfers; the base fees of blocks; what the explorer has not indexed yet"
            }
            (false, true) => {
                "coin moved inside transactions shows only when the explorer is read, unless the endpoint answers traces"
            }
            (true, false) => "anything",
        };
        text.line(format_args!("{}: {words}", chain.name));
        for (watch, lists) in left_out(config, chain) {
            let missing = list(List::USUAL.into_iter().filter(|list| !lists.contains(*list)).map(List::word));
            text.inner(format_args!(
                "{watch}: {missing}, which no rule needs (a rule that does, or a number as its `from_block`, has them read)"
            ));
        }
        let without = without_nfts(config, chain);
        if !without.is_empty() {
            text.inner(format_args!("{}: NFTs, which no rule speaks of", list(without)));
        }
    }
}

/// The watches of a chain that an explorer alone reads, of which some lists are not read.
fn left_out(config: &Config, chain: &ChainSettings) -> Vec<(Name, Lists)> {
    if !chain.endpoints.is_empty() {
        return Vec::new();
    }
    let on = forecasts(config).into_iter().filter_map(|mut forecast| forecast.chains.remove(&chain.id));
    on.flat_map(|on| on.left_out).collect()
}

/// The watches of a chain that an explorer alone reads, whose NFTs nobody asks for.
fn without_nfts<'a>(config: &'a Config, chain: &ChainSettings) -> Vec<&'a Name> {
    let id: ChainId = chain.id;
    let by_lists_alone = chain.endpoints.is_empty() && chain.explorer.is_some();
    let on = config.settings.watches.iter().filter(|watch| by_lists_alone && watch.chains.contains(&id));
    on.filter(|watch| !lists_of(&config.settings, watch, id).contains(List::Nfts)).map(|watch| &watch.name).collect()
}
