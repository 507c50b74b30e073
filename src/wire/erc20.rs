//! Token transfers and approvals in logs, and what tokens say about themselves.
//!
//! A log is read as a transfer or an approval only if it has exactly the shape of one: whoever emits it may lie about
//! anything else. ERC-20 and ERC-721 share their topics and differ in the number of them.

use super::hex;
use crate::types::{Address, Asset, B256, Kind, Movement, U256, Untrusted};
use alloy::primitives::b256;

/// `Transfer(address,address,uint256)`, of ERC-20 and ERC-721.
pub const TRANSFER: B256 = b256!("0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef");
/// `TransferSingle(address,address,address,uint256,uint256)`, of ERC-1155.
pub const TRANSFER_SINGLE: B256 = b256!("0xc3d58168c5ae7397731d063d5bbf3d657854427343f4c083240f7aacaa2d0f62");
/// `TransferBatch(address,address,address,uint256[],uint256[])`, of ERC-1155.
pub const TRANSFER_BATCH: B256 = b256!("0x4a39dc06d4c0dbc64b70af90fd698a233a518aa5d07e595d983b8c0526c8f7fb");

/// `Approval(address,address,uint256)`, of ERC-20 and ERC-721.
pub const APPROVAL: B256 = b256!("0x8c5be1e5ebec7d5bd14f71427d1e84f3dd0314c0f7b2291e5b200ac8c7c3b925");
/// `ApprovalForAll(address,address,bool)`, of ERC-721 and ERC-1155.
pub const APPROVAL_FOR_ALL: B256 = b256!("0x17307eab39ab6107e8899845ad3d59bd9653f200f220920489ca2b5937696c31");

/// A contract whose `Transfer` has no indexed fields: one topic, three words of data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unindexed {
    /// The contract.
    pub contract: Address,
    /// Whether the third word is a token's id instead of an amount.
    pub nft: bool,
}

/// What a chain's own ways ask of the reader.
#[derive(Debug, Clone, Copy, Default)]
pub struct Reading<'a> {
    /// Contracts that write transfers without indexed fields.
    pub unindexed: &'a [Unindexed],
    /// Contracts whose transfers repeat movements of the coin and do not count; their approvals do.
    pub silent: &'a [Address],
    /// The header's bloom is not that of the logs that receipts show: no block is doubted for it.
    pub loose_bloom: bool,
}

/// A log, wherever it came from.
#[derive(Debug, Clone, Copy)]
pub struct Log<'a> {
    /// Its transaction.
    pub tx: B256,
    /// The contract that wrote it.
    pub contract: Address,
    /// Its topics.
    pub topics: &'a [B256],
    /// Its data, hexadecimal.
    pub data: &'a str,
    /// Its position in the block.
    pub index: Option<u64>,
}

/// Appends what the log moved or allows: nothing, one movement, or one for each (id, value) of a batch. Zero amounts stay.
pub fn read_log(log: &Log<'_>, reading: &Reading<'_>, moved: &mut Vec<Movement>) {
    if reading.silent.contains(&log.contract) {
        return read_approval(log, moved);
    }
    match *log.topics {
        [TRANSFER, from, to] => {
            if let (Some(from), Some(to), Some(amount)) = (account(from), account(to), hex::word(log.data, 0)) {
                moved.push(movement(log, Kind::Token, from, to, None, amount));
            }
        }
        [TRANSFER, from, to, id] => {
            if let (Some(from), Some(to)) = (account(from), account(to)) {
                moved.push(movement(log, Kind::Erc721, from, to, Some(id.into()), U256::from(1)));
            }
        }
        [TRANSFER] => read_unindexed(log, reading, moved),
        [TRANSFER_SINGLE, _, from, to] => {
            let words = (hex::word(log.data, 0), hex::word(log.data, 1));
            if let (Some(from), Some(to), (Some(id), Some(amount))) = (account(from), account(to), words) {
                moved.push(movement(log, Kind::Erc1155, from, to, Some(id), amount));
            }
        }
        [TRANSFER_BATCH, _, from, to] => {
            if let (Some(from), Some(to)) = (account(from), account(to)) {
                for (id, amount) in batch(log.data).into_iter().flatten() {
                    moved.push(movement(log, Kind::Erc1155, from, to, Some(id), amount));
                }
            }
        }
        _ => read_approval(log, moved),
    }
}

/// A leave to move something: of an amount, of one NFT (the zero address takes it back), of everything.
fn read_approval(log: &Log<'_>, moved: &mut Vec<Movement>) {
    let (kind, owner, spender, id) = match *log.topics {
        [APPROVAL, owner, spender] => (Kind::Approval, owner, spender, None),
        [APPROVAL, owner, spender, id] => (Kind::Approval, owner, spender, Some(id.into())),
        [APPROVAL_FOR_ALL, owner, operator] => (Kind::ApprovalForAll, owner, operator, None),
        _ => return,
    };
    let (Some(owner), Some(spender)) = (account(owner), account(spender)) else { return };
    let amount = match (kind, id) {
        (_, Some(_)) => Some(U256::from(u8::from(spender != Address::ZERO))),
        // A truth value is 0 or 1.
        (Kind::ApprovalForAll, None) => hex::word(log.data, 0).filter(|word| *word <= U256::from(1)),
        (_, None) => hex::word(log.data, 0),
    };
    if let Some(amount) = amount {
        moved.push(movement(log, kind, owner, spender, id, amount));
    }
}

/// A transfer without indexed fields, of a contract that is known to write them so.
fn read_unindexed(log: &Log<'_>, reading: &Reading<'_>, moved: &mut Vec<Movement>) {
    let Some(known) = reading.unindexed.iter().find(|known| known.contract == log.contract) else { return };
    let words = (hex::word(log.data, 0), hex::word(log.data, 1), hex::word(log.data, 2));
    let (Some(from), Some(to), Some(third)) = words else { return };
    let (Some(from), Some(to)) = (account(from.into()), account(to.into())) else { return };
    moved.push(if known.nft {
        movement(log, Kind::Erc721, from, to, Some(third), U256::from(1))
    } else {
        movement(log, Kind::Token, from, to, None, third)
    });
}

/// The movement that a log describes.
fn movement(log: &Log<'_>, kind: Kind, from: Address, to: Address, token_id: Option<U256>, amount: U256) -> Movement {
    Movement { tx: log.tx, kind, asset: Asset::Token(log.contract), from, to, token_id, amount, log_index: log.index }
}

/// The address in a word whose upper 12 bytes are clean.
fn account(word: B256) -> Option<Address> {
    let (high, low) = word.0.split_first_chunk::<12>()?;
    (*high == [0; 12]).then(|| Address::from_slice(low))
}

/// The pairs of a batch; `None` when its two lists do not fit into the data or are not of one length.
fn batch(data: &str) -> Option<Vec<(U256, U256)>> {
    let list = |position: usize| {
        let start = word_position(hex::word(data, position)?)?;
        let length = usize::try_from(hex::word(data, start)?).ok()?;
        let first = start.checked_add(1)?;
        (first.checked_add(length)? <= hex::words(data)).then_some((first, length))
    };
    let ((ids, count), (amounts, same)) = (list(0)?, list(1)?);
    let at = |first: usize, nth: usize| hex::word(data, first.checked_add(nth)?);
    let pair = |nth| Some((at(ids, nth)?, at(amounts, nth)?));
    if count == same { (0..count).map(pair).collect() } else { None }
}

/// The number of the word at which a byte offset points.
fn word_position(offset: U256) -> Option<usize> {
    let offset = usize::try_from(offset).ok()?;
    (offset % 32 == 0).then_some(offset / 32)
}

/// Call data of `decimals()`.
pub const DECIMALS: &str = "0x313ce567";
/// Call data of `symbol()`.
pub const SYMBOL: &str = "0x95d89b41";
/// Call data of `name()`.
pub const NAME: &str = "0x06fdde03";

/// Call data of `balanceOf(address)`.
#[must_use]
pub fn balance_of(address: &Address) -> String {
    format!("0x70a08231{:0>64}", format!("{address:x}"))
}

/// What `balanceOf` returned, as hexadecimal. Anything but one whole word says nothing: it is never zero.
#[must_use]
pub fn decode_balance(output: &str) -> Option<U256> {
    let whole = output.len() == 66 && hex::words(output) == 1;
    whole.then(|| hex::word(output, 0)).flatten()
}

/// What `decimals()` returned, as hexadecimal; `None` for nothing, for a revert's bytes, and for more than 255.
#[must_use]
pub fn decode_decimals(output: &str) -> Option<u8> {
    u8::try_from(hex::word(output, 0)?).ok()
}

/// What `symbol()` or `name()` returned, as hexadecimal: an ABI string, or 32 bytes padded with zeros as old tokens
/// have it. `None` when it is neither or nothing readable is left.
#[must_use]
pub fn decode_text(output: &str) -> Option<Untrusted> {
    /// Longer than any text that is kept: what lies behind is not looked at.
    const MOST: usize = 1_024;
    let digits = output.strip_prefix("0x")?;
    let bytes = if hex::words(output) == 1 && digits.len() == 64 {
        let word = hex::bytes(output).ok()?;
        let end = word.iter().rposition(|byte| *byte != 0)?;
        word.get(..=end)?.to_vec()
    } else {
        let start = word_position(hex::word(output, 0)?)?;
        let length = usize::try_from(hex::word(output, start)?).ok()?;
        let from = start.checked_add(1)?.checked_mul(64)?;
        let all = digits.get(from..)?;
        let wanted = all.get(..length.checked_mul(2)?)?;
        hex::bytes(&format!("0x{}", wanted.get(..MOST).unwrap_or(wanted))).ok()?
    };
    let text = Untrusted::new(&String::from_utf8_lossy(&bytes));
    (!text.is_empty()).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloy::primitives::keccak256;
    use proptest::prelude::*;

    const CONTRACT: Address = Address::repeat_byte(9);

    fn padded(n: u8) -> B256 {
        Address::repeat_byte(n).into_word()
    }

    /// Hexadecimal data of these words.
    fn data(words: &[u64]) -> String {
        words.iter().fold("0x".into(), |text, word| format!("{text}{word:064x}"))
    }

    /// Kind, id and amount of what a log moved from account 1 to account 2.
    fn moved(topics: &[B256], data: &str, reading: &Reading<'_>) -> Vec<(Kind, Option<u64>, u64)> {
        let log = Log { tx: B256::ZERO, contract: CONTRACT, topics, data, index: Some(3) };
        let mut moved = Vec::new();
        read_log(&log, reading, &mut moved);
        for one in &moved {
            assert_eq!((one.from, one.to), (Address::repeat_byte(1), Address::repeat_byte(2)));
            assert_eq!((one.asset, one.log_index), (Asset::Token(CONTRACT), Some(3)));
        }
        moved.into_iter().map(|one| (one.kind, one.token_id.map(|id| id.to()), one.amount.to())).collect()
    }

    #[test]
    fn topics_are_the_hashes_of_their_signatures() {
        let check = |signature: &str, topic: B256| assert_eq!(keccak256(signature), topic);
        check("Transfer(address,address,uint256)", TRANSFER);
        check("TransferSingle(address,address,address,uint256,uint256)", TRANSFER_SINGLE);
        check("TransferBatch(address,address,address,uint256[],uint256[])", TRANSFER_BATCH);
        check("Approval(address,address,uint256)", APPROVAL);
        check("ApprovalForAll(address,address,bool)", APPROVAL_FOR_ALL);
        for (signature, selector) in [("decimals()", DECIMALS), ("symbol()", SYMBOL), ("name()", NAME)] {
            assert_eq!(format!("{}", alloy::primitives::hex::encode_prefixed(&keccak256(signature)[..4])), selector);
        }
    }

    #[test]
    fn a_log_is_a_transfer_only_in_exactly_its_shape() {
        let (from, to, id) = (padded(1), padded(2), B256::with_last_byte(7));
        let check = |topics: &[B256], words: &[u64], expected: &[(Kind, Option<u64>, u64)]| {
            assert_eq!(moved(topics, &data(words), &Reading::default()), expected, "{topics:?} {words:?}");
        };
        check(&[TRANSFER, from, to], &[5], &[(Kind::Token, None, 5)]);
        check(&[TRANSFER, from, to], &[0], &[(Kind::Token, None, 0)]);
        check(&[TRANSFER, from, to], &[5, 6], &[(Kind::Token, None, 5)]);
        check(&[TRANSFER, from, to], &[], &[]);
        check(&[TRANSFER, from, B256::repeat_byte(2)], &[5], &[]);
        check(&[TRANSFER, from], &[5], &[]);
        check(&[TRANSFER], &[5, 6, 7], &[]);
        check(&[], &[5], &[]);
        check(&[id, from, to], &[5], &[]);
        check(&[TRANSFER, from, to, id], &[], &[(Kind::Erc721, Some(7), 1)]);
        check(&[TRANSFER_SINGLE, id, from, to], &[8, 9], &[(Kind::Erc1155, Some(8), 9)]);
        check(&[TRANSFER_SINGLE, id, from, to], &[8], &[]);
        let pairs = [(Kind::Erc1155, Some(1), 3), (Kind::Erc1155, Some(2), 4)];
        check(&[TRANSFER_BATCH, id, from, to], &[64, 160, 2, 1, 2, 2, 3, 4], &pairs);
        check(&[TRANSFER_BATCH, id, from, to], &[64, 160, 2, 1, 2, 1, 3], &[]);
        check(&[TRANSFER_BATCH, id, from, to], &[64, 160, 2, 1, 2, 3, 3, 4], &[]);
        check(&[TRANSFER_BATCH, id, from, to], &[63, 160, 2, 1, 2, 2, 3, 4], &[]);
        check(&[TRANSFER_BATCH, id, from, to], &[u64::MAX, 64], &[]);
        check(&[TRANSFER_BATCH, id, from, to], &[64, 64, u64::MAX], &[]);
        for cut in ["0x", "", "0xzz", &"0".repeat(66)] {
            assert_eq!(moved(&[TRANSFER, from, to], cut, &Reading::default()), []);
        }
    }

    #[test]
    fn an_approval_says_who_may_move_how_much_of_whom() {
        let (owner, spender, id) = (padded(1), padded(2), B256::with_last_byte(7));
        let check = |topics: &[B256], words: &[u64], expected: &[(Kind, Option<u64>, u64)]| {
            assert_eq!(moved(topics, &data(words), &Reading::default()), expected, "{topics:?} {words:?}");
            // It counts too where the contract's transfers repeat those of the coin.
            let silent = Reading { silent: &[CONTRACT], ..Reading::default() };
            assert_eq!(moved(topics, &data(words), &silent), expected, "{topics:?} {words:?}");
        };
        check(&[APPROVAL, owner, spender], &[5], &[(Kind::Approval, None, 5)]);
        check(&[APPROVAL, owner, spender], &[0], &[(Kind::Approval, None, 0)]);
        check(&[APPROVAL, owner, spender], &[], &[]);
        check(&[APPROVAL, owner], &[5], &[]);
        check(&[APPROVAL, owner, B256::repeat_byte(2)], &[5], &[]);
        check(&[APPROVAL, owner, spender, id], &[], &[(Kind::Approval, Some(7), 1)]);
        check(&[APPROVAL_FOR_ALL, owner, spender], &[1], &[(Kind::ApprovalForAll, None, 1)]);
        check(&[APPROVAL_FOR_ALL, owner, spender], &[0], &[(Kind::ApprovalForAll, None, 0)]);
        check(&[APPROVAL_FOR_ALL, owner, spender], &[2], &[]);
        check(&[APPROVAL_FOR_ALL, owner, spender], &[], &[]);
        let mut cleared = Vec::new();
        let topics = [APPROVAL, owner, B256::ZERO, id];
        let log = Log { tx: B256::ZERO, contract: CONTRACT, topics: &topics, data: "0x", index: None };
        read_log(&log, &Reading::default(), &mut cleared);
        assert_eq!((cleared[0].to, cleared[0].amount), (Address::ZERO, U256::ZERO), "nobody may move it any more");
    }

    #[test]
    fn the_table_says_whose_logs_have_no_indexed_fields_and_whose_do_not_count() {
        let word = |n: u8| format!("{:x}", padded(n));
        let text = format!("0x{}{}{:064x}", word(1), word(2), 7);
        let with = |unindexed: &[Unindexed]| moved(&[TRANSFER], &text, &Reading { unindexed, ..Reading::default() });
        assert_eq!(with(&[]), []);
        assert_eq!(with(&[Unindexed { contract: Address::ZERO, nft: false }]), []);
        assert_eq!(with(&[Unindexed { contract: CONTRACT, nft: false }]), [(Kind::Token, None, 7)]);
        assert_eq!(with(&[Unindexed { contract: CONTRACT, nft: true }]), [(Kind::Erc721, Some(7), 1)]);
        let silent = Reading { silent: &[CONTRACT], ..Reading::default() };
        assert_eq!(moved(&[TRANSFER, padded(1), padded(2)], &data(&[5]), &silent), []);
    }

    #[test]
    fn what_tokens_say_of_themselves_is_bounded_or_nothing() {
        let check = |output: &str, expected: Option<u8>| assert_eq!(decode_decimals(output), expected, "{output}");
        check(&data(&[6]), Some(6));
        check(&data(&[255]), Some(255));
        check(&data(&[256]), None);
        check(&format!("0x{}", "f".repeat(64)), None);
        check("0x", None);
        check("0x06", None);

        let check = |output: &str, expected: Option<&str>| {
            assert_eq!(decode_text(output), expected.map(Untrusted::new), "{output}");
        };
        let string = |length: u64, bytes: &str| format!("{}{bytes}", data(&[32, length]));
        check(&string(4, &format!("{:0<64}", "55534443")), Some("USDC"));
        check(&string(4, "55534443"), Some("USDC"));
        check(&format!("0x{:0<64}", "4d4b52"), Some("MKR"));
        check(&string(0, ""), None);
        check(&string(u64::MAX, "55"), None);
        check(&string(4, "5553"), None);
        check(&data(&[u64::MAX, 1]), None);
        check(&data(&[0]), None);
        check("0x", None);
        check(&string(2, "ff41"), Some("A"));
        let long = string(100_000, &"41".repeat(100_000));
        assert_eq!(decode_text(&long).map(|text| text.as_str().chars().count()), Some(65));
    }

    proptest! {
        #[test]
        fn any_data_is_read_or_left(text in "(0x)?[0-9a-fA-F]{0,700}", words in prop::collection::vec(0_u64..400, 0..12)) {
            for data in [text, data(&words)] {
                for topics in [&[TRANSFER, padded(1), padded(2)][..], &[TRANSFER_BATCH, padded(3), padded(1), padded(2)]] {
                    let _ = moved_any(topics, &data);
                }
                let _ = (decode_text(&data), decode_decimals(&data));
            }
        }
    }

    fn moved_any(topics: &[B256], data: &str) -> usize {
        let mut moved = Vec::new();
        let log = Log { tx: B256::ZERO, contract: CONTRACT, topics, data, index: None };
        read_log(&log, &Reading::default(), &mut moved);
        moved.len()
    }
}
