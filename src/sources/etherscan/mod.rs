//! wip
pub mod pager;
pub mod planner;
