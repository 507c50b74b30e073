//! Bytes to values.
