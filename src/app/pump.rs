//! The pump: takes events from every queue, lets the reactor handle them, commits, and only then lets anything leave.
//!
//! The order in which it takes events is the order of record. It decides nothing and keeps nothing: after a crash the reactor is
//! rebuilt from the store and sources read again what was not committed.

use super::clock::Clock;
use super::intakes::{Intake, Intakes};
use super::lately::Touched;
use super::overview::Overview;
use super::payer::{self, Payer};
use super::poison::{Poison, Stretch};
use super::turn::Draft;
use crate::config::checked::Config;
use crate::reactor::Reactor;
use crate::reactor::effect::Reply;
use crate::reactor::event::{ClockReport, Command, DeliveryReport, Event, SourceId};
use crate::reactor::settings::Settings;
use crate::reactor::wants::Wants;
use crate::sources::queue::EventIntake;
use crate::store::writer::WriterHandle;
use crate::store::{OutboxRow, StoreFault};
use crate::telemetry::faults::{KillPoint, kill_point};
use crate::types::{ChainId, Timestamp};
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Notify, mpsc, oneshot, watch};
use tokio_util::sync::CancellationToken;

/// Events that one turn takes of each queue: with the group commit this is where throughput comes from.
const MOST_EVENTS: usize = 64;
/// Rows that a turn gathers before it commits, whatever waits.
const MOST_ROWS: usize = 8_192;
/// A cursor waits for a commit no longer than this …
const LONGEST_DRAFT: Duration = Duration::from_secs(1);
/// … or for this many blocks.
const MOST_DRAFT_BLOCKS: u64 = 256;
/// How often the wall clock is looked at.
const CLOCK_CHECK: Duration = Duration::from_secs(1);

/// A command, and who waits for the commit that holds it.
#[derive(Debug)]
pub struct Asked {
    /// What is asked.
    pub command: Command,
    /// Told after the commit; with the answer, of a command that has one.
    pub done: oneshot::Sender<Option<Reply>>,
}

/// Another config comes into force. What had been sent by sources that are gone is taken before it.
#[derive(Debug)]
pub struct Change {
    /// As it was read, less what a reload does not apply.
    pub config: Arc<Config>,
    /// Sources that have ended.
    pub gone: Vec<SourceId>,
    /// Sources that begin behind the commit.
    pub new: Vec<Intake>,
    /// For whom the drops of each are counted from now on.
    pub labels: BTreeMap<SourceId, SourceId>,
    /// Told after the commit.
    pub done: oneshot::Sender<()>,
}

/// What the pump is connected to.
#[derive(Debug)]
pub struct Wires {
    /// Commits.
    pub writer: WriterHandle,
    /// The queues of the sources.
    pub intakes: Vec<Intake>,
    /// Other configs; none is lost by a stop, for nobody was told that it is in force.
    pub changes: mpsc::Receiver<Change>,
    /// Rung by the queues.
    pub bell: Arc<Notify>,
    /// Commands; drained first.
    pub commands: mpsc::Receiver<Asked>,
    /// What became of deliveries.
    pub reports: mpsc::Receiver<DeliveryReport>,
    /// To the delivery worker: the rows of each commit.
    pub rows: mpsc::Sender<Vec<OutboxRow>>,
    /// The payment worker, where payments may be live.
    pub payer: Option<Payer>,
    /// To the sources.
    pub wants: watch::Sender<Arc<Wants>>,
    /// The time.
    pub clock: Arc<Clock>,
    /// Stop after the turn at hand.
    pub stop: CancellationToken,
}

/// Why the pump ended.
#[derive(Debug, thiserror::Error)]
pub enum PumpFault {
    /// A commit is not durable: the reactor is ahead of the disk.
    #[error("{0}")]
    Store(#[from] StoreFault),
    /// The reactor panicked: a fault of ours, at a block if one was being read.
    #[error("the reactor panicked{}; the next start goes on from disk", place(.0.as_ref()))]
    Panicked(Option<Stretch>),
    /// The delivery worker is gone.
    #[error("the delivery worker ended; the next start goes on from disk")]
    NoDelivery,
}

fn place(stretch: Option<&Stretch>) -> String {
    stretch
        .map_or_else(String::new, |Stretch { chain, from, to }| format!(" at blocks {from} to {to} of chain {chain}"))
}

/// The pump itself.
#[derive(Debug)]
pub struct Pump {
    reactor: Reactor,
    draft: Draft,
    drafted_since: Option<Timestamp>,
    answers: Vec<(oneshot::Sender<Option<Reply>>, Option<Reply>)>,
    /// Who waits for another config to be in force.
    changed: Vec<oneshot::Sender<()>>,
    /// The same, behind the commit.
    in_force: Vec<oneshot::Sender<()>>,
    poison: Poison,
    overview: Overview,
    wires: Wires,
    intakes: Intakes,
    clock_checked: Timestamp,
}

impl Pump {
    /// With a reactor as the tables say; `settings` come into force with the first turn.
    ///
    /// # Errors
    /// When the first turn cannot be committed.
    pub async fn start(
        reactor: Reactor,
        settings: Settings,
        poison: Poison,
        overview: Overview,
        mut wires: Wires,
    ) -> Result<Self, PumpFault> {
        let clock_checked = wires.clock.now();
        let intakes = Intakes::of(std::mem::take(&mut wires.intakes));
        let mut pump = Self {
            reactor,
            draft: Draft::default(),
            drafted_since: None,
            answers: Vec::new(),
            changed: Vec::new(),
            in_force: Vec::new(),
            poison,
            overview,
            wires,
            intakes,
            clock_checked,
        };
        pump.configure(settings)?;
        pump.commit().await?;
        Ok(pump)
    }

    /// Settings come into force.
    fn configure(&mut self, settings: Settings) -> Result<(), PumpFault> {
        let new = |chain: &ChainId| !self.reactor.settings().chains.contains_key(chain);
        let chains: Vec<ChainId> = settings.chains.keys().copied().filter(new).collect();
        self.handle(Event::Configured(Box::new(settings)))?;
        kill_point(KillPoint::Configured);
        for chain in chains {
            if let Some(block) = self.poison.unreadable(chain) {
                self.handle(Event::Unreadable { chain, block })?;
            }
        }
        Ok(())
    }

    /// Runs until it is stopped.
    ///
    /// # Errors
    /// [`PumpFault`]; the process then ends, and goes on from disk.
    pub async fn run(mut self) -> Result<(), PumpFault> {
        loop {
            let stopping = self.wires.stop.is_cancelled();
            let busy = self.drain()?;
            self.deadlines()?;
            if self.is_due() || stopping {
                self.commit().await?;
            }
            self.ask()?;
            self.publish();
            if stopping && !busy {
                return Ok(());
            }
            if !busy {
                self.wait().await?;
            }
        }
    }

    /// Takes what waits: commands, reports, then each queue in turn. Gives whether anything was there.
    fn drain(&mut self) -> Result<bool, PumpFault> {
        let mut busy = false;
        while let Ok(asked) = self.wires.commands.try_recv() {
            busy = true;
            self.command(asked)?;
        }
        while let Ok(change) = self.wires.changes.try_recv() {
            busy = true;
            self.change(change)?;
        }
        for _ in 0..MOST_EVENTS {
            let Ok(report) = self.wires.reports.try_recv() else { break };
            busy = true;
            self.handle(Event::Delivery(report))?;
        }
        for _ in 0..MOST_EVENTS {
            let Some(event) = payer::waiting(self.wires.payer.as_mut()) else { break };
            busy = true;
            self.handle(event)?;
        }
        let mut round = self.intakes.round();
        while self.draft.rows() < MOST_ROWS
            && let Some(events) = self.intakes.take(&mut round, MOST_EVENTS)
        {
            for event in events {
                busy = true;
                self.handle(event)?;
            }
        }
        let now = self.wires.clock.now();
        if now.since(self.clock_checked) >= CLOCK_CHECK {
            self.clock_checked = now;
            if let Some(ahead_ms) = self.wires.clock.new_skew() {
                self.handle(Event::Clock(ClockReport { ahead_ms }))?;
            }
        }
        Ok(busy)
    }

    fn deadlines(&mut self) -> Result<(), PumpFault> {
        for _ in 0..MOST_ROWS {
            let now = self.wires.clock.now();
            match self.reactor.next_deadline() {
                Some((due, deadline)) if due <= now => self.handle(Event::Deadline(deadline))?,
                Some(_) | None => break,
            }
        }
        Ok(())
    }

    fn command(&mut self, asked: Asked) -> Result<(), PumpFault> {
        if let Command::AcceptChain { chain } = &asked.command {
            match self.poison.accept(*chain) {
                Ok(None) => {}
                Ok(Some(Stretch { from, to, .. })) => {
                    tracing::warn!(
                        "blocks {from} to {to} of chain {chain} are left out from now on: nothing that they move is told"
                    );
                }
                Err(error) => tracing::warn!("the note of unreadable blocks could not be changed: {error}"),
            }
        }
        self.handle(Event::Command(asked.command))?;
        self.answers.push((asked.done, self.draft.take_answer()));
        Ok(())
    }

    /// Another config comes into force: what ended sources had sent is taken first, and nothing of any other source is touched.
    fn change(&mut self, change: Change) -> Result<(), PumpFault> {
        let Change { config, gone, new, mut labels, done } = change;
        for mut intake in self.intakes.remove(&gone) {
            loop {
                let events = intake.events.try_recv_many(MOST_EVENTS);
                if events.is_empty() {
                    break;
                }
                for event in events {
                    self.handle(event)?;
                }
            }
        }
        self.configure(config.settings.clone())?;
        self.intakes.extend(new, &mut labels);
        self.overview.reconfigure(&config, self.wires.clock.now());
        self.changed.push(done);
        Ok(())
    }

    fn handle(&mut self, mut event: Event) -> Result<(), PumpFault> {
        let at = self.wires.clock.now();
        let stretch = stretch(&event);
        if let Event::Run(run) = &mut event {
            self.poison.leave_out(run);
        }
        if stretch.is_some_and(|stretch| self.poison.unreadable(stretch.chain).is_some()) {
            return Ok(());
        }
        self.overview.seen(at, &event);
        let (reactor, draft) = (&mut self.reactor, &mut self.draft);
        // The state is torn after a panic: it is never used again, the process ends.
        let handled = catch_unwind(AssertUnwindSafe(|| {
            crate::telemetry::faults::plant(&event);
            draft.add(at, reactor.handle(at, event));
        }));
        if handled.is_err() {
            if let Some(stretch) = stretch
                && let Err(error) = self.poison.note(stretch)
            {
                tracing::error!("the blocks that could not be read could not be noted: {error}");
            }
            return Err(PumpFault::Panicked(stretch));
        }
        // What is only said waits no longer than a cursor does.
        if (!self.draft.is_empty() || self.draft.has_notices()) && self.drafted_since.is_none() {
            self.drafted_since = Some(at);
        }
        if let Some(Err(error)) = stretch.map(|stretch| self.poison.passed(stretch)) {
            tracing::warn!("the note of unreadable blocks could not be changed: {error}");
        }
        Ok(())
    }

    fn is_due(&self) -> bool {
        let waited = self.drafted_since.is_some_and(|since| self.wires.clock.now().since(since) >= LONGEST_DRAFT);
        self.draft.is_weighty()
            || !self.answers.is_empty()
            || !self.changed.is_empty()
            || waited
            || self.draft.blocks() >= MOST_DRAFT_BLOCKS
            || self.draft.rows() >= MOST_ROWS
    }

    /// Commits what was drafted; then tells whoever waited for it.
    async fn commit(&mut self) -> Result<(), PumpFault> {
        self.drafted_since = None;
        let draft = std::mem::take(&mut self.draft);
        let nothing = draft.is_empty();
        let (commit, notices) = draft.finish();
        let (at, touched) = (commit.at, Touched::of(&commit));
        let mut rows = Vec::new();
        if !nothing {
            let pays = commit.pays();
            kill_point(if pays { KillPoint::BeforePayment } else { KillPoint::BeforeCommit });
            let took = Clock::stopwatch();
            rows = self.wires.writer.commit(commit).await?;
            self.overview.took(took());
            kill_point(if pays { KillPoint::AfterPayment } else { KillPoint::AfterCommit });
        }
        if !rows.is_empty() && self.wires.rows.send(rows).await.is_err() {
            return Err(PumpFault::NoDelivery);
        }
        kill_point(KillPoint::AfterPublish);
        for (done, answer) in self.answers.drain(..) {
            // Who asked may have gone: the command is done all the same.
            let _ = done.send(answer);
        }
        self.overview.committed(at, &notices, touched);
        self.in_force.append(&mut self.changed);
        Ok(())
    }

    /// Hands out what payments ask. Whatever a question rests on weighs, and is on disk by now; one that only reads rests on nothing.
    fn ask(&mut self) -> Result<(), PumpFault> {
        if self.draft.is_weighty() {
            return Ok(());
        }
        for asked in self.reactor.take_asks() {
            kill_point(KillPoint::BeforeAsk);
            if let Some(answer) = payer::ask(self.wires.payer.as_ref(), asked) {
                self.handle(Event::Answered(Box::new(answer)))?;
            }
        }
        Ok(())
    }

    fn publish(&mut self) {
        if self.reactor.wants_changed() {
            let wants = Arc::new(self.reactor.wants().clone());
            self.wires.wants.send_replace(wants);
        }
        let dropped = |intake: &EventIntake| intake.dropped() + intake.replaced();
        let intakes = self.intakes.iter().map(|intake| (&intake.source, dropped(&intake.events)));
        if !self.in_force.is_empty() {
            self.overview.show_now();
        }
        self.overview.publish(self.wires.clock.now(), &self.reactor, intakes);
        for done in self.in_force.drain(..) {
            // It is shown: who asked for it may look. Who asked may have gone.
            let _ = done.send(());
        }
    }

    async fn wait(&mut self) -> Result<(), PumpFault> {
        let now = self.wires.clock.now();
        let until = |due: Timestamp| due.since(now);
        let deadline = self.reactor.next_deadline().map(|(due, _)| until(due));
        let draft = self.drafted_since.map(|since| until(since.after(LONGEST_DRAFT)));
        let longest = self.overview.pause();
        let pause = [deadline, draft].into_iter().flatten().fold(longest, Duration::min);
        let (mut early, mut change) = (None, None);
        tokio::select! {
            () = self.wires.bell.notified() => {}
            Some(asked) = self.wires.commands.recv() => early = Some(Err(asked)),
            Some(report) = self.wires.reports.recv() => early = Some(Ok(Event::Delivery(report))),
            Some(event) = payer::next(self.wires.payer.as_mut()) => early = Some(Ok(event)),
            Some(other) = self.wires.changes.recv() => change = Some(other),
            () = self.wires.stop.cancelled() => {}
            // A millisecond more: the clock counts in whole ones, and a deadline must have passed when it is looked at.
            () = tokio::time::sleep(pause + Duration::from_millis(1)) => {}
        }
        if let Some(change) = change {
            self.change(change)?;
        }
        match early {
            Some(Err(asked)) => self.command(asked),
            Some(Ok(event)) => self.handle(event),
            None => Ok(()),
        }
    }
}

/// The blocks that are read with an event.
fn stretch(event: &Event) -> Option<Stretch> {
    let Event::Run(run) = event else { return None };
    let (first, last) = (run.blocks.first()?, run.blocks.last()?);
    Some(Stretch { chain: run.chain, from: first.at.number, to: last.at.number })
}
