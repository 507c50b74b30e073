//! Sinks that wake somebody: PagerDuty.

use super::target;
use crate::config::check::input::Input;
use crate::config::checked::{PagerDutyConfig, SinkKind};
use crate::config::raw::scope::Scope;
use crate::types::Secret;

/// Where events go, unless another region is named (`https://events.eu.pagerduty.com`).
const PAGERDUTY: &str = "https://events.pagerduty.com";
/// An integration key of the Events API v2 has so many characters.
const ROUTING_KEY: usize = 32;

/// A service of PagerDuty.
pub(super) fn pagerduty(input: &Input<'_>, scope: &Scope<'_>) -> Option<SinkKind> {
    let allow_private = scope.flag("allow_private").unwrap_or(false);
    let url = match scope.text("url") {
        Some(said) => target(input, said, allow_private),
        None => scope.node("url").is_none().then(|| Secret::new(PAGERDUTY.to_owned())),
    };
    let key = scope.need("routing_key", "\"env:NAME\" of the integration key of an Events API v2 integration");
    let key = key.and_then(|said| Some((said, input.secret("routing_key", said)?))).and_then(|(said, key)| {
        let fine = key.expose().len() == ROUTING_KEY && key.expose().bytes().all(|byte| byte.is_ascii_alphanumeric());
        if fine || key.is_unread() {
            return Some(key);
        }
        let what = format!("this is no integration key of PagerDuty: it has not {ROUTING_KEY} letters and digits");
        input.notes.fault(said.place, what, "in PagerDuty: the service, Integrations, Events API v2, Integration Key");
        None
    });
    Some(SinkKind::PagerDuty(PagerDutyConfig { url: url?, routing_key: key?, allow_private }))
}
