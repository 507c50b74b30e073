//! What is written: the text of the files as a tree in which every key and value knows its place, and which keys there are.

pub mod document;
pub mod keys;
pub mod scope;
pub mod tree;
