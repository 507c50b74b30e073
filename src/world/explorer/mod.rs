//! An explorer in Etherscan's v2 way over simulated chains: lists by address from an index that may lag, the proxy to a node that does
//! not, one account with its limits, and every error that is known, on demand.

mod call;
pub mod imitator;
mod rows;
mod settings;
mod trouble;

pub use settings::{ExplorerSettings, Plan};
pub use trouble::{Fault, Trouble};

use super::chain::Chain;
use super::http::{self, Connection, Request};
use super::live::LiveChain;
use crate::types::ChainId;
use call::Call;
use serde_json::{Value, json};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use trouble::Shows;

/// An explorer.
#[derive(Debug)]
pub struct Explorer {
    chain: Arc<LiveChain>,
    /// Further chains that it shows, under the same key and limits.
    others: Vec<Arc<LiveChain>>,
    settings: Mutex<ExplorerSettings>,
    /// When each call began.
    calls: Mutex<Vec<Instant>>,
}

/// What one call is answered with.
enum Reply {
    /// HTTP 200 and JSON.
    Json(String),
    /// Something in front of the explorer: status, kind of body, body.
    InFront(u16, &'static str, &'static str),
    /// Nothing, ever.
    Never,
}

impl Explorer {
    /// Of this chain.
    #[must_use]
    pub fn new(chain: Arc<LiveChain>, settings: ExplorerSettings) -> Self {
        Self { chain, others: Vec::new(), settings: Mutex::new(settings), calls: Mutex::default() }
    }

    /// It shows this chain too.
    #[must_use]
    pub fn and(mut self, chain: Arc<LiveChain>) -> Self {
        self.others.push(chain);
        self
    }

    /// The chain of this id, of those that it shows.
    fn chain_of(&self, id: ChainId) -> Option<&LiveChain> {
        let mut all = std::iter::once(&self.chain).chain(&self.others);
        all.find(|chain| chain.read(Chain::id) == id).map(AsRef::as_ref)
    }

    /// The chain that it shows.
    #[must_use]
    pub const fn chain(&self) -> &Arc<LiveChain> {
        &self.chain
    }

    /// Changes limits and faults.
    pub fn set(&self, change: impl FnOnce(&mut ExplorerSettings)) {
        change(&mut self.settings.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// One more thing goes wrong, behind all that is to go wrong already.
    pub fn suffer(&self, fault: Fault) {
        self.set(|settings| settings.faults.push(fault));
    }

    /// How many kinds of trouble are still to come: what comes always counts as one.
    #[must_use]
    pub fn faults_left(&self) -> usize {
        self.settings.lock().unwrap_or_else(PoisonError::into_inner).faults.len()
    }

    /// How many calls there were, refused ones too.
    #[must_use]
    pub fn calls(&self) -> usize {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// The most calls that began within any one second.
    #[must_use]
    pub fn most_in_a_second(&self) -> usize {
        let calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
        let within = |first: &Instant| {
            let end = *first + Duration::from_secs(1);
            calls.iter().filter(|call| **call >= *first && **call < end).count()
        };
        calls.iter().map(within).max().unwrap_or(0)
    }

    /// Serves until cancelled.
    pub async fn serve(self: Arc<Self>, listener: TcpListener, cancel: CancellationToken) {
        http::serve(listener, cancel, |connection| {
            let explorer = self.clone();
            async move {
                // A peer that is gone, or that speaks no HTTP, is left alone.
                let _gone = explorer.talk(connection).await;
            }
        })
        .await;
    }

    async fn talk(&self, mut connection: Connection) -> std::io::Result<()> {
        while let Some(request) = connection.request().await? {
            match self.reply(&request, Instant::now()) {
                Reply::Json(body) => connection.answer_json(&body).await?,
                Reply::InFront(http, kind, body) => {
                    connection.answer(http, &[("content-type", kind.into())], body).await?;
                }
                Reply::Never => return std::future::pending().await,
            }
        }
        Ok(())
    }

    /// The answer to a call that begins now.
    fn reply(&self, request: &Request, now: Instant) -> Reply {
        let mut settings = self.settings.lock().unwrap_or_else(PoisonError::into_inner);
        let (recent, second) = {
            let mut calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
            calls.push(now);
            let recent = calls.iter().rev().take_while(|call| now.duration_since(**call) < Duration::from_secs(1));
            (recent.count(), calls.len().is_multiple_of(2))
        };
        let in_front = Fault::next(&mut settings.faults, request, true);
        match in_front.map(|fault| fault.trouble().shows()) {
            Some(Shows::InFront(http, kind, body)) => return Reply::InFront(http, kind, body),
            Some(Shows::Never) => return Reply::Never,
            Some(Shows::Words(_) | Shows::Nothing | Shows::Cut | Shows::Partial) | None => {}
        }
        let chain = match self.guard(&mut settings, request, recent) {
            Ok(chain) => chain,
            Err(refused) => return Reply::Json(refused.body(false).to_string()),
        };
        let fault = Fault::next(&mut settings.faults, request, false);
        let lag = settings.second_lag.filter(|_| second).unwrap_or(settings.index_lag);
        let answer = || {
            let call = Call { chain, settings: &settings, request, lag };
            call.answer().unwrap_or_else(|refused| refused.body())
        };
        let Some(fault) = fault else { return Reply::Json(answer().to_string()) };
        Reply::Json(match fault.trouble().shows() {
            Shows::Cut => {
                let body = answer().to_string();
                body.get(..body.len() / 2).unwrap_or_default().to_owned()
            }
            Shows::Partial => partial(answer()).to_string(),
            Shows::Words(_) | Shows::Nothing | Shows::InFront(..) | Shows::Never => fault.body().to_string(),
        })
    }

    /// What is refused whatever is asked, in Etherscan's order: chain, key, plan, limits. Gives the chain that is asked for.
    fn guard(&self, settings: &mut ExplorerSettings, request: &Request, recent: usize) -> Result<&LiveChain, Trouble> {
        let asked = request.query.get("chainid").and_then(|text| text.parse().ok()).map(ChainId);
        // What is left of a day is the account's, whatever the chain.
        let of_account = request.query.get("module").is_some_and(|module| module == "getapilimit");
        let chain = match asked {
            Some(id) => self.chain_of(id),
            None => of_account.then_some(&*self.chain),
        };
        let chain = chain.ok_or(Trouble::NoChain)?;
        if request.query.get("apikey") != Some(&settings.key) {
            return Err(Trouble::BadKey);
        }
        if asked.is_some_and(|id| settings.not_in_plan.contains(&id)) {
            return Err(Trouble::NotInPlan);
        }
        if recent > settings.calls_per_second {
            return Err(Trouble::PerSecond);
        }
        settings.calls_left = settings.calls_left.checked_sub(1).ok_or(Trouble::PerDay)?;
        Ok(chain)
    }
}

/// An answer that says of itself that it is not whole.
fn partial(mut answer: Value) -> Value {
    if let Some(fields) = answer.as_object_mut() {
        let word = "Some internal transactions within this block range have not yet been processed";
        fields.insert("status".into(), json!("2"));
        fields.insert("message".into(), json!(word));
    }
    answer
}

#[cfg(test)]
mod tests;
