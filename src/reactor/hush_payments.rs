//! How long a silence over payments may be: what is held meanwhile is refused in time, and somebody has to hear of it before.

use super::Reactor;
use super::effect::MessageKind;
use super::quiet::Silence;
use std::time::Duration;

impl Reactor {
    /// The time after which a payment that nobody heard of would be refused, where a silence of this length keeps one from being heard.
    pub(super) fn expires_unheard(&self, silence: &Silence, lasts: Duration) -> Option<Duration> {
        let held = MessageKind::PaymentHeld.word();
        let pattern = silence.types.as_ref()?;
        let keeps = match pattern.as_str().strip_suffix('*') {
            Some(prefix) => held.starts_with(prefix),
            None => held == pattern.as_str(),
        };
        let of_rule = self
            .settings
            .payments
            .iter()
            .filter(|payment| payment.live && silence.rule.as_ref().is_none_or(|rule| *rule == payment.rule));
        let shortest = of_rule.map(|payment| payment.approval_expires).min()?;
        (keeps && lasts >= shortest).then_some(shortest)
    }
}
