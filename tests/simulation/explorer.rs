//! An explorer as a reader shows it: two back ends that stand at different heads and on different forks, rows that are hidden for a while,
//! answers that are empty or change while their pages are read.

use crate::chain::{Chain, Tx};
use crate::sources::LATEST_ROW;
use fastrand::Rng;
use std::collections::BTreeSet;
use walletwatch::reactor::event::{
    Balances, Event, Explored, ExplorerHead, List, NoBalance, ReadAt, Receipt, Reported, SourceId, SourceKind,
    SourceReport, SourceState,
};
use walletwatch::reactor::wants::{ChainWants, ViewWant};
use walletwatch::types::{Asset, B256, Kind, Name};

/// One explorer.
#[derive(Debug)]
pub struct Explorer {
    pub name: Name,
    pub up: bool,
    pub introduced: bool,
    pub backends: [usize; 2],
    /// Transactions that it does not list at the moment.
    pub hidden: BTreeSet<B256>,
}

impl Explorer {
    pub fn speak(&mut self, chain: &Chain, wants: &ChainWants, rng: &mut Rng, faulty: bool, events: &mut Vec<Event>) {
        if self.up != self.introduced {
            self.introduced = self.up;
            let source = SourceId { kind: SourceKind::Explorer, chain: Some(chain.id), name: self.name.clone() };
            let state = if self.up { SourceState::Fresh } else { SourceState::BackingOff("silence".into()) };
            events.push(Event::Source(SourceReport { source, state }));
        }
        if !self.up {
            return;
        }
        if wants.explorer_head {
            let head = chain.blocks[self.backends[0]].at.number;
            events.push(Event::ExplorerHead(ExplorerHead { chain: chain.id, source: self.name.clone(), head }));
        }
        if wants.explorer_receipts {
            let head = &chain.blocks[self.backends[0]];
            for want in wants.balances.iter() {
                if !faulty || rng.u8(0..6) == 0 {
                    let amount = match rng.u8(0..12) {
                        0 if faulty => Err(NoBalance::Empty),
                        _ => Ok(head.balance(want.address, want.asset)),
                    };
                    let at = ReadAt { number: head.at.number, hash: None };
                    let (source, read) = (self.name.clone(), vec![(want.address, want.asset, amount)]);
                    events.push(Event::Balances(Balances { chain: chain.id, source, at, read }));
                }
            }
        }
        for tx in &wants.receipts {
            if !faulty || rng.bool() {
                events.push(Event::Receipt(receipt(chain, &self.name, *tx)));
            }
        }
        for view in &wants.views {
            if !faulty || rng.u8(0..8) == 0 {
                let backend = rng.usize(..2);
                let answer = self.answer(chain, view, self.backends[backend]);
                let answer = match rng.u8(0..16) {
                    0 if faulty => {
                        Explored { index_head: None, rows: Vec::new(), to: view.from.saturating_sub(1), ..answer }
                    }
                    // Its first page came from one back end, the rest from the other.
                    1 | 2 if faulty => spliced(answer, self.answer(chain, view, self.backends[1 - backend]), rng),
                    _ => answer,
                };
                events.push(Event::Explored(answer));
            }
        }
        for want in wants.history.lists.iter().filter(|_| !wants.stopped) {
            if !faulty || rng.u8(0..4) == 0 {
                let backend = rng.usize(..2);
                let (address, list, from) = (want.address, want.list, want.from);
                let view =
                    ViewWant { address, list, from, read_at: None, moved_at: None, pointed_at: None, leads: true };
                let until = |answer: Explored| {
                    let rows: Vec<_> = answer.rows.into_iter().filter(|row| row.block <= want.to).collect();
                    // What is to come is not asked for, so that it shows no head.
                    let index_head = answer.index_head.filter(|_| !rows.is_empty());
                    let reach = rows.last().map(|row| row.block).filter(|_| headless(list));
                    Explored { to: want.to, index_head: reach.or(index_head), rows, ..answer }
                };
                let answer = until(self.answer(chain, &view, self.backends[backend]));
                let answer = match rng.u8(0..16) {
                    // It lies about the same list twice only if it is asked at once.
                    0 if faulty && want.again.is_none() => Explored { index_head: None, rows: Vec::new(), ..answer },
                    1 | 2 if faulty => {
                        spliced(answer, until(self.answer(chain, &view, self.backends[1 - backend])), rng)
                    }
                    _ => answer,
                };
                events.push(Event::History(answer));
            }
        }
    }

    fn answer(&self, chain: &Chain, view: &ViewWant, head: usize) -> Explored {
        let mut rows = Vec::new();
        let mut index = Some(head);
        while let Some(at) = index.filter(|at| chain.blocks[*at].at.number >= view.from) {
            let mined = &chain.blocks[at];
            let mut of_block = Vec::new();
            // Rows come late, and vanish for a while, but not for longer than an index is late.
            let hides = mined.at.number + LATEST_ROW > chain.blocks[head].at.number;
            let shown = |tx: &&Tx| !(hides && self.hidden.contains(&tx.hash));
            for tx in mined.txs.iter().map(|tx| &chain.txs[*tx]).filter(shown) {
                let ours = tx.movements.iter().filter(|movement| {
                    list_of(movement.kind) == view.list && movement.parties().any(|party| *party == view.address)
                });
                of_block.extend(ours.map(|movement| {
                    Reported {
                        block: mined.at.number,
                        block_hash: (movement.kind != Kind::Internal).then_some(mined.at.hash),
                        time: mined.time,
                        movement: *movement,
                        // A log says nothing of its token.
                        token: (movement.asset != Asset::Coin && !movement.kind.is_approval())
                            .then(|| (Some(18), Some("USDC".into()))),
                    }
                }));
            }
            of_block.reverse();
            rows.extend(of_block);
            index = chain.parent(at);
        }
        rows.reverse();
        // Some lists tell no head: their reader knows only how far the rows reach.
        let head = chain.blocks[head].at.number;
        let reach = if headless(view.list) { rows.last().map_or(head, |row| row.block) } else { head };
        // Of an empty list nothing was proven to be read.
        let to = if rows.is_empty() { view.from.saturating_sub(1) } else { reach };
        Explored {
            chain: chain.id,
            source: self.name.clone(),
            address: view.address,
            list: view.list,
            from: view.from,
            to,
            index_head: (!rows.is_empty()).then_some(reach),
            rows,
        }
    }
}

/// What a pager makes of pages from two back ends: nothing beyond the lower of their heads.
fn spliced(first: Explored, rest: Explored, rng: &mut Rng) -> Explored {
    let (Some(one), Some(other)) = (first.index_head, rest.index_head) else { return first };
    let last = one.min(other);
    let cut = rng.u64(first.from..=last.max(first.from));
    let head = |row: &Reported| row.block < cut;
    let tail = |row: &Reported| (cut..=last).contains(&row.block);
    let rows: Vec<Reported> =
        first.rows.iter().filter(|row| head(row)).chain(rest.rows.iter().filter(|row| tail(row))).cloned().collect();
    let reach = if headless(first.list) { rows.last().map_or(last, |row| row.block) } else { last };
    let to = if rows.is_empty() { first.from.saturating_sub(1) } else { reach };
    Explored { to, index_head: (!rows.is_empty()).then_some(reach), rows, ..first }
}

/// Lists of which no row tells how far the index has come.
const fn headless(list: List) -> bool {
    matches!(list, List::Internal | List::Approvals | List::ApprovalsForAll)
}

const fn list_of(kind: Kind) -> List {
    match kind {
        Kind::Coin => List::Transactions,
        Kind::Internal => List::Internal,
        Kind::Token => List::Tokens,
        Kind::Erc721 => List::Nfts,
        Kind::Erc1155 => List::MultiTokens,
        Kind::Approval => List::Approvals,
        Kind::ApprovalForAll => List::ApprovalsForAll,
    }
}

/// What the node behind the explorer's proxy says: it stands at the canonical tip.
fn receipt(chain: &Chain, source: &Name, tx: B256) -> Receipt {
    let mut index = Some(chain.tip);
    let (mut found, mut moved) = (None, Vec::new());
    while let (Some(at), None) = (index, found) {
        let mined = &chain.blocks[at];
        if let Some(known) = mined.txs.iter().find(|known| chain.txs[**known].hash == tx) {
            found = Some((mined.at.number, mined.at.hash, true));
            moved.clone_from(&chain.txs[*known].movements);
        }
        index = chain.parent(at);
    }
    Receipt { chain: chain.id, source: source.clone(), tx, found, moved }
}
