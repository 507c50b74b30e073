//! Circle Wallets (developer-controlled): requests as the bytes that are sent, answers as values, hooks as hints.
//!
//! An answer is judged by its HTTP status first and by Circle's code second, because the published tables of codes disagree. A state
//! that nobody told us about is kept as its text and is never final. The body of a transfer is rendered once, without the ciphertext of
//! the entity secret, which is put in front of it for each attempt. Amounts are text until their token's decimals are known.
//!
//! Both directions are here, so that the simulated Circle speaks what the monitor reads.

mod amount;
mod answer;
mod balance;
mod chains;
mod fee;
mod hook;
mod key;
mod link;
mod place;
mod request;
mod state;
mod text;
mod transaction;

pub use amount::{AmountText, USDC_DECIMALS};
pub use answer::{CircleError, Refusal, Unread, open};
pub use balance::{TokenBalance, TokenFacts, Wallet, balances, token, wallet};
pub use chains::{blockchain, chain_of, test_twin};
pub use fee::{Estimate, Fee, estimate};
pub use hook::{Hook, HookFault, HookKind, hook, verify};
pub use key::{EntityKey, KeyFault, KeyKind, entity_key, hook_key};
pub use link::{Next, next_page};
pub use place::{CIRCLE, PlaceFault, check_place, is_gone};
pub use request::{
    CANCEL_PATH, CREATE_PATH, ESTIMATE_PATH, FeeLevel, FrozenFault, TransferTerms, body_hash, cancel_body,
    estimate_body, freeze, sealed, thaw,
};
pub use state::CircleState;
pub use transaction::{Accepted, Direction, Page, Transaction, accepted, transaction, transactions};
