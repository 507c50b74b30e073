//! What the headers of a refusal say of the day: Blockscout counts credits, Routescan calls (facts/etherscan.md §10). Etherscan's say
//! nothing.

use crate::net::Response;
use crate::net::http::HeaderName;
use crate::types::Timestamp;
use crate::wire::etherscan::Refusal;
use std::time::Duration;

/// Credits that are left of the day.
const CREDITS: HeaderName = HeaderName::from_static("x-credits-remaining");
/// Calls that are left of the day, and the seconds until they start anew.
const CALLS: HeaderName = HeaderName::from_static("x-ratelimit-rpd-remaining");
const RESET: HeaderName = HeaderName::from_static("x-ratelimit-rpd-reset");

/// "Too many calls", told from "too many calls today".
pub(super) fn refined(refusal: Refusal, response: &Response) -> Refusal {
    if refusal != Refusal::PerSecond {
        return refusal;
    }
    let number = |name: &HeaderName| response.text(name).and_then(|text| text.trim().parse::<u64>().ok());
    if number(&CREDITS) == Some(0) {
        return Refusal::PerDay { reset: None };
    }
    if number(&CALLS) == Some(0) {
        let reset = number(&RESET).and_then(|seconds| after(response, seconds));
        return Refusal::PerDay { reset };
    }
    refusal
}

/// So many seconds after the time of the answer.
fn after(response: &Response, seconds: u64) -> Option<Timestamp> {
    response.date().map(|date| date.after(Duration::from_secs(seconds)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::http::{HeaderMap, HeaderValue, header};
    use bytes::Bytes;

    #[test]
    fn the_headers_tell_a_day_that_is_over_from_a_second() {
        let check = |pairs: &[(HeaderName, &'static str)], expected: Refusal| {
            let mut headers = HeaderMap::new();
            for (name, value) in pairs {
                headers.insert(name.clone(), HeaderValue::from_static(value));
            }
            let response = Response { status: 429, headers, body: Bytes::new() };
            assert_eq!(refined(Refusal::PerSecond, &response), expected, "{pairs:?}");
            assert_eq!(refined(Refusal::Busy, &response), Refusal::Busy, "only a limit is refined");
        };
        let date = (header::DATE, "Sun, 22 Nov 2026 10:00:00 GMT");
        check(&[], Refusal::PerSecond);
        check(&[(CREDITS, "99980")], Refusal::PerSecond);
        check(&[(CREDITS, "0")], Refusal::PerDay { reset: None });
        check(&[(CALLS, "7"), (RESET, "60")], Refusal::PerSecond);
        check(&[(CALLS, "0")], Refusal::PerDay { reset: None });
        check(&[(CALLS, "0"), (RESET, "3600")], Refusal::PerDay { reset: None });
        let eleven = Timestamp::parse("2026-11-22T11:00:00Z");
        check(&[(CALLS, "0"), (RESET, "3600"), date.clone()], Refusal::PerDay { reset: eleven });
        check(&[(CALLS, "0"), (RESET, "soon"), date], Refusal::PerDay { reset: None });
    }
}
