//! The config: what is written (`raw`), what is meant (`checked`), and every fault between the two at once.
//!
//! [`load`] reads the files and nothing else; [`describe`] says in words what a config means. Nothing here holds or
//! prints a secret.

pub mod amounts;
mod check;
pub mod checked;
pub mod circle;
pub mod coverage;
pub mod describe;
mod describe_circle;
pub mod duration;
pub mod faults;
pub mod forecast;
pub mod history;
pub mod list_file;
pub mod mailbox;
pub mod near;
pub mod places;
pub mod print;
mod raw;
pub mod secrets;
pub mod surroundings;
mod urls;

#[cfg(test)]
mod cases;

use checked::Config;
use faults::{Faults, Notes};
use raw::scope::Root;
use secrets::Fetching;
use std::path::Path;
use surroundings::Surroundings;

/// Reads the config at `path`. `data` is the data folder, absolute: relative paths in the config are inside it.
///
/// # Errors
/// Every fault, each with its place and a hint.
pub fn load(path: &Path, data: &Path, around: &dyn Surroundings) -> Result<Config, Faults> {
    load_with(Fetching::All, path, data, around)
}

/// The same for who only asks a running monitor, or its store: of the secrets, those tokens alone that can be had here. Whoever decides
/// about money holds a token of their own and nobody else's, and no key of a source, a sink or Circle.
///
/// # Errors
/// Every fault, each with its place and a hint; that a secret cannot be had here is none.
pub fn load_to_ask(path: &Path, data: &Path, around: &dyn Surroundings) -> Result<Config, Faults> {
    load_with(Fetching::Tokens, path, data, around)
}

/// What is wrong with a config that is read for where to ask alone.
#[derive(Debug)]
pub struct Broken {
    /// Every fault.
    pub faults: Faults,
    /// It is not TOML, or a part of it cannot be read: another place may stand where none was read.
    pub torn: bool,
}

/// The same for who can do with where to ask: a config with faults elsewhere comes with them, and means nothing but its `[http]` and
/// `[store]`, which are as where nothing is said if the text is torn there.
///
/// # Errors
/// Every fault, where some are in these two, or nothing could be read.
pub fn load_to_find(path: &Path, data: &Path, around: &dyn Surroundings) -> Result<(Config, Option<Broken>), Faults> {
    let faults = match load_to_ask(path, data, around) {
        Ok(config) => return Ok((config, None)),
        Err(faults) => faults,
    };
    let raw::document::Document { mut whole, torn } = raw::document::read(path, around, &Notes::default());
    if whole.entries.is_empty() {
        return Err(faults);
    }
    whole.entries.retain(|entry| ["http", "store"].contains(&entry.key.as_str()));
    let (of_places, of_the_rest) = (Notes::default(), Notes::default());
    let fetching = Fetching::Tokens;
    {
        let (root, notes) = (Root::new(&whole, &of_places), &of_places);
        check::only_places(&check::input::Input { root: &root, notes, around, data, fetching });
    }
    if !of_places.is_fine() {
        return Err(faults);
    }
    let (root, notes) = (Root::new(&whole, &of_the_rest), &of_the_rest);
    let config = check::check(&check::input::Input { root: &root, notes, around, data, fetching });
    Ok((config, Some(Broken { faults, torn })))
}

fn load_with(fetching: Fetching, path: &Path, data: &Path, around: &dyn Surroundings) -> Result<Config, Faults> {
    let notes = Notes::default();
    let document = raw::document::read(path, around, &notes);
    if document.torn {
        return Err(notes.into_faults());
    }
    let mut config = {
        let root = Root::new(&document.whole, &notes);
        check::check(&check::input::Input { root: &root, notes: &notes, around, data, fetching })
    };
    config.warnings = notes.finish()?;
    if let Some(circle) = &mut config.circle {
        circle.freeze_file = path.with_file_name(circle::FREEZE_FILE);
    }
    Ok(config)
}
