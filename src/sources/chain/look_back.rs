//! A chain's past, read on request: for who follows no present. The connections, the pace and the reading of blocks are those of the
//! present; nothing is sent to a queue.

use super::ask_fault::AskFault;
use super::beside::{Beside, reader as chosen};
use super::endpoint::Endpoint;
use super::past::Past;
use super::ways::Ways;
use super::{ChainReader, Shared, asks, balances, session};
use crate::reactor::event::{Balances, Contact, Event, NoBalance, TokenFacts};
use crate::reactor::wants::StretchWant;
use crate::types::{Address, Asset, Block, BlockRef, ChainId, Name};
use crate::wire::jsonrpc::{At, Call, Header, parse_header};
use futures::future::join_all;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

/// An endpoint that can be asked is waited for so long.
const CONTACT_WITHIN: Duration = Duration::from_secs(30);
/// One that answered once, and is short of breath, is waited for so long: a quota of a day is not.
const BREATH: Duration = Duration::from_mins(15);
/// How often it is looked whether somebody can be asked.
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// Between two tries, at first and at most.
const WAIT: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(30));
/// Tries of one part, before it is said that it cannot be read.
const TRIES: u32 = 8;

/// What could not be read, and why.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LookBackFault {
    /// No endpoint can be asked.
    #[error("no node of chain {chain} can be asked: is the url right, and is it running?")]
    Nobody {
        /// Of which chain.
        chain: ChainId,
    },
    /// Nobody gave it.
    #[error("{what} of chain {chain} could not be read: {why}")]
    Unread {
        /// Of which chain.
        chain: ChainId,
        /// What.
        what: String,
        /// Why, without urls or secrets.
        why: Name,
    },
}

/// One chain's past.
pub struct LookBack {
    shared: Arc<Shared>,
    past: Past,
    met: bool,
}

impl ChainReader {
    /// Instead of following the chain: who answers about its past, and the future that keeps the connections meanwhile.
    pub fn look_back(self, cancel: CancellationToken) -> (LookBack, impl Future<Output = ()> + Send + 'static) {
        let mut ways = Ways::new(&self, &cancel);
        let configs = Arc::clone(&self.endpoints.borrow());
        let shared = Arc::new(self.shared(&mut ways, &configs));
        let kept = Arc::clone(&shared);
        let keeping = async move {
            let sessions = kept.endpoints().map(|endpoint| session::keep(endpoint, &kept));
            tokio::select! {
                () = cancel.cancelled() => {}
                () = ways.keep() => {}
                _ = join_all(sessions), if !kept.endpoints.is_empty() => {}
            }
        };
        (LookBack { shared, past: Past::default(), met: false }, keeping)
    }
}

impl LookBack {
    /// The newest block that the chain's nodes know.
    ///
    /// # Errors
    /// [`LookBackFault`].
    pub async fn head(&mut self) -> Result<Header, LookBackFault> {
        self.header(At::Latest).await
    }

    /// The block of this height.
    ///
    /// # Errors
    /// [`LookBackFault`].
    pub async fn header(&mut self, at: At) -> Result<Header, LookBackFault> {
        let call = Call::BlockByNumber { at, whole: false };
        let mut fault = None;
        for tries in 0..TRIES {
            let answer = self.reader(tries).await?.rpc.ask(&call).await;
            match answer.and_then(|answer| parse_header(&answer).map_err(|_| AskFault::Unreadable)) {
                Ok(header) => return Ok(header),
                Err(why) => fault = Some(why),
            }
            rest(tries).await;
        }
        let why = fault.map_or_else(|| "unanswered".into(), |fault| fault.reason());
        Err(self.unread(format!("the block {at:?}"), why))
    }

    /// Who is asked now, as it says itself.
    ///
    /// # Errors
    /// [`LookBackFault::Nobody`].
    pub async fn contact(&mut self) -> Result<Contact, LookBackFault> {
        let chain = self.shared.chain;
        let reader = self.reader(0).await?;
        let traces = reader.abilities().tracer;
        Ok(Contact { chain, endpoint: reader.name.clone(), genesis: None, traces })
    }

    /// The lower end of a stretch, each block the parent of the next; never empty.
    ///
    /// # Errors
    /// [`LookBackFault`].
    pub async fn blocks(&mut self, stretch: StretchWant) -> Result<Vec<Block>, LookBackFault> {
        let mut fault = None;
        for tries in 0..TRIES {
            self.reader(tries).await?;
            let Some(reader) = chosen(&self.shared, tries) else { continue };
            match self.past.read(&self.shared, reader, &stretch).await {
                Ok((Event::Run(run), _)) => {
                    self.past.sent(stretch);
                    return Ok(run.blocks);
                }
                // Blocks are all that it reads.
                Ok(_) => {}
                Err(why) => {
                    let is_in_vain = self.past.failed(stretch, &why);
                    fault = Some(why.reason());
                    if is_in_vain {
                        rest(tries).await;
                    }
                }
            }
        }
        let what = format!("blocks from {} on", stretch.from);
        Err(self.unread(what, fault.unwrap_or_else(|| "unanswered".into())))
    }

    /// Balances as they were at a block, asked for so many times at most while some are not answered. One that is not known there is
    /// said to be so.
    ///
    /// # Errors
    /// [`LookBackFault::Nobody`].
    pub async fn balances(
        &mut self,
        at: BlockRef,
        of: &[(Address, Asset)],
        most: u32,
    ) -> Result<Balances, LookBackFault> {
        let chain = self.shared.chain;
        let mut tries = 0;
        loop {
            let read = balances::at_block(chain, self.reader(tries).await?, at, of).await;
            let is_whole = read.read.iter().all(|(.., amount)| *amount != Err(NoBalance::NoAnswer));
            if is_whole || tries + 1 >= most {
                return Ok(read);
            }
            rest(tries).await;
            tries += 1;
        }
    }

    /// What a token says of itself; `None` where nobody answers.
    ///
    /// # Errors
    /// [`LookBackFault::Nobody`].
    pub async fn token(&mut self, contract: Address) -> Result<Option<TokenFacts>, LookBackFault> {
        let chain = self.shared.chain;
        Ok(asks::token_facts(chain, self.reader(0).await?, contract).await)
    }

    /// Who can be asked, as soon as anybody can.
    async fn reader(&mut self, tries: u32) -> Result<&Endpoint, LookBackFault> {
        let patience = if self.met { BREATH } else { CONTACT_WITHIN };
        let since = Instant::now();
        while chosen(&self.shared, tries).is_none() {
            if since.elapsed() >= patience {
                return Err(LookBackFault::Nobody { chain: self.shared.chain });
            }
            sleep(LOOK_EVERY).await;
        }
        self.met = true;
        chosen(&self.shared, tries).ok_or(LookBackFault::Nobody { chain: self.shared.chain })
    }

    fn unread(&self, what: String, why: Name) -> LookBackFault {
        LookBackFault::Unread { chain: self.shared.chain, what, why }
    }
}

async fn rest(tries: u32) {
    sleep(WAIT.0.saturating_mul(1 << tries.min(8)).min(WAIT.1)).await;
}
