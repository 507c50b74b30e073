//! The query of a request, without its key: the caller appends that as a secret.

use crate::types::{Address, B256, ChainId};

/// The most rows that one answer holds: what a free key gets since July 2026. `page` × this stays within 10,000.
pub const MOST_ROWS: u32 = 1_000;
/// The most addresses of one `balancemulti`.
pub const MOST_BALANCES: usize = 20;
/// A balance can be asked for in one of so many newest blocks; older ones are not in the free plan.
pub const BALANCE_BLOCKS: u64 = 128;

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
    /// Logs, oldest first, of a contract, with topics, or both. All that is said must hold.
    Logs {
        /// Which contract wrote them.
        contract: Option<Address>,
        /// By place.
        topics: [Option<B256>; 4],
        /// First block, itself included.
        start: u64,
        /// Last block, itself included.
        end: u64,
        /// From 1.
        page: u32,
        /// Rows a page.
        offset: u32,
    },
    /// A coin balance.
    Balance {
        /// Whose.
        address: Address,
        /// Behind which block, of the newest [`BALANCE_BLOCKS`]; `None` is the newest.
        block: Option<u64>,
    },
    /// Coin balances of at most [`MOST_BALANCES`] addresses.
    Balances {
        /// Whose.
        addresses: Vec<Address>,
        /// Behind which block, as in `Balance`.
        block: Option<u64>,
    },
    /// A token balance in the newest block.
    TokenBalance {
        /// Which token.
        contract: Address,
        /// Whose.
        address: Address,
    },
    /// What a contract answers, by the explorer's node.
    Call {
        /// Which contract.
        to: Address,
        /// What it is asked, hexadecimal.
        data: String,
        /// In which block; `None` is the newest. A node that does not have it any more may answer for the newest.
        block: Option<u64>,
    },
    /// The height of the explorer's node.
    BlockNumber,
    /// A block without its transactions.
    Block(u64),
    /// A receipt.
    Receipt(B256),
    /// The chain's fees.
    GasOracle,
    /// What is left of the account's day. It costs a call itself.
    ApiLimit,
}

impl Query {
    /// The API's name of what is asked, for metrics and errors.
    #[must_use]
    pub const fn action(&self) -> &'static str {
        match self {
            Self::Rows { list, .. } => list.action(),
            Self::InternalOf(_) => List::Internal.action(),
            Self::Logs { .. } => "getLogs",
            Self::Balance { .. } => "balance",
            Self::Balances { .. } => "balancemulti",
            Self::TokenBalance { .. } => "tokenbalance",
            Self::Call { .. } => "eth_call",
            Self::BlockNumber => "eth_blockNumber",
            Self::Block(_) => "eth_getBlockByNumber",
            Self::Receipt(_) => "eth_getTransactionReceipt",
            Self::GasOracle => "gasoracle",
            Self::ApiLimit => "getapilimit",
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
            Self::Logs { contract, topics, start, end, page, offset } => (
                "logs",
                format!(
                    "&fromBlock={start}&toBlock={end}&page={page}&offset={offset}{}{}",
                    contract.map(|contract| format!("&address={contract:#x}")).unwrap_or_default(),
                    topics_text(topics)
                ),
            ),
            Self::Balance { address, block } => ("account", format!("&address={address:#x}&tag={}", tag(*block))),
            Self::Balances { addresses, block } => {
                let addresses: Vec<_> = addresses.iter().map(|address| format!("{address:#x}")).collect();
                ("account", format!("&address={}&tag={}", addresses.join(","), tag(*block)))
            }
            Self::TokenBalance { contract, address } => {
                ("account", format!("&contractaddress={contract:#x}&address={address:#x}&tag=latest"))
            }
            Self::Call { to, data, block } => ("proxy", format!("&to={to:#x}&data={data}&tag={}", tag(*block))),
            Self::BlockNumber => ("proxy", String::new()),
            Self::Block(number) => ("proxy", format!("&tag={number:#x}&boolean=false")),
            Self::Receipt(tx) => ("proxy", format!("&txhash={tx:#x}")),
            Self::GasOracle => ("gastracker", String::new()),
            Self::ApiLimit => ("getapilimit", String::new()),
        };
        format!("{chain}module={module}&action={}{rest}", self.action())
    }
}

fn tag(block: Option<u64>) -> String {
    block.map_or_else(|| "latest".into(), |block| format!("{block:#x}"))
}

/// `&topic0=…&topic2=…&topic0_2_opr=and`: every pair of them has to be joined.
fn topics_text(topics: &[Option<B256>; 4]) -> String {
    let said: Vec<_> = topics.iter().enumerate().filter_map(|(place, topic)| Some((place, (*topic)?))).collect();
    let values = said.iter().map(|(place, topic)| format!("&topic{place}={topic:#x}"));
    let pairs = said.iter().enumerate().flat_map(|(nth, (first, _))| {
        let others = said.iter().skip(nth.saturating_add(1));
        others.map(move |(second, _)| format!("&topic{first}_{second}_opr=and"))
    });
    let all: Vec<String> = values.chain(pairs).collect();
    all.concat()
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
        check(&Query::Balance { address, block: None }, "module=account&action=balance&address=ADDRESS&tag=latest");
        check(
            &Query::Balances { addresses: vec![address, address], block: Some(26) },
            "module=account&action=balancemulti&address=ADDRESS,ADDRESS&tag=0x1a",
        );
        check(
            &Query::Call { to: address, data: "0x313ce567".into(), block: Some(1) },
            "module=proxy&action=eth_call&to=ADDRESS&data=0x313ce567&tag=0x1",
        );
        check(&Query::GasOracle, "module=gastracker&action=gasoracle");
        check(&Query::ApiLimit, "module=getapilimit&action=getapilimit");
        let (start, end, page, offset) = (5, 9, 2, MOST_ROWS);
        let logs = "module=logs&action=getLogs&fromBlock=5&toBlock=9&page=2&offset=1000";
        check(
            &Query::Logs { contract: Some(address), topics: [None; 4], start, end, page, offset },
            &format!("{logs}&address=ADDRESS"),
        );
        check(
            &Query::Logs { contract: None, topics: [Some(tx), None, Some(tx), Some(tx)], start, end, page, offset },
            &format!("{logs}&topic0=HASH&topic2=HASH&topic3=HASH&topic0_2_opr=and&topic0_3_opr=and&topic2_3_opr=and"),
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
