//! RPC endpoints: where they are, who runs them, and names that hold no key.

use crate::config::check::input::{Input, Names};
use crate::config::checked::EndpointConfig;
use crate::config::faults::Place;
use crate::config::raw::keys;
use crate::config::raw::scope::{Said, Scope};
use crate::config::raw::tree::Value;
use crate::config::urls;
use crate::types::{ChainId, Name};

/// The `rpc` of one chain, in the order of the config.
pub(super) fn read(input: &Input<'_>, scope: &Scope<'_>, chain: ChainId) -> Vec<EndpointConfig> {
    let (Some(node), Some(section)) = (scope.node("rpc"), keys::section("chain.rpc")) else {
        return Vec::new();
    };
    let Value::List(items) = &node.value else {
        input.notes.fault(
            &node.place,
            format!("`rpc` is {}", node.value.called()),
            "a list of urls or { name, url, operator }",
        );
        return Vec::new();
    };
    let mut names = Names::default();
    let mut endpoints = Vec::new();
    for item in items {
        let (table, url) = match &item.value {
            Value::Text(text) => (None, Some(Said { value: text.as_str(), place: &item.place })),
            Value::Table(table) => {
                let scope = Scope { table, fallback: None, section, notes: input.notes };
                (Some(scope), scope.need("url", "where it is, or \"env:NAME\""))
            }
            Value::Integer(_) | Value::Flag(_) | Value::Other(_) | Value::List(_) => {
                input.notes.fault(
                    &item.place,
                    format!("an endpoint is {}", item.value.called()),
                    "a url or { name, url, operator }",
                );
                continue;
            }
        };
        let written = table.and_then(|scope| scope.text("name"));
        let claimed = written.map(|said| names.take(said, input.notes));
        let operator = table.and_then(|scope| scope.text("operator")).map(|said| Name::from(said.value));
        let Some((secret, url, elsewhere)) =
            url.and_then(|said| input.url("rpc", said, &["wss", "ws", "https", "http"]))
        else {
            continue;
        };
        if urls::is_clear(&url) && (elsewhere || urls::may_carry_key(&url)) {
            let what = format!(
                "the rpc at {} is spoken to in the clear: a key in its url can be read on the way",
                urls::shown(&url)
            );
            input.notes.warn(&item.place, what);
        }
        let runs = urls::operator(&url);
        let name = match claimed {
            Some(Some(name)) => name,
            Some(None) => continue,
            None => match free_name(&mut names, &runs, &item.place, input) {
                Some(name) => name,
                None => continue,
            },
        };
        let operator = operator.unwrap_or_else(|| runs.as_str().into());
        endpoints.push(EndpointConfig { chain, name, url: secret, socket: url.scheme().starts_with("ws"), operator });
    }
    endpoints
}

/// The operator as a name, numbered where it is taken.
fn free_name(names: &mut Names, operator: &str, place: &Place, input: &Input<'_>) -> Option<Name> {
    let numbered = std::iter::once(operator.to_owned()).chain((2..).map(|number| format!("{operator}-{number}")));
    let name = numbered.into_iter().find(|name| !names.has(name))?;
    names.take(Said { value: &name, place }, input.notes)
}
