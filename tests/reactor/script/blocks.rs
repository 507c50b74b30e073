//! Lines about blocks.

use super::Script;
use crate::names::{CHAIN, hash, number};
use walletwatch::reactor::event::{Event, Run, RunPart};
use walletwatch::types::{Block, BlockRef, Kind, Movement};

impl Script {
    /// `101'<100:t1,t2`, `120..125`: known from then on by its name.
    pub(super) fn block(&mut self, text: &str) -> (BlockRef, Vec<String>) {
        let (place, txs) = text.split_once(':').unwrap_or((text, ""));
        let (name, parent) = place.split_once('<').map_or((place, None), |(name, parent)| (name, Some(parent)));
        if let Some(known) = self.blocks.get(name) {
            return known.clone();
        }
        let digits = name.trim_end_matches('\'');
        let number = number(digits);
        let beside = format!("{}{}", number.wrapping_sub(1), &name[digits.len()..]);
        let beneath = number.wrapping_sub(1).to_string();
        let fork = self.blocks.contains_key(&beside);
        let parent = parent.map_or_else(|| if fork { beside } else { beneath }, str::to_owned);
        let at = BlockRef { number, hash: hash(name), parent: hash(&parent) };
        let txs = txs.split(',').filter(|tx| !tx.is_empty()).map(str::to_owned).collect();
        self.blocks.insert(name.to_owned(), (at, txs));
        self.blocks[name].clone()
    }

    /// A run of these blocks; after `bare` without their traces.
    pub(super) fn run(&mut self, endpoint: &str, part: RunPart, words: &[&str]) {
        let (bare, words) = words.strip_prefix(&["bare"]).map_or((false, words), |words| (true, words));
        let mut names = Vec::new();
        for word in words {
            match word.split_once("..") {
                Some((from, to)) => names.extend((number(from)..=number(to)).map(|number| number.to_string())),
                None => names.push((*word).to_owned()),
            }
        }
        let mut blocks: Vec<Block> = names.iter().map(|name| self.whole(name)).collect();
        for block in blocks.iter_mut().filter(|_| bare) {
            block.traced = false;
            block.movements.retain(|movement| movement.kind != Kind::Internal);
        }
        self.handle(Event::Run(Run {
            chain: CHAIN,
            endpoint: endpoint.into(),
            blocks,
            part,
            chosen_by: self.chosen_by,
        }));
    }

    pub(super) fn whole(&mut self, name: &str) -> Block {
        let (at, txs) = self.block(name);
        let movements = txs.iter().flat_map(|tx| self.txs[tx].clone()).enumerate();
        let movements = movements.map(|(place, it)| Movement { log_index: Some(place as u64), ..it }).collect();
        Block { at, time: self.now, base_fee: None, next_base_fee: None, movements, traced: true }
    }

    /// Which blocks are wanted with their traces.
    pub(super) fn expect_untraced(&mut self, blocks: &[&str]) {
        let expected: Vec<BlockRef> = blocks.iter().map(|block| self.block(block).0).collect();
        let wanted = self.reactor.wants().chains.get(&CHAIN).map(|wants| wants.untraced.clone());
        assert_eq!(wanted.unwrap_or_default(), expected);
    }
}
