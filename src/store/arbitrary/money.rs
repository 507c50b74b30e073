//! Random rows of live money.

use super::*;
use crate::reactor::money::{ApprovedBy, CircleId, IdempotencyKey, LivePart};
use crate::reactor::office::*;

fn hash32() -> impl Strategy<Value = [u8; 32]> {
    hash().prop_map(|hash| hash.0)
}

fn circle_id() -> impl Strategy<Value = CircleId> {
    select(vec!["c-1", "1af639ce-c8b2"]).prop_map(|text| CircleId::parse(text).expect("it is plain"))
}

fn stopped() -> impl Strategy<Value = Stopped> {
    (name(), any::<bool>()).prop_map(|(name, rule)| if rule { Stopped::Rule(name) } else { Stopped::Payee(name) })
}

fn live() -> impl Strategy<Value = LivePart> {
    let frozen = (name(), id16(), vec(any::<u8>(), 0..20), hash32(), name(), name(), address(), hash32(), time());
    let yes = (name(), time(), hash32()).prop_map(|(by, at, of)| ApprovedBy { by, at, of });
    let said = (vec(yes, 0..3), any::<bool>(), opt(time()));
    let sent = (count(), count(), opt(time()), opt(time()), opt(time()), count(), opt(time()));
    let shown = (opt(circle_id()), opt(name()), any::<bool>(), opt(hash()), opt(time()));
    (frozen, said, sent, shown).prop_map(|(frozen, said, sent, shown)| {
        let (wallet, key, body, hash, reference, blockchain, token, version, triggered_at) = frozen;
        let (approvals, anyway, approved_at) = said;
        let (attempts, disproven, first_sent, last_sent, due, empty_scans, scanned_at) = sent;
        let (circle_id, circle_state, compared, tx, absent) = shown;
        LivePart {
            wallet,
            key: IdempotencyKey(key),
            body: body.into(),
            hash,
            reference,
            blockchain,
            token,
            version,
            triggered_at,
            approvals,
            anyway,
            approved_at,
            attempts,
            disproven,
            first_sent,
            last_sent,
            due,
            empty_scans,
            scanned_at,
            circle_id,
            circle_state,
            compared,
            tx,
            absent,
        }
    })
}

/// A payment with a live part.
pub(super) fn live_payment() -> impl Strategy<Value = PaymentRow> {
    (payment(), live()).prop_map(|(row, live)| PaymentRow { live: Some(Box::new(live)), ..row })
}

/// A row beside payments.
pub(super) fn office() -> impl Strategy<Value = OfficeWrite> {
    let pause = opt((name(), time()));
    let one = (opt(name()), pause, opt(hash32()), opt(hash32()), any::<bool>(), opt(time())).prop_map(
        |(frozen, paused, accepted, entity_key, probed, scanned_at)| OfficeRow {
            frozen,
            paused,
            accepted,
            entity_key,
            probed,
            scanned_at,
        },
    );
    let stop = (stopped(), name(), time(), number()).prop_map(|(what, reason, since, missed)| StopRow {
        what,
        reason,
        since,
        missed,
    });
    let heads = vec((chain(), number()), 0..3);
    let birth = (stopped(), hash32(), time(), heads, any::<bool>())
        .prop_map(|(what, mark, at, heads, waived)| BirthRow { what, mark, at, heads, waived });
    let foreign = (circle_id(), opt(name()), opt(address()), amount(), time(), any::<bool>()).prop_map(
        |(id, reference, destination, amount, at, void)| ForeignRow { id, reference, destination, amount, at, void },
    );
    let arm = (name(), any::<bool>(), number(), opt(id16())).prop_map(|(what, armed, crossings, waits_for)| ArmRow {
        what,
        armed,
        crossings,
        waits_for: waits_for.map(PaymentId),
    });
    let audit = (number(), time(), name(), name(), opt(id16()), name(), hash32()).prop_map(
        |(seq, at, who, what, payment, why, hash)| AuditRow {
            seq,
            at,
            who,
            what,
            payment: payment.map(PaymentId),
            why,
            hash,
        },
    );
    prop_oneof![
        one.prop_map(OfficeWrite::Office),
        stop.prop_map(OfficeWrite::Stop),
        birth.prop_map(OfficeWrite::Birth),
        foreign.prop_map(OfficeWrite::Foreign),
        arm.prop_map(OfficeWrite::Arm),
        audit.prop_map(OfficeWrite::Audit),
    ]
}
