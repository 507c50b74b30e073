//! Every planted fault is found.

use crate::process::Sloppy;
use crate::world::Plant;
use walletwatch::reactor::payments::desk::Desk;
use walletwatch::reactor::payments::desk::flaws::Flaw;

macro_rules! plants {
    ($($flaw:ident),* $(,)?) => {
        [$((stringify!($flaw), Plant { desk: |desk: &mut Desk| desk.plant(Flaw::$flaw), ..Plant::NONE })),*]
    };
}

fn everything() -> Vec<(&'static str, Plant)> {
    let mut plants: Vec<(&str, Plant)> = plants![
        RandomKeyPerAttempt,
        KeyFromBlockHash,
        NewKeyOnNotFound,
        BodyChangedOnRetry,
        ResendAfterKeyLife,
        OneProofRejects,
        EditPaysThePast,
        SaltOfTheStore,
        OneRuleOnAllChains,
        SecondTopUp,
        LoopThroughPayee,
        LimitsOnlyAtPlanning,
        AgesMixedUp,
        ResendUnderFreeze,
        AbsentAfterOneScan,
        ClockJumpIgnored,
        IncompleteScanCounts,
        LimitsOfOneVersion,
        ApprovalCountsTwice,
        StuckIsFailed,
        EditedPayeeIsPaid,
        NoStartScan,
        SuspectPays,
        UnfinalPays,
        ConflictIsRejected,
        ForeignUncounted,
        FailedGoesOn,
        RetractedGoesOut,
        ZeroBalancePays,
        FirstReadingPays,
        ShortScanWindow,
    ]
    .into();
    let honest = Plant::NONE;
    plants.push(("RehearsalSent", Plant { rehearsal_live: true, ..honest }));
    plants.push((
        "SendBeforePersist",
        Plant { sloppy: Sloppy { sends_before_commit: true, ..Sloppy::default() }, ..honest },
    ));
    plants.push(("LeavesLate", Plant { sloppy: Sloppy { leaves_late: true, ..Sloppy::default() }, ..honest }));
    plants.push(("WriteWithoutFence", Plant { sloppy: Sloppy { no_fence: true, ..Sloppy::default() }, ..honest }));
    plants
}

#[test]
fn every_planted_fault_is_found() {
    let most = crate::number("MONEY_PLANTED", 300);
    let only = std::env::var("MONEY_ONLY").ok();
    let mut missed = Vec::new();
    for (name, plant) in everything() {
        if only.as_ref().is_some_and(|only| only != name) {
            continue;
        }
        let found = (0..most).find_map(|seed| crate::run(seed, plant).err().map(|fault| (seed, fault)));
        match found {
            Some((seed, fault)) => println!("{name}: seed {seed}: {fault}"),
            None => missed.push(name),
        }
    }
    assert!(missed.is_empty(), "not found within {most} seeds: {missed:?}");
}
