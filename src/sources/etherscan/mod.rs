//! wip
pub mod pager;
