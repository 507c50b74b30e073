//! What is written: the text of the files as a tree in which every key and value knows its place, and which keys there are.

pub(super) mod document;
pub(super) mod keys;
pub(super) mod scope;
pub(super) mod tree;
