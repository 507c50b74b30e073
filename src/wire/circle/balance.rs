//! Wallets and what they hold. A balance is found by the token's contract, never by its symbol: on some chains USDC stands there twice.

use super::amount::AmountText;
use super::answer::Unread;
use super::text::Field;
use crate::types::{Address, Name, Untrusted};
use serde::Deserialize;
use serde_json::json;
use serde_json::value::RawValue;

/// A token as Circle knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenFacts {
    /// Circle's id of it.
    pub id: Name,
    /// Circle's word for its chain.
    pub blockchain: Option<Name>,
    /// Its contract; the coin has none.
    pub contract: Option<Address>,
    /// Whether it is the chain's own coin.
    pub native: bool,
    /// Its decimals.
    pub decimals: Option<u8>,
    /// Its symbol: it proves nothing.
    pub symbol: Option<Untrusted>,
}

/// What a wallet holds of one token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenBalance {
    /// Of what.
    pub token: TokenFacts,
    /// How much, in human units.
    pub amount: AmountText,
}

/// A wallet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wallet {
    /// Circle's id of it.
    pub id: Name,
    /// Its address.
    pub address: Address,
    /// Circle's word for its chain.
    pub blockchain: Name,
    /// Whether it is LIVE; a frozen one sends nothing.
    pub live: bool,
    /// A contract account, whose gas others can pay.
    pub contract_account: bool,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct TokenBody {
    id: Field,
    blockchain: Field,
    token_address: Field,
    is_native: bool,
    decimals: Option<u8>,
    symbol: Field,
}

impl TokenBody {
    fn facts(&self) -> Option<TokenFacts> {
        Some(TokenFacts {
            id: self.id.id()?,
            blockchain: self.blockchain.id(),
            contract: self.token_address.address(),
            native: self.is_native,
            decimals: self.decimals,
            symbol: self.symbol.words(),
        })
    }
}

impl TokenFacts {
    /// As Circle writes it, without a wrapper.
    #[must_use]
    pub fn write(&self) -> serde_json::Value {
        let mut value = json!({
            "id": self.id.as_str(),
            "blockchain": self.blockchain.as_ref().map(Name::as_str),
            "symbol": self.symbol.as_ref().map(Untrusted::as_str),
            "decimals": self.decimals,
            "isNative": self.native,
        });
        if let (Some(contract), Some(fields)) = (self.contract, value.as_object_mut()) {
            fields.insert("tokenAddress".into(), json!(format!("{contract:#x}")));
            fields.insert("standard".into(), json!("ERC20"));
        }
        value
    }
}

impl TokenBalance {
    /// As Circle writes it, without a wrapper.
    #[must_use]
    pub fn write(&self) -> serde_json::Value {
        json!({"token": self.token.write(), "amount": self.amount.as_str()})
    }
}

impl Wallet {
    /// As Circle writes it, without a wrapper.
    #[must_use]
    pub fn write(&self) -> serde_json::Value {
        json!({
            "id": self.id.as_str(),
            "state": if self.live { "LIVE" } else { "FROZEN" },
            "custodyType": "DEVELOPER",
            "address": format!("{:#x}", self.address),
            "blockchain": self.blockchain.as_str(),
            "accountType": if self.contract_account { "SCA" } else { "EOA" },
        })
    }
}

/// Reads what a wallet holds, whole: a row that cannot be read makes all of it unread, since a missing row would read as zero.
///
/// # Errors
/// [`Unread`].
pub fn balances(data: &str) -> Result<Vec<TokenBalance>, Unread> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Body<'a> {
        #[serde(borrow)]
        token_balances: Vec<&'a RawValue>,
    }
    #[derive(Deserialize)]
    struct Row {
        token: TokenBody,
        amount: Field,
    }
    let body: Body<'_> = serde_json::from_str(data)?;
    let row = |raw: &&RawValue| {
        let row: Row = serde_json::from_str(raw.get())?;
        let token = row.token.facts().ok_or_else(|| Unread::new("a token without an id"))?;
        let amount = row.amount.text().ok_or_else(|| Unread::new("a token without an amount"))?;
        let amount = AmountText::read(amount).map_err(|fault| Unread::new(&fault.to_string()))?;
        Ok(TokenBalance { token, amount })
    };
    body.token_balances.iter().map(row).collect()
}

/// Reads one token.
///
/// # Errors
/// [`Unread`] without an id.
pub fn token(data: &str) -> Result<TokenFacts, Unread> {
    #[derive(Deserialize)]
    struct Body {
        token: TokenBody,
    }
    let body: Body = serde_json::from_str(data)?;
    body.token.facts().ok_or_else(|| Unread::new("a token without an id"))
}

/// Reads one wallet.
///
/// # Errors
/// [`Unread`] without id, address or chain.
pub fn wallet(data: &str) -> Result<Wallet, Unread> {
    #[derive(Default, Deserialize)]
    #[serde(rename_all = "camelCase", default)]
    struct Inner {
        id: Field,
        address: Field,
        blockchain: Field,
        state: Field,
        account_type: Field,
    }
    #[derive(Deserialize)]
    struct Body {
        wallet: Inner,
    }
    let Body { wallet } = serde_json::from_str(data)?;
    Ok(Wallet {
        id: wallet.id.id().ok_or_else(|| Unread::new("a wallet without an id"))?,
        address: wallet.address.address().ok_or_else(|| Unread::new("a wallet without an address"))?,
        blockchain: wallet.blockchain.id().ok_or_else(|| Unread::new("a wallet without a chain"))?,
        live: wallet.state.text() == Some("LIVE"),
        contract_account: wallet.account_type.text() == Some("SCA"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::U256;

    #[test]
    fn a_list_is_read_whole_or_not_at_all() {
        let row = |more: &str| format!(r#"{{"token":{{"id":"t","isNative":false,"decimals":6{more}}},"amount":"10"}}"#);
        let list = |rows: &[String]| format!(r#"{{"tokenBalances":[{}]}}"#, rows.join(","));
        let contract = r#","tokenAddress":"0x4141414141414141414141414141414141414141""#;
        let read = balances(&list(&[row(contract), row("")])).expect("both are fine");
        assert_eq!(read[0].amount.raw(6), Ok(U256::from(10_000_000)));
        assert_eq!((read[0].token.contract, read[1].token.contract), (Some(Address::repeat_byte(0x41)), None));
        assert_eq!(balances(&list(&[])), Ok(Vec::new()));
        let broken = [
            r#"{"token":{"id":"t"},"amount":"1e3"}"#,
            r#"{"token":{"id":"t"},"amount":""}"#,
            r#"{"token":{"id":"t"}}"#,
            r#"{"token":{},"amount":"1"}"#,
            "null",
        ];
        for broken in broken {
            assert!(balances(&list(&[row(contract), broken.to_owned()])).is_err(), "{broken}");
        }
        assert!(balances("{}").is_err() && balances(r#"{"tokenBalances":null}"#).is_err());
    }

    #[test]
    fn a_wallet_reads_back_and_needs_its_chain_and_address() {
        let whole = Wallet {
            id: "w".into(),
            address: Address::repeat_byte(7),
            blockchain: "ETH-SEPOLIA".into(),
            live: true,
            contract_account: true,
        };
        for wallet in [whole.clone(), Wallet { live: false, contract_account: false, ..whole.clone() }] {
            assert_eq!(super::wallet(&json!({"wallet": wallet.write()}).to_string()), Ok(wallet));
        }
        for gone in ["id", "address", "blockchain"] {
            let mut value = whole.write();
            value[gone] = json!("");
            assert!(wallet(&json!({"wallet": value}).to_string()).is_err(), "{gone}");
        }
    }
}
