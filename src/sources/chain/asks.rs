//! What the reactor asks besides blocks: receipts again, and what tokens say of themselves.
//!
//! An answer is an event. What stays wanted is asked again, but not at once: a lagging node gets time to catch up.

use super::Shared;
use super::ask_fault::AskFault;
use super::endpoint::Endpoint;
use super::line::Answer;
use crate::reactor::event::{Event, Receipt, TokenFacts};
use crate::reactor::wants::ChainWants;
use crate::sources::queue::{Closed, Lane, SMALL_EVENT_BYTES};
use crate::types::{Address, B256, ChainId, Name};
use crate::wire::erc20::{DECIMALS, SYMBOL, decode_decimals, decode_text};
use crate::wire::jsonrpc::{Call, Refusal, moved_by, parse_receipt, parse_text};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::time::{Instant, timeout};

/// Shortest time before the same thing is asked again.
const AGAIN_AFTER: Duration = Duration::from_secs(2);
/// How often it is looked whether something is due, when nothing changes.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Most things asked at once: what came to be wanted in a burst must not crowd out blocks.
const AT_ONCE: usize = 8;

/// One thing that is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Wanted {
    Receipt(B256),
    Token(Address),
}

/// When each thing was last asked.
#[derive(Debug, Default)]
struct Asked(BTreeMap<Wanted, Instant>);

impl Asked {
    /// What is due, oldest question first; it counts as asked from here on.
    fn due(&mut self, wants: &ChainWants, again_after: Duration, now: Instant) -> Vec<Wanted> {
        let receipts = wants.receipts.iter().copied().map(Wanted::Receipt);
        let tokens = wants.tokens.iter().copied().map(Wanted::Token);
        let wanted: BTreeMap<Wanted, Option<Instant>> =
            receipts.chain(tokens).map(|one| (one, self.0.get(&one).copied())).collect();
        self.0.retain(|one, _| wanted.contains_key(one));
        let is_due = |asked: &Option<Instant>| asked.is_none_or(|asked| now >= asked + again_after);
        let mut due: Vec<_> =
            wanted.into_iter().filter(|(_, asked)| is_due(asked)).map(|(one, asked)| (asked, one)).collect();
        due.sort_unstable();
        due.truncate(AT_ONCE);
        due.into_iter()
            .map(|(_, one)| {
                self.0.insert(one, now);
                one
            })
            .collect()
    }
}

/// Asks until the pump is gone.
pub(super) async fn answer(shared: &Shared) -> Closed {
    let mut wants = shared.wants.clone();
    let mut asked = Asked::default();
    let again_after = (shared.block_time * 2).max(AGAIN_AFTER);
    loop {
        let chain = shared.chain_wants();
        let reader = shared.lead().and_then(|place| shared.endpoint(place)).filter(|_| !chain.stopped);
        let due = reader.map(|_| asked.due(&chain, again_after, Instant::now())).unwrap_or_default();
        if let Some(reader) = reader
            && !due.is_empty()
        {
            if let Err(closed) = ask(shared, reader, &due).await {
                return closed;
            }
            continue;
        }
        if matches!(timeout(LOOK_EVERY, wants.changed()).await, Ok(Err(_))) {
            // Nobody publishes any more: nothing new will be wanted.
            return std::future::pending().await;
        }
    }
}

async fn ask(shared: &Shared, reader: &Endpoint, due: &[Wanted]) -> Result<(), Closed> {
    let calls: Vec<Call> = due.iter().flat_map(|one| calls_of(*one)).collect();
    let mut answers = reader.rpc.ask_all(&calls).await.into_iter();
    for one in due {
        let mut next = || answers.next().unwrap_or(Err(AskFault::Unreadable));
        let event = match one {
            Wanted::Receipt(tx) => receipt(shared, reader, *tx, next()).map(Event::Receipt),
            Wanted::Token(contract) => {
                let (decimals, symbol) = (next(), next());
                token(shared.chain, *contract, decimals, symbol).map(Event::Token)
            }
        };
        if let Some(event) = event {
            shared.queue.send(Lane::New, event, SMALL_EVENT_BYTES).await?;
        }
    }
    Ok(())
}

fn calls_of(wanted: Wanted) -> Vec<Call> {
    match wanted {
        Wanted::Receipt(tx) => vec![Call::Receipt(tx)],
        Wanted::Token(to) => vec![Call::Read { to, data: DECIMALS }, Call::Read { to, data: SYMBOL }],
    }
}

/// What became of a transaction. A receipt that does not say its block's height or whether it succeeded answers nothing.
fn receipt(shared: &Shared, reader: &Endpoint, tx: B256, answer: Answer) -> Option<Receipt> {
    let answer = answer.ok()?;
    let (found, moved) = match parse_receipt(&answer).ok()? {
        None => (None, Vec::new()),
        Some(receipt) if receipt.tx == tx => {
            (Some((receipt.number?, receipt.block, receipt.succeeded?)), moved_by(&receipt))
        }
        Some(_) => return None,
    };
    Some(Receipt { chain: shared.chain, source: reader.name.clone(), tx, found, moved })
}

/// Asks a token what it says of itself.
pub(super) async fn token_facts(chain: ChainId, reader: &Endpoint, contract: Address) -> Option<TokenFacts> {
    let calls = calls_of(Wanted::Token(contract));
    let [decimals, symbol]: [Answer; 2] = reader.rpc.ask_all(&calls).await.try_into().ok()?;
    token(chain, contract, decimals, symbol)
}

/// What a token says of itself. A contract that refuses has said that it has none; a node that does not answer has said nothing.
fn token(chain: ChainId, contract: Address, decimals: Answer, symbol: Answer) -> Option<TokenFacts> {
    let (decimals, symbol) = (returned(decimals)?, returned(symbol)?);
    let symbol = decode_text(&symbol).map(|text| Name::from(text.as_str()));
    Some(TokenFacts { chain, contract, decimals: decode_decimals(&decimals), symbol })
}

/// What a contract returned: nothing, where it refused.
fn returned(answer: Answer) -> Option<String> {
    match answer {
        Ok(output) => parse_text(&output).ok().map(Cow::into_owned),
        Err(AskFault::Refused { error, .. }) if error.refusal == Refusal::Reverted => Some("0x".into()),
        Err(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn what_stays_wanted_is_asked_again_later_and_what_is_not_is_forgotten() {
        let (one, two) = (B256::repeat_byte(1), B256::repeat_byte(2));
        let token = Address::repeat_byte(3);
        let wants = |receipts: &[B256]| ChainWants {
            receipts: receipts.iter().copied().collect(),
            tokens: [token].into(),
            ..ChainWants::default()
        };
        let start = Instant::now();
        let mut asked = Asked::default();
        let all = [Wanted::Receipt(one), Wanted::Receipt(two), Wanted::Token(token)];
        assert_eq!(asked.due(&wants(&[one, two]), AGAIN_AFTER, start), all);
        assert_eq!(asked.due(&wants(&[one, two]), AGAIN_AFTER, start), []);
        assert_eq!(asked.due(&wants(&[one]), AGAIN_AFTER, start), []);
        assert_eq!(
            asked.due(&wants(&[one, two]), AGAIN_AFTER, start),
            [Wanted::Receipt(two)],
            "it was dropped and wanted anew"
        );
        assert_eq!(asked.due(&wants(&[one]), AGAIN_AFTER, start + AGAIN_AFTER), [all[0], all[2]]);
        let many: Vec<_> = (10..60).map(B256::repeat_byte).collect();
        assert_eq!(asked.due(&wants(&many), AGAIN_AFTER, start).len(), AT_ONCE);
    }
}
