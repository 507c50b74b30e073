//! Balances by an explorer: of about the highest head that it showed, for it does not say at which block its node reads.
//!
//! Without a head there is no block, and without a block no balance: the head is asked for first. An empty answer is never zero.

use super::{Call, Poller};
use crate::reactor::event::{Balances, Event, NoBalance, ReadAt};
use crate::sources::etherscan::fetch::Failure;
use crate::sources::queue::{Closed, Lane, SMALL_EVENT_BYTES};
use crate::telemetry::names::CallOutcome;
use crate::types::{Address, Asset, ChainId, U256};
use crate::wire::etherscan::Refusal;

/// What was asked, and what came of it.
type Read = Vec<(Address, Asset, Result<U256, NoBalance>)>;

impl Poller {
    /// Hands on the coin balances of a sweep that somebody wants.
    pub(super) async fn swept(&mut self, chain: ChainId, balances: &[(Address, U256)]) -> Result<(), Closed> {
        let Some(wants) = self.wants.get(&chain).filter(|wants| wants.explorer_receipts) else { return Ok(()) };
        let is_wanted =
            |address: Address| wants.balances.iter().any(|want| want.address == address && want.asset == Asset::Coin);
        let wanted = balances.iter().filter(|(address, _)| is_wanted(*address));
        let read: Read = wanted.map(|(address, held)| (*address, Asset::Coin, Ok(*held))).collect();
        self.say_balances(chain, read).await.map(drop)
    }

    /// Hands on one balance.
    pub(super) async fn read_balance(&mut self, call: Call, held: U256) -> Result<(), Closed> {
        let Call::Balance(chain, address, asset) = call else { return Ok(()) };
        if self.say_balances(chain, vec![(address, asset, Ok(held))]).await? {
            self.planner.answered(call, false);
        } else {
            // Its block is not known: the head is asked for, and then it is read again.
            self.planner.failed(call);
            self.extras.heads.insert(chain);
            self.need_anew(chain);
        }
        Ok(())
    }

    /// A balance could not be read, by its own fault or for want of an answer.
    pub(super) async fn no_balance(&mut self, call: Call, failure: &Failure) -> Result<(), Closed> {
        let Call::Balance(chain, address, asset) = call else { return Ok(()) };
        let why = match failure {
            Failure::Refused(Refusal::Shape { .. } | Refusal::BadRequest { .. }) => NoBalance::Empty,
            _ if failure.outcome() == CallOutcome::Limited => return Ok(()),
            Failure::Refused(_) | Failure::Http(_) => NoBalance::NoAnswer,
        };
        self.say_balances(chain, vec![(address, asset, Err(why))]).await.map(drop)
    }

    /// Gives whether there was a block to say them of.
    async fn say_balances(&mut self, chain: ChainId, read: Read) -> Result<bool, Closed> {
        let head = self.heads.get(&chain).copied();
        let highest = self.highest.get(&chain).copied().max(head);
        let Some(number) = highest else { return Ok(false) };
        self.highest.insert(chain, number);
        if read.is_empty() {
            return Ok(true);
        }
        let bytes = SMALL_EVENT_BYTES + size_of_val(read.as_slice());
        let at = ReadAt { number, hash: None };
        let event = Event::Balances(Balances { chain, source: self.setup.name.clone(), at, read });
        self.queue.send(Lane::New, event, bytes).await?;
        Ok(true)
    }
}
