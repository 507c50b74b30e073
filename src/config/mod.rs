//! The config: what is written (`raw`), what is meant (`checked`), and every fault between the two at once.

pub mod checked;
