//! The payment worker and Circle: what carries a payment out, and decides nothing about it.
//!
//! The protocol (`reactor/payments`) asks, behind a durable commit; [`worker`] does each thing once and answers once; its answer goes
//! back through the pump. Nothing here tries again, keeps a record or makes a request of its own that could move money: the only one
//! that does is built from an [`Ask::Create`](crate::reactor::payments::ask::Ask::Create), whose bytes were committed before.
//!
//! The api key, the entity secret and every ciphertext of it live in types that cannot print; no fault holds a url or a body.

mod client;
mod place;
pub mod probe;
mod scan;
mod seal;
mod tell;
#[cfg(test)]
mod testing;
pub mod worker;

pub use client::{CircleClient, Heard, Trouble};
pub use place::CirclePlace;
pub use seal::{EntitySecret, SealFault, Sealer};
