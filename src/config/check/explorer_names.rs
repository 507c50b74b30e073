//! Under which name the explorer of a chain reports: Etherscan's own account, or an `[[explorer]]` by its kind and chain.

use crate::config::check::input::Input;
use crate::config::raw::scope::Scope;
use crate::types::Name;
use crate::wire::etherscan::Dialect;
use std::collections::BTreeMap;

/// The name under which Etherscan reports.
pub(super) const ETHERSCAN: &str = "etherscan";

/// The explorers that `[[explorer]]` gives chains, by the chain's name as written: under which name each reports.
pub(super) fn named<'a>(input: &Input<'a>) -> BTreeMap<&'a str, Name> {
    let one = |scope: Scope<'a>| {
        let chain = scope.plain("chain")?;
        Some((chain, name(Dialect::from_word(scope.plain("kind")?)?, chain)))
    };
    input.root.many("explorer").into_iter().filter_map(one).collect()
}

/// The name of an explorer of this kind for this chain.
pub(super) fn name(dialect: Dialect, chain: &str) -> Name {
    format!("{}-{chain}", dialect.word()).into()
}
