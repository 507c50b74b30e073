//! What a symbol looks like to a person: two that look alike have one skeleton.
//!
//! After Unicode's confusables (UTS #39), as far as symbols of tokens are forged with them: letters of other scripts, full-width and
//! mathematical letters, case, zero and one for O and I, and marks and blanks between. It proves nothing: it is for warnings.

use super::Untrusted;

/// Letters that look like a Latin capital, by that letter.
const ALIKE: &[(char, &str)] = &[
    ('A', "АΑᎪꓮ"),
    ('B', "ВΒᏴꓐ"),
    ('C', "СϹᏟꓚⅭ"),
    ('D', "ᎠꓓⅮ"),
    ('E', "ЕΕЁᎬꓰ"),
    ('G', "ԌᏀꓖ"),
    ('H', "НΗᎻꓧ"),
    ('I', "ІΙΪӀᏆꓲⅠ1L|ı"),
    ('J', "ЈᎫꓙ"),
    ('K', "КΚᏦꓗ"),
    ('M', "МΜᎷꓟⅯ"),
    ('N', "ΝꓠИ"),
    ('O', "ОΟΘ0ՕꓳØ"),
    ('P', "РΡᏢꓑ"),
    ('S', "ЅՏᏚꓢ5"),
    ('T', "ТΤᎢꓔ₮Ŧ"),
    ('U', "ՍꓴᑌЦ"),
    ('V', "ѴᏙꓦⅤ"),
    ('W', "ԜᎳꓪ"),
    ('X', "ХΧꓫⅩ"),
    ('Y', "УΥҮꓬ"),
    ('Z', "ΖᏃꓜ"),
];

/// Where the full-width forms of `!` to `~` begin.
const FULL_WIDTH: u32 = 0xFF01;
/// Mathematical capitals and small letters, styles of 52 letters one after the other.
const MATHEMATICAL: std::ops::RangeInclusive<u32> = 0x1D400..=0x1D6A3;
/// Letters of one style.
const LETTERS: u32 = 26;

/// The skeleton of `symbol`: Latin capitals, digits, and what looks like nothing else. Empty where nothing is left to see.
#[must_use]
pub fn skeleton(symbol: &str) -> String {
    Untrusted::new(symbol).as_str().chars().filter_map(plain).flat_map(char::to_uppercase).map(alike).collect()
}

/// The plain letter of one in another dress; nothing for what stands between letters.
fn plain(c: char) -> Option<char> {
    let code = u32::from(c);
    let plain = if (FULL_WIDTH..=FULL_WIDTH + 0x5D).contains(&code) {
        char::from_u32(code - FULL_WIDTH + u32::from('!'))
    } else if MATHEMATICAL.contains(&code) {
        char::from_u32(u32::from('A') + (code - MATHEMATICAL.start()) % LETTERS)
    } else {
        Some(c)
    };
    plain.filter(|c| c.is_alphanumeric() || matches!(c, '₮' | '|'))
}

fn alike(c: char) -> char {
    ALIKE.iter().find(|(_, others)| others.contains(c)).map_or(c, |(letter, _)| *letter)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn symbols_that_look_alike_have_one_skeleton() {
        let same = [
            ("USDC", "usdc"),
            ("USDC", "USDС"),
            ("USDC", "U\u{200b}SDC"),
            ("USDC", "$USDC"),
            ("USDC", "USDC ✅"),
            ("USDC", "ＵＳＤＣ"),
            ("USDC", "𝐔𝐒𝐃𝐂"),
            ("USDC", "𝚞𝚜𝚍𝚌"),
            ("USDC", "U.S.D.C."),
            ("USDC", "U5DC"),
            ("ETH", "ЕТН"),
            ("POL", "P0L"),
            ("POL", "PO1"),
            ("USD Coin", "usdcoin"),
            ("USDT", "USD₮0".trim_end_matches('0')),
        ];
        for (known, forged) in same {
            assert_eq!(skeleton(known), skeleton(forged), "{known} and {forged}");
        }
        for (known, other) in
            [("USDC", "USDT"), ("USDC", "USDC.e"), ("USDC", "aUSDC"), ("ETH", "WETH"), ("ETH", "stETH")]
        {
            assert_ne!(skeleton(known), skeleton(other), "{known} and {other}");
        }
        assert_eq!(skeleton("\u{200b} ✅"), "");
    }
}
