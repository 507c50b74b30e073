//! Where the config and the data folder are: the first place that is set, in one fixed order. It creates nothing.

use super::surroundings::Surroundings;
use std::path::{Path, PathBuf};

/// Why a place was not found.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LocateError {
    /// No config anywhere.
    #[error("no config was found; looked at {}. hint: name one with --config, or write walletwatch.toml here", .looked.join(", "))]
    NoConfig {
        /// Every place that was looked at.
        looked: Vec<String>,
    },
    /// Nothing says where data may be kept.
    #[error("nothing says where to keep data. hint: --data-dir FOLDER, or set WALLETWATCH_DATA_DIR")]
    NoDataFolder,
}

/// A variable that is set to something.
fn set(around: &dyn Surroundings, name: &str) -> Option<String> {
    around.variable(name).filter(|value| !value.is_empty())
}

/// A base folder of the XDG rules: the variable where it is an absolute path, else its default under `$HOME`.
fn xdg(around: &dyn Surroundings, name: &str, default: &str) -> Option<PathBuf> {
    let absolute = |path: PathBuf| path.is_absolute().then_some(path);
    set(around, name)
        .map(PathBuf::from)
        .and_then(absolute)
        .or_else(|| set(around, "HOME").map(|home| PathBuf::from(home).join(default)).and_then(absolute))
}

/// The config file: `--config`, `$WALLETWATCH_CONFIG`, `./walletwatch.toml`, `$XDG_CONFIG_HOME/walletwatch/config.toml`,
/// `/etc/walletwatch/config.toml`. The first two are taken as said, there or not; of the others the first that exists.
///
/// # Errors
/// [`LocateError::NoConfig`] with every place that was looked at.
pub fn config_file(asked: Option<&Path>, around: &dyn Surroundings) -> Result<PathBuf, LocateError> {
    if let Some(path) = asked {
        return Ok(path.to_owned());
    }
    if let Some(path) = set(around, "WALLETWATCH_CONFIG") {
        return Ok(path.into());
    }
    let mut places = vec![PathBuf::from("walletwatch.toml")];
    places.extend(xdg(around, "XDG_CONFIG_HOME", ".config").map(|base| base.join("walletwatch/config.toml")));
    places.push("/etc/walletwatch/config.toml".into());
    if let Some(found) = places.iter().find(|path| around.exists(path)) {
        return Ok(found.clone());
    }
    Err(LocateError::NoConfig { looked: places.iter().map(|path| path.display().to_string()).collect() })
}

/// The data folder: `--data-dir`, `$WALLETWATCH_DATA_DIR`, `$STATE_DIRECTORY` (systemd; the first, where it lists
/// several), `$XDG_STATE_HOME/walletwatch`, there or not.
///
/// # Errors
/// [`LocateError::NoDataFolder`] when none is set and there is no home folder.
pub fn data_folder(asked: Option<&Path>, around: &dyn Surroundings) -> Result<PathBuf, LocateError> {
    if let Some(path) = asked {
        return Ok(path.to_owned());
    }
    if let Some(path) = set(around, "WALLETWATCH_DATA_DIR") {
        return Ok(path.into());
    }
    let state = set(around, "STATE_DIRECTORY");
    if let Some(first) = state.as_deref().and_then(|list| list.split(':').find(|path| !path.is_empty())) {
        return Ok(first.into());
    }
    xdg(around, "XDG_STATE_HOME", ".local/state").map(|base| base.join("walletwatch")).ok_or(LocateError::NoDataFolder)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::surroundings::Scripted;

    #[test]
    fn the_first_place_that_is_set_wins() {
        let check = |asked: Option<&str>, variables: &[(&str, &str)], files: &[&str], config: &str, data: &str| {
            let around = files.iter().fold(Scripted::with(variables), |around, path| around.file(path, ""));
            let show = |found: Result<PathBuf, LocateError>| {
                found.map_or_else(|error| error.to_string(), |path| path.display().to_string())
            };
            let found =
                (show(config_file(asked.map(Path::new), &around)), show(data_folder(asked.map(Path::new), &around)));
            assert!(found.0.starts_with(config), "{found:?} is not {config}");
            assert!(found.1.starts_with(data), "{found:?} is not {data}");
        };
        let home = ("HOME", "/home/ann");
        let all = [
            home,
            ("WALLETWATCH_CONFIG", "/a.toml"),
            ("WALLETWATCH_DATA_DIR", "/d"),
            ("STATE_DIRECTORY", "/s:/t"),
            ("XDG_STATE_HOME", "/x"),
            ("XDG_CONFIG_HOME", "/x"),
        ];
        let files = ["walletwatch.toml", "/x/walletwatch/config.toml", "/etc/walletwatch/config.toml"];
        check(Some("/asked"), &all, &files, "/asked", "/asked");
        check(None, &all, &files, "/a.toml", "/d");
        check(None, &[home, all[3], all[4], all[5]], &files, "walletwatch.toml", "/s");
        check(None, &[home, all[4], all[5]], &files[1..], "/x/walletwatch/config.toml", "/x/walletwatch");
        check(None, &[home], &files[1..], "/etc/walletwatch/config.toml", "/home/ann/.local/state/walletwatch");
        check(None, &[("XDG_STATE_HOME", "not/absolute"), home], &files, "walletwatch.toml", "/home/ann/.local/state");
        check(None, &[], &[], "no config was found; looked at walletwatch.toml, /etc", "nothing says where");
        check(None, &[("WALLETWATCH_CONFIG", "")], &files, "walletwatch.toml", "nothing says where");
    }
}
