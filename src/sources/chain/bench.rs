//! A bench that plays the pump and the reactor for a chain's reader.
//!
//! It checks that every run connects, as the reactor would need it.

use super::testing::CHAIN;
use super::{ChainReader, LookBack, unchanging};
use crate::config::checked::EndpointConfig;
use crate::net::{HttpClient, Tls};
use crate::reactor::event::{Event, Run, RunPart};
use crate::reactor::rows::GapRow;
use crate::reactor::wants::{ChainWants, Wants};
use crate::sources::queue::{EventIntake, event_queue};
use crate::telemetry::{Metrics, Tally};
use crate::types::{BlockRef, Name, Timestamp};
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Notify, watch};
use tokio::time::timeout;
use tokio_util::sync::{CancellationToken, DropGuard};

/// How long a test waits for what must come; nothing waits for it to pass.
const PATIENCE: Duration = Duration::from_secs(20);

/// Plays the pump and the reactor for one chain's reader.
pub(super) struct Bench {
    intake: EventIntake,
    wants: watch::Sender<Arc<Wants>>,
    /// What is published.
    pub(super) chain: ChainWants,
    /// Blocks that came without their traces are wanted with them.
    pub(super) wants_traces: bool,
    /// Every event so far.
    pub(super) seen: Vec<Event>,
    taken: VecDeque<Event>,
    metrics: Metrics,
    _stop: DropGuard,
}

impl Bench {
    /// Starts a reader on these endpoints, with a published window.
    pub(super) fn start(endpoints: Vec<EndpointConfig>, window: &[BlockRef]) -> Self {
        let (bench, reader, stop) = Self::around(endpoints, window);
        tokio::spawn(reader.run(stop));
        bench
    }

    /// The same with who looks back, instead of a reader.
    pub(super) fn past(endpoints: Vec<EndpointConfig>) -> (Self, LookBack) {
        let (bench, reader, stop) = Self::around(endpoints, &[]);
        let (past, keeping) = reader.look_back(stop);
        tokio::spawn(keeping);
        (bench, past)
    }

    fn around(endpoints: Vec<EndpointConfig>, window: &[BlockRef]) -> (Self, ChainReader, CancellationToken) {
        let (queue, intake) = event_queue(Arc::new(Notify::new()));
        let (wants, published) = watch::channel(Arc::default());
        let (tls, metrics) = (Tls::baked(), Metrics::new());
        let reader = ChainReader {
            tally: Tally::new(metrics.clone(), Arc::default()),
            chain: CHAIN,
            block_time: Duration::from_millis(250),
            endpoints: unchanging(endpoints),
            wants: published,
            queue,
            http: HttpClient::new(&tls).unwrap(),
            tls,
            clock: Arc::new(Timestamp::default),
        };
        let stop = CancellationToken::new();
        let bench = Self {
            intake,
            wants,
            chain: ChainWants { window: window.to_vec(), ..ChainWants::default() },
            wants_traces: false,
            seen: Vec::new(),
            taken: VecDeque::new(),
            metrics,
            _stop: stop.clone().drop_guard(),
        };
        bench.publish();
        (bench, reader, stop)
    }

    /// Publishes what is wanted.
    pub(super) fn publish(&self) {
        let chains = BTreeMap::from([(CHAIN, Arc::new(self.chain.clone()))]);
        self.wants.send_replace(Arc::new(Wants { chains, ..Wants::default() }));
    }

    /// How many blocks were counted as read without their traces.
    pub(super) fn untraced(&self) -> u64 {
        let text = self.metrics.render();
        let counts = text.lines().filter(|line| line.starts_with("walletwatch_chain_untraced_blocks_total{"));
        counts.filter_map(|line| line.rsplit(' ').next()?.parse::<u64>().ok()).sum()
    }

    /// The next event.
    pub(super) async fn next(&mut self) -> Event {
        while self.taken.is_empty() {
            let ready = timeout(PATIENCE, self.intake.ready()).await;
            assert!(ready.is_ok(), "nothing more came after {:#?}", self.seen);
            self.taken.extend(self.intake.try_recv_many(64));
        }
        let event = self.taken.pop_front().unwrap();
        self.seen.push(event.clone());
        event
    }

    /// The next event that `pick` wants; others are passed over.
    pub(super) async fn until<T>(&mut self, mut pick: impl FnMut(Event) -> Option<T>) -> T {
        loop {
            if let Some(found) = pick(self.next().await) {
                return found;
            }
        }
    }

    /// The next run, committed: it is checked to connect, and the window or the gaps are published as the reactor would.
    pub(super) async fn run(&mut self) -> Run {
        let run = self.until(|event| if let Event::Run(run) = event { Some(run) } else { None }).await;
        self.commit(&run);
        self.publish();
        run
    }

    fn commit(&mut self, run: &Run) {
        let refs: Vec<BlockRef> = run.blocks.iter().map(|block| block.at).collect();
        for pair in refs.windows(2) {
            assert_eq!(
                (pair[0].hash, pair[0].number + 1),
                (pair[1].parent, pair[1].number),
                "each is the parent of the next"
            );
        }
        if self.wants_traces {
            let untraced = run.blocks.iter().filter(|block| !block.traced).map(|block| block.at);
            self.chain.untraced.extend(untraced);
        }
        let (first, last) = (*refs.first().unwrap(), *refs.last().unwrap());
        match run.part {
            RunPart::Gap | RunPart::History => {
                let place =
                    self.chain.gaps.iter().position(|gap| gap.above == last.hash).expect("it is the end of a gap");
                let gap = &mut self.chain.gaps[place];
                if first.number == gap.from {
                    assert_eq!(first.parent, gap.below);
                    self.chain.gaps.remove(place);
                } else {
                    (gap.to, gap.above) = (first.number - 1, first.parent);
                }
            }
            RunPart::Traces => {
                assert!(run.blocks.iter().all(|block| block.traced));
                let before = self.chain.untraced.len();
                self.chain.untraced.retain(|block| !refs.contains(block));
                assert_eq!(self.chain.untraced.len() + refs.len(), before, "only what is wanted comes");
            }
            RunPart::Tip => {
                let window = &mut self.chain.window;
                if let Some(parent) = window.iter().position(|block| block.hash == first.parent) {
                    window.truncate(parent + 1);
                } else if let Some(tip) = window.last().copied() {
                    assert!(first.number > tip.number + 256, "{first:?} does not connect and is no jump");
                    let (from, to) = (tip.number + 1, first.number - 1);
                    self.chain.gaps.push(GapRow { chain: CHAIN, from, to, above: first.parent, below: tip.hash });
                    window.clear();
                }
                window.extend_from_slice(&refs);
                self.chain.tip_endpoint = Some(run.endpoint.clone());
            }
        }
    }
}

/// The blocks of a run.
pub(super) fn refs(run: &Run) -> (Name, Vec<BlockRef>) {
    (run.endpoint.clone(), run.blocks.iter().map(|block| block.at).collect())
}
