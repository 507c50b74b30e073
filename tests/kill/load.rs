//! What happens while the monitor lives and dies: blocks every 50 ms, reorgs, and trouble with everyone it talks to.

use super::scene::{BEAT, CONTRACT, DEEPEST, Face, KNOWN, STRANGERS, UNKNOWN, everyone, now};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use walletwatch::types::{B256, U256};
use walletwatch::world::chain::{Action, Chain, Fails, Plan, Reorg};
use walletwatch::world::chance::Chance;
use walletwatch::world::explorer::{Fault, Trouble};
use walletwatch::world::live::LiveChain;
use walletwatch::world::receiver::{Answer, Receiver};

/// What happens while the monitor lives and dies.
pub(crate) struct Load {
    pub(crate) chance: Chance,
    pub(crate) chains: Vec<(Arc<LiveChain>, Face)>,
    pub(crate) receivers: Vec<Arc<Receiver>>,
    /// Beats for which each receiver still fails altogether.
    pub(crate) outages: [u64; 2],
}

impl Load {
    pub(crate) async fn run(mut self, mining: Arc<AtomicBool>, cancel: CancellationToken) {
        let mut beats = tokio::time::interval(BEAT);
        while mining.load(Ordering::SeqCst) {
            tokio::select! {
                () = cancel.cancelled() => return,
                _ = beats.tick() => {}
            }
            for (live, face) in self.chains.clone() {
                self.trouble(&face);
                self.grow(&live);
            }
            for (receiver, outage) in self.receivers.iter().zip(&mut self.outages) {
                *outage = outage.saturating_sub(1);
                if self.chance.one_in(60) {
                    *outage = self.chance.between(5, 30);
                }
                if *outage > 0 {
                    receiver.answer_with(Answer::Status(503));
                    continue;
                }
                receiver.answer_with(match self.chance.between(1, 20) {
                    1 | 2 => Answer::Status(500),
                    3 => Answer::CloseAfterBody,
                    4..=6 => Answer::Late(Duration::from_millis(self.chance.between(10, 300))),
                    _ => Answer::Status(204),
                });
            }
        }
        for receiver in &self.receivers {
            receiver.answer_with(Answer::Status(204));
        }
    }

    /// What goes wrong with who shows a chain.
    fn trouble(&mut self, face: &Face) {
        match (self.chance.between(1, 40), face) {
            (1, Face::Node(node, _)) => node.drop_connections(),
            (2, Face::Node(node, _)) => node.set(|faults| faults.null_blocks = 1),
            (1..=3, Face::Explorer(explorer)) => {
                const TROUBLES: [Trouble; 9] = [
                    Trouble::Busy,
                    Trouble::Empty,
                    Trouble::Cut,
                    Trouble::Shed,
                    Trouble::Blank,
                    Trouble::Challenge,
                    Trouble::Gateway,
                    Trouble::QueryTimeout,
                    Trouble::Partial,
                ];
                if let Some(trouble) = self.chance.pick(&TROUBLES) {
                    explorer.set(|settings| settings.faults = vec![Fault::once(*trouble)]);
                }
            }
            (4, Face::Explorer(explorer)) => {
                let lag = self.chance.between(0, 3);
                explorer.set(|settings| settings.index_lag = lag);
            }
            _ => {}
        }
    }

    /// One beat of a chain.
    fn grow(&mut self, live: &LiveChain) {
        if self.chance.one_in(40) {
            return;
        }
        let actions = (0..self.chance.between(0, 6)).map(|_| self.action()).collect();
        let chance = &mut self.chance;
        live.change(|chain| {
            if !chance.one_in(12) {
                chain.mine(now(), &Plan { actions, ..Plan::default() });
                return;
            }
            let depth = chance.between(1, DEEPEST);
            let dropped = dropped(chain, depth, chance);
            let again = dropped.iter().copied().filter(|_| chance.one_in(2)).collect();
            let blocks = depth + chance.between(0, 1);
            let reorg = Reorg { depth, blocks, dropped, later: chance.between(0, 2), actions, ..Reorg::default() };
            // One that is too deep is left out: the chain says what is final.
            let _too_deep = chain.reorg(now(), &reorg).is_err();
            chain.mine(now(), &Plan { again, ..Plan::default() });
        });
    }

    fn action(&mut self) -> Action {
        let everyone = everyone();
        let (from, to) = loop {
            let mut one = || *self.chance.pick(&everyone).expect("there is someone");
            let (from, to) = (one(), one());
            // Who pays themselves is a case of its own, and not this test's.
            if from != to && !(STRANGERS.contains(&from) && STRANGERS.contains(&to)) {
                break (from, to);
            }
        };
        let value = U256::from(self.chance.between(1, 10)) * U256::from(100_000_000_000_000_000_u64);
        let amount = U256::from(self.chance.between(1, 1_000_000_000));
        match self.chance.between(1, 10) {
            1..=3 => Action::Pay { from, to, value },
            4 | 5 => Action::Send { token: KNOWN, from, to, amount },
            6 => Action::Send { token: UNKNOWN, from, to, amount },
            7 => Action::SendTwice { token: KNOWN, from, to, amount },
            8 => Action::PayInVain { from, to, value },
            9 => Action::Through { from, contract: CONTRACT, to, value, fails: Fails::Nothing },
            _ => Action::Through { from, contract: CONTRACT, to, value, fails: Fails::Inner },
        }
    }
}

/// Some transactions of the newest blocks, which a reorg does not bring back.
fn dropped(chain: &Chain, depth: u64, chance: &mut Chance) -> std::collections::BTreeSet<B256> {
    let height = chain.height();
    let newest = (0..depth).filter_map(|below| chain.at(height.checked_sub(below)?));
    let hashes = newest.flat_map(|block| block.txs.iter().map(|included| included.tx.hash));
    hashes.filter(|_| chance.one_in(3)).collect()
}
