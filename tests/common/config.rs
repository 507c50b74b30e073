//! A config out of text, read and checked as the binary would; and the parts that most configs of tests have.

#![allow(dead_code, unreachable_pub, reason = "each test binary uses its own part of this, and nothing outside does")]

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use walletwatch::config::checked::Config;
use walletwatch::config::faults::Faults;
use walletwatch::config::surroundings::Surroundings;

/// A webhook sink on loopback, whose key is in the variable `HOOK`.
pub fn webhook(name: &str, url: &str) -> String {
    format!(
        "[[sink]]\nname = \"{name}\"\nkind = \"webhook\"\nurl = \"{url}\"\nsecret = \"env:HOOK\"\nallow_private = true\n"
    )
}

/// An account of an explorer, whose key is in the variable `KEY`.
pub fn etherscan(url: &str, per_second: usize, per_day: u64) -> String {
    format!(
        "[etherscan]\nurl = \"{url}\"\napi_key = \"env:KEY\"\ncalls_per_second = {per_second}\ncalls_per_day = {per_day}\n"
    )
}

/// Reads a config that is fine.
pub fn checked(text: &str, data: &Path, variables: &[(&str, &str)]) -> Config {
    read(text, data, variables).unwrap_or_else(|faults| panic!("{faults}"))
}

/// Reads a config. These variables and this text are all that there is around it.
pub fn read(text: &str, data: &Path, variables: &[(&str, &str)]) -> Result<Config, Faults> {
    let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let around = Around { text: text.to_owned(), variables };
    walletwatch::config::load(Path::new("x.toml"), data, &around)
}

struct Around {
    text: String,
    variables: BTreeMap<String, String>,
}

impl Surroundings for Around {
    fn variable(&self, name: &str) -> Option<String> {
        self.variables.get(name).cloned()
    }
    fn read(&self, _: &Path) -> io::Result<String> {
        Ok(self.text.clone())
    }
    fn open_to_others(&self, _: &Path) -> io::Result<bool> {
        Err(io::ErrorKind::NotFound.into())
    }
    fn list(&self, _: &Path) -> io::Result<Vec<PathBuf>> {
        Ok(Vec::new())
    }
    fn exists(&self, _: &Path) -> bool {
        true
    }
}
