//! Subjects and deadlines as the text that keys their rows: readable in a shell, and read back exactly.

use crate::reactor::event::{List, SourceId, SourceKind};
use crate::reactor::holdings::LevelKey;
use crate::reactor::rows::{Deadline, Subject};
use crate::types::{Asset, ChainId, Holding, Pair, PaymentId, TransferId};

/// `chain:1`, `source:rpc:1:main`, `source:feed:-:coinbase`, `disagreement:1`, `list:1:0x…:tokentx`, `prices:ETH-USD`, `unpriced:ETH-USD`, `sink:ops`. A name comes last and needs no escapes.
#[must_use]
pub(super) fn subject_text(subject: &Subject) -> String {
    match subject {
        Subject::Chain(chain) => format!("chain:{chain}"),
        Subject::Source(SourceId { kind, chain: Some(chain), name }) => {
            format!("source:{}:{chain}:{name}", kind.word())
        }
        Subject::Source(SourceId { kind, chain: None, name }) => format!("source:{}:-:{name}", kind.word()),
        Subject::Disagreement(chain) => format!("disagreement:{chain}"),
        Subject::List(chain, address, list) => format!("list:{chain}:{address:#x}:{}", list.word()),
        Subject::Sink(sink) => format!("sink:{sink}"),
        Subject::Prices(pair) => format!("prices:{pair}"),
        Subject::Unpriced(pair) => format!("unpriced:{pair}"),
        Subject::Payments(what) => format!("payments:{what}"),
    }
}

/// Reads what `subject_text` wrote.
#[must_use]
pub(super) fn read_subject(text: &str) -> Option<Subject> {
    let (kind, rest) = text.split_once(':')?;
    match kind {
        "chain" => read_chain(rest).map(Subject::Chain),
        "disagreement" => read_chain(rest).map(Subject::Disagreement),
        "list" => {
            let (chain, rest) = rest.split_once(':')?;
            let (address, list) = rest.split_once(':')?;
            Some(Subject::List(read_chain(chain)?, address.parse().ok()?, List::from_word(list)?))
        }
        "sink" => Some(Subject::Sink(rest.into())),
        "payments" => Some(Subject::Payments(rest.into())),
        "prices" => Pair::parse(rest).map(Subject::Prices),
        "unpriced" => Pair::parse(rest).map(Subject::Unpriced),
        "source" => {
            let (kind, rest) = rest.split_once(':')?;
            let (chain, name) = rest.split_once(':')?;
            let chain = if chain == "-" { None } else { Some(read_chain(chain)?) };
            Some(Subject::Source(SourceId { kind: SourceKind::from_word(kind)?, chain, name: name.into() }))
        }
        _ => None,
    }
}

fn read_chain(text: &str) -> Option<ChainId> {
    text.parse().ok().map(ChainId)
}

/// `holds:RULE`, `balance_holds:1:0x…:coin:RULE`, `silent:SUBJECT`, `token_wait:1:0x…`, `revert:1`, `forget:HEX`, `expires:HEX`, `heartbeat:`, `steady:SUBJECT`, `outages:`.
#[must_use]
pub(super) fn deadline_text(deadline: &Deadline) -> String {
    match deadline {
        Deadline::Holds(rule) => format!("holds:{rule}"),
        Deadline::Silent(subject) => format!("silent:{}", subject_text(subject)),
        Deadline::TokenWait(chain, contract) => format!("token_wait:{chain}:{contract:#x}"),
        Deadline::Revert(chain) => format!("revert:{chain}"),
        Deadline::Forget(transfer) => format!("forget:{transfer}"),
        Deadline::Expires(payment) => format!("expires:{payment}"),
        Deadline::Money => "money:".to_owned(),
        Deadline::BalanceHolds(LevelKey { rule, holding: Holding { chain, address, asset } }) => {
            let asset = match asset {
                Asset::Coin => "coin".to_owned(),
                Asset::Token(contract) => format!("{contract:#x}"),
            };
            format!("balance_holds:{chain}:{address:#x}:{asset}:{rule}")
        }
        Deadline::Heartbeat => "heartbeat:".to_owned(),
        Deadline::Digest => "digest:".to_owned(),
        Deadline::Silence(number) => format!("silence:{number}"),
        Deadline::Steady(subject) => format!("steady:{}", subject_text(subject)),
        Deadline::Outages => "outages:".to_owned(),
    }
}

/// Reads what `deadline_text` wrote.
#[must_use]
pub(super) fn read_deadline(text: &str) -> Option<Deadline> {
    let (kind, rest) = text.split_once(':')?;
    match kind {
        "holds" => Some(Deadline::Holds(rest.into())),
        "silent" => read_subject(rest).map(Deadline::Silent),
        "token_wait" => {
            let (chain, contract) = rest.split_once(':')?;
            Some(Deadline::TokenWait(read_chain(chain)?, contract.parse().ok()?))
        }
        "revert" => read_chain(rest).map(Deadline::Revert),
        "forget" => TransferId::parse(rest).map(Deadline::Forget),
        "balance_holds" => {
            let mut parts = rest.splitn(4, ':');
            let (chain, address) = (read_chain(parts.next()?)?, parts.next()?.parse().ok()?);
            let asset = match parts.next()? {
                "coin" => Asset::Coin,
                contract => Asset::Token(contract.parse().ok()?),
            };
            let holding = Holding { chain, address, asset };
            Some(Deadline::BalanceHolds(LevelKey { rule: parts.next()?.into(), holding }))
        }
        "heartbeat" => Some(Deadline::Heartbeat),
        "digest" => Some(Deadline::Digest),
        "silence" => rest.parse().ok().map(Deadline::Silence),
        "steady" => read_subject(rest).map(Deadline::Steady),
        "outages" => Some(Deadline::Outages),
        "expires" => PaymentId::parse(rest).map(Deadline::Expires),
        "money" => rest.is_empty().then_some(Deadline::Money),
        _ => None,
    }
}
