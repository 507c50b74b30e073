//! Where a request goes: a url that was parsed once and cannot be printed, since urls carry keys.
//!
//! Never shows the url: `Debug` is `***`, there is no `Display`. Never keeps user and password in it either: reqwest
//! turns those into an Authorization header when it sends.

use super::HttpFault;
use crate::types::Secret;
use std::fmt;
use url::Url;

/// A parsed http or https url.
#[derive(Clone, PartialEq, Eq)]
pub struct Target(Url);

impl Target {
    /// Parses a url.
    ///
    /// # Errors
    /// `HttpFault::Url` when it is none, has no host or is neither http nor https.
    pub fn parse(url: &Secret) -> Result<Self, HttpFault> {
        let url = Url::parse(url.expose()).map_err(|_| HttpFault::Url)?;
        match url.scheme() {
            "https" | "http" if url.has_host() => Ok(Self(url)),
            _ => Err(HttpFault::Url),
        }
    }

    /// The same url with these path segments appended, each escaped.
    #[must_use]
    pub fn join(&self, segments: &[&str]) -> Self {
        let mut url = self.0.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().extend(segments);
        }
        Self(url)
    }

    /// The same url with these query pairs appended, each escaped.
    #[must_use]
    pub fn with_query(&self, pairs: &[(&str, &str)]) -> Self {
        let mut url = self.0.clone();
        url.query_pairs_mut().extend_pairs(pairs);
        Self(url)
    }

    /// Whether it is https.
    #[must_use]
    pub fn is_https(&self) -> bool {
        self.0.scheme() == "https"
    }

    pub(in crate::net) const fn url(&self) -> &Url {
        &self.0
    }
}

impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}
