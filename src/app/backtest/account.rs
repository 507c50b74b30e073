//! An explorer's account, read for a backtest by the same poller and under the same budget as live. What was read is kept in the scratch
//! store, and so is what it cost: a list is not paid for twice.

use super::BacktestFault;
use super::kept::{Part, keep, kept};
use super::listed::{Listed, Open, take, wanted};
use crate::app::clock::Clock;
use crate::config::checked::{Config, ExplorerConfig};
use crate::net::Tls;
use crate::net::http::HttpClient;
use crate::reactor::event::{Event, SourceState};
use crate::reactor::settings::Settings;
use crate::reactor::wants::{ChainWants, HistoryWants, Wants};
use crate::sources::etherscan::judge::{Remedy, judge};
use crate::sources::etherscan::{self, BudgetNote, Explorer, Word, fetch};
use crate::sources::queue::{EventIntake, event_queue};
use crate::store::{Budget, Reader, SqliteStore};
use crate::telemetry::{Labels, Metrics, Tally};
use crate::types::pace::Limits;
use crate::types::{ChainId, Name, Timestamp};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{Notify, watch};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

/// Lists that are asked for at a time.
const SHOWN: usize = 64;
/// Events that are taken at a time.
const EVENTS: usize = 64;
/// The time of a block is asked for so often …
const TRIES: u32 = 5;
/// … and so long apart, before that is given up.
const TRY_AGAIN: Duration = Duration::from_secs(2);

/// One account of an explorer, on one chain.
pub(super) struct Account<'a> {
    config: &'a Config,
    explorer: &'a ExplorerConfig,
    chain: ChainId,
    wants: watch::Sender<Arc<Wants>>,
    stop: &'a CancellationToken,
    /// What the monitor had used of the day at the start …
    monitors: BudgetNote,
    /// … and that together with what this has used since.
    spent: Arc<Mutex<BudgetNote>>,
}

impl<'a> Account<'a> {
    /// The account that reads a chain, where one does. The account is one: what the running monitor has used of its day counts, and what
    /// an earlier run of this has used, by its scratch store.
    pub(super) fn of(
        config: &'a Config,
        chain: ChainId,
        stop: &'a CancellationToken,
        scratch: &SqliteStore,
    ) -> Result<Option<Self>, BacktestFault> {
        let Some(explorer) = config.explorers.iter().find(|explorer| explorer.chains.contains(&chain)) else {
            return Ok(None);
        };
        let name = explorer.name.as_str();
        let noted = |budget: Budget| BudgetNote { day: budget.day, used: budget.used };
        // Where there is no monitor's store nobody else has used anything.
        let monitors = Reader::open(&config.store.path).ok().and_then(|reader| reader.budget(name).ok().flatten());
        let monitors = monitors.map(noted).unwrap_or_default();
        let own = scratch.note(&Budget::key(name))?.and_then(|note| Budget::from_note(&note)).map(noted);
        let spent = Arc::new(Mutex::new(together(monitors, own.unwrap_or_default())));
        Ok(Some(Self { config, explorer, chain, wants: watch::channel(Arc::default()).0, stop, monitors, spent }))
    }

    /// The first block that is not before a time, at most the one above the head: asked of the explorer's node, a call a step.
    pub(super) async fn place(
        &self,
        scratch: &mut SqliteStore,
        time: Timestamp,
        head: u64,
    ) -> Result<u64, BacktestFault> {
        let fetch = self.fetch()?;
        let (mut low, mut high) = (0, head.saturating_add(1));
        while low < high {
            let middle = low + (high - low) / 2;
            if self.time_of(&fetch, middle).await? < time {
                low = middle + 1;
            } else {
                high = middle;
            }
            self.note(scratch)?;
        }
        Ok(low)
    }

    /// The time of a block, no faster than the account allows.
    async fn time_of(&self, fetch: &Explorer, block: u64) -> Result<Timestamp, BacktestFault> {
        let mut tries = 0;
        loop {
            sleep(Duration::from_secs(1) / self.explorer.calls_per_second.max(1)).await;
            self.count_one()?;
            let why = match fetch::time_of(fetch, self.chain, block).await {
                Ok(time) => return Ok(time),
                Err(why) => why,
            };
            tries += 1;
            match judge(&why) {
                Remedy::SlowDown | Remedy::Trouble | Remedy::CallOnly if tries < TRIES => sleep(TRY_AGAIN).await,
                Remedy::SlowDown
                | Remedy::Trouble
                | Remedy::CallOnly
                | Remedy::DayOver(_)
                | Remedy::ChainDayOver(_)
                | Remedy::Key
                | Remedy::KeyThrottled
                | Remedy::ChainRefused
                | Remedy::AccountRefused
                | Remedy::Halve
                | Remedy::Window => return Err(self.fault(why.reason(self.explorer.name.as_str()))),
            }
        }
    }

    /// A call that goes past the poller counts too.
    fn count_one(&self) -> Result<(), BacktestFault> {
        let today = day_of(Clock::wall());
        let mut spent = self.spent.lock().unwrap_or_else(PoisonError::into_inner);
        if spent.day != today {
            *spent = BudgetNote { day: today, used: 0 };
        }
        if spent.used >= u64::from(self.explorer.calls_per_day) {
            return Err(self.fault("the calls of the day are used up: it goes on at 00:00 UTC".into()));
        }
        spent.used += 1;
        Ok(())
    }

    /// Writes down what this has used of the day, for who goes on with it.
    fn note(&self, scratch: &mut SqliteStore) -> Result<(), BacktestFault> {
        let spent = *self.spent.lock().unwrap_or_else(PoisonError::into_inner);
        let own = own(self.monitors, spent);
        let budget = Budget { day: own.day, used: own.used };
        Ok(scratch.set_note(&Budget::key(self.explorer.name.as_str()), &budget.to_note())?)
    }

    fn fault(&self, why: Name) -> BacktestFault {
        BacktestFault::Explorer { explorer: self.explorer.name.clone(), why }
    }

    fn fetch(&self) -> Result<Explorer, BacktestFault> {
        let ExplorerConfig { dialect, url, api_key, .. } = self.explorer;
        let http = HttpClient::new(&Tls::baked())?;
        Explorer::of(*dialect, http, url, api_key.clone()).map_err(|_| self.fault("its url cannot be used".into()))
    }

    /// The height that the explorer knows.
    pub(super) async fn head(&self) -> Result<u64, BacktestFault> {
        self.publish(ChainWants { explorer_head: true, ..ChainWants::default() });
        self.polled(async |mut intake: EventIntake, bell: Arc<Notify>| {
            loop {
                for event in next(&mut intake, &bell).await {
                    self.refused(&event)?;
                    if let Event::ExplorerHead(head) = event {
                        return Ok(head.head);
                    }
                }
            }
        })
        .await
    }

    /// Everything that the lists of the watched addresses have of these blocks.
    pub(super) async fn read(
        &self,
        scratch: &mut SqliteStore,
        settings: &Settings,
        from: u64,
        to: u64,
    ) -> Result<Listed, BacktestFault> {
        self.note(scratch)?;
        let mut open = wanted(settings, self.chain, from, to);
        let block_time = settings.chains.get(&self.chain).map_or(Duration::from_secs(1), |chain| chain.block_time);
        let mut listed = Listed::new(self.chain, block_time);
        for want in open.values_mut() {
            let of = (self.chain, want.address, want.list);
            while let Some(Part { next, rows }) = kept(scratch, of, want.from)? {
                listed.put(rows.iter());
                want.from = next;
            }
        }
        open.retain(|_, want| want.from <= want.to);
        if open.is_empty() {
            return Ok(listed);
        }
        self.show(&open);
        self.polled(async |mut intake: EventIntake, bell: Arc<Notify>| {
            while !open.is_empty() {
                for event in next(&mut intake, &bell).await {
                    self.refused(&event)?;
                    if let Event::History(part) = event {
                        if let Some((from, part, of)) = take(&mut open, &mut listed, &part, Clock::wall()) {
                            keep(scratch, of, from, &part)?;
                            self.note(scratch)?;
                        }
                        self.show(&open);
                    }
                }
            }
            Ok(())
        })
        .await?;
        Ok(listed)
    }

    /// Asks for some of the lists.
    fn show(&self, open: &Open) {
        let lists = open.values().take(SHOWN).copied().collect();
        let history = HistoryWants { lists, ..HistoryWants::default() };
        self.publish(ChainWants { history, ..ChainWants::default() });
    }

    fn publish(&self, wants: ChainWants) {
        let chains = BTreeMap::from([(self.chain, Arc::new(wants))]);
        self.wants.send_replace(Arc::new(Wants { chains, ..Wants::default() }));
    }

    /// Polls, while somebody takes what comes.
    async fn polled<T>(
        &self,
        taken: impl AsyncFnOnce(EventIntake, Arc<Notify>) -> Result<T, BacktestFault>,
    ) -> Result<T, BacktestFault> {
        let ExplorerConfig { name, calls_per_second, calls_per_day, .. } = self.explorer;
        let fetch = self.fetch()?;
        let spent = Arc::clone(&self.spent);
        let told = move |word: Word| {
            if let Word::Used(note) = word {
                *spent.lock().unwrap_or_else(PoisonError::into_inner) = note;
            }
        };
        let clock = Arc::new(Clock::start(None));
        let setup = etherscan::Setup {
            name: name.clone(),
            chains: BTreeSet::from([self.chain]),
            own_receipts: BTreeSet::new(),
            limits: Limits { per_second: *calls_per_second, per_day: u64::from(*calls_per_day) },
            used: *self.spent.lock().unwrap_or_else(PoisonError::into_inner),
            tally: Tally::new(Metrics::new(), Arc::new(Labels::of(&self.config.settings))),
        };
        let bell = Arc::new(Notify::new());
        let (queue, intake) = event_queue(Arc::clone(&bell));
        let wants = self.wants.subscribe();
        let now: crate::sources::WallClock = Arc::new(move || clock.now());
        tokio::select! {
            () = etherscan::run(setup, &fetch, wants, queue, now, told, self.stop.clone()) => {
                Err(self.fault("it was told to stop: the same command goes on from there".into()))
            }
            taken = taken(intake, bell) => taken,
        }
    }

    /// A refusal is for good; a used-up day is said and waited for.
    fn refused(&self, event: &Event) -> Result<(), BacktestFault> {
        let Event::Source(report) = event else { return Ok(()) };
        match &report.state {
            SourceState::Refused(why) => Err(self.fault(why.clone())),
            SourceState::OverBudget(until) => {
                tracing::warn!("the calls of {} are used up until {until}: it goes on then", self.explorer.name);
                Ok(())
            }
            SourceState::Connecting | SourceState::Fresh | SourceState::Stale | SourceState::BackingOff(_) => Ok(()),
        }
    }
}

/// Days since the epoch, UTC.
const fn day_of(at: Timestamp) -> i64 {
    at.millis().div_euclid(24 * 60 * 60 * 1_000)
}

/// What two have used of the newer of their days.
const fn together(one: BudgetNote, other: BudgetNote) -> BudgetNote {
    if one.day == other.day {
        return BudgetNote { day: one.day, used: one.used.saturating_add(other.used) };
    }
    if one.day > other.day { one } else { other }
}

/// What of a day's calls is not another's.
const fn own(anothers: BudgetNote, all: BudgetNote) -> BudgetNote {
    let less = if anothers.day == all.day { anothers.used } else { 0 };
    BudgetNote { day: all.day, used: all.used.saturating_sub(less) }
}

/// The next events.
async fn next(intake: &mut EventIntake, bell: &Notify) -> Vec<Event> {
    loop {
        let events = intake.try_recv_many(EVENTS);
        if !events.is_empty() {
            return events;
        }
        bell.notified().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_monitor_used_of_a_day_counts_and_is_not_ours() {
        let note = |day, used| BudgetNote { day, used };
        for (monitors, ours, all) in [
            (note(5, 100), note(5, 20), note(5, 120)),
            (note(4, 100), note(5, 20), note(5, 20)),
            (note(5, 100), note(4, 20), note(5, 100)),
            (note(0, 0), note(5, 20), note(5, 20)),
        ] {
            assert_eq!(together(monitors, ours), all, "{monitors:?} {ours:?}");
            let later = note(all.day, all.used + 7);
            let before = if ours.day == all.day { ours.used } else { 0 };
            assert_eq!(own(monitors, later), note(all.day, before + 7), "{monitors:?} {ours:?}");
        }
        assert_eq!(own(note(5, 100), note(6, 3)), note(6, 3), "a day later");
    }
}
