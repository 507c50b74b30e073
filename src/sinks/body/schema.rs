//! The schema of the data of each type of message, made from the structs that write it.

use super::data::{
    ApprovalData, BalanceData, Basics, FrozenData, GasData, PaymentData, PriceData, ResolvedData, SinkData, SourceData,
    TransferData,
};
use super::{DigestData, HeartbeatData};
use crate::reactor::effect::MessageKind;
use utoipa::ToSchema;
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::Schema;

/// Schemas by name.
type Named = Vec<(String, RefOr<Schema>)>;

/// The name of the schema of the data of these messages; and it, with all that it refers to.
#[must_use]
pub fn schema(kind: MessageKind) -> (String, Named) {
    match kind {
        MessageKind::Transfer(_) => of::<TransferData<'_>>(),
        MessageKind::Approval(_) => of::<ApprovalData<'_>>(),
        MessageKind::PriceCrossed | MessageKind::PriceRecovered => of::<PriceData<'_>>(),
        MessageKind::GasCrossed | MessageKind::GasRecovered => of::<GasData<'_>>(),
        MessageKind::BalanceCrossed | MessageKind::BalanceRecovered | MessageKind::BalanceRetracted => {
            of::<BalanceData<'_>>()
        }
        MessageKind::SourceBlind | MessageKind::SourceRecovered | MessageKind::SourceDisagrees => {
            of::<SourceData<'_>>()
        }
        MessageKind::SinkFailing | MessageKind::SinkRecovered => of::<SinkData<'_>>(),
        MessageKind::PaymentRehearsed
        | MessageKind::PaymentHeld
        | MessageKind::PaymentApproved
        | MessageKind::PaymentRefused
        | MessageKind::PaymentSent
        | MessageKind::PaymentComplete
        | MessageKind::PaymentFailed
        | MessageKind::PaymentNeedsPerson
        | MessageKind::PaymentTriggerRetracted => of::<PaymentData<'_>>(),
        MessageKind::PaymentsFrozen | MessageKind::PaymentsUnfrozen => of::<FrozenData<'_>>(),
        MessageKind::AlertResolved => of::<ResolvedData<'_>>(),
        MessageKind::Heartbeat => of::<HeartbeatData<'_>>(),
        MessageKind::Digest => of::<DigestData<'_>>(),
        MessageKind::Test => of::<Basics<'_>>(),
    }
}

fn of<T: ToSchema>() -> (String, Named) {
    let name = T::name().into_owned();
    let mut all = vec![(name.clone(), T::schema())];
    T::schemas(&mut all);
    (name, all)
}
