//! `[circle]` and `[inbound]`, as they are meant.

use crate::types::{Name, Secret, U256};
use crate::wire::circle::KeyKind;
use std::net::SocketAddr;
use std::path::PathBuf;

/// What stops all payments of a process while it is there, beside its config.
pub const FREEZE_FILE: &str = "FREEZE";

/// `[circle]`: from which wallet payments are made, and how much at most.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CircleConfig {
    /// Test networks or main networks; the key is of the same kind.
    pub environment: KeyKind,
    /// Another place than Circle's own host: plain http on this machine, and only with a test key.
    pub url: Option<Secret>,
    /// `TEST_API_KEY:id:secret` or `LIVE_API_KEY:id:secret`.
    pub api_key: Secret,
    /// 64 hexadecimal digits.
    pub entity_secret: Secret,
    /// SHA-256 of the DER of the entity public key, where it is pinned by hand.
    pub entity_key: Option<[u8; 32]>,
    /// Circle's id of the paying wallet, in small letters.
    pub wallet: Name,
    /// Raw USDC of a rolling day.
    pub per_day: U256,
    /// Raw USDC altogether.
    pub in_total: U256,
    /// Raw USDC above which a payment takes two approvers.
    pub two_approvals_over: Option<U256>,
    /// Sinks that hear of payments, besides those of the rules; `None` is those of `[system]`.
    pub notify: Option<Vec<Name>>,
    /// Lifts what MONEY.md marks; test networks only.
    pub relaxed: bool,
    /// While there is a file here, beside the config, nothing leaves this process.
    pub freeze_file: PathBuf,
}

/// `[inbound]`: where hooks are received.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InboundConfig {
    /// Where to listen.
    pub listen: SocketAddr,
}
