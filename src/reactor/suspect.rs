//! Marks on transfers that may be meant to deceive. What follows from them is decided where rules are read.

use crate::types::chain::known;
use crate::types::symbol::skeleton;
use std::collections::BTreeSet;
use std::sync::LazyLock;

/// What people call Circle's dollar beside its symbol.
const ALSO_CALLED: &[&str] = &["USD Coin"];

/// How the coins and tokens of the chain table look.
static TABLE: LazyLock<BTreeSet<String>> = LazyLock::new(|| {
    let symbols = known().iter().flat_map(|chain| {
        let tokens = chain.usdc.iter().chain(chain.look_alikes).map(|token| token.symbol);
        std::iter::once(chain.coin).chain(tokens)
    });
    symbols.chain(ALSO_CALLED.iter().copied()).map(skeleton).collect()
});

/// Whether a coin or token of the chain table, on whatever chain, looks like this skeleton.
pub(super) fn is_of_table(looks: &str) -> bool {
    TABLE.contains(looks)
}

/// Why a transfer is suspect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
#[expect(clippy::struct_excessive_bools, reason = "four marks that do not depend on each other")]
pub struct Suspect {
    /// It moves nothing.
    pub zero_value: bool,
    /// Its counterparty looks like a known one.
    pub look_alike: bool,
    /// It moves next to nothing.
    pub dust: bool,
    /// An unverified token that carries a known symbol.
    pub known_symbol: bool,
}

impl Suspect {
    /// The words of what is set, in a fixed order.
    #[must_use]
    pub fn words(self) -> Vec<&'static str> {
        let all = [
            (self.zero_value, "zero_value"),
            (self.look_alike, "look_alike"),
            (self.dust, "dust"),
            (self.known_symbol, "known_symbol"),
        ];
        all.into_iter().filter_map(|(set, word)| set.then_some(word)).collect()
    }

    /// Whether anything is set.
    #[must_use]
    pub const fn any(self) -> bool {
        self.zero_value || self.look_alike || self.dust || self.known_symbol
    }
}
