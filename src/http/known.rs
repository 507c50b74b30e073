//! Names that people type: one that nobody has is refused, with the nearest that somebody has. An answer about nothing would look like one
//! about something.

use super::Parts;
use super::problem::Problem;
use crate::config::near::nearest;
use crate::reactor::effect::MessageKind;
use std::sync::Arc;

/// That there is what is named, by label: `rule`, `watch`, `chain` or `sink`.
///
/// # Errors
/// What there is not, in words.
pub(super) async fn named(parts: &Parts, given: &[(&'static str, Option<&str>)]) -> Result<(), NotThere> {
    let labels = Arc::clone(&parts.standing().labels);
    for (label, is) in given.iter().filter_map(|(label, is)| Some((*label, (*is)?))) {
        let known: Vec<&str> = match label {
            "rule" => {
                let rules = labels.rules.iter().map(|(rule, ..)| rule.as_str());
                // Built-in alerts carry the word of their type.
                rules.chain(MessageKind::ALL.iter().map(|kind| kind.word())).collect()
            }
            "watch" => labels.watches.iter().map(|watch| watch.name.as_str()).collect(),
            "chain" => labels.chains.values().map(|chain| chain.name.as_str()).collect(),
            _ => labels.sinks.iter().map(|sink| sink.as_str()).collect(),
        };
        // A watch that was added at run time is in the store alone.
        let added = async || match parts.archive.addresses(is.into()).await {
            Ok(found) => Ok(found.is_some()),
            Err(fault) => Err(NotThere::Fault(fault.into())),
        };
        if known.contains(&is) || (label == "watch" && added().await?) {
            continue;
        }
        let near = nearest(is, known.iter().copied());
        let near = near.map_or_else(String::new, |near| format!("; did you mean \"{near}\"?"));
        return Err(NotThere::Name(format!("there is no {label} \"{is}\"{near}")));
    }
    Ok(())
}

/// What is named is not there.
pub(super) enum NotThere {
    /// In words.
    Name(String),
    /// The store could not be asked.
    Fault(Problem),
}
