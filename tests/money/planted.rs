//! Planted faults, each found on the seed that is recorded for it.

use crate::process::Sloppy;
use crate::world::Plant;
use std::collections::{BTreeMap, BTreeSet};
use walletwatch::reactor::payments::desk::Desk;
use walletwatch::reactor::payments::desk::flaws::Flaw;

/// Each with the first seed on which the checker says that it is there.
const RECORDED: [(&str, u64); 39] = [
    ("RandomKeyPerAttempt", 2),
    ("KeyFromBlockHash", 36),
    ("BodyChangedOnRetry", 2),
    ("ResendAfterKeyLife", 2),
    ("EditPaysThePast", 21),
    ("SaltOfTheStore", 33),
    ("OneRuleOnAllChains", 24),
    ("SecondTopUp", 0),
    ("LoopThroughPayee", 0),
    ("LimitsOnlyAtPlanning", 0),
    ("AgesMixedUp", 3481),
    ("ResendUnderFreeze", 50),
    ("AbsentAfterOneScan", 3),
    ("ClockJumpIgnored", 228),
    ("IncompleteScanCounts", 3),
    ("LimitsOfOneVersion", 6),
    ("ApprovalCountsTwice", 1),
    ("StuckIsFailed", 0),
    ("EditedPayeeIsPaid", 1),
    ("NoStartScan", 2),
    ("SuspectPays", 2),
    ("UnfinalPays", 32),
    ("ConflictIsRejected", 33),
    ("ForeignUncounted", 19),
    ("FailedGoesOn", 2),
    ("RetractedGoesOut", 4),
    ("ShortScanWindow", 0),
    ("ZeroBalancePays", 6),
    ("FirstReadingPays", 16),
    ("NewKeyOnNotFound", 2),
    ("OneProofRejects", 526),
    ("UsedCiphertextProves", 18),
    ("OneOperatorPays", 11),
    ("ApprovalOutlivesEdit", 6),
    ("ScansWithoutPause", 14),
    ("RehearsalSent", 0),
    ("SendBeforePersist", 0),
    ("LeavesLate", 0),
    ("WriteWithoutFence", 1),
];

/// Faults, with what the checker says of each: any other message is not of this fault.
type Planted = (&'static str, Plant, &'static [&'static str]);

macro_rules! plants {
    ($($flaw:ident: $($words:literal)|+),* $(,)?) => {
        [$((
            stringify!($flaw),
            Plant { desk: |desk: &mut Desk| desk.plant(Flaw::$flaw), ..Plant::NONE },
            [$($words),+].as_slice(),
        )),*]
    };
}

fn everything() -> Vec<Planted> {
    let mut plants: Vec<Planted> = plants![
        RandomKeyPerAttempt: "I4:" | "I1:",
        KeyFromBlockHash: "I1:" | "I4:",
        NewKeyOnNotFound: "I4:" | "I1:",
        BodyChangedOnRetry: "I4:",
        ResendAfterKeyLife: "I8:" | "I1:",
        OneProofRejects: "is rejected and was paid" | "I1:",
        EditPaysThePast: "an edit paid for the past",
        SaltOfTheStore: "I1:" | "I4:",
        OneRuleOnAllChains: "nobody tops up",
        SecondTopUp: " tops up while ",
        LoopThroughPayee: "a loop was paid",
        LimitsOnlyAtPlanning: "I5:",
        AgesMixedUp: "I8:" | "I1:",
        ResendUnderFreeze: "left under freeze",
        AbsentAfterOneScan: "is rejected and was paid" | "I1:",
        ClockJumpIgnored: "is above per_day" | "is above max_per_day",
        IncompleteScanCounts: "before the wallet was listed" | "is rejected and was paid" | "I1:",
        LimitsOfOneVersion: "I5:",
        ApprovalCountsTwice: "I7: ww1" | "is above per_payment" | "is above per_day",
        StuckIsFailed: "is failed and Circle says",
        EditedPayeeIsPaid: "I6:",
        NoStartScan: "before the wallet was listed",
        SuspectPays: "S8:",
        UnfinalPays: "I12:",
        ConflictIsRejected: "§4.4:",
        ForeignUncounted: "of the wallet",
        FailedGoesOn: "§4.7:",
        RetractedGoesOut: "I12:",
        ZeroBalancePays: "tops up what was not low",
        FirstReadingPays: "is a first reading, and nobody was asked",
        ShortScanWindow: "before the wallet was listed" | "is rejected and was paid" | "I1:",
        UsedCiphertextProves: "is rejected and was paid" | "I1:",
        OneOperatorPays: "I7: ww1",
        ApprovalOutlivesEdit: "I7: ww1",
        ScansWithoutPause: "pace:",
    ]
    .into();
    let sloppy = |sloppy| Plant { sloppy, ..Plant::NONE };
    let plain = Sloppy::default();
    plants.push(("RehearsalSent", Plant { rehearsal_live: true, ..Plant::NONE }, &["I9:"]));
    plants.push(("SendBeforePersist", sloppy(Sloppy { sends_before_commit: true, ..plain }), &["I2:"]));
    plants.push(("LeavesLate", sloppy(Sloppy { leaves_late: true, ..plain }), &["§4.2:"]));
    plants.push(("WriteWithoutFence", sloppy(Sloppy { no_fence: true, ..plain }), &["I10, I14:", "I1:", "I4:"]));
    plants
}

/// What it is told of on this seed, if it is by the right words.
fn is_told(seed: u64, (_, plant, words): &Planted) -> Result<String, String> {
    let told = crate::run(seed, *plant).err().unwrap_or_else(|| "nothing".to_owned());
    if words.iter().any(|words| told.contains(words)) { Ok(told) } else { Err(told) }
}

#[test]
fn every_planted_fault_is_found() {
    let plants = everything();
    let table: BTreeSet<&str> = RECORDED.iter().map(|(name, _)| *name).collect();
    assert_eq!(table, plants.iter().map(|(name, ..)| *name).collect(), "each fault has its seed");
    // Without a fault those seeds have nothing to say.
    let seeds: BTreeSet<u64> = RECORDED.iter().map(|(_, seed)| *seed).collect();
    let mut wrong: Vec<String> = seeds
        .iter()
        .filter_map(|seed| Some(format!("no fault, seed {seed}: {}", crate::run(*seed, Plant::NONE).err()?)))
        .collect();
    for planted in &plants {
        let Some((name, seed)) = RECORDED.iter().find(|(name, _)| *name == planted.0) else { continue };
        match is_told(*seed, planted) {
            Ok(told) => println!("{name}: seed {seed}: {told}"),
            Err(told) => wrong.push(format!("{name}, seed {seed}: {told}")),
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// Looks for seeds: `MONEY_PLANTED=n` of them for each fault, or for `MONEY_ONLY=Name,Name`. For who fills the table.
#[test]
fn search() {
    let most = crate::number("MONEY_PLANTED", 0);
    if most == 0 {
        println!("left out: looking for seeds (MONEY_PLANTED=300 looks through as many for each fault)");
    }
    let only = std::env::var("MONEY_ONLY").ok();
    for planted in everything() {
        if only.as_ref().is_some_and(|only| only.split(',').all(|name| name != planted.0)) {
            continue;
        }
        let mut wrong = BTreeMap::new();
        let found = (crate::number("MONEY_FIRST", 0)..most).find_map(|seed| match is_told(seed, &planted) {
            Ok(told) => crate::run(seed, Plant::NONE).is_ok().then_some((seed, told)),
            Err(told) if told == "nothing" => None,
            Err(told) => {
                wrong.insert(seed, told);
                None
            }
        });
        println!("{}: {found:?}, by other words {:?}", planted.0, wrong.iter().take(3).collect::<Vec<_>>());
    }
}
