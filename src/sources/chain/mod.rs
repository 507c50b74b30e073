//! One chain's RPC endpoints: heads, blocks, gaps, receipts and tokens.

pub mod lead;
pub mod walk;
