//! What the poll loop does when a call brought no answer. `judge` says what a failure means; this acts on it.

use super::{Call, PLAN_RECHECK, Poller};
use crate::reactor::event::{Event, List, Reported, SourceState, Unlistable};
use crate::sources::etherscan::account::day_ends;
use crate::sources::etherscan::fetch::Failure;
use crate::sources::etherscan::judge::{Remedy, judge};
use crate::sources::etherscan::pager::{Pager, PagerFault};
use crate::sources::queue::{Closed, Lane, SMALL_EVENT_BYTES};
use crate::types::{Address, ChainId, Timestamp};
use std::time::Duration;

/// A list that cannot be read past a block is tried again after this: the block stays what it is, unless a reorg takes it off.
const STUCK_RECHECK: Duration = Duration::from_hours(24);

impl Poller {
    /// The list cannot be read on: anew, later.
    pub(super) async fn give_up(&mut self, call: Call, fault: PagerFault) -> Result<(), Closed> {
        let pager = self.pagers.remove(&call);
        match fault {
            // Does not end a list: `halve` waits for the head.
            PagerFault::HeadNeeded => self.planner.failed(call),
            PagerFault::Moved { .. } => {
                tracing::debug!(chain = %call.chain(), %fault, "an explorer list is read again");
                self.planner.failed(call);
            }
            PagerFault::Order { .. } | PagerFault::Unreadable { .. } | PagerFault::BlockTooSlow { .. } => {
                tracing::error!(chain = %call.chain(), %fault, "an explorer list cannot be read");
                self.planner.failed(call);
            }
            PagerFault::BlockTooLarge { block } => {
                if let Call::View(chain, address, list) = call {
                    return self.stick(call, (chain, address, list), block, pager).await;
                }
                tracing::error!(chain = %call.chain(), %fault, "a part of the history cannot be read");
                self.planner.failed(call);
            }
        }
        Ok(())
    }

    /// No range is small enough for this list: what lies below is handed on, the rest is said, and it is not asked for all day long.
    async fn stick(
        &mut self,
        call: Call,
        (chain, address, list): (ChainId, Address, List),
        block: u64,
        pager: Option<Pager<Reported>>,
    ) -> Result<(), Closed> {
        self.stuck.insert(call, (self.clock)().after(STUCK_RECHECK));
        if let Some(part) = pager.and_then(|mut pager| pager.below(block)) {
            self.explored(call, address, list, part).await?;
        }
        let source = self.setup.name.clone();
        let event = Event::Unlistable(Unlistable { chain, source, address, list, block });
        self.queue.send(Lane::New, event, SMALL_EVENT_BYTES).await
    }

    /// Lists that could not be read may have become readable, or are not wanted any more.
    pub(super) fn release_stuck(&mut self, now: Timestamp) {
        let due = |(call, until): (&Call, &Timestamp)| (*until <= now || !self.is_wanted(call)).then_some(*call);
        let over: Vec<Call> = self.stuck.iter().filter_map(due).collect();
        for call in over {
            self.stuck.remove(&call);
            self.planner.answered(call, false);
        }
    }

    /// There is no answer.
    pub(super) async fn suffer(
        &mut self,
        call: Call,
        started: Timestamp,
        now: Timestamp,
        failure: &Failure,
    ) -> Result<(), Closed> {
        let chain = call.chain();
        let reason = failure.reason(self.setup.name.as_str());
        let remedy = judge(failure);
        self.tell_breaker(chain, remedy, now);
        match remedy {
            Remedy::SlowDown => {
                self.account.too_fast(started, now);
                self.planner.put_back(call);
            }
            Remedy::DayOver(reset) => {
                self.account.day_over(reset, now);
                self.planner.put_back(call);
                self.say_over_budget(now).await?;
            }
            Remedy::ChainDayOver(reset) => {
                let until = day_ends(reset, now);
                self.planner.rest_until(chain, until);
                self.planner.put_back(call);
                self.say(chain, SourceState::OverBudget(until)).await?;
            }
            Remedy::Key => {
                let bad = self.account.key_refused(started, now);
                self.planner.put_back(call);
                if bad {
                    self.say_everywhere(&SourceState::Refused(reason)).await?;
                } else {
                    self.say(chain, SourceState::BackingOff(reason)).await?;
                }
            }
            Remedy::KeyThrottled => {
                self.account.key_throttled(now);
                self.planner.put_back(call);
            }
            Remedy::AccountRefused => {
                self.account.refused(now);
                self.planner.put_back(call);
                self.say_everywhere(&SourceState::Refused(reason)).await?;
            }
            Remedy::ChainRefused => {
                self.planner.rest_until(chain, now.after(PLAN_RECHECK));
                self.planner.put_back(call);
                self.planner.set_aside(chain, true);
                self.refused.insert(chain);
                self.say(chain, SourceState::Refused(reason)).await?;
            }
            Remedy::Trouble => {
                self.pagers.remove(&call);
                self.planner.failed(call);
                self.say(chain, SourceState::BackingOff(reason)).await?;
            }
            Remedy::CallOnly => {
                tracing::warn!(%chain, what = call.word(), %failure, "an explorer call fails by itself");
                self.pagers.remove(&call);
                self.planner.failed(call);
            }
            Remedy::Window => match self.pagers.get(&call).and_then(Pager::inside) {
                Some(block) => self.give_up(call, PagerFault::BlockTooLarge { block }).await?,
                None => self.halve(call, failure).await?,
            },
            Remedy::Halve => self.halve(call, failure).await?,
        }
        Ok(())
    }

    /// Asks for half as much next time.
    async fn halve(&mut self, call: Call, failure: &Failure) -> Result<(), Closed> {
        let head = self.heads.get(&call.chain()).copied();
        match self.pagers.get_mut(&call).map(|pager| pager.too_much(head)) {
            Some(Ok(())) => self.planner.answered(call, true),
            Some(Err(PagerFault::HeadNeeded)) => {
                // Asking for everything once more would cost another 30 s: the call stays out until the head is there.
                self.headless.insert(call);
                if self.extras.heads.insert(call.chain()) {
                    self.need_anew(call.chain());
                }
            }
            Some(Err(fault)) => self.give_up(call, fault).await?,
            None => {
                tracing::warn!(chain = %call.chain(), what = call.word(), %failure, "an explorer call fails by itself");
                self.planner.failed(call);
            }
        }
        Ok(())
    }

    fn tell_breaker(&mut self, chain: ChainId, remedy: Remedy, now: Timestamp) {
        let Some(breaker) = self.breakers.get_mut(&chain) else { return };
        match remedy {
            Remedy::Trouble => breaker.failed(now),
            Remedy::CallOnly | Remedy::Window | Remedy::Halve | Remedy::ChainRefused | Remedy::ChainDayOver(_) => {
                breaker.succeeded();
            }
            Remedy::SlowDown | Remedy::DayOver(_) | Remedy::Key | Remedy::KeyThrottled | Remedy::AccountRefused => {
                breaker.abandoned(now);
            }
        }
    }

    /// The chain's head came: the lists that waited for it go on with half of what lies below it.
    pub(super) async fn release_headless(&mut self, chain: ChainId, head: u64) -> Result<(), Closed> {
        let waiting: Vec<_> = self.headless.iter().copied().filter(|call| call.chain() == chain).collect();
        for call in waiting {
            self.headless.remove(&call);
            match self.pagers.get_mut(&call).map(|pager| pager.too_much(Some(head))) {
                Some(Ok(())) => self.planner.answered(call, true),
                Some(Err(fault)) => self.give_up(call, fault).await?,
                // Nobody wants it any more.
                None => self.planner.answered(call, false),
            }
        }
        Ok(())
    }
}
