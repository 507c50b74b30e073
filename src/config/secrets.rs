//! Secrets: where the config says they are, never what they are. No error here holds a secret or a text that might be one.

use super::surroundings::{Surroundings, why_unreadable};
use crate::types::Secret;
use std::path::{Path, PathBuf};

/// Which secrets are fetched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fetching {
    /// All: for who runs the monitor, or says whether it could run.
    All,
    /// The tokens of `[http]` alone, and of them those that can be had: for who asks a monitor.
    Tokens,
}

/// Why a secret could not be had.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// Written into the config itself.
    #[error("a secret is written here in plain text")]
    Literal,
    /// The words after `env:` are no name.
    #[error("what follows `env:` is not the name of a variable")]
    Name,
    /// The variable is not set, or empty.
    #[error("the variable {name} is not set")]
    Unset {
        /// Its name.
        name: String,
    },
    /// systemd gave no credentials.
    #[error("there is no folder of credentials: $CREDENTIALS_DIRECTORY is not set")]
    NoCredentials,
    /// The credential's name holds a path.
    #[error("what follows `credential:` is not the name of a credential")]
    CredentialName,
    /// Others can read the file.
    #[error("{} can be read by others", .path.display())]
    Open {
        /// The file.
        path: PathBuf,
    },
    /// The file cannot be read.
    #[error("{} cannot be read: {}", .path.display(), why_unreadable(*.reason))]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// As the operating system says.
        reason: std::io::ErrorKind,
    },
    /// The file holds nothing.
    #[error("{} is empty", .path.display())]
    Empty {
        /// The file.
        path: PathBuf,
    },
}

impl SecretError {
    /// What to do next.
    #[must_use]
    pub fn hint(&self) -> String {
        match self {
            Self::Literal => {
                "write \"env:NAME\", \"file:PATH\" or \"credential:NAME\", and change the secret: it was in a file"
                    .into()
            }
            Self::Name => "letters, digits and `_`, for example \"env:ETHERSCAN_API_KEY\"".into(),
            Self::Unset { name } => format!("set {name} where walletwatch is started"),
            Self::NoCredentials => "LoadCredential= in the systemd unit, or use \"file:PATH\"".into(),
            Self::CredentialName => "a plain file name, as in LoadCredential=NAME:PATH".into(),
            Self::Open { path } => format!("chmod 600 {}", path.display()),
            Self::Unreadable { .. } => "a relative path is inside the data folder".into(),
            Self::Empty { .. } => "put the secret into it, on one line".into(),
        }
    }
}

/// Whether a text says where a secret is.
#[must_use]
pub fn is_reference(text: &str) -> bool {
    ["env:", "file:", "credential:"].iter().any(|prefix| text.starts_with(prefix))
}

/// Fetches a secret. White space around it is not part of it.
///
/// # Errors
/// [`SecretError`], which holds names and paths only.
pub fn fetch(text: &str, data: &Path, around: &dyn Surroundings) -> Result<Secret, SecretError> {
    if let Some(name) = text.strip_prefix("env:") {
        let letter = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
        if name.is_empty() || name.as_bytes()[0].is_ascii_digit() || !name.bytes().all(letter) {
            return Err(SecretError::Name);
        }
        let value = around.variable(name).unwrap_or_default();
        let value = value.trim();
        if value.is_empty() {
            return Err(SecretError::Unset { name: name.into() });
        }
        return Ok(Secret::new(value.into()));
    }
    if let Some(path) = text.strip_prefix("file:") {
        let path = data.join(path);
        let unreadable = |error: std::io::Error| SecretError::Unreadable { path: path.clone(), reason: error.kind() };
        if around.open_to_others(&path).map_err(unreadable)? {
            return Err(SecretError::Open { path });
        }
        return from_file(path, around);
    }
    if let Some(name) = text.strip_prefix("credential:") {
        if name.is_empty() || name.contains('/') || name.starts_with('.') {
            return Err(SecretError::CredentialName);
        }
        let folder = around.variable("CREDENTIALS_DIRECTORY").ok_or(SecretError::NoCredentials)?;
        return from_file(Path::new(&folder).join(name), around);
    }
    Err(SecretError::Literal)
}

fn from_file(path: PathBuf, around: &dyn Surroundings) -> Result<Secret, SecretError> {
    match around.read(&path) {
        Ok(text) if text.trim().is_empty() => Err(SecretError::Empty { path }),
        Ok(text) => Ok(Secret::new(text.trim().into())),
        Err(error) => Err(SecretError::Unreadable { path, reason: error.kind() }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::surroundings::Scripted;

    #[test]
    fn a_secret_is_fetched_or_the_reason_says_nothing_of_it() {
        let mut around = Scripted::with(&[("KEY", "abc\n"), ("EMPTY", ""), ("CREDENTIALS_DIRECTORY", "/run/creds")])
            .file("/data/key", "from file\n")
            .file("/data/open", "seen by all")
            .file("/data/blank", "\n")
            .file("/run/creds/key", "from systemd");
        around.open.insert("/data/open".into());
        let check = |text: &str, expected: Result<&str, &str>| {
            let got = fetch(text, Path::new("/data"), &around);
            let got = got.as_ref().map(Secret::expose).map_err(ToString::to_string);
            assert_eq!(got, expected.map_err(str::to_owned), "{text}");
        };
        check("env:KEY", Ok("abc"));
        check("env:EMPTY", Err("the variable EMPTY is not set"));
        check("env:s3cret-text", Err("what follows `env:` is not the name of a variable"));
        check("file:key", Ok("from file"));
        check("file:open", Err("/data/open can be read by others"));
        check("file:gone", Err("/data/gone cannot be read: it is not there"));
        check("file:blank", Err("/data/blank is empty"));
        check("credential:key", Ok("from systemd"));
        check("credential:../key", Err("what follows `credential:` is not the name of a credential"));
        check("hunter2", Err("a secret is written here in plain text"));
    }
}
