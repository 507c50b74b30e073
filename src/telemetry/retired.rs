//! Which series are not shown any more: those of chains, sources, sinks, rules, pairs and watches that a reload took out of the config.
//!
//! A gauge that nobody sets any more would go on saying what was true once, and alert rules would go on believing it. What comes back is shown
//! again, its counters where they were.

use super::Labels;
use crate::reactor::event::SourceId;
use std::collections::BTreeSet;

/// Labels of series that are left out, as the text has them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Retired(BTreeSet<String>);

impl Retired {
    /// What `before` had and `now` has not is left out from here on, and what `now` has is shown.
    pub(super) fn relabel(&mut self, before: &Labels, now: &Labels) {
        let shown = fragments(now);
        self.0.extend(fragments(before));
        self.0.retain(|fragment| !shown.contains(fragment));
    }

    /// The text without their lines.
    pub(super) fn out_of(&self, text: String) -> String {
        if self.0.is_empty() {
            return text;
        }
        let stays = |line: &&str| line.starts_with('#') || !self.0.iter().any(|fragment| has(line, fragment));
        text.split_inclusive('\n').filter(stays).collect()
    }
}

/// Whether a line has these labels: a value cannot hold them, for its quotation marks are escaped.
fn has(line: &str, fragment: &str) -> bool {
    line.match_indices(fragment).any(|(at, _)| at > 0 && matches!(line.as_bytes().get(at - 1), Some(b'{' | b',')))
}

/// The labels that each thing of a config has alone, in the order in which metrics name them.
fn fragments(labels: &Labels) -> BTreeSet<String> {
    let mut all = BTreeSet::new();
    let chains = labels.chains.values().map(|chain| label("chain", chain.name.as_str()));
    all.extend(chains);
    for SourceId { kind, chain, name } in &labels.sources {
        let chain = chain.map(|chain| labels.chain(chain).to_string()).unwrap_or_default();
        let (name, kind) = (label("source", name.as_str()), label("kind", kind.word()));
        all.insert(format!("{name},{kind},{}", label("chain", &chain)));
    }
    all.extend(labels.sinks.iter().map(|sink| label("sink", sink.as_str())));
    for (rule, _, chains) in &labels.rules {
        let rule = label("rule", rule.as_str());
        all.extend(chains.iter().map(|chain| format!("{rule},{}", label("chain", labels.chain(*chain).as_str()))));
        all.insert(rule);
    }
    for (pair, feed) in &labels.prices {
        all.insert(format!("{},{}", label("pair", pair.as_str()), label("source", feed.as_str())));
        all.insert(format!("{},{}", label("source", feed.as_str()), label("pair", pair.as_str())));
    }
    all.extend(labels.watches.iter().map(|watch| label("watch", watch.name.as_str())));
    all
}

/// A label as the text format writes it.
fn label(key: &str, value: &str) -> String {
    let value = value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
    format!("{key}=\"{value}\"")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::{Metric, Metrics};
    use crate::types::Severity;

    #[test]
    fn what_left_the_config_is_not_shown_until_it_is_back() {
        let labels = |sinks: &[&str], rules: &[&str]| Labels {
            sinks: sinks.iter().map(|name| (*name).into()).collect(),
            rules: rules.iter().map(|name| ((*name).into(), Severity::Info, Vec::new())).collect(),
            ..Labels::default()
        };
        let (before, now) = (labels(&["ops", "a \"b\\"], &["one", "two"]), labels(&["ops"], &["two"]));
        let metrics = Metrics::new();
        metrics.register(&before);
        metrics.set(Metric::SinkDisabled, &["a \"b\\"], 1.0);
        metrics.add(Metric::Suppressed, &["two", "rule=\"one\""], 1);
        let shows = |text: &str| metrics.render().lines().any(|line| !line.starts_with('#') && line.contains(text));
        assert!(shows(r#"sink="a \"b\\""#) && shows("rule=\"one\""));
        metrics.retire(&before, &now);
        assert!(!shows(r#"sink="a \"b\\""#) && !shows("{rule=\"one\""), "{}", metrics.render());
        assert!(shows("sink=\"ops\"") && shows("rule=\"two\"") && shows("source.blind"));
        assert!(shows(r#"reason="rule=\"one\"""#), "a value that looks like a label is none");
        metrics.retire(&now, &before);
        assert!(shows(r#"walletwatch_sink_disabled{sink="a \"b\\"} 1"#), "it is where it was");
    }
}
