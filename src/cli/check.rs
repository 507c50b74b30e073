//! `walletwatch check`: what a config means, or everything that is wrong with it.

use super::places::read;
use super::probe::{Finding, probe};
use super::show::{answer, clean};
use super::{Failure, Places};
use crate::app::{lists, treasury};
use crate::config::checked::Config;
use crate::config::describe::describe;
use crate::config::print::print;
use crate::config::surroundings::Machine;
use crate::reactor::watch_list::MOST_WATCHES;
use crate::store::Reader;
use anyhow::anyhow;

/// The settings of this command.
#[derive(Debug, clap::Args)]
pub(super) struct Check {
    /// Print the whole config as it is meant, with the origin of each value
    #[arg(long)]
    print: bool,
    /// Ask every upstream who it is and what it can do; no sink is sent anything
    #[arg(long, conflicts_with = "print")]
    probe: bool,
}

impl Check {
    pub(super) fn run(self, places: &Places) -> Result<(), Failure> {
        let (file, data) = places.locate()?;
        if self.print {
            return answer(&print(&file, &Machine).map_err(|faults| Failure::usage(anyhow!("{faults}")))?);
        }
        let config = read(&file, &data)?;
        answer(&format!("{} is a good config.\n", file.display()))?;
        answer(&describe(&config))?;
        say_added(&config)?;
        say_shrunk(&config)?;
        say_money(&config)?;
        if self.probe { super::asked(ask_upstreams(&config)) } else { Ok(()) }
    }
}

/// Says what the numbers leave out: what was added at run time stands in the store.
fn say_added(config: &Config) -> Result<(), Failure> {
    let rows = Reader::open(&config.store.path).and_then(|store| store.watches(None, MOST_WATCHES)).unwrap_or_default();
    let addresses: u64 = rows.iter().map(|row| u64::from(row.addresses)).sum();
    if addresses == 0 {
        return Ok(());
    }
    answer(&format!(
        "  {addresses} more addresses were added at run time (`watch list`), and are in none of these numbers: `status` says how old what is known of them gets"
    ))
}

/// Says which list files the next start would not believe; without a store there is nothing to compare with.
fn say_shrunk(config: &Config) -> Result<(), Failure> {
    let Ok(store) = Reader::open(&config.store.path) else { return Ok(()) };
    for list in &config.lists {
        let note = store.note(&lists::note_key(&list.watch)).ok().flatten();
        if let Err(shrunk) = lists::compare(list, note.as_deref()) {
            answer(&format!("  {}", clean(&shrunk.to_string())))?;
        }
    }
    Ok(())
}

/// Says whether the money part is what was accepted; without a store nobody accepted anything.
fn say_money(config: &Config) -> Result<(), Failure> {
    let Ok(store) = Reader::open(&config.store.path) else { return Ok(()) };
    let Ok(Some(lines)) = treasury::told(config, &store) else { return Ok(()) };
    let lines: Vec<String> = lines.iter().map(|line| format!("  {}", clean(line))).collect();
    answer(&format!("\npayments that were accepted\n{}", lines.join("\n")))
}

/// Asks every upstream, a line each.
async fn ask_upstreams(config: &Config) -> Result<(), Failure> {
    eprintln!("asking every upstream …");
    let findings = probe(config).await.map_err(Failure::again)?;
    let mut lines = vec!["\nupstreams".to_owned()];
    let mut failed = 0_usize;
    for Finding { upstream, found } in &findings {
        let found = found.as_ref().map_or_else(
            |wrong| {
                failed += 1;
                format!("FAILED: {wrong}")
            },
            |found| format!("ok: {found}"),
        );
        lines.push(format!("  {}", clean(&format!("{upstream}: {found}"))));
    }
    for sink in &config.sinks {
        lines.push(format!("  sink {}: nothing was sent; `walletwatch sink test {}` does", sink.name, sink.name));
    }
    answer(&lines.join("\n"))?;
    match failed {
        0 => Ok(()),
        _ => Err(Failure::again(anyhow!("{failed} of {} upstreams do not answer as they should", findings.len()))),
    }
}
