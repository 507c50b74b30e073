//! The gas oracle's word as an event. Its prices hold the base fee: what lies above that are tips.

use crate::reactor::event::{Event, Fees, SourceId, SourceKind};
use crate::types::gas::Tips;
use crate::types::{ChainId, Name};
use crate::wire::etherscan::GasOracle;

/// What an oracle said of a chain. Where it does not say the base fee, nothing can be told apart.
pub(super) fn fees(name: &Name, chain: ChainId, oracle: &GasOracle) -> Event {
    let source = SourceId { kind: SourceKind::Explorer, chain: Some(chain), name: name.clone() };
    let tips = oracle.base_fee.map(|base| Tips {
        low: oracle.safe.saturating_sub(base),
        usual: oracle.usual.saturating_sub(base),
        high: oracle.fast.saturating_sub(base),
    });
    Event::Fees(Fees { source, block: oracle.block, next_base_fee: oracle.base_fee, tips })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::U256;

    #[test]
    fn tips_are_what_lies_above_the_base_fee() {
        let wei = U256::from::<u64>;
        let oracle = GasOracle { block: 7, base_fee: Some(wei(400)), safe: wei(399), usual: wei(450), fast: wei(900) };
        let of = |oracle: &GasOracle| match fees(&"etherscan".into(), ChainId(1), oracle) {
            Event::Fees(fees) => (fees.block, fees.next_base_fee, fees.tips),
            other => panic!("{other:?}"),
        };
        let tips = Tips { low: wei(0), usual: wei(50), high: wei(500) };
        assert_eq!(of(&oracle), (7, Some(wei(400)), Some(tips)));
        assert_eq!(of(&GasOracle { base_fee: None, ..oracle }), (7, None, None));
    }
}
