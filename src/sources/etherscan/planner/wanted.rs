//! What is wanted becomes calls: taken chain by chain, and what an account is asked for is summed up for its pace.
//!
//! Taking looks at every list of the chain; a choice does not.

use super::past::{Past, What};
use super::{Call, Extras, Planner};
use crate::reactor::event::List;
use crate::reactor::wants::{ChainWants, ViewWant};
use crate::types::pace::{BATCH, Demand, Pace};
use crate::types::{Address, Asset, B256, ChainId, Timestamp};

/// What is asked of one chain.
#[derive(Debug, Clone, Default)]
pub(super) struct Share {
    pub(super) demand: Demand,
    /// The addresses whose coin balances show what moved.
    pub(super) swept: Vec<Address>,
}

impl Planner {
    /// Takes everything that is wanted of a chain.
    pub fn take(&mut self, now: Timestamp, chain: ChainId, wants: &ChainWants, extras: &Extras) {
        self.history.take(chain, wants);
        let mut share = if wants.stopped { Share::default() } else { self.take_views(now, chain, &wants.views) };
        self.take_balances(now, chain, wants, &mut share);
        self.drop_unwanted(chain, wants, extras, share.swept.len());
        if !wants.stopped {
            let own = extras.own_receipts.contains(&chain);
            for tx in wants.receipts.iter().filter(|_| own || wants.explorer_receipts) {
                self.keep(now, Call::Receipt(chain, *tx), What::Receipt);
            }
            let needed = wants.explorer_head || extras.heads.contains(&chain);
            if needed || own {
                self.keep(now, Call::Head(chain), What::Head { needed });
            }
            if wants.gas_oracle {
                self.keep(now, Call::Gas(chain), What::Gas);
            }
            for batch in 0..share.swept.len().div_ceil(BATCH) {
                self.keep(now, Call::Balances(chain, u32::try_from(batch).unwrap_or(u32::MAX)), What::Balances);
            }
        }
        let heads = u64::from(extras.own_receipts.contains(&chain) && share.demand.lead > 0);
        self.share(chain, Share { demand: Demand { heads, ..share.demand }, ..share });
    }

    /// Balances that no endpoint can read now. `share` knows what batches show.
    fn take_balances(&mut self, now: Timestamp, chain: ChainId, wants: &ChainWants, share: &mut Share) {
        for past in self.pasts.range_mut(balances_of(chain)).map(|(_, past)| past) {
            past.wanted = false;
        }
        for want in wants.balances.iter().filter(|_| wants.explorer_receipts && !wants.stopped) {
            let is_shown = want.asset == Asset::Coin && share.swept.binary_search(&want.address).is_ok();
            let demand = &mut share.demand;
            if is_shown { &mut demand.coins } else { &mut demand.singles }.add(want.often);
            let call = Call::Balance(chain, want.address, want.asset);
            let what = What::Balance { soon: want.soon, often: want.often };
            let past = self.pasts.entry(call).or_insert_with(|| Past::new(now));
            past.wanted = true;
            if past.what != Some(what) || past.read_at < want.read_at {
                self.change(call, |past| {
                    *past = Past { what: Some(what), read_at: past.read_at.max(want.read_at), ..*past };
                });
            }
        }
    }

    /// Takes what is wanted of one list that was wanted before.
    pub fn renew(&mut self, chain: ChainId, view: &ViewWant) {
        self.keep_view(view.read_at.unwrap_or_default(), chain, view);
    }

    fn take_views(&mut self, now: Timestamp, chain: ChainId, views: &[ViewWant]) -> Share {
        let mut share = Share::default();
        for past in self.pasts.range_mut(views_of(chain)).map(|(_, past)| past) {
            past.wanted = false;
        }
        for view in views {
            self.keep_view(now, chain, view);
            if view.leads {
                share.demand.lead += 1;
            } else {
                share.demand.second += 1;
            }
            if view.leads && view.list.shows_in_balance() {
                share.swept.push(view.address);
            }
        }
        share.swept.sort_unstable();
        share.swept.dedup();
        share.demand.batches = u64::try_from(share.swept.len().div_ceil(BATCH)).unwrap_or(u64::MAX);
        share
    }

    fn keep_view(&mut self, now: Timestamp, chain: ChainId, view: &ViewWant) {
        let call = Call::View(chain, view.address, view.list);
        let moved_before = self.pasts.get(&call).and_then(|past| past.moved_at);
        let what = What::View { from: view.from, leads: view.leads };
        let ViewWant { read_at, moved_at, pointed_at, .. } = *view;
        let past = self.pasts.entry(call).or_insert_with(|| Past::new(now));
        past.wanted = true;
        let as_before = past.what == Some(what) && past.read_at >= read_at && past.moved_at == moved_at;
        if as_before && past.stirred >= pointed_at {
            return;
        }
        let moved = moved_at.filter(|moved| moved_before.is_none_or(|before| *moved > before));
        self.change(call, |past| {
            *past = Past { what: Some(what), read_at: past.read_at.max(read_at), moved_at, ..*past };
            if let Some(pointed) = pointed_at.filter(|pointed| past.stirred < Some(*pointed)) {
                past.stir(pointed);
            }
            past.vain = if moved.is_some() { 0 } else { past.vain };
        });
        // What moved in one list of an address often moved in its others too: coin for a token, a token for coin.
        if let Some(moved) = moved {
            for other in List::ALL.into_iter().filter(|other| *other != view.list) {
                self.change(Call::View(chain, view.address, other), |past| past.stir(moved));
            }
        }
    }

    fn keep(&mut self, now: Timestamp, call: Call, what: What) {
        self.pasts.entry(call).or_insert_with(|| Past::new(now));
        self.change(call, |past| {
            past.wanted = true;
            past.what = Some(what);
        });
    }

    fn drop_unwanted(&mut self, chain: ChainId, wants: &ChainWants, extras: &Extras, swept: usize) {
        let own = extras.own_receipts.contains(&chain);
        let keeps = |call: &Call, past: &Past| match call {
            Call::Receipt(_, tx) => (own || wants.explorer_receipts) && wants.receipts.contains(tx),
            Call::Gas(_) => wants.gas_oracle,
            Call::Head(_) => own || wants.explorer_head || extras.heads.contains(&chain),
            Call::View(..) | Call::Balance(..) | Call::History(..) => past.wanted,
            Call::Balances(_, batch) => usize::try_from(*batch).is_ok_and(|batch| batch < swept.div_ceil(BATCH)),
        };
        let receipts = Call::Receipt(chain, B256::ZERO)..=Call::Receipt(chain, B256::repeat_byte(0xff));
        let batches = Call::Balances(chain, 0)..=Call::Balances(chain, u32::MAX);
        let all = self.pasts.range(receipts).chain(self.pasts.range(Call::Head(chain)..=Call::Head(chain)));
        let all = all.chain(self.pasts.range(Call::Gas(chain)..=Call::Gas(chain)));
        let all = all.chain(self.pasts.range(views_of(chain))).chain(self.pasts.range(batches));
        let all = all.chain(self.pasts.range(balances_of(chain)));
        let gone: Vec<Call> =
            all.filter(|(call, past)| wants.stopped || !keeps(call, past)).map(|(call, _)| *call).collect();
        for call in gone {
            self.change(call, |past| {
                past.wanted = false;
                past.what = None;
            });
        }
    }

    /// Puts a chain's share in force.
    fn share(&mut self, chain: ChainId, share: Share) {
        self.shares.insert(chain, share);
        self.sum_up();
    }

    /// Works out anew how the account's calls are shared out.
    pub(super) fn sum_up(&mut self) {
        let held = self.shares.iter().filter(|(chain, _)| !self.aside.contains(chain)).map(|(_, share)| share);
        let sum = held.fold(Demand::default(), |sum, share| Demand {
            lead: sum.lead + share.demand.lead,
            second: sum.second + share.demand.second,
            batches: sum.batches + share.demand.batches,
            heads: sum.heads + share.demand.heads,
            singles: sum.singles.and(share.demand.singles),
            coins: sum.coins.and(share.demand.coins),
        });
        if sum == self.demand {
            return;
        }
        self.demand = sum;
        let sweep_before = self.pace.sweep;
        self.pace = Pace::of(self.limits, sum);
        if self.pace.sweep != sweep_before {
            let batches = Call::Balances(ChainId(0), 0)..=Call::Balances(ChainId(u64::MAX), u32::MAX);
            let batches: Vec<Call> = self.pasts.range(batches).map(|(call, _)| *call).collect();
            for call in batches {
                self.change(call, |_| {});
            }
        }
    }
}

const fn views_of(chain: ChainId) -> std::ops::RangeInclusive<Call> {
    let (first, last) = (List::ALL[0], List::ALL[List::ALL.len() - 1]);
    Call::View(chain, Address::ZERO, first)..=Call::View(chain, Address::repeat_byte(0xff), last)
}

const fn balances_of(chain: ChainId) -> std::ops::RangeInclusive<Call> {
    let last = Address::repeat_byte(0xff);
    Call::Balance(chain, Address::ZERO, Asset::Coin)..=Call::Balance(chain, last, Asset::Token(last))
}
