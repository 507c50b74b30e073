//! Scenarios as text: what happens, a line each, and beneath it what is said because of it.
//!
//! | line | meaning |
//! | --- | --- |
//! | `tx t1 usdc S>A 1000 + coin A>S 5` | a transaction and what it moves; kinds are coin, internal, usdc, fake, nft |
//! | `a 101:t1 102 101'<100` | endpoint `a` sends a run: blocks with their transactions; a parent may be named |
//! | `a gap 101 102` | the same into a gap |
//! | `a bare 101:t1`, `a traces 101`, `untraced 101` | the same without traces, then with them; of which they are wanted |
//! | `a head 100 lacks 102` | an endpoint's head |
//! | `a final 100` | its `finalized` tag |
//! | `a fresh`, `a gone`, `a genesis 7` | an endpoint's state; of the explorer `scan` too |
//! | `scan usdc A 100.. at 120: t1@105` | an explorer's list of an address, with its index head |
//! | `scan past usdc A 50..90 at 120: t1@55` | a part of its history |
//! | `a past 50:t1 51`, `a logs 50..60 t1@55` | blocks and logs of the past |
//! | `from A 50`, `join C 50`, `complete A 50`, `left 12` | an address and from where on it is complete; blocks of history that are left |
//! | `scan head 100`, `scan receipt t1 none`, `scan receipt t1 105` | its proxy |
//! | `balance usdc A 100 at 120`, `… empty at 120` | what an endpoint reads in a block; `scan balance …` is of about a block |
//! | `soon usdc A yes` | whether that balance is wanted next |
//! | `token 6` | the unknown token's own word |
//! | `price 99`, `price 99 of other`, `feed gone`, `wait 5s`, `sink ops fails`, `restart`, `rule x off` | the rest |
//! | `a chosen 2 102:t1`, `a chosen 2 past 50:t1` | a run of a node whose receipts the second watch list chose |
//! | `ask logs` | what `a logs` brings next was asked for now |
//! | `wanted no blocks` | nothing of the past is asked of endpoints |
//! | `add late L,M`, `add late L from 90`, `add late L key k` | addresses are watched from now on; who L is, is nobody's business before |
//! | `accept` | a person says that the chain is the right one |
//! | `remove late`, `remove late L` | they are not any more |
//! | `circle asked scan`, `circle lists`, `circle takes c-1`, `circle breaks`, `circle refuses 400`, `circle shows SENT` | what the payment worker was asked, and what it answers to the first of that kind |
//! | `trusted`, `opinions 2` | a person accepted the config and two passed its payees; so much is asked of every operator |
//! | `b says 101`, `b says usdc A 90 at 117`, `b denies 101` | what the operator `b` reads there itself; without its transfers |
//! | `= seen t1 treasury in; …` | what the line above says; without it, nothing |

mod blocks;
mod opinions;

pub use crate::names::{CHAIN, FAKE, NFT, USDC, address, pair};
use crate::names::{asset, hash, number, seconds};
use crate::said::{by_subject, words};
use std::collections::BTreeMap;
use std::time::Duration;
use walletwatch::reactor::Reactor;
use walletwatch::reactor::effect::{Effect, Reply};
use walletwatch::reactor::event::{
    Balances, Command, Contact, DeliveryReport, Event, Explored, ExplorerHead, Head, List, Logs, NoBalance, ReadAt,
    Receipt, Reported, RunPart, SourceId, SourceKind, SourceReport, SourceState, Tags, Tick, TokenFacts, Witnessed,
};
use walletwatch::reactor::payments::ask::Asked;
use walletwatch::reactor::settings::Settings;
use walletwatch::types::{Address, Asset, B256, Block, BlockRef, Kind, Movement, Name, Price, Timestamp, Tracer, U256};

struct Script {
    reactor: Reactor,
    settings: Settings,
    now: Timestamp,
    txs: BTreeMap<String, Vec<Movement>>,
    /// The name of every block, its reference and its transactions.
    blocks: BTreeMap<String, (BlockRef, Vec<String>)>,
    said: Vec<String>,
    /// What the payment worker was asked and has not answered.
    asks: Vec<Asked>,
    /// Other configs, by name.
    configs: BTreeMap<String, Settings>,
    /// The watch list that chose what is read of the next run.
    chosen_by: Option<u64>,
    /// Whose logs were asked for, where that was not now.
    asked: Option<std::sync::Arc<[Address]>>,
}

/// Plays a script and compares what is said, line by line.
pub fn check(settings: Settings, text: &str) {
    check_with(settings, &[], text);
}

/// The same, with other configs that `config NAME` puts into force.
pub fn check_with(settings: Settings, configs: &[(&str, Settings)], text: &str) {
    let mut script = Script {
        reactor: Reactor::default(),
        settings: settings.clone(),
        now: Timestamp::from_secs(1_700_000_000),
        txs: BTreeMap::new(),
        blocks: BTreeMap::new(),
        said: Vec::new(),
        asks: Vec::new(),
        configs: configs.iter().map(|(name, settings)| ((*name).to_owned(), settings.clone())).collect(),
        chosen_by: None,
        asked: None,
    };
    script.handle(Event::Configured(Box::new(settings)));
    let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let mut place = 0;
    while let Some(line) = lines.get(place) {
        script.play(line);
        let expected = lines.get(place + 1).and_then(|next| next.strip_prefix("= "));
        let said = std::mem::take(&mut script.said);
        let words: Vec<String> = expected.into_iter().flat_map(|it| it.split("; ")).map(str::to_owned).collect();
        assert_eq!(by_subject(said), by_subject(words), "after `{line}` in{text}");
        place += if expected.is_some() { 2 } else { 1 };
    }
}

impl Script {
    fn handle(&mut self, event: Event) {
        self.take(event);
        self.asks.extend(self.reactor.take_asks());
    }

    fn take(&mut self, event: Event) {
        for effect in self.reactor.handle(self.now, event) {
            match effect {
                Effect::Tell(message) => {
                    let name = |tx: B256| self.txs.keys().find(|name| hash(name) == tx).cloned().unwrap_or_default();
                    let words = words(&message, name);
                    self.said.push(words);
                }
                Effect::Answer(answer) => match *answer {
                    Reply::Watches(answer) => self.said.push(crate::watches::words(&answer)),
                    Reply::Payments(done) => {
                        self.said.push(done.map_or_else(|why| why.to_string(), |()| "done".into()));
                    }
                    Reply::Silences(answer) => self.said.push(format!("{answer:?}")),
                    Reply::Why(looked) => self.said.push(format!("{looked:?}")),
                    Reply::WhyPayment(waits) => self.said.push(format!("{waits:?}")),
                },
                Effect::Put(_) | Effect::Delete(_) | Effect::Notice(_) => {}
            }
        }
    }

    #[expect(clippy::too_many_lines, reason = "a line for each word of the language, in one place")]
    fn play(&mut self, line: &str) {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words.as_slice() {
            ["tx", name, rest @ ..] => self.transact(name, rest),
            ["scan", "head", head] => {
                let head = number(head);
                let wanted = self.reactor.wants().chains.get(&CHAIN).is_none_or(|wants| wants.explorer_head);
                assert!(wanted, "nobody asks for the explorer's head {head}");
                self.handle(Event::ExplorerHead(ExplorerHead { chain: CHAIN, source: "scan".into(), head }));
            }
            ["scan", "receipt", tx, found] => self.receipt(tx, found),
            ["scan", "balance", kind, who, amount, "at", block] => {
                let at = ReadAt { number: number(block), hash: None };
                self.balance("scan", kind, who, amount, at);
            }
            ["balance", kind, who, amount, "at", block] => {
                let block = self.block(block).0;
                let at = ReadAt { number: block.number, hash: Some(block.hash) };
                self.balance("a", kind, who, amount, at);
            }
            ["soon", kind, who, expected] => {
                let (asset, address) = (asset(kind), address(who));
                let wants = self.reactor.wants().chains.get(&CHAIN).cloned().unwrap_or_default();
                let want = wants.balances.iter().find(|want| want.asset == asset && want.address == address);
                let known = want.map_or("none", |want| if want.soon { "yes" } else { "no" });
                assert_eq!(known, *expected, "{line}");
            }
            ["scan", "past", kind, who, range, "at", head, rows @ ..] => {
                let explored = self.explored(kind, who, range, head, rows);
                self.handle(Event::History(explored));
            }
            ["scan", kind, who, from, "at", head, rows @ ..] => {
                let explored = self.explored(kind, who, from, head, rows);
                self.handle(Event::Explored(explored));
            }
            ["complete", who, block] => {
                let known = self.reactor.complete_from(CHAIN, &address(who));
                assert_eq!(known.map_or_else(|| "none".to_owned(), |block| block.to_string()), *block, "{line}");
            }
            ["left", blocks] => assert_eq!(self.reactor.history_left(CHAIN), number(blocks), "{line}"),
            ["from", who, block] => {
                let watches = std::sync::Arc::make_mut(&mut self.settings.watches);
                let ours =
                    |watch: &&mut walletwatch::reactor::settings::Watch| watch.addresses.get(&address(who)).is_some();
                watches.iter_mut().find(ours).expect("it is watched").from_block = block.parse().ok();
                self.handle(Event::Configured(Box::new(self.settings.clone())));
            }
            ["join", who, block] => {
                let watches = std::sync::Arc::make_mut(&mut self.settings.watches);
                let addresses = walletwatch::reactor::addresses::AddressList::from_iter([address(who)]);
                let (addresses, from_block) = (addresses.into(), block.parse().ok());
                let (name, chains, tags) = ("late".into(), vec![CHAIN], Vec::new());
                watches.push(walletwatch::reactor::settings::Watch { name, addresses, chains, tags, from_block });
                self.handle(Event::Configured(Box::new(self.settings.clone())));
            }
            [endpoint, "past", blocks @ ..] => self.run(endpoint, RunPart::History, blocks),
            [endpoint, "logs", range, rows @ ..] => self.logs(endpoint, range, rows),
            ["token", decimals] => {
                let decimals = decimals.parse().ok();
                let facts = TokenFacts { chain: CHAIN, contract: FAKE, decimals, symbol: Some("USDC".into()) };
                self.handle(Event::Token(facts));
            }
            ["price", value] => {
                let price = Price::parse(value).expect("a price");
                self.handle(Event::Tick(Tick { feed: "feed".into(), pair: pair(), price, time: self.now }));
            }
            ["price", value, "of", feed] => {
                let price = Price::parse(value).expect("a price");
                self.handle(Event::Tick(Tick { feed: (*feed).into(), pair: pair(), price, time: self.now }));
            }
            ["feed", "gone"] => self.state(SourceKind::Feed, "feed", SourceState::Stale),
            ["wait", span] => self.wait(seconds(span)),
            ["sink", sink, "fails"] => {
                let report =
                    DeliveryReport::Failing { sink: (*sink).into(), since: self.now, reason: "HTTP 500".into() };
                self.handle(Event::Delivery(report));
            }
            ["sink", sink, "works"] => self.handle(Event::Delivery(DeliveryReport::Recovered { sink: (*sink).into() })),
            ["restart"] => {
                self.reactor = Reactor::restore(self.reactor.tables(), self.now);
                self.handle(Event::Configured(Box::new(self.settings.clone())));
            }
            ["rule", rule, "off"] => {
                self.settings.rules.retain(|known| known.name.as_str() != *rule);
                self.handle(Event::Configured(Box::new(self.settings.clone())));
            }
            ["config", name] => {
                self.settings = self.configs[*name].clone();
                self.handle(Event::Configured(Box::new(self.settings.clone())));
            }
            ["ask", "logs"] => {
                let wants = self.reactor.wants().chains.get(&CHAIN).and_then(|wants| wants.history.logs.clone());
                self.asked = Some(wants.expect("logs are wanted").addresses);
            }
            ["circle", "asked", expected @ ..] => {
                let asked: Vec<&str> = self.asks.iter().map(crate::live::word).collect();
                assert_eq!(asked, expected, "{line}");
            }
            ["circle", rest @ ..] => {
                let answer = crate::live::answer(&mut self.asks, rest, &self.reactor, self.now);
                self.handle(Event::Answered(Box::new(answer)));
            }
            ["wanted", "no", "blocks"] => {
                let wants = self.reactor.wants().chains.get(&CHAIN).cloned().unwrap_or_default();
                assert!(wants.history.blocks.is_none() && wants.history.logs.is_none(), "{:?}", wants.history);
            }
            ["accept"] => self.handle(Event::Command(Command::AcceptChain { chain: CHAIN })),
            ["add", watch, addresses, rest @ ..] => self.handle(crate::watches::addition(watch, addresses, rest)),
            ["remove", watch, rest @ ..] => self.handle(crate::watches::removal(watch, rest)),
            [endpoint, "chosen", version, "past", blocks @ ..] => {
                self.chosen_by = Some(number(version));
                self.run(endpoint, RunPart::History, blocks);
                self.chosen_by = None;
            }
            [endpoint, "chosen", version, blocks @ ..] => {
                self.chosen_by = Some(number(version));
                self.run(endpoint, RunPart::Tip, blocks);
                self.chosen_by = None;
            }
            ["scan", "fresh"] => self.state(SourceKind::Explorer, "scan", SourceState::Fresh),
            ["scan", "gone"] => self.state(SourceKind::Explorer, "scan", SourceState::BackingOff("gone".into())),
            [endpoint, "fresh"] => self.state(SourceKind::Rpc, endpoint, SourceState::Fresh),
            [endpoint, "gone"] => self.state(SourceKind::Rpc, endpoint, SourceState::BackingOff("gone".into())),
            [endpoint, "genesis", byte] => self.handle(Event::Contact(Contact {
                chain: CHAIN,
                endpoint: (*endpoint).into(),
                genesis: Some(B256::repeat_byte(byte.parse().expect("a byte"))),
                traces: Some(Tracer::Flat),
            })),
            [endpoint, "head", block, lacks @ ..] => {
                let at = self.block(block).0;
                let lacks = lacks.get(1).map(|tip| self.block(tip).0.hash);
                let time = self.now;
                let endpoint = Name::from(*endpoint);
                self.handle(Event::Head(Head { chain: CHAIN, endpoint, at, time, base_fee: None, lacks }));
            }
            [endpoint, "final", block] => {
                let at = self.block(block).0;
                let finalized = Some((at.number, at.hash));
                self.handle(Event::Tags(Tags { chain: CHAIN, endpoint: (*endpoint).into(), safe: None, finalized }));
            }
            [endpoint, "gap", blocks @ ..] => self.run(endpoint, RunPart::Gap, blocks),
            [endpoint, "traces", blocks @ ..] => self.run(endpoint, RunPart::Traces, blocks),
            ["untraced", blocks @ ..] => self.expect_untraced(blocks),
            ["trusted"] => self.trust(),
            ["opinions", count] => assert_eq!(self.opinions().len() as u64, number(count), "{line}"),
            [operator, "says", block] => {
                let whole = self.whole(block);
                self.opinion(operator, Witnessed::Block(whole));
            }
            [operator, "denies", block] => {
                let whole = self.whole(block);
                self.opinion(operator, Witnessed::Block(Block { movements: Vec::new(), ..whole }));
            }
            [operator, "says", kind, who, amount, "at", block] => {
                let (block, raw) = (self.block(block).0.hash, amount.parse().expect("an amount"));
                self.opinion(operator, Witnessed::Balance { address: address(who), asset: asset(kind), block, raw });
            }
            [endpoint, blocks @ ..] => self.run(endpoint, RunPart::Tip, blocks),
            [] => {}
        }
    }

    fn transact(&mut self, name: &str, rest: &[&str]) {
        let movements = rest.split(|word| *word == "+").map(|part| {
            let [kind, parties, amount] = part else { panic!("kind, parties and amount: {part:?}") };
            let (from, to) = parties.split_once('>').expect("from and to");
            let (kind, asset) = match *kind {
                "coin" => (Kind::Coin, Asset::Coin),
                "internal" => (Kind::Internal, Asset::Coin),
                "usdc" => (Kind::Token, Asset::Token(USDC)),
                "fake" => (Kind::Token, Asset::Token(FAKE)),
                "nft" => (Kind::Erc721, Asset::Token(NFT)),
                other => panic!("no such kind: {other}"),
            };
            let amount = if *amount == "max" { U256::MAX } else { amount.parse().expect("an amount") };
            let (from, to, tx) = (address(from), address(to), hash(name));
            let (token_id, amount) = if kind == Kind::Erc721 { (Some(amount), U256::from(1)) } else { (None, amount) };
            Movement { tx, kind, asset, from, to, token_id, amount, log_index: None }
        });
        let movements = movements.collect();
        self.txs.insert(name.to_owned(), movements);
    }

    fn logs(&mut self, endpoint: &str, range: &str, rows: &[&str]) {
        let (from, to) = range.split_once("..").expect("a range");
        let wants = self.reactor.wants().chains.get(&CHAIN).and_then(|wants| wants.history.logs.clone());
        let want = wants.expect("logs are wanted");
        let (until, addresses) = (want.until, self.asked.take().unwrap_or(want.addresses));
        let row = |text: &&str| {
            let (tx, block) = text.split_once('@').expect("a transaction and its block");
            let (time, block_hash) = (self.now, Some(hash(block)));
            let reported = self.txs[tx].iter().filter(|it| it.kind == Kind::Token).map(move |movement| Reported {
                block: number(block),
                block_hash,
                time,
                movement: *movement,
                token: None,
            });
            reported.collect::<Vec<_>>()
        };
        let (from, to, rows) = (number(from), number(to), rows.iter().flat_map(row).collect());
        self.handle(Event::Logs(Logs { chain: CHAIN, endpoint: endpoint.into(), from, to, until, addresses, rows }));
    }

    fn explored(&self, kind: &str, who: &str, from: &str, head: &str, rows: &[&str]) -> Explored {
        let list = match kind {
            "coin" => List::Transactions,
            "internal" => List::Internal,
            "nft" => List::Nfts,
            "multi" => List::MultiTokens,
            _ => List::Tokens,
        };
        let (time, who) = (self.now, address(who));
        let row = |text: &&str| {
            let (tx, block) = text.split_once('@').expect("a transaction and its block");
            let digits = block.trim_end_matches('\'');
            let movements = self.txs[tx].iter().filter(|it| it.from == who || it.to == who);
            let reported = movements.map(|movement| Reported {
                block: number(digits),
                // A list of internal movements knows no hashes.
                block_hash: (movement.kind != Kind::Internal).then(|| hash(block)),
                time,
                movement: *movement,
                token: None,
            });
            reported.collect::<Vec<_>>()
        };
        let (from, to) = from.split_once("..").expect("a range");
        let (from, head) = (number(from), head.trim_end_matches(':').parse().ok());
        Explored {
            chain: CHAIN,
            source: "scan".into(),
            address: who,
            list,
            from,
            // Of an empty list nothing was proven to be read.
            to: to.parse().ok().or(head).unwrap_or(from.saturating_sub(1)),
            index_head: head,
            rows: rows.iter().flat_map(row).collect(),
        }
    }

    fn receipt(&mut self, tx: &str, found: &str) {
        let wanted = self.reactor.wants().chains.get(&CHAIN).is_some_and(|wants| wants.receipts.contains(&hash(tx)));
        assert!(wanted, "nobody asks for the receipt of {tx}");
        let digits = found.trim_end_matches('\'');
        let found = digits.parse().ok().map(|block| (block, hash(found), true));
        let moved = found.and_then(|_| self.txs.get(tx).cloned()).unwrap_or_default();
        self.handle(Event::Receipt(Receipt { chain: CHAIN, source: "scan".into(), tx: hash(tx), found, moved }));
    }

    fn balance(&mut self, source: &str, kind: &str, who: &str, amount: &str, at: ReadAt) {
        let amount = match amount {
            "empty" => Err(NoBalance::Empty),
            "reverted" => Err(NoBalance::Reverted),
            "nothing" => Err(NoBalance::NoAnswer),
            amount => Ok(amount.parse().expect("an amount")),
        };
        let read = vec![(address(who), asset(kind), amount)];
        self.handle(Event::Balances(Balances { chain: CHAIN, source: source.into(), at, read }));
    }

    fn state(&mut self, kind: SourceKind, name: &str, state: SourceState) {
        let chain = (kind != SourceKind::Feed).then_some(CHAIN);
        let source = SourceId { kind, chain, name: name.into() };
        self.handle(Event::Source(SourceReport { source, state }));
    }

    fn wait(&mut self, span: Duration) {
        let until = self.now.after(span);
        while let Some((due, deadline)) = self.reactor.next_deadline().filter(|(due, _)| *due <= until) {
            self.now = due.max(self.now);
            self.handle(Event::Deadline(deadline));
        }
        self.now = until;
    }
}
