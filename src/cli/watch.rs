//! `walletwatch watch list|add|remove|import`: the watch list at run time.

use super::api::{self, Answerer, Question};
use super::show::{answer, clean, table, text};
use super::{Failure, Places, list};
use crate::config::checked::Role;
use crate::config::list_file::ListFile;
use crate::reactor::addresses::Listed;
use crate::reactor::watch_list::MOST_AT_ONCE;
use anyhow::{Context, anyhow};
use serde_json::{Map, Value, json};
use std::io::{BufRead, BufReader, IsTerminal};
use std::path::PathBuf;

/// What to do.
#[derive(Debug, clap::Subcommand)]
pub(super) enum Watch {
    /// The watches, or the addresses of one, each with the block from which it is complete
    List(List),
    /// Watch addresses from now on, or from a block; what is answered is complete from the block that is stated
    Add(Add),
    /// Watch a watch that was added, or some of its addresses, no longer
    Remove(Remove),
    /// Watch every address of a list file: lines of address,ref,label,from_block
    Import(Import),
}

/// The settings of `list`.
#[derive(Debug, clap::Args)]
pub(super) struct List {
    /// The addresses of this watch
    name: Option<String>,
    /// At most so many
    #[arg(long, value_name = "N", default_value_t = 1_000)]
    limit: usize,
    /// As the JSON of the API
    #[arg(long)]
    json: bool,
}

/// Where, and as what.
#[derive(Debug, clap::Args)]
struct Kind {
    /// On this chain; may stand several times [default: all chains of the config]
    #[arg(long = "chain", value_name = "NAME")]
    chains: Vec<String>,
    /// With this tag, by which rules find it; may stand several times
    #[arg(long = "tag", value_name = "TAG")]
    tags: Vec<String>,
    /// Read what moved since this block, too [default: now]
    #[arg(long, value_name = "BLOCK")]
    from_block: Option<u64>,
}

/// The settings of `add`.
#[derive(Debug, clap::Args)]
pub(super) struct Add {
    /// The name of the watch: a new one, or one that was added before
    name: String,
    /// Its addresses
    #[arg(required = true)]
    addresses: Vec<String>,
    /// What you call the address in your books
    #[arg(long = "ref", value_name = "TEXT")]
    reference: Option<String>,
    /// What people call the address
    #[arg(long, value_name = "TEXT")]
    label: Option<String>,
    #[command(flatten)]
    kind: Kind,
    /// As the JSON of the API
    #[arg(long)]
    json: bool,
}

/// The settings of `remove`.
#[derive(Debug, clap::Args)]
pub(super) struct Remove {
    /// The name of the watch
    name: String,
    /// Only these addresses of it [default: the whole watch]
    addresses: Vec<String>,
}

/// The settings of `import`.
#[derive(Debug, clap::Args)]
pub(super) struct Import {
    /// The name of the watch: a new one, or one that was added before
    name: String,
    /// The list file; - is standard input
    file: PathBuf,
    #[command(flatten)]
    kind: Kind,
}

impl Watch {
    pub(super) async fn run(self, places: &Places) -> Result<(), Failure> {
        match self {
            Self::List(asked) => asked.run(places).await,
            Self::Add(asked) => asked.run(places).await,
            Self::Remove(asked) => asked.run(places).await,
            Self::Import(asked) => asked.run(places).await,
        }
    }
}

impl List {
    async fn run(self, places: &Places) -> Result<(), Failure> {
        let answerer = api::to_read(&places.load_to_ask()?).await?;
        let question = match &self.name {
            None => Question::new(&["watches"]),
            Some(name) => Question::new(&["watches", name, "addresses"]),
        };
        let listed = list::rows(&answerer, &question, self.limit).await?;
        if self.json {
            return answer(&listed.json());
        }
        let rows = listed.values().map_err(Failure::again)?;
        if listed.next().is_some() {
            eprintln!("there are more: --limit shows them");
        }
        if self.name.is_none() {
            let rows: Vec<_> = rows.iter().map(watch_row).collect();
            return answer(&table(["WATCH", "OWNER", "ADDRESSES", "CHAINS", "TAGS", "ADDED"], &rows));
        }
        let rows: Vec<_> = rows.iter().map(address_row).collect();
        answer(&table(["ADDRESS", "REF", "LABEL", "COMPLETE FROM"], &rows))
    }
}

impl Add {
    async fn run(self, places: &Places) -> Result<(), Failure> {
        let address = |address: &String| {
            let mut item = Map::from_iter([("address".to_owned(), json!(address))]);
            item.extend(self.reference.iter().map(|text| ("ref".to_owned(), json!(text))));
            item.extend(self.label.iter().map(|text| ("label".to_owned(), json!(text))));
            Value::Object(item)
        };
        let addresses = self.addresses.iter().map(address).collect();
        let answerer = api::to_change(&places.load_to_ask()?, Role::Operate).await?;
        let done = send(&answerer, &self.kind.body(&self.name, addresses)).await?;
        if self.json { answer(&done.to_string()) } else { answer(&said(&done)) }
    }
}

impl Remove {
    async fn run(self, places: &Places) -> Result<(), Failure> {
        let answerer = api::to_change(&places.load_to_ask()?, Role::Operate).await?;
        let watch = Question::new(&["watches", &self.name]);
        let questions = if self.addresses.is_empty() {
            vec![watch]
        } else {
            let of = |address: &String| Question::new(&["watches", &self.name, "addresses", address]);
            self.addresses.iter().map(of).collect()
        };
        let mut removed = 0;
        for question in questions {
            let done: Value = serde_json::from_slice(&answerer.delete(&question).await?).map_err(Failure::again)?;
            removed += done["removed"].as_u64().unwrap_or(0);
        }
        answer(&format!("{} of {} no longer watched", count(removed), clean(&self.name)))
    }
}

impl Import {
    async fn run(self, places: &Places) -> Result<(), Failure> {
        let located = places.load_to_ask()?;
        let shown = self.file.display();
        let from: Box<dyn BufRead> = if self.file.as_os_str() == "-" {
            Box::new(std::io::stdin().lock())
        } else {
            let file = std::fs::File::open(&self.file).with_context(|| format!("the list file {shown}"));
            Box::new(BufReader::new(file.map_err(Failure::usage)?))
        };
        let file = ListFile::read(from).with_context(|| format!("the list file {shown}")).map_err(Failure::again)?;
        if !file.bad.is_empty() {
            let lines: Vec<String> = file.bad.iter().map(|bad| format!("{shown}:{}: {}", bad.line, bad.what)).collect();
            let count = lines.len();
            return Err(Failure::usage(anyhow!("{}\n{count} bad lines: nothing was added", clean_lines(&lines))));
        }
        let answerer = api::to_change(&located, Role::Operate).await?;
        let all: Vec<Listed<'_>> = file.list.iter().collect();
        let mut total = Total::default();
        for (nth, part) in all.chunks(MOST_AT_ONCE).enumerate() {
            let body = self.kind.body(&self.name, part.iter().map(item).collect());
            // Without a key: who is watched already stays so, and what was removed since is added anew.
            match send(&answerer, &body).await {
                Ok(done) => total.add(&done),
                Err(failure) if total.addresses > 0 => {
                    // What was answered before stays.
                    answer(&total.said(&self.name))?;
                    eprintln!(
                        "the other {} are not watched:",
                        count((all.len() as u64).saturating_sub(total.addresses))
                    );
                    return Err(failure);
                }
                Err(failure) => return Err(failure),
            }
            if std::io::stderr().is_terminal() {
                eprint!("\r{} of {}", (nth * MOST_AT_ONCE) + part.len(), count(all.len() as u64));
            }
        }
        if std::io::stderr().is_terminal() {
            eprintln!();
        }
        answer(&total.said(&self.name))
    }
}

impl Kind {
    /// The body of a request for one watch.
    fn body(&self, name: &str, addresses: Vec<Value>) -> Value {
        let mut watch = Map::from_iter([("name".to_owned(), json!(name)), ("addresses".to_owned(), addresses.into())]);
        if !self.chains.is_empty() {
            watch.insert("chains".to_owned(), json!(self.chains));
        }
        if !self.tags.is_empty() {
            watch.insert("tags".to_owned(), json!(self.tags));
        }
        if let Some(block) = self.from_block {
            watch.insert("from_block".to_owned(), json!(block));
        }
        json!({ "watches": [watch] })
    }
}

fn item(listed: &Listed<'_>) -> Value {
    let mut item = Map::from_iter([("address".to_owned(), json!(listed.address.to_checksum(None)))]);
    item.extend(listed.reference.map(|text| ("ref".to_owned(), json!(text))));
    item.extend(listed.label.map(|text| ("label".to_owned(), json!(text))));
    item.extend(listed.from_block.map(|block| ("from_block".to_owned(), json!(block))));
    Value::Object(item)
}

async fn send(answerer: &Answerer, body: &Value) -> Result<Value, Failure> {
    let done = answerer.send(&Question::new(&["watches"]), body.to_string().into()).await?;
    serde_json::from_slice(&done).map_err(Failure::again)
}

/// What several requests came to.
#[derive(Debug, Default)]
struct Total {
    addresses: u64,
    new: u64,
    /// The highest of each chain: from there on all of it is complete.
    complete_from: Map<String, Value>,
}

impl Total {
    fn add(&mut self, done: &Value) {
        for watch in done["watches"].as_array().into_iter().flatten() {
            self.addresses += watch["addresses"].as_u64().unwrap_or(0);
            self.new += watch["new"].as_u64().unwrap_or(0);
            for (chain, block) in watch["complete_from"].as_object().into_iter().flatten() {
                let known = self.complete_from.get(chain).and_then(Value::as_u64);
                let highest = known.max(block.as_u64());
                self.complete_from.insert(chain.clone(), highest.map_or(Value::Null, Value::from));
            }
        }
    }

    fn said(&self, name: &str) -> String {
        let complete = complete(&self.complete_from);
        let (all, new) = (count(self.addresses), self.new);
        clean(&format!("{all} of {name} watched, {new} of them new; complete from {complete}"))
    }
}

fn said(done: &Value) -> String {
    let mut total = Total::default();
    total.add(done);
    let name = done["watches"][0]["name"].as_str().unwrap_or_default();
    total.said(name)
}

fn count(addresses: u64) -> String {
    if addresses == 1 { "1 address".to_owned() } else { format!("{addresses} addresses") }
}

/// `block 19 on ethereum, the first block that is read on base`.
fn complete(of: &Map<String, Value>) -> String {
    let one = |(chain, block): (&String, &Value)| match block.as_u64() {
        Some(block) => format!("block {block} on {chain}"),
        None => format!("the first block that is read on {chain}"),
    };
    of.iter().map(one).collect::<Vec<_>>().join(", ")
}

fn clean_lines(lines: &[String]) -> String {
    lines.iter().map(|line| clean(line)).collect::<Vec<_>>().join("\n")
}

fn joined(item: &Value, key: &str) -> String {
    let words = item[key].as_array().into_iter().flatten().filter_map(Value::as_str);
    words.collect::<Vec<_>>().join(", ")
}

fn watch_row(item: &Value) -> [String; 6] {
    [
        text(item, "name"),
        text(item, "owner"),
        text(item, "addresses"),
        joined(item, "chains"),
        joined(item, "tags"),
        text(item, "added_at"),
    ]
}

fn address_row(item: &Value) -> [String; 4] {
    let complete = item["complete_from"].as_object().map(complete).unwrap_or_default();
    [text(item, "address"), text(item, "ref"), text(item, "label"), complete]
}
