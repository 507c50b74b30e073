//! Watches that come and go while the world runs: who asks for them, what was answered, and what has to have been said because of it.
//!
//! Whoever asks hears no answer when the process dies, and asks again until there is one.

use crate::chain::{BASE, Cast, Chain};
use fastrand::Rng;
use std::collections::BTreeMap;
use walletwatch::reactor::watch_list::{NewAddress, NewWatch, Request, WatchAnswer, WatchOrder, WatchRefusal};
use walletwatch::types::{Address, ChainId, RequestId};

/// Since when an address is watched on a chain, by what was answered.
#[derive(Debug, Clone, Copy)]
struct Span {
    /// The block that was stated; `None` while it is not watched.
    complete: Option<u64>,
    /// Its history was asked for from this block on.
    from: Option<u64>,
    /// So many blocks of all forks were there when it was watched no longer.
    ended: Option<usize>,
    /// It was taken away once.
    was_away: bool,
}

/// What has to stand of a transfer at the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Demand {
    /// Nothing.
    Never,
    /// It may have been in time or not.
    May,
    /// All of it.
    Must,
}

/// Whoever changes the watch list.
#[derive(Debug)]
pub struct Late {
    rng: Rng,
    open: Option<WatchOrder>,
    spans: BTreeMap<(ChainId, Address), Span>,
    pub added: u64,
    pub removed: u64,
}

impl Late {
    pub fn new(rng: Rng) -> Self {
        Self { rng, open: None, spans: BTreeMap::new(), added: 0, removed: 0 }
    }

    /// What is asked now: what was not answered, or now and then something new.
    pub fn order(&mut self, cast: &Cast, past: bool, faulty: bool) -> Option<WatchOrder> {
        if self.open.is_none() && faulty && !cast.late.is_empty() && self.rng.u8(0..10) == 0 {
            self.open = Some(self.draw(cast, past));
        }
        self.open.clone()
    }

    /// Whether everything was answered.
    pub fn is_quiet(&self) -> bool {
        self.open.is_none()
    }

    fn draw(&mut self, cast: &Cast, past: bool) -> WatchOrder {
        let rng = &mut self.rng;
        let (name, all) = &cast.late[rng.usize(..cast.late.len())];
        if rng.u8(0..5) == 0 {
            let one = all[rng.usize(..all.len())];
            return WatchOrder::Remove { watch: (*name).into(), addresses: rng.bool().then(|| vec![one]) };
        }
        let from_block = (past && rng.u8(0..3) == 0).then_some(BASE + 1);
        let one = |address: &Address| NewAddress { address: *address, reference: None, label: None, from_block };
        let mut addresses: Vec<NewAddress> = all.iter().filter(|_| rng.bool()).map(one).collect();
        if addresses.is_empty() {
            addresses.push(one(&all[0]));
        }
        addresses.sort();
        let id = RequestId::hash("simulated", &[&rng.u64(..).to_be_bytes()]);
        let request = rng.bool().then_some(Request { id, body: id });
        WatchOrder::Add {
            watches: vec![NewWatch { name: (*name).into(), chains: None, tags: None, addresses }],
            request,
        }
    }

    /// The answer to what was asked.
    pub fn answered(&mut self, answer: &WatchAnswer, chains: &[Chain], cast: &Cast) -> Result<(), String> {
        let order = self.open.take().ok_or("an answer that nobody asked for")?;
        match (&order, answer) {
            (WatchOrder::Add { watches, .. }, WatchAnswer::Watching(all)) => {
                self.added += all.iter().map(|one| one.new).sum::<u64>();
                for one in all {
                    let stated = one.complete_from.ok_or_else(|| format!("no block is stated: {answer:?}"))?;
                    for asked in watches.iter().flat_map(|watch| &watch.addresses) {
                        let of = Span { complete: None, from: None, ended: None, was_away: false };
                        let span = self.spans.entry((one.chain, asked.address)).or_insert(of);
                        span.complete = Some(span.complete.map_or(stated, |known| known.min(stated)));
                        span.from = span.from.or(asked.from_block);
                        span.ended = None;
                    }
                }
                Ok(())
            }
            (
                WatchOrder::Remove { watch, addresses },
                WatchAnswer::Removed(_) | WatchAnswer::Refused(WatchRefusal::Unknown(_)),
            ) => {
                self.removed += u64::from(matches!(answer, WatchAnswer::Removed(1..)));
                let all = cast.late.iter().find(|(name, _)| *name == watch.as_str()).map(|(_, all)| all.clone());
                for address in addresses.clone().or(all).unwrap_or_default() {
                    for chain in chains {
                        let span = self.spans.get_mut(&(chain.id, address));
                        if let Some(span) = span.filter(|span| span.complete.is_some()) {
                            *span =
                                Span { complete: None, from: None, ended: Some(chain.blocks.len()), was_away: true };
                        }
                    }
                }
                Ok(())
            }
            _ => Err(format!("{order:?} was answered {answer:?}")),
        }
    }

    /// What has to stand of a movement of one of its addresses, which is canonical in a block (or in none), and was first mined as the
    /// `first` of all blocks.
    pub fn demand(
        &self,
        chain: ChainId,
        address: Address,
        canonical: Option<u64>,
        first: usize,
        history: bool,
    ) -> Demand {
        let Some(span) = self.spans.get(&(chain, address)) else { return Demand::Never };
        match (span.complete, span.ended) {
            (Some(complete), _) if canonical.is_some_and(|block| block >= complete) => Demand::Must,
            (Some(_), _) if history && span.from.is_some_and(|from| canonical.is_some_and(|block| block >= from)) => {
                Demand::Must
            }
            (Some(_), _) => Demand::May,
            (None, Some(ended)) if first >= ended => Demand::Never,
            (None, _) => Demand::May,
        }
    }

    /// Whether an address came, and stayed until the end.
    pub fn stayed(&self, chain: ChainId, address: Address) -> bool {
        self.spans.get(&(chain, address)).is_some_and(|span| span.complete.is_some() && !span.was_away)
    }
}
