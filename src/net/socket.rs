//! wip
pub trait Protocol {} pub struct SocketState; pub struct Verdict;
