//! What the poll loop does when a call brought no answer. `judge` says what a failure means; this acts on it.

use super::{Call, PLAN_RECHECK, Poller};
use crate::reactor::event::SourceState;
use crate::sources::etherscan::fetch::Failure;
use crate::sources::etherscan::judge::{Remedy, judge};
use crate::sources::etherscan::pager::PagerFault;
use crate::sources::queue::Closed;
use crate::types::{ChainId, Name, Timestamp};

impl Poller {
    /// The list cannot be read on: anew, later.
    pub(super) fn give_up(&mut self, call: Call, fault: PagerFault) {
        self.pagers.remove(&call);
        self.planner.failed(call);
        match fault {
            // Does not end a list: `halve` waits for the head.
            PagerFault::HeadNeeded => {}
            PagerFault::Moved { .. } => {
                tracing::debug!(chain = %call.chain(), %fault, "an explorer list is read again");
            }
            PagerFault::Order { .. }
            | PagerFault::Unreadable { .. }
            | PagerFault::BlockTooLarge { .. }
            | PagerFault::BlockTooSlow { .. } => {
                tracing::error!(chain = %call.chain(), %fault, "an explorer list cannot be read");
            }
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
        let reason = Name::from(failure.word());
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
            Remedy::Halve => self.halve(call, failure),
        }
        Ok(())
    }

    /// Asks for half as much next time.
    fn halve(&mut self, call: Call, failure: &Failure) {
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
            Some(Err(fault)) => self.give_up(call, fault),
            None => {
                tracing::warn!(chain = %call.chain(), what = call.word(), %failure, "an explorer call fails by itself");
                self.planner.failed(call);
            }
        }
    }

    fn tell_breaker(&mut self, chain: ChainId, remedy: Remedy, now: Timestamp) {
        let Some(breaker) = self.breakers.get_mut(&chain) else { return };
        match remedy {
            Remedy::Trouble => breaker.failed(now),
            Remedy::CallOnly | Remedy::Halve | Remedy::ChainRefused => breaker.succeeded(),
            Remedy::SlowDown | Remedy::DayOver(_) | Remedy::Key | Remedy::KeyThrottled | Remedy::AccountRefused => {
                breaker.abandoned(now);
            }
        }
    }

    /// The chain's head came: the lists that waited for it go on with half of what lies below it.
    pub(super) fn release_headless(&mut self, chain: ChainId, head: u64) {
        let waiting: Vec<_> = self.headless.iter().copied().filter(|call| call.chain() == chain).collect();
        for call in waiting {
            self.headless.remove(&call);
            match self.pagers.get_mut(&call).map(|pager| pager.too_much(Some(head))) {
                Some(Ok(())) => self.planner.answered(call, true),
                Some(Err(fault)) => self.give_up(call, fault),
                // Nobody wants it any more.
                None => self.planner.answered(call, false),
            }
        }
    }
}
