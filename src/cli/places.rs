//! Finds and reads the config for a command, and says so in its own words when that fails.

use super::{Failure, Places};
use crate::config::checked::Config;
use crate::config::places::{config_file, data_folder};
use crate::config::surroundings::Machine;
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
        Ok(Located { file, data, config })
    }

    /// The same without the secrets that a command has no use for which only asks a monitor or its store.
    pub(super) fn load_to_ask(&self) -> Result<Located, Failure> {
        let (file, data) = self.locate()?;
        let config = crate::config::load_to_ask(&file, &data, &Machine);
        let config = config.map_err(|faults| Failure::usage(anyhow!("{faults}")))?;
        Ok(Located { file, data, config })
    }
}

pub(super) fn read(file: &Path, data: &Path) -> Result<Config, Failure> {
    crate::config::load(file, data, &Machine).map_err(|faults| Failure::usage(anyhow!("{faults}")))
}
