//! Random rows, commits and deliveries for the store's laws: few keys, so that they collide, and numbers at the edges.

mod money;
mod prices;
mod quiet;
mod transfers;

use super::{AttemptEnd, AttemptRow, Commit, DeliveryWrite, NewMessage, OutboxState, Prune, Write};
use crate::reactor::event::{List, SourceId, SourceKind};
use crate::reactor::holdings::*;
use crate::reactor::rows::*;
use crate::reactor::settings::Direction;
use crate::reactor::watch_list::Watching;
use crate::types::*;
use bytes::Bytes;
use prices::{bar, pair};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use std::time::Duration;
use transfers::transfer;

/// Numbers of a chain: few, with the edges of both signed and unsigned 64 bits.
fn number() -> impl Strategy<Value = u64> {
    select(vec![0, 1, 2, 19_000_000, i64::MAX as u64 - 1, i64::MAX as u64, i64::MAX as u64 + 1, u64::MAX])
}

fn count() -> impl Strategy<Value = u32> {
    select(vec![0, 1, 7, u32::MAX])
}

fn amount() -> impl Strategy<Value = U256> {
    prop_oneof![Just(U256::ZERO), Just(U256::from(1)), Just(U256::MAX), any::<u128>().prop_map(U256::from)]
}

/// Mostly a narrow range, so that times are before, at and after what is pruned.
pub(super) fn time() -> impl Strategy<Value = Timestamp> {
    prop_oneof![
        8 => (0_i64..40).prop_map(Timestamp::from_millis),
        1 => select(vec![i64::MIN, -1, i64::MAX]).prop_map(Timestamp::from_millis),
    ]
}

fn name() -> impl Strategy<Value = Name> {
    select(vec!["ops", "chat", "", "a,b", "x:y", "\"q\"\n\u{1F980}", "a\0b"]).prop_map(Name::from)
}

fn chain() -> impl Strategy<Value = ChainId> {
    select(vec![1, 8453, u64::MAX]).prop_map(ChainId)
}

fn hash() -> impl Strategy<Value = B256> {
    select(vec![0, 1, 0xff]).prop_map(B256::repeat_byte)
}

fn address() -> impl Strategy<Value = Address> {
    select(vec![0, 1, 0xff]).prop_map(Address::repeat_byte)
}

fn id16() -> impl Strategy<Value = [u8; 16]> {
    select(vec![[0; 16], [1; 16], [0x7f; 16], [0xff; 16]])
}

fn stage() -> impl Strategy<Value = Stage> {
    select(Stage::ALL.to_vec())
}

fn opt<T: std::fmt::Debug>(of: impl Strategy<Value = T>) -> impl Strategy<Value = Option<T>> {
    proptest::option::of(of)
}

fn subject() -> impl Strategy<Value = Subject> {
    let source = (select(SourceKind::ALL.to_vec()), opt(chain()), name());
    prop_oneof![
        chain().prop_map(Subject::Chain),
        chain().prop_map(Subject::Disagreement),
        (chain(), address(), select(List::ALL.to_vec()))
            .prop_map(|(chain, address, list)| Subject::List(chain, address, list)),
        name().prop_map(Subject::Sink),
        pair().prop_map(Subject::Prices),
        pair().prop_map(Subject::Unpriced),
        name().prop_map(Subject::Payments),
        source.prop_map(|(kind, chain, name)| Subject::Source(SourceId { kind, chain, name })),
    ]
}

fn deadline() -> impl Strategy<Value = Deadline> {
    prop_oneof![
        name().prop_map(Deadline::Holds),
        subject().prop_map(Deadline::Silent),
        (chain(), address()).prop_map(|(chain, contract)| Deadline::TokenWait(chain, contract)),
        chain().prop_map(Deadline::Revert),
        id16().prop_map(|id| Deadline::Forget(TransferId(id))),
        id16().prop_map(|id| Deadline::Expires(PaymentId(id))),
        level_key().prop_map(Deadline::BalanceHolds),
        Just(Deadline::Heartbeat),
        Just(Deadline::Digest),
        count().prop_map(Deadline::Silence),
        subject().prop_map(Deadline::Steady),
        Just(Deadline::Outages),
    ]
}

fn alert() -> impl Strategy<Value = AlertRow> {
    let direction = select(vec![Direction::In, Direction::Out, Direction::Both]);
    let subject = prop_oneof![
        (id16(), name(), address(), direction).prop_map(|(id, watch, address, direction)| AlertSubject::Transfer {
            transfer: TransferId(id),
            watch,
            address,
            direction,
        }),
        number().prop_map(AlertSubject::Crossing),
        (name(), address(), number()).prop_map(|(watch, address, crossing)| AlertSubject::Balance {
            watch,
            address,
            crossing
        }),
        subject().prop_map(AlertSubject::Trouble),
        id16().prop_map(|id| AlertSubject::Payment(PaymentId(id))),
    ];
    let severity = select(Severity::ALL.to_vec());
    let state = select(AlertState::ALL.to_vec());
    let lists = (vec(stage(), 0..4), vec(name(), 0..4));
    (id16(), name(), severity, subject, count(), state, lists, time(), time(), any::<bool>()).prop_map(
        |(id, rule, severity, subject, revision, state, (said, told), raised_at, changed_at, closed)| AlertRow {
            id: AlertId(id),
            rule,
            severity,
            subject,
            revision,
            state,
            said,
            told,
            untold: closed.then(|| Name::from("a reason")),
            raised_at,
            changed_at,
            closed,
        },
    )
}

fn payment() -> impl Strategy<Value = PaymentRow> {
    let trigger = (opt(id16()), opt(number()));
    let state = select(PaymentState::ALL.to_vec());
    (id16(), name(), name(), chain(), address(), amount(), state, opt(name()), trigger, time(), time()).prop_map(
        |(id, rule, payee, chain, address, amount, state, reason, (transfer, crossing), planned_at, changed_at)| {
            let (id, transfer) = (PaymentId(id), transfer.map(TransferId));
            PaymentRow {
                id,
                rule,
                payee,
                chain,
                address,
                amount,
                state,
                reason,
                transfer,
                crossing,
                planned_at,
                changed_at,
                live: None,
            }
        },
    )
}

fn phase() -> impl Strategy<Value = Phase> {
    prop_oneof![
        Just(Phase::Calm),
        time().prop_map(Phase::Pending),
        time().prop_map(Phase::Crossed),
        time().prop_map(Phase::Muffled),
    ]
}

fn holding() -> impl Strategy<Value = Holding> {
    let asset = opt(address()).prop_map(|contract| contract.map_or(Asset::Coin, Asset::Token));
    (chain(), address(), asset).prop_map(|(chain, address, asset)| Holding { chain, address, asset })
}

fn level_key() -> impl Strategy<Value = LevelKey> {
    (name(), holding()).prop_map(|(rule, holding)| LevelKey { rule, holding })
}

fn balance() -> impl Strategy<Value = BalanceRow> {
    let last = (amount(), number(), opt(hash()), time()).prop_map(|(raw, number, hash, read_at)| Amount {
        raw,
        at: ReadAt { number, hash },
        read_at,
    });
    let failing = (time(), select(NoBalance::ALL.to_vec()));
    (holding(), opt(last), name(), opt(number()), opt(failing))
        .prop_map(|(holding, last, source, due, failing)| BalanceRow { holding, last, source, due, failing })
}

fn level() -> impl Strategy<Value = LevelRow> {
    let turned = (number(), hash(), phase(), any::<bool>()).prop_map(|(block, hash, was, gone)| Turned {
        block,
        hash,
        was,
        gone,
    });
    (level_key(), phase(), number(), opt(time()), opt(turned))
        .prop_map(|(key, phase, crossings, spoke_at, turned)| LevelRow { key, phase, crossings, spoke_at, turned })
}

fn chain_row() -> impl Strategy<Value = ChainRow> {
    let heads = ((opt(number()), opt(number())), number(), number(), opt(number()));
    let stop = prop_oneof![name().prop_map(Stop::OtherChain), number().prop_map(Stop::Unreadable)];
    (chain(), opt(hash()), heads, opt(name()), (opt(stop), any::<bool>())).prop_map(
        |(chain, genesis, (starts, confirmed, last_final, explorer_head), tip_endpoint, (stopped, accepted))| {
            let (started, live_from) = starts;
            let row = ChainRow { chain, genesis, started, live_from, tip_endpoint, confirmed, ..ChainRow::new(chain) };
            ChainRow { last_final, explorer_head, stopped, accepted, ..row }
        },
    )
}

fn backfill() -> impl Strategy<Value = BackfillRow> {
    let left = (select(List::ALL.to_vec()), number(), opt(time())).prop_map(|(list, next, blank)| ListLeft {
        list,
        next,
        blank,
    });
    (chain(), address(), number(), number(), number(), vec(left, 0..4)).prop_map(
        |(chain, address, from, until, live_from, left)| BackfillRow { chain, address, from, until, live_from, left },
    )
}

fn scan() -> impl Strategy<Value = ScanRow> {
    (chain(), number(), select(Scan::ALL.to_vec()), number(), number(), opt(hash()))
        .prop_map(|(chain, until, scan, from, next, below)| ScanRow { chain, until, scan, from, next, below })
}

/// Any row.
pub(super) fn row() -> impl Strategy<Value = Row> {
    let block = (chain(), number(), hash(), hash(), time(), any::<bool>()).prop_map(
        |(chain, number, hash, parent, time, traced)| BlockRow {
            chain,
            at: BlockRef { number, hash, parent },
            time,
            traced,
        },
    );
    let gap = (chain(), number(), number(), hash(), hash()).prop_map(|(chain, from, to, above, below)| GapRow {
        chain,
        from,
        to,
        above,
        below,
    });
    let rule = (name(), id16(), time(), time(), phase(), number(), opt(time())).prop_map(
        |(rule, condition, born, in_force_since, phase, crossings, spoke_at)| RuleRow {
            rule,
            condition,
            born,
            in_force_since,
            phase,
            crossings,
            spoke_at,
        },
    );
    let view = (chain(), address(), select(List::ALL.to_vec()), number(), number(), time(), opt(time())).prop_map(
        |(chain, address, list, from, read_to, read_at, moved_at)| ViewRow {
            chain,
            address,
            list,
            from,
            read_to,
            read_at,
            moved_at,
        },
    );
    let token = (chain(), address(), opt(any::<u8>()), opt(name()))
        .prop_map(|(chain, contract, decimals, symbol)| TokenRow { chain, contract, decimals, symbol });
    let length = select(vec![Duration::ZERO, Duration::from_nanos(1), Duration::from_mins(2), Duration::MAX]);
    let deadline =
        (deadline(), time(), length).prop_map(|(deadline, due, length)| DeadlineRow { deadline, due, length });
    let trouble = (subject(), time(), opt(number()), number(), number(), any::<bool>(), opt(name())).prop_map(
        |(subject, since, last_block, count, dead, open, reason)| TroubleRow {
            subject,
            since,
            last_block,
            count,
            dead,
            open,
            reason,
        },
    );
    prop_oneof![
        chain_row().prop_map(Row::Chain),
        block.prop_map(Row::Block),
        gap.prop_map(Row::Gap),
        transfer().prop_map(|row| Row::Transfer(Box::new(row))),
        alert().prop_map(|row| Row::Alert(Box::new(row))),
        rule.prop_map(Row::Rule),
        view.prop_map(Row::View),
        token.prop_map(Row::Token),
        deadline.prop_map(Row::Deadline),
        trouble.prop_map(Row::Trouble),
        payment().prop_map(|row| Row::Payment(Box::new(row))),
        money::live_payment().prop_map(|row| Row::Payment(Box::new(row))),
        money::office().prop_map(|row| Row::Office(Box::new(row))),
        balance().prop_map(Row::Balance),
        level().prop_map(Row::Level),
        backfill().prop_map(|row| Row::Backfill(Box::new(row))),
        scan().prop_map(Row::Scan),
        bar().prop_map(Row::Bar),
        quiet::quiet().prop_map(|row| Row::Quiet(Box::new(row))),
        watch().prop_map(|row| Row::Watch(Box::new(row))),
        watched_address().prop_map(|row| Row::Address(Box::new(row))),
        request().prop_map(|row| Row::Request(Box::new(row))),
    ]
}

/// A watch that was added; few numbers, so that some are deleted with their addresses.
fn watch() -> impl Strategy<Value = WatchRow> {
    (0_u32..3, name(), vec(chain(), 0..3), vec(name(), 0..3), time(), count()).prop_map(
        |(number, name, chains, tags, added_at, addresses)| WatchRow {
            number,
            name,
            chains,
            tags,
            added_at,
            addresses,
        },
    )
}

fn watched_address() -> impl Strategy<Value = AddressRow> {
    let since = vec((chain(), number()), 0..3);
    (0_u32..3, address(), opt(name()), opt(name()), opt(number()), since).prop_map(
        |(watch, address, reference, label, from_block, since)| AddressRow {
            watch,
            address,
            reference,
            label,
            from_block,
            since,
        },
    )
}

fn request() -> impl Strategy<Value = RequestRow> {
    let watching = (name(), chain(), opt(number()), number(), number()).prop_map(
        |(watch, chain, complete_from, addresses, new)| Watching { watch, chain, complete_from, addresses, new },
    );
    (id16(), id16(), time(), vec(watching, 0..3)).prop_map(|(id, body, at, answer)| RequestRow {
        id: RequestId(id),
        body: RequestId(body),
        at,
        answer,
    })
}

/// The key of a row.
pub(super) fn key_of(row: &Row) -> RowKey {
    match row {
        Row::Chain(row) => RowKey::Chain(row.chain),
        Row::Block(row) => RowKey::Block(row.chain, row.at.number),
        Row::Gap(row) => RowKey::Gap(row.chain, row.from),
        Row::Transfer(row) => RowKey::Transfer(row.key.chain, row.block, row.id),
        Row::Alert(row) => RowKey::Alert(row.id),
        Row::Rule(row) => RowKey::Rule(row.rule.clone()),
        Row::View(row) => RowKey::View(row.chain, row.address, row.list),
        Row::Token(row) => RowKey::Token(row.chain, row.contract),
        Row::Deadline(row) => RowKey::Deadline(row.deadline.clone()),
        Row::Trouble(row) => RowKey::Trouble(row.subject.clone()),
        Row::Payment(row) => RowKey::Payment(row.id),
        Row::Office(row) => RowKey::Office(row.key()),
        Row::Balance(row) => RowKey::Balance(row.holding),
        Row::Level(row) => RowKey::Level(row.key.clone()),
        Row::Backfill(row) => RowKey::Backfill(row.chain, row.address),
        Row::Scan(row) => RowKey::Scan(row.chain, row.until, row.scan),
        Row::Quiet(row) => RowKey::Quiet(row.key()),
        Row::Bar(row) => RowKey::Bar(row.pair.clone(), row.minute),
        Row::Watch(row) => RowKey::Watch(row.number),
        Row::Address(row) => RowKey::Address(row.watch, row.address),
        Row::Request(row) => RowKey::Request(row.id),
    }
}

/// A message; few ids and alerts, so that repeats and second messages of an alert come up.
pub(super) fn message() -> impl Strategy<Value = NewMessage> {
    let body = vec(any::<u8>(), 0..40).prop_map(Bytes::from);
    let severity = select(Severity::ALL.to_vec());
    (0_u8..12, name(), id16(), count(), name(), any::<bool>(), severity, time(), opt(time()), body).prop_map(
        |(id, sink, alert, revision, kind, retracts, severity, created, block_time, body)| NewMessage {
            id: MessageId::hash("message", &[&alert, &[id]]),
            sink,
            alert: AlertId(alert),
            revision,
            kind,
            retracts,
            severity,
            created,
            block_time,
            body,
        },
    )
}

/// A commit; a third of its writes delete what a random row would be kept under.
pub(super) fn commit() -> impl Strategy<Value = Commit> {
    let write = (row(), 0..3).prop_map(|(row, kind)| match kind {
        0 => Write::Delete(key_of(&row)),
        _ => Write::Put(row),
    });
    (time(), vec(write, 0..12), vec(message(), 0..5)).prop_map(|(at, writes, outbox)| Commit { at, writes, outbox })
}

/// Changes of delivery columns, some of rows that are not there.
pub(super) fn delivery() -> impl Strategy<Value = DeliveryWrite> {
    let state = select(OutboxState::ALL.to_vec());
    let outcome = (1_i64..20, state, count(), time(), opt(name()), opt(name()), opt(time())).prop_map(
        |(seq, state, attempts, due, reason, receiver_id, closed_at)| DeliveryWrite::Outcome {
            seq,
            state,
            attempts,
            due,
            reason,
            receiver_id,
            closed_at,
        },
    );
    let sink = (name(), any::<bool>()).prop_map(|(sink, disabled)| DeliveryWrite::Sink { sink, disabled });
    let attempt = (1_i64..20, time(), select(AttemptEnd::ALL.to_vec()), opt(name()))
        .prop_map(|(seq, at, ended, reason)| DeliveryWrite::Attempt { seq, row: AttemptRow { at, ended, reason } });
    prop_oneof![4 => outcome, 1 => sink, 2 => attempt]
}

/// What may go.
pub(super) fn prune() -> impl Strategy<Value = Prune> {
    (time(), opt(time()), 1_u32..6).prop_map(|(before_outbox, before_transfers, limit)| Prune {
        before_outbox,
        before_transfers,
        limit,
    })
}
