//! The query of a request, without its key: the caller appends that as a secret.

use crate::types::{Address, B256, ChainId};

/// The most rows that one answer holds: what a free key gets since July 2026. `page` × this stays within 10,000.
pub const MOST_ROWS: u32 = 1_000;

/// The lists of movements that explorers keep.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum List {
    /// Transactions.
    Coin,
    /// Coin that moved inside transactions.
    Internal,
    /// ERC-20 transfers.
    Token,
    /// ERC-721 transfers.
    Erc721,
    /// ERC-1155 transfers.
    Erc1155,
}

impl List {
    /// Every list.
    pub const ALL: [Self; 5] = [Self::Coin, Self::Internal, Self::Token, Self::Erc721, Self::Erc1155];

    /// The API's name of it.
    #[must_use]
    pub const fn action(self) -> &'static str {
        match self {
            Self::Coin => "txlist",
            Self::Internal => "txlistinternal",
            Self::Token => "tokentx",
            Self::Erc721 => "tokennfttx",
            Self::Erc1155 => "token1155tx",
        }
    }
}

/// What is asked of an explorer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Query {
    /// A page of a list, oldest rows first.
    Rows {
        /// Which list.
        list: List,
        /// Whose.
        address: Address,
        /// First block, itself included.
        start: u64,
        /// Last block, itself included.
        end: u64,
        /// From 1.
        page: u32,
        /// Rows a page.
        offset: u32,
    },
    /// What moved inside one transaction; its rows do not name it.
    InternalOf(B256),
    /// A coin balance in the newest block.
    Balance(Address),
    /// Coin balances in the newest block, of at most 20 addresses.
    Balances(Vec<Address>),
    /// A token balance in the newest block.
    TokenBalance {
        /// Which token.
        contract: Address,
        /// Whose.
        address: Address,
    },
    /// The height of the explorer's node.
    BlockNumber,
    /// A block without its transactions.
    Block(u64),
    /// A receipt.
    Receipt(B256),
}

impl Query {
    /// The API's name of what is asked, for metrics and errors.
    #[must_use]
    pub const fn action(&self) -> &'static str {
        match self {
            Self::Rows { list, .. } => list.action(),
            Self::InternalOf(_) => List::Internal.action(),
            Self::Balance(_) => "balance",
            Self::Balances(_) => "balancemulti",
            Self::TokenBalance { .. } => "tokenbalance",
            Self::BlockNumber => "eth_blockNumber",
            Self::Block(_) => "eth_getBlockByNumber",
            Self::Receipt(_) => "eth_getTransactionReceipt",
        }
    }

    /// `chainid=1&module=…`: everything behind the `?` but the key. `chain` is left out for explorers of one chain.
    #[must_use]
    pub fn text(&self, chain: Option<ChainId>) -> String {
        let chain = chain.map(|chain| format!("chainid={chain}&")).unwrap_or_default();
        let (module, rest) = match self {
            Self::Rows { list: _, address, start, end, page, offset } => (
                "account",
                format!("&address={address:#x}&startblock={start}&endblock={end}&page={page}&offset={offset}&sort=asc"),
            ),
            Self::InternalOf(tx) => ("account", format!("&txhash={tx:#x}&page=1&offset={MOST_ROWS}&sort=asc")),
            Self::Balance(address) => ("account", format!("&address={address:#x}&tag=latest")),
            Self::Balances(addresses) => {
                let addresses: Vec<_> = addresses.iter().map(|address| format!("{address:#x}")).collect();
                ("account", format!("&address={}&tag=latest", addresses.join(",")))
            }
            Self::TokenBalance { contract, address } => {
                ("account", format!("&contractaddress={contract:#x}&address={address:#x}&tag=latest"))
            }
            Self::BlockNumber => ("proxy", String::new()),
            Self::Block(number) => ("proxy", format!("&tag={number:#x}&boolean=false")),
            Self::Receipt(tx) => ("proxy", format!("&txhash={tx:#x}")),
        };
        format!("{chain}module={module}&action={}{rest}", self.action())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries_name_everything_and_hold_no_key() {
        let address = Address::repeat_byte(0xab);
        let check = |query: &Query, expected: &str| {
            let expected = expected
                .replace("HASH", &format!("0x{}", "cd".repeat(32)))
                .replace("ADDRESS", &format!("0x{}", "ab".repeat(20)));
            assert_eq!(query.text(Some(ChainId(137))), format!("chainid=137&{expected}"));
            assert_eq!(query.text(None), expected);
        };
        let tx = B256::repeat_byte(0xcd);
        for list in List::ALL {
            check(
                &Query::Rows { list, address, start: 5, end: 450_000_000, page: 2, offset: MOST_ROWS },
                &format!(
                    "module=account&action={}&address=ADDRESS&startblock=5&endblock=450000000&page=2&offset=1000&sort=asc",
                    list.action()
                ),
            );
        }
        check(&Query::InternalOf(tx), "module=account&action=txlistinternal&txhash=HASH&page=1&offset=1000&sort=asc");
        check(&Query::Balance(address), "module=account&action=balance&address=ADDRESS&tag=latest");
        check(
            &Query::Balances(vec![address, address]),
            "module=account&action=balancemulti&address=ADDRESS,ADDRESS&tag=latest",
        );
        check(
            &Query::TokenBalance { contract: address, address },
            "module=account&action=tokenbalance&contractaddress=ADDRESS&address=ADDRESS&tag=latest",
        );
        check(&Query::BlockNumber, "module=proxy&action=eth_blockNumber");
        check(&Query::Block(26), "module=proxy&action=eth_getBlockByNumber&tag=0x1a&boolean=false");
        check(&Query::Receipt(tx), "module=proxy&action=eth_getTransactionReceipt&txhash=HASH");
    }
}
