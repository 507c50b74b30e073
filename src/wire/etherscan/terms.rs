//! What an explorer says of its own terms: what is left of the account's day, and which chains it has.

use super::refusal::Refusal;
use super::rows::Aside;
use super::text::{Text, list, shape, whole};
use crate::types::{ChainId, Untrusted};
use serde::Deserialize;
use serde_json::value::RawValue;
use std::time::Duration;

/// The account's calls, by `getapilimit`. It counts the calls of every program that uses the account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiLimit {
    /// Used since the last reset.
    pub used: u64,
    /// Left until the next.
    pub left: u64,
    /// Of a whole interval. A free account's is 100,000; so is that of the smallest paid plan.
    pub limit: u64,
    /// How long until the next reset, where it is said.
    pub resets_in: Option<Duration>,
}

/// Reads an answer of `getapilimit`.
///
/// # Errors
/// [`Refusal::Shape`] when a number is missing, or the interval is not the day.
pub fn api_limit(result: &RawValue) -> Result<ApiLimit, Refusal> {
    #[derive(Default, Deserialize)]
    #[serde(default)]
    struct Credits {
        #[serde(rename = "creditsUsed")]
        used: Text,
        #[serde(rename = "creditsAvailable")]
        left: Text,
        #[serde(rename = "creditLimit")]
        limit: Text,
        #[serde(rename = "limitInterval")]
        interval: Text,
        #[serde(rename = "intervalExpiryTimespan")]
        resets_in: Text,
    }
    let credits: Credits = whole(result)?;
    let read = || -> Result<ApiLimit, String> {
        if !["", "daily"].contains(&credits.interval.as_str().to_ascii_lowercase().as_str()) {
            return Err("limitInterval is not the day".into());
        }
        Ok(ApiLimit {
            used: credits.used.number("creditsUsed")?,
            left: credits.left.number("creditsAvailable")?,
            limit: credits.limit.number("creditLimit")?,
            resets_in: span(credits.resets_in.as_str()),
        })
    };
    read().map_err(|reason| shape(&reason))
}

/// `08:42:34`; `None` for anything else.
fn span(text: &str) -> Option<Duration> {
    let mut parts = text.split(':').map(|part| part.parse::<u64>().ok().filter(|_| part.len() == 2));
    let (hours, minutes, seconds) = (parts.next()??, parts.next()??, parts.next()??);
    let fits = parts.next().is_none() && hours <= 24 && minutes < 60 && seconds < 60;
    fits.then(|| Duration::from_secs(hours * 3_600 + minutes * 60 + seconds))
}

/// How a chain is, by the explorer's own word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChainState {
    /// It is not served now.
    Offline,
    /// It is served.
    Served,
    /// It is served, not well.
    Degraded,
}

/// A chain that an explorer has. Whether a key's plan holds it is not said here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedChain {
    /// Its id.
    pub id: ChainId,
    /// The explorer's name of it.
    pub name: Untrusted,
    /// How it is.
    pub state: ChainState,
}

/// Reads the list of chains (`/v2/chainlist`). A chain that cannot be read costs no other.
///
/// # Errors
/// [`Refusal::Shape`] when the result is no list at all.
pub fn chains(result: &RawValue) -> Result<(Vec<ListedChain>, Vec<Aside>), Refusal> {
    #[derive(Default, Deserialize)]
    #[serde(default)]
    struct Row {
        chainname: Text,
        chainid: Text,
        status: Text,
    }
    let (mut read, mut aside) = (Vec::new(), Vec::new());
    for (index, raw) in list(result)?.into_iter().enumerate() {
        let row = serde_json::from_str::<Row>(raw.get()).map_err(|error| error.to_string());
        let chain = row.and_then(|row| {
            let state = match row.status.number("status")? {
                0 => ChainState::Offline,
                1 => ChainState::Served,
                2 => ChainState::Degraded,
                _ => return Err("status is none that is known".into()),
            };
            Ok(ListedChain {
                id: ChainId(row.chainid.number("chainid")?),
                name: Untrusted::new(row.chainname.as_str()),
                state,
            })
        });
        match chain {
            Ok(chain) => read.push(chain),
            Err(reason) => aside.push(Aside { index, block_number: None, reason: Untrusted::new(&reason) }),
        }
    }
    Ok((read, aside))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raw(text: &str) -> Box<RawValue> {
        RawValue::from_string(text.into()).expect("it is JSON")
    }

    #[test]
    fn the_day_s_calls_are_read_and_never_guessed() {
        let limit = |with: &str| {
            api_limit(&raw(&format!(r#"{{"creditsUsed":22,"creditsAvailable":"78","creditLimit":100{with}}}"#)))
        };
        let day = |resets_in: Option<u64>| {
            Ok(ApiLimit { used: 22, left: 78, limit: 100, resets_in: resets_in.map(Duration::from_secs) })
        };
        assert_eq!(limit(r#","limitInterval":"daily","intervalExpiryTimespan":"08:42:34""#), day(Some(31_354)));
        for span in ["", "8:42:34", "08:42", "08:42:34:00", "25:00:00", "08:60:00", "1.08:42:34", "-1:00:00"] {
            assert_eq!(limit(&format!(r#","intervalExpiryTimespan":"{span}""#)), day(None), "{span}");
        }
        assert!(limit(r#","limitInterval":"monthly""#).is_err());
        assert!(api_limit(&raw(r#"{"creditsUsed":1,"creditsAvailable":-1,"creditLimit":2}"#)).is_err());
        assert!(api_limit(&raw("{}")).is_err() && api_limit(&raw("[]")).is_err());
    }

    #[test]
    fn chains_are_read_one_by_one() {
        let list = r#"[{"chainname":"Ethereum Mainnet","chainid":"1","status":1,"comment":""},
            {"chainname":"Other","chainid":2,"status":"0"},{"chainid":"3","status":9},7,{"chainid":"4","status":2}]"#;
        let (chains, aside) = chains(&raw(list)).expect("it is a list");
        let ids: Vec<_> = chains.iter().map(|chain| (chain.id.0, chain.state)).collect();
        assert_eq!(ids, [(1, ChainState::Served), (2, ChainState::Offline), (4, ChainState::Degraded)]);
        assert_eq!(aside.iter().map(|aside| aside.index).collect::<Vec<_>>(), [2, 3]);
        assert_eq!(chains[0].name.as_str(), "Ethereum Mainnet");
    }
}
