//! What every part of the check works with: the tables, the notes, the machine; and names, which are claimed once.

use crate::config::faults::{Notes, Place};
use crate::config::near;
use crate::config::raw::scope::{Root, Said, Scope};
use crate::config::secrets::{self, Fetching};
use crate::config::surroundings::Surroundings;
use crate::config::urls;
use crate::types::text::{NAME_CHARS, Untrusted, is_name};
use crate::types::{Address, Name, Secret, parse_address};
use std::collections::BTreeMap;
use std::path::Path;
use url::Url;

/// What is checked, and with what.
#[derive(Clone, Copy)]
pub(crate) struct Input<'a> {
    /// The tables.
    pub root: &'a Root<'a>,
    /// Faults and warnings.
    pub notes: &'a Notes,
    /// Variables and files.
    pub around: &'a dyn Surroundings,
    /// Relative paths are inside it.
    pub data: &'a Path,
    /// Which secrets are fetched.
    pub fetching: Fetching,
}

/// Stands for the host of a url that was not fetched: a name that leads nowhere (RFC 6761).
const UNREAD_HOST: &str = "unread.invalid";

/// Names of one kind, with the place of each.
#[derive(Debug, Default)]
pub(crate) struct Names(BTreeMap<String, Place>);

impl Names {
    /// Takes the name under `name`; notes a missing, ill-formed or taken one.
    pub(crate) fn claim(&mut self, scope: &Scope<'_>) -> Option<Name> {
        let said = scope.need("name", "every one needs a name of its own")?;
        self.take(said, scope.notes)
    }

    /// Takes this name.
    pub(crate) fn take(&mut self, said: Said<'_, &str>, notes: &Notes) -> Option<Name> {
        if !is_name(said.value) {
            let hint = format!("1 to {NAME_CHARS} visible characters, no blanks around, not beginning with `tag:`");
            notes.fault(said.place, "this cannot be a name", hint);
            return None;
        }
        if let Some(first) = self.0.get(said.value) {
            notes.fault(said.place, format!("the name `{}` is taken; first at {first}", said.value), "choose another");
            return None;
        }
        self.0.insert(said.value.into(), said.place.clone());
        Some(said.value.into())
    }

    /// Whether somebody has it.
    #[must_use]
    pub(crate) fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// Finds a name that was said elsewhere; notes an unknown one.
    pub(crate) fn find(&self, what: &str, said: Said<'_, &str>, notes: &Notes) -> Option<Name> {
        if self.has(said.value) {
            return Some(said.value.into());
        }
        let shown = Untrusted::new(said.value);
        notes.fault(
            said.place,
            format!("there is no {what} `{}`", shown.as_str()),
            near::hint(said.value, self.words()),
        );
        None
    }

    /// Every name.
    pub(crate) fn words(&self) -> impl Iterator<Item = &str> + Clone {
        self.0.keys().map(String::as_str)
    }
}

/// Who is in one place already.
pub(crate) type Taken<K> = BTreeMap<K, (Name, Place)>;

impl Input<'_> {
    /// The secret under a key; notes one that is literal, not set or open to others. One that is not to be fetched is unread.
    pub(crate) fn secret(&self, key: &str, said: Said<'_, &str>) -> Option<Secret> {
        if self.is_left(said) {
            return Some(Secret::unread());
        }
        match secrets::fetch(said.value, self.data, self.around) {
            Ok(secret) => Some(secret),
            Err(error) => {
                self.notes.fault(said.place, format!("`{key}`: {error}"), error.hint());
                None
            }
        }
    }

    /// Whether this is a secret that is not to be fetched.
    pub(crate) fn is_left(&self, said: Said<'_, &str>) -> bool {
        self.fetching == Fetching::Tokens && secrets::is_reference(said.value)
    }

    /// A url, or where one is. The second is whether it was fetched from elsewhere.
    pub(crate) fn url(&self, key: &str, said: Said<'_, &str>, schemes: &[&str]) -> Option<(Secret, Url, bool)> {
        let elsewhere = secrets::is_reference(said.value);
        let secret = if self.is_left(said) {
            Secret::new(format!("{}://{UNREAD_HOST}/", schemes.first()?))
        } else if elsewhere {
            self.secret(key, said)?
        } else {
            Secret::new(said.value.into())
        };
        let parsed = Url::parse(secret.expose()).ok().filter(|url| url.has_host() && schemes.contains(&url.scheme()));
        let Some(url) = parsed else {
            let what = format!("`{key}` is no url that begins with {}", schemes.join(" or "));
            self.notes.fault(said.place, what, "write it whole, or \"env:NAME\" where it carries a key");
            return None;
        };
        if !elsewhere && let Some(what) = urls::credential(&url) {
            let what = format!("`{key}` holds {what}: secrets are never written here");
            self.notes.fault(
                said.place,
                what,
                "move the whole url: \"env:NAME\", \"file:PATH\" or \"credential:NAME\"",
            );
        } else if !elsewhere && urls::path_looks_like_key(&url) {
            let advice = "if it is, write \"env:NAME\", \"file:PATH\" or \"credential:NAME\" instead of the url";
            self.notes.warn(said.place, format!("the path of this `{key}` looks like a key: {advice}"));
        }
        Some((secret, url, elsewhere))
    }

    /// An address; notes a wrong shape, and a wrong checksum with the right one.
    pub(crate) fn address(&self, key: &str, said: Said<'_, &str>) -> Option<Address> {
        match parse_address(said.value) {
            Ok(address) if address == Address::ZERO => {
                self.notes.fault(said.place, format!("`{key}` is the zero address"), "write the address that is meant");
                None
            }
            Ok(address) => Some(address),
            Err(fault) => {
                let hint = "copy it again from where it came from; do not type it";
                self.notes.fault(said.place, format!("`{key}`: {fault}"), hint);
                None
            }
        }
    }
}
