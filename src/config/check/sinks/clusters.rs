//! Sinks that are several machines: Alertmanagers that are one cluster.

use super::target;
use crate::config::check::input::Input;
use crate::config::checked::{AlertmanagerConfig, SinkKind};
use crate::config::raw::scope::Scope;
use crate::types::Secret;
use url::Url;

/// A cluster of Alertmanagers, or one.
pub(super) fn alertmanager(input: &Input<'_>, scope: &Scope<'_>) -> Option<SinkKind> {
    let allow_private = scope.flag("allow_private").unwrap_or(false);
    let Some(said) = scope.texts("url") else {
        scope.missing(
            "url",
            "where it is, for example \"http://alertmanager:9093\"; of a cluster, every member in a list",
        );
        return None;
    };
    let count = said.len();
    if let (0, Some(node)) = (count, scope.node("url")) {
        input.notes.fault(&node.place, "`url` names nobody", "write where the Alertmanager is");
    }
    let members = said.into_iter().filter_map(|said| {
        let url = target(input, said, allow_private)?;
        let whole = Url::parse(url.expose()).is_ok_and(|url| url.query().is_none() && !url.path().contains("/api/"));
        if !whole {
            input.notes.fault(
                said.place,
                "the url is not that of the Alertmanager itself",
                "leave out what begins with /api",
            );
        }
        whole.then_some(url)
    });
    let urls: Vec<Secret> = members.collect();
    let token = match scope.text("token") {
        Some(said) => Some(input.secret("token", said)?),
        None => None,
    };
    (count > 0 && urls.len() == count).then_some(SinkKind::Alertmanager(AlertmanagerConfig {
        urls,
        token,
        allow_private,
    }))
}
