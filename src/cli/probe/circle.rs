//! Asks Circle what the monitor would ask it first: the wallet, what it holds, and the entity public key. It moves nothing.

use super::Finding;
use crate::config::checked::Config;
use crate::net::{SingleUse, Tls};
use crate::payments::{CircleClient, CirclePlace, EntitySecret, Sealer};
use crate::types::chain;
use crate::wire::circle::{KeyKind, TokenBalance, chain_of, test_twin};
use crate::wire::hex::plain;

/// What Circle says of the wallet; nothing without `[circle]`.
pub(super) async fn probe(config: &Config) -> Vec<Finding> {
    if config.circle.is_none() {
        return Vec::new();
    }
    vec![Finding { upstream: "circle".into(), found: ask(config).await }]
}

async fn ask(config: &Config) -> Result<String, String> {
    let Some(settings) = &config.circle else { return Err("there is no [circle]".into()) };
    let place = CirclePlace::new(settings.url.as_ref(), settings.api_key.clone()).map_err(|fault| fault.to_string())?;
    EntitySecret::parse(&settings.entity_secret).map_err(|fault| fault.to_string())?;
    let client = CircleClient::new(SingleUse::new(Tls::baked()), place, || fastrand::u128(..).to_be_bytes());
    let wallet = client.wallet(&settings.wallet).await.told.map_err(|trouble| trouble.to_string())?;
    let on = chain_of(wallet.blockchain.as_str())
        .ok_or_else(|| format!("the wallet is on {}, which is no chain that we can watch", wallet.blockchain))?;
    for payee in config.settings.payees.values() {
        let twin = test_twin(payee.chain).filter(|_| settings.environment == KeyKind::Test);
        if payee.chain != on && twin != Some(on) {
            return Err(format!("the wallet is on {}, and the payee {} is not", wallet.blockchain, payee.name));
        }
    }
    let key = client.entity_key().await.told.map_err(|trouble| trouble.to_string())?;
    let fingerprint = Sealer::new(&key).map_err(|fault| fault.to_string())?.fingerprint();
    if settings.entity_key.is_some_and(|pinned| pinned != fingerprint) {
        return Err(format!("its entity public key is {}, not the pinned one", plain(&fingerprint)));
    }
    let (held, _) = client.balances(&settings.wallet, None).await.told.map_err(|trouble| trouble.to_string())?;
    let usdc = chain::by_id(on).and_then(|known| known.usdc).map(|usdc| usdc.address);
    let row = |found: &dyn Fn(&&TokenBalance) -> bool| {
        held.iter().find(found).map_or_else(|| "0".to_owned(), |row| row.amount.to_string())
    };
    let usdc = row(&|row| row.token.contract.is_some() && row.token.contract == usdc);
    let coin = row(&|row| row.token.native);
    let live = if wallet.live { "" } else { ", FROZEN at Circle" };
    Ok(format!(
        "wallet {} on {}{live}: {usdc} USDC, {coin} of the coin; entity_key_sha256 = \"{}\"",
        wallet.address,
        wallet.blockchain,
        plain(&fingerprint)
    ))
}
