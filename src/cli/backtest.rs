//! `walletwatch backtest`: what the rules would have said and paid over a past range. It sends nothing.

use super::places::Located;
use super::run::{make_folder, runtime, start_log, stop_on_signals};
use super::show::{answer, table};
use super::{Failure, Places};
use crate::app::backtest::{self, BacktestFault, Bound, Progress, Question, Report, Stretch};
use crate::config::checked::Config;
use crate::store::{Remedy, StoreFault};
use crate::types::{ChainId, Pair, Price, Timestamp};
use anyhow::{Context, anyhow};
use std::collections::BTreeMap;
use std::io::{self, IsTerminal, Write};
use std::path::PathBuf;
use tokio::time::Instant;

/// The scratch store, in the data folder.
const SCRATCH: &str = "backtest.db";

/// The settings of this command.
#[derive(Debug, clap::Args)]
pub(super) struct Backtest {
    /// Where it begins: a block, a day (2026-11-01) or a time (2026-11-01T12:00:00Z); of one chain: CHAIN=19000000
    #[arg(long, required = true, value_name = "[CHAIN=]WHERE")]
    from: Vec<String>,
    /// The last block, or the first day or time that is not part of it, as for --from [default: the last block that is final]
    #[arg(long, value_name = "[CHAIN=]WHERE")]
    to: Vec<String>,
    /// Only this chain [default: every chain of the config]
    #[arg(long, value_name = "CHAIN")]
    chain: Vec<String>,
    /// What is taken for the price of a pair, all the time: ETH-USD=2500
    #[arg(long, value_name = "PAIR=PRICE")]
    price: Vec<String>,
    /// The store it works in, which makes it go on after a stop [default: backtest.db in the data folder]
    #[arg(long, value_name = "FILE")]
    scratch: Option<PathBuf>,
    /// The answer as JSON
    #[arg(long)]
    json: bool,
}

impl Backtest {
    pub(super) fn run(self, places: &Places) -> Result<(), Failure> {
        let Located { data, config, .. } = places.load()?;
        let _redactor = start_log(&config)?;
        let question = self.question(config, &data).map_err(Failure::usage)?;
        make_folder(&data).map_err(Failure::again)?;
        let report = runtime()?.block_on(async {
            let stop = stop_on_signals()?;
            let mut line = Line::begin();
            let done = Box::pin(backtest::run(question, stop, |progress| line.say(progress))).await;
            line.end();
            done.map_err(failure)
        })?;
        if self.json {
            return answer(&report.to_json().to_string());
        }
        answer(&told(&report))
    }

    fn question(&self, config: Config, data: &std::path::Path) -> anyhow::Result<Question> {
        let named = |name: &str| {
            let found = config.settings.chains.values().find(|chain| chain.name.as_str() == name);
            found.map(|chain| chain.id).ok_or_else(|| anyhow!("the config has no chain {name}"))
        };
        let chains: Vec<ChainId> = if self.chain.is_empty() {
            let by_node = |id: &ChainId| config.endpoints.iter().any(|endpoint| endpoint.chain == *id);
            let by_lists = |id: &ChainId| config.explorers.iter().any(|explorer| explorer.chains.contains(id));
            let read = |id: &&ChainId| by_node(id) || by_lists(id);
            config.settings.chains.keys().filter(read).copied().collect()
        } else {
            self.chain.iter().map(|name| named(name)).collect::<anyhow::Result<_>>()?
        };
        if chains.is_empty() {
            return Err(anyhow!("no chain of the config has an rpc or an explorer"));
        }
        let (from, to) = (bounds(&self.from, &chains, &named)?, bounds(&self.to, &chains, &named)?);
        let mut ranges = BTreeMap::new();
        for chain in chains {
            let missing =
                || anyhow!("--from says nothing of the chain {chain}: write CHAIN=WHERE for each, or --chain");
            ranges.insert(chain, (from.get(&chain).copied().ok_or_else(missing)?, to.get(&chain).copied()));
        }
        let prices = self.price.iter().map(|text| stated(text)).collect::<anyhow::Result<_>>()?;
        let scratch = self.scratch.clone().unwrap_or_else(|| data.join(SCRATCH));
        Ok(Question { config, ranges, prices, scratch })
    }
}

/// The bounds of each chain, as they were written.
fn bounds(
    written: &[String],
    chains: &[ChainId],
    named: &impl Fn(&str) -> anyhow::Result<ChainId>,
) -> anyhow::Result<BTreeMap<ChainId, Bound>> {
    let mut bounds = BTreeMap::new();
    for text in written {
        let (chain, place) = match text.split_once('=') {
            Some((chain, place)) => (Some(named(chain)?), place),
            None => (None, text.as_str()),
        };
        let bound = bound(place).with_context(|| format!("{text:?} is no block, day or time"))?;
        match (chain, bound, chains) {
            (Some(chain), bound, _) => drop(bounds.insert(chain, bound)),
            (None, Bound::Block(_), [_, _, ..]) => {
                return Err(anyhow!("a block is of one chain: write CHAIN={place}, or --chain"));
            }
            (None, bound, chains) => {
                for chain in chains {
                    bounds.entry(*chain).or_insert(bound);
                }
            }
        }
    }
    Ok(bounds)
}

fn bound(text: &str) -> Option<Bound> {
    if let Ok(block) = text.replace('_', "").parse() {
        return Some(Bound::Block(block));
    }
    let whole = if text.contains('T') { text.to_owned() } else { format!("{text}T00:00:00Z") };
    Timestamp::parse(&whole).map(Bound::Time)
}

fn stated(text: &str) -> anyhow::Result<(Pair, Price)> {
    let read = || {
        let (pair, price) = text.split_once('=')?;
        Some((Pair::parse(pair)?, Price::parse(price)?))
    };
    read().ok_or_else(|| anyhow!("{text:?} is no price: write ETH-USD=2500"))
}

/// What a fault asks of whoever asked.
fn failure(fault: BacktestFault) -> Failure {
    match &fault {
        BacktestFault::NoNode(_) | BacktestFault::Empty { .. } | BacktestFault::MonitorsStore(_) => {
            Failure::usage(fault)
        }
        BacktestFault::Store(StoreFault::Locked { .. }) => Failure::again(
            anyhow::Error::new(fault)
                .context("another backtest works in the same scratch store (--scratch names another)"),
        ),
        BacktestFault::Store(store) if store.remedy() == Remedy::Person => Failure::person(fault),
        BacktestFault::Store(_)
        | BacktestFault::Read(_)
        | BacktestFault::Explorer { .. }
        | BacktestFault::Http(_)
        | BacktestFault::Moved { .. }
        | BacktestFault::Scratch { .. }
        | BacktestFault::Stopped(_) => Failure::again(fault),
    }
}

/// The progress, on stderr: one line that is rewritten on a terminal, elsewhere one when it begins and one when it is over.
struct Line {
    terminal: bool,
    began: Instant,
    last: Option<Progress>,
}

impl Line {
    fn begin() -> Self {
        Self { terminal: io::stderr().is_terminal(), began: Instant::now(), last: None }
    }

    fn say(&mut self, progress: Progress) {
        let first = self.last.is_none();
        self.last = Some(progress);
        // A terminal that is gone is no reason to stop.
        if self.terminal {
            drop(write!(io::stderr(), "\r\x1b[2K{}", self.words(progress)));
        } else if first {
            drop(writeln!(io::stderr(), "{}", self.words(progress)));
        }
    }

    fn end(&self) {
        let Some(last) = self.last else { return };
        let start = if self.terminal { "\r\x1b[2K" } else { "" };
        drop(writeln!(io::stderr(), "{start}{}", self.words(last)));
    }

    fn words(&self, progress: Progress) -> String {
        let Progress { done, all, before, at } = progress;
        let (read, millis) = (done.saturating_sub(before), self.began.elapsed().as_millis().max(1));
        let rate = u128::from(read).saturating_mul(1_000) / millis;
        let left = u128::from(all.saturating_sub(done)).checked_div(rate);
        let mut words = format!("{done} of {all} blocks, up to {at}");
        if before > 0 && read == 0 {
            words.push_str(", going on from an earlier run");
        }
        if read > 0 {
            words = format!("{words}, {rate} a second");
        }
        match left {
            Some(left) if left > 0 => words + &format!(", {} min {} s left", left / 60, left % 60),
            Some(_) | None => words,
        }
    }
}

/// The answer for people.
fn told(report: &Report) -> String {
    let stretch = |one: &Stretch| {
        format!("{}: blocks {} to {}, {} to {}\n", one.chain, one.from, one.to, one.from_time, one.to_time)
    };
    let mut text: String = report.stretches.iter().map(stretch).collect();
    text += &report.transfers.to_string();
    text += " transfers of watched addresses; nothing was sent to anybody\n\nwould have been said\n";
    let said = report
        .said
        .iter()
        .map(|one| [one.rule.to_string(), one.day.clone(), one.kind.to_string(), one.messages.to_string()]);
    text += &listed(["rule", "day", "type", "messages"], said.collect());
    text += "\nwould have been paid\n";
    let paid = report.paid.iter().map(|one| {
        let reason = one.reason.as_ref().map(ToString::to_string).unwrap_or_default();
        let (payments, amount) = (one.payments.to_string(), format!("{} USDC", one.amount));
        [one.rule.to_string(), one.day.clone(), one.payee.to_string(), one.state.to_owned(), reason, payments, amount]
    });
    text += &listed(["rule", "day", "payee", "state", "because", "payments", "in sum"], paid.collect());
    text += "\nnearest misses\n";
    let misses = report.misses.iter().map(|one| {
        let (what, value) = (one.what.to_string(), one.value.clone());
        [one.rule.to_string(), what, value, one.threshold.clone(), one.short_by.clone(), one.block.to_string()]
    });
    text += &listed(["rule", "of", "value", "threshold", "short by", "block"], misses.collect());
    if !report.silent.is_empty() {
        let names: Vec<String> = report.silent.iter().map(ToString::to_string).collect();
        text.extend(["\nwould have said nothing: ", &names.join(", "), "\n"]);
    }
    for one in &report.unknown {
        let rule = one.rule.as_ref().map(|rule| format!("{rule}: ")).unwrap_or_default();
        let days = match one.days.as_slice() {
            [] => String::new(),
            [day] => format!(" ({day})"),
            [first, .., last] => format!(" ({} days from {first} to {last})", one.days.len()),
        };
        text.extend(["unknown: ", &rule, &one.why, &days, "\n"]);
    }
    text
}

fn listed<const N: usize>(heads: [&str; N], rows: Vec<[String; N]>) -> String {
    if rows.is_empty() { "  nothing\n".to_owned() } else { table(heads, &rows) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_is_written_as_blocks_days_or_times_and_of_each_chain() {
        let day = |text: &str| Bound::Time(Timestamp::parse(text).expect("it is a time"));
        for (text, expected) in [
            ("19_000_000", Some(Bound::Block(19_000_000))),
            ("2026-11-01", Some(day("2026-11-01T00:00:00Z"))),
            ("2026-11-01T12:30:00Z", Some(day("2026-11-01T12:30:00Z"))),
            ("yesterday", None),
            ("-4", None),
        ] {
            assert_eq!(bound(text), expected, "{text}");
        }
        let (one, two) = (ChainId(1), ChainId(10));
        let named = |name: &str| match name {
            "ethereum" => Ok(one),
            "optimism" => Ok(two),
            other => Err(anyhow!("no chain {other}")),
        };
        let read = |written: &[&str], chains: &[ChainId]| {
            let written: Vec<String> = written.iter().map(|text| (*text).to_owned()).collect();
            bounds(&written, chains, &named).map_err(|fault| fault.to_string())
        };
        let both = [one, two];
        assert_eq!(read(&["5"], &[one]), Ok(BTreeMap::from([(one, Bound::Block(5))])));
        assert!(read(&["5"], &both).is_err_and(|fault| fault.contains("CHAIN=5")));
        let each = [(one, Bound::Block(5)), (two, day("2026-11-01T00:00:00Z"))];
        assert_eq!(read(&["ethereum=5", "2026-11-01"], &both), Ok(BTreeMap::from(each)));
        assert!(read(&["solana=5"], &both).is_err());
        assert!(stated("ETH-USD=2500").is_ok() && stated("ETH-USD").is_err() && stated("=2").is_err());
    }
}
