//! Finds and reads the config for a command, and says so in its own words when that fails.

use super::{Failure, Places};
use crate::config::Broken;
use crate::config::checked::Config;
use crate::config::faults::Faults;
use crate::config::places::{config_file, data_folder};
use crate::config::surroundings::Machine;
use crate::sinks::Words;
use anyhow::{Context, anyhow};
use std::path::{Path, PathBuf};

/// A config that was found and read.
#[derive(Debug)]
pub(super) struct Located {
    /// Where it was.
    pub(super) file: PathBuf,
    /// The data folder, absolute.
    pub(super) data: PathBuf,
    /// What it means.
    pub(super) config: Config,
    /// Its faults, where it is read for where to ask alone: nothing else of it means anything then.
    pub(super) broken: Option<Broken>,
}

impl Located {
    /// Nothing, where all of the config means something.
    pub(super) fn whole(&self) -> Result<(), Failure> {
        self.broken.as_ref().map_or(Ok(()), |broken| Err(Failure::usage(anyhow!("{}", broken.faults))))
    }
}

impl Places {
    /// The config file and the data folder, which need not exist.
    pub(super) fn locate(&self) -> Result<(PathBuf, PathBuf), Failure> {
        let file = config_file(self.config.as_deref(), &Machine).map_err(Failure::usage)?;
        let data = data_folder(self.data_dir.as_deref(), &Machine).map_err(Failure::usage)?;
        let data = std::path::absolute(&data).with_context(|| format!("the data folder {}", data.display()));
        Ok((file, data.map_err(Failure::usage)?))
    }

    /// Reads the config whole; every fault is in the error.
    pub(super) fn load(&self) -> Result<Located, Failure> {
        let (file, data) = self.locate()?;
        let config = read(&file, &data)?;
        Ok(Located { file, data, config, broken: None })
    }

    /// The same without the secrets that a command has no use for which only asks a monitor or its store. The monitor runs by another text
    /// than one with faults: it is asked all the same, and that is said.
    pub(super) fn load_to_ask(&self) -> Result<Located, Failure> {
        let (file, data) = self.locate()?;
        let read = crate::config::load_to_find(&file, &data, &Machine);
        let (config, broken) = read.map_err(|faults| Failure::usage(anyhow!("{faults}")))?;
        if let Some(Broken { faults, torn: _ }) = &broken {
            let first =
                faults.all().first().map(|fault| format!("{}: {}", fault.place, fault.what)).unwrap_or_default();
            let (count, listen, store) = (faults.all().len(), config.http.listen, config.store.path.display());
            eprintln!(
                "the config file has faults ({count}; {first}): it is read only for where to ask, http://{listen} and the store {store}; \
                 `walletwatch check` says all of them"
            );
        }
        Ok(Located { file, data, config, broken })
    }
}

pub(super) fn read(file: &Path, data: &Path) -> Result<Config, Failure> {
    load(file, data).map_err(|faults| Failure::usage(anyhow!("{faults}")))
}

/// Reads a config whole, and tries its templates.
pub(super) fn load(file: &Path, data: &Path) -> Result<Config, Faults> {
    let config = crate::config::load(file, data, &Machine)?;
    Words::new(&config.templates, |_| ()).map(|_| config)
}
