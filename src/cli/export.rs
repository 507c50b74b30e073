//! `walletwatch export`: every transfer of the watch list, oldest first on each chain, as CSV or JSON lines.
//!
//! It is read from the store itself, as of one moment, whether a monitor runs or not, and written as it is read: memory holds one block, the
//! watch list, and one sum for each (address, asset). A sum runs from the first transfer that the store holds: it is what moved since then,
//! and what an address holds only where everything of it was read, without what gas cost.

mod cells;
mod ledger;
mod owners;

use super::api::of_store;
use super::{Failure, Places};
use crate::reactor::rows::TransferRow;
use crate::store::Reader;
use crate::telemetry::Labels;
use crate::types::{B256, Stage, Timestamp};
use anyhow::anyhow;
use clap::builder::PossibleValuesParser;
use ledger::Ledger;
use owners::Owners;
use std::collections::BTreeMap;
use std::io::{BufWriter, ErrorKind, Write};

/// The settings of this command.
#[derive(Debug, clap::Args)]
pub(super) struct Export {
    /// How it is written
    #[arg(long, value_enum, default_value_t = Format::Csv)]
    format: Format,
    /// Only on this chain
    #[arg(long, value_name = "NAME")]
    chain: Option<String>,
    /// Only of the addresses of this watch
    #[arg(long, value_name = "NAME")]
    watch: Option<String>,
    /// Only at this stage [default: all but what was taken back]
    #[arg(long, value_parser = PossibleValuesParser::new(Stage::ALL.map(Stage::word)))]
    stage: Option<String>,
    /// Only in blocks of this time and later (2026-01-31, or 2026-01-31T12:00:00Z); `running_balance` runs from before it, and begins at
    /// 0 before the first transfer that the store holds
    #[arg(long, value_name = "TIME", value_parser = time)]
    since: Option<Timestamp>,
    /// Only in blocks before this time
    #[arg(long, value_name = "TIME", value_parser = time)]
    until: Option<Timestamp>,
}

/// How a line is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// RFC 4180 with a head; no cell is a formula to a spreadsheet
    Csv,
    /// A JSON object a line
    Jsonl,
}

/// A day, or a moment.
fn time(text: &str) -> Result<Timestamp, String> {
    let moment = || Timestamp::parse(text);
    let day = || Timestamp::parse(&format!("{text}T00:00:00Z"));
    moment().or_else(day).ok_or_else(|| "a day (2026-01-31) or a moment (2026-01-31T12:00:00Z)".to_owned())
}

impl Export {
    pub(super) fn run(self, places: &Places) -> Result<(), Failure> {
        let config = places.load()?.config;
        let reader = Reader::open(&config.store.path).map_err(|fault| of_store(fault, None))?;
        let labels = Labels::of(&config.settings);
        let no = |what: &str, name: &str| Failure::usage(anyhow!("no {what} {}", super::show::clean(name)));
        let named = |name: &String| labels.chain_named(name).ok_or_else(|| no("chain", name));
        let chain = self.chain.as_ref().map(named).transpose()?;
        let added = reader.added_watches().map_err(|fault| of_store(fault, None))?;
        let mut watches: Vec<_> = labels.watches.iter().cloned().chain(added).collect();
        if let Some(name) = &self.watch {
            watches.retain(|watch| watch.name.as_str() == name);
            if watches.is_empty() {
                return Err(no("watch", name));
            }
        }
        let tokens = reader.tokens().map_err(|fault| of_store(fault, None))?;
        let ledger = Ledger::new(labels, tokens, Owners::new(watches));
        let mut lines = Lines { ledger, asked: self, block: Vec::new(), out: BufWriter::new(std::io::stdout().lock()) };
        lines.head()?;
        reader.every_transfer(chain, |row| lines.take(row)).map_err(|fault| of_store(fault, None))??;
        lines.end()
    }
}

/// What is written, line by line.
struct Lines<W: Write> {
    ledger: Ledger,
    asked: Export,
    /// The block that is being read: its transfers are put into the order of their logs.
    block: Vec<TransferRow>,
    out: W,
}

impl<W: Write> Lines<W> {
    fn head(&mut self) -> Result<(), Failure> {
        match self.asked.format {
            Format::Csv => put(&mut self.out, &cells::head(&ledger::COLUMNS)),
            Format::Jsonl => Ok(()),
        }
    }

    fn take(&mut self, row: TransferRow) -> Result<(), Failure> {
        let place = |row: &TransferRow| (row.key.chain, row.block);
        if self.block.first().is_some_and(|first| place(first) != place(&row)) {
            self.close_block()?;
        }
        self.block.push(row);
        Ok(())
    }

    fn close_block(&mut self) -> Result<(), Failure> {
        let mut rows = std::mem::take(&mut self.block);
        in_order(&mut rows);
        for row in rows.drain(..) {
            if row.key.kind.is_approval() || !self.is_asked_for(&row) {
                continue;
            }
            let shown = self.asked.since.is_none_or(|since| row.block_time >= since);
            for line in self.ledger.lines(&row) {
                match (shown, self.asked.format) {
                    (false, _) => {}
                    (true, Format::Csv) => put(&mut self.out, &cells::csv(&line))?,
                    (true, Format::Jsonl) => put(&mut self.out, &cells::json(&ledger::COLUMNS, &line))?,
                }
            }
        }
        self.block = rows;
        Ok(())
    }

    fn is_asked_for(&self, row: &TransferRow) -> bool {
        let stage = self.asked.stage.as_ref();
        let at_stage = stage.map_or(row.stage != Stage::Retracted, |stage| row.stage.word() == stage);
        at_stage && self.asked.until.is_none_or(|until| row.block_time < until)
    }

    fn end(mut self) -> Result<(), Failure> {
        self.close_block()?;
        self.out.flush().map_err(unwritten)?;
        if self.asked.watch.is_none() && self.ledger.left_out() > 0 {
            eprintln!("left out: {} transfers of addresses that are watched no more", self.ledger.left_out());
        }
        Ok(())
    }
}

/// Puts the transfers of a block into the order in which they happened, as far as anybody said it: transactions in the order of their
/// first logs, those without a log first, for where they stood nobody told us; in a transaction coins first, then by log.
fn in_order(rows: &mut [TransferRow]) {
    let mut first: BTreeMap<B256, u64> = BTreeMap::new();
    for (tx, log) in rows.iter().filter_map(|row| Some((row.key.tx, row.log_index?))) {
        first.entry(tx).and_modify(|first| *first = log.min(*first)).or_insert(log);
    }
    rows.sort_by_key(|row| (first.get(&row.key.tx).copied(), row.key.tx, row.log_index, row.key.nth, row.id));
}

fn put(out: &mut impl Write, line: &str) -> Result<(), Failure> {
    out.write_all(line.as_bytes()).map_err(unwritten)
}

fn unwritten(error: std::io::Error) -> Failure {
    match error.kind() {
        ErrorKind::BrokenPipe => Failure::unread(),
        _ => Failure::again(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reactor::effect::Suspect;
    use crate::reactor::rows::Voucher;
    use crate::types::{Address, Asset, ChainId, Kind, TransferKey, U256};

    fn row(tx: u8, log_index: Option<u64>, nth: u32) -> TransferRow {
        let (from, to) = (Address::repeat_byte(1), Address::repeat_byte(2));
        let (tx, kind, asset) = (B256::repeat_byte(tx), Kind::Coin, Asset::Coin);
        let key = TransferKey { chain: ChainId(1), tx, kind, asset, from, to, token_id: None, amount: U256::ONE, nth };
        TransferRow {
            id: key.id(),
            key,
            block: 7,
            block_hash: None,
            block_time: Timestamp::from_secs(900),
            log_index,
            stage: Stage::Final,
            suspect: Suspect::default(),
            voucher: Voucher::Authority,
            late: false,
            history: false,
            missing: None,
            first_seen: Timestamp::from_secs(950),
            quote: None,
            settled: true,
        }
    }

    #[test]
    fn a_block_is_told_as_it_happened() {
        // The second transaction of the block moved a coin besides its logs, the third has the lowest hash, and of the fourth only a coin is
        // known.
        let mut rows = vec![
            row(1, Some(9), 0),
            row(7, Some(5), 0),
            row(7, None, 0),
            row(7, Some(3), 0),
            row(5, None, 1),
            row(5, None, 0),
        ];
        in_order(&mut rows);
        let told: Vec<_> = rows.iter().map(|row| (row.key.tx[0], row.log_index, row.key.nth)).collect();
        let expected = [(5, None, 0), (5, None, 1), (7, None, 0), (7, Some(3), 0), (7, Some(5), 0), (1, Some(9), 0)];
        assert_eq!(told, expected);
    }
}
