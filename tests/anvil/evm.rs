//! Contracts for the tests, written in the machine's own words: there is no compiler here, and each is a dozen of them.

use alloy::primitives::{Address, B256, Bytes, U256, b256};

/// `Transfer(address,address,uint256)`.
pub const TRANSFER: B256 = b256!("0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef");

/// Words of the machine that the contracts use; `Push` takes as many bytes as its number needs, a place always two.
#[derive(Debug, Clone)]
enum Word {
    Add,
    Gt,
    Eq,
    IsZero,
    Shr,
    Sub,
    CallValue,
    Load,
    Size,
    Copy,
    Store,
    Jump,
    JumpIf,
    Gas,
    Log3,
    Log4,
    Call,
    Return,
    Revert,
    Stop,
    Pop,
    /// Copies the so-maniest word from the top, from 1.
    Again(u8),
    /// A number.
    Push(U256),
    /// Where a place is.
    To(&'static str),
    /// A place.
    Here(&'static str),
}

fn push(number: u64) -> Word {
    Word::Push(U256::from(number))
}

/// The bytes of the words.
fn assemble(words: &[Word]) -> Vec<u8> {
    let mut code = Vec::new();
    let (mut places, mut holes) = (Vec::new(), Vec::new());
    for word in words {
        let plain = match word {
            Word::Stop => 0x00,
            Word::Add => 0x01,
            Word::Sub => 0x03,
            Word::Gt => 0x11,
            Word::Eq => 0x14,
            Word::IsZero => 0x15,
            Word::Shr => 0x1c,
            Word::CallValue => 0x34,
            Word::Load => 0x35,
            Word::Size => 0x36,
            Word::Copy => 0x37,
            Word::Pop => 0x50,
            Word::Store => 0x52,
            Word::Jump => 0x56,
            Word::JumpIf => 0x57,
            Word::Gas => 0x5a,
            Word::Log3 => 0xa3,
            Word::Log4 => 0xa4,
            Word::Call => 0xf1,
            Word::Return => 0xf3,
            Word::Revert => 0xfd,
            Word::Again(place) => 0x7f + place,
            Word::Here(name) => {
                places.push((*name, code.len()));
                0x5b
            }
            Word::To(name) => {
                code.push(0x61);
                holes.push((*name, code.len()));
                code.push(0);
                0
            }
            Word::Push(number) => {
                let bytes = number.to_be_bytes_trimmed_vec();
                // PUSH0 is younger than some hard forks: zero is pushed as one byte.
                let bytes = if bytes.is_empty() { vec![0] } else { bytes };
                code.push(0x5f + u8::try_from(bytes.len()).expect("at most 32"));
                code.extend(&bytes[..bytes.len() - 1]);
                bytes[bytes.len() - 1]
            }
        };
        code.push(plain);
    }
    for (name, hole) in holes {
        let (_, place) = places.iter().find(|(known, _)| *known == name).expect("the place is there");
        code[hole..hole + 2].copy_from_slice(&u16::try_from(*place).expect("it is small").to_be_bytes());
    }
    code
}

/// A token: logs one `Transfer` for each (from, to, amount) of its input, whoever asks, and tells its symbol and decimals.
pub fn token(symbol: &str, decimals: u8) -> Vec<u8> {
    use Word::{Add, Again, Eq, Gt, Here, IsZero, Jump, JumpIf, Load, Log3, Push, Return, Shr, Size, Stop, Store, To};
    let mut text = [0; 32];
    text[..symbol.len()].copy_from_slice(symbol.as_bytes());
    let words = [
        vec![Size, push(4), Eq, To("view"), JumpIf, push(0)],
        vec![Here("next"), Again(1), Size, Gt, IsZero, To("end"), JumpIf],
        vec![Again(1), push(64), Add, Load, push(0), Store],
        vec![Again(1), push(32), Add, Load, Again(2), Load, Push(TRANSFER.into()), push(32), push(0), Log3],
        vec![push(96), Add, To("next"), Jump],
        vec![Here("end"), Stop],
        vec![Here("view"), push(0), Load, push(0xe0), Shr, push(0x313c_e567), Eq, To("decimals"), JumpIf],
        vec![push(32), push(0), Store, push(symbol.len() as u64), push(32), Store],
        vec![Push(U256::from_be_bytes(text)), push(64), Store, push(96), push(0), Return],
        vec![Here("decimals"), push(u64::from(decimals)), push(0), Store, push(32), push(0), Return],
    ];
    assemble(&words.concat())
}

/// Input of [`token`].
pub fn logs(movements: &[(Address, Address, U256)]) -> Bytes {
    let words = movements.iter().flat_map(|(from, to, amount)| [from.into_word(), to.into_word(), (*amount).into()]);
    words.flat_map(|word: B256| word.0).collect()
}

/// Writes the log that its input describes: its number of topics (3 or 4), four topics, and the data. Anything shorter it refuses.
pub fn scribe() -> Vec<u8> {
    use Word::{Copy, Eq, Gt, Here, JumpIf, Load, Log3, Log4, Revert, Size, Stop, Sub, To};
    let topics = |count: u64| (1..=count).rev().flat_map(|nth| [push(32 * nth), Load]).collect::<Vec<_>>();
    let data = || vec![push(160), Size, Sub, push(0)];
    let words = [
        vec![Size, push(160), Gt, To("refuse"), JumpIf],
        vec![push(160), Size, Sub, push(160), push(0), Copy],
        vec![push(0), Load, push(4), Eq, To("four"), JumpIf],
        topics(3),
        data(),
        vec![Log3, Stop, Here("four")],
        topics(4),
        data(),
        vec![Log4, Stop, Here("refuse"), push(0), push(0), Revert],
    ];
    assemble(&words.concat())
}

/// Input of [`scribe`].
pub fn log(topics: &[B256], data: &[U256]) -> Bytes {
    let count = B256::from(U256::from(topics.len()));
    let blank = std::iter::repeat_n(B256::ZERO, 4 - topics.len());
    let topics = topics.iter().copied().chain(blank);
    let words = std::iter::once(count).chain(topics).chain(data.iter().map(|word| B256::from(*word)));
    words.flat_map(|word| word.0).collect()
}

/// Sends the coin that comes with a call on to the address in its input; then undoes everything, if the second word is not zero.
pub fn forwarder() -> Vec<u8> {
    use Word::{Call, CallValue, Gas, Here, JumpIf, Load, Pop, Revert, Stop, To};
    let words = [
        vec![push(0), push(0), push(0), push(0), CallValue, push(0), Load, Gas, Call, Pop],
        vec![push(32), Load, To("undo"), JumpIf, Stop],
        vec![Here("undo"), push(0), push(0), Revert],
    ];
    assemble(&words.concat())
}

/// Input of [`forwarder`].
pub fn forward(to: Address, then_revert: bool) -> Bytes {
    [to.into_word().0, B256::with_last_byte(u8::from(then_revert)).0].concat().into()
}

/// Calls the address in its input with the rest of it and all coin, and does not mind how that ends.
pub fn relay() -> Vec<u8> {
    use Word::{Call, CallValue, Copy, Gas, Load, Pop, Size, Stop, Sub};
    let words = [
        vec![push(32), Size, Sub, push(32), push(0), Copy],
        vec![push(0), push(0), push(32), Size, Sub, push(0), CallValue, push(0), Load, Gas, Call, Pop, Stop],
    ];
    assemble(&words.concat())
}

/// Input of [`relay`].
pub fn relayed(to: Address, input: &Bytes) -> Bytes {
    [&to.into_word().0[..], input].concat().into()
}

/// What a creation runs: it leaves an empty contract.
pub fn nothing() -> Bytes {
    Bytes::from_static(&[0x00])
}
