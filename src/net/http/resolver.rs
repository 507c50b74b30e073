//! Names to addresses, for requests that may only go to public ones.
//!
//! Every address of a name is vetted at the time it is used, so a name that changes its mind between two look-ups
//! (DNS rebinding) gains nothing; one forbidden address among them refuses the whole name. Never caches.

use super::fault::{NoSuchName, RefusedAddress};
use crate::net::address_guard::check_address;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;

type LookUp = Pin<Box<dyn Future<Output = std::io::Result<Vec<SocketAddr>>> + Send>>;

pub(super) struct PublicResolver {
    look_up: fn(String) -> LookUp,
}

impl PublicResolver {
    /// By the system's resolver.
    pub(super) fn system() -> Self {
        Self { look_up: |name| Box::pin(async move { Ok(tokio::net::lookup_host((name, 0)).await?.collect()) }) }
    }

    /// By a given look-up, for tests.
    #[cfg(test)]
    pub(super) fn by(look_up: fn(String) -> LookUp) -> Self {
        Self { look_up }
    }
}

impl Resolve for PublicResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let look_up = (self.look_up)(name.as_str().to_owned());
        Box::pin(async move {
            let addresses = look_up.await.map_err(|_| NoSuchName)?;
            if addresses.is_empty() {
                return Err(NoSuchName.into());
            }
            for address in &addresses {
                check_address(address.ip()).map_err(RefusedAddress)?;
            }
            Ok(Box::new(addresses.into_iter()) as Addrs)
        })
    }
}
