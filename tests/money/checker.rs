//! Says whether money went wrong. It knows Circle's log, the chain's truth, what people wrote and said, and at the end what stores hold:
//! never how the protocol works.

use crate::chain::{self, Happening, address};
use crate::circle::Made;
use crate::config::{Config, TWO_OVER, WALLET_DAY, WALLET_TOTAL, limits, payee_of};
use crate::people::{self, Said};
use crate::process::{Outside, Store};
use std::collections::BTreeMap;
use walletwatch::reactor::office::AuditRow;
use walletwatch::reactor::payments::desk::Vouched;
use walletwatch::reactor::rows::PaymentState;
use walletwatch::types::Address;

const DAY: i64 = 86_400_000;

/// What happened around the processes.
#[derive(Debug, Default)]
pub struct Times {
    /// Configs, with when each came into force.
    pub configs: Vec<(i64, Config)>,
    /// Two deployments at once, or a backup that came back: limits are then only as good as Circle's lists.
    pub doubled: bool,
    /// Nothing was broken: everything that should be paid is.
    pub quiet: bool,
    /// The clock was wrong at some time.
    pub jumped: bool,
}

impl Times {
    fn at(&self, now: i64) -> &Config {
        let found = self.configs.iter().rev().find(|(from, _)| *from <= now);
        &found.unwrap_or_else(|| self.configs.first().expect("there is a first")).1
    }

    /// The configs in force at some time from `from` to `to`.
    fn between(&self, from: i64, to: i64) -> impl Iterator<Item = &Config> {
        let first = self.configs.iter().rposition(|(at, _)| *at <= from).unwrap_or(0);
        self.configs[first..]
            .iter()
            .enumerate()
            .filter(move |(place, (at, _))| *place == 0 || *at <= to)
            .map(|(_, (_, config))| config)
    }
}

/// Which rule a transfer is for, by its destination and amount.
fn happening<'a>(out: &'a Outside, made: &Made) -> Option<&'a Happening> {
    out.happenings.iter().find(|happening| happening.amount == made.amount)
}

fn is_hot(to: Address) -> bool {
    to == address(chain::HOT) || to == address(chain::HOT + 1)
}

/// Everything that must hold of what Circle did, so far.
pub fn check(out: &Outside, stores: &[Store], times: &Times, said: &Said) -> Result<(), String> {
    if let Some(first) = out.violations.first() {
        return Err(first.clone());
    }
    if let Some(fault) = stores.iter().find_map(|store| store.faults.first()) {
        return Err(format!("I10, I14: {fault}"));
    }
    requests(out, times, said)?;
    let ours: Vec<&Made> = out.circle.made.iter().filter(|made| !made.console).collect();
    let mut paid: BTreeMap<u64, &Made> = BTreeMap::new();
    for made in &ours {
        if is_hot(made.destination) {
            continue;
        }
        let Some(happening) = happening(out, made) else {
            return Err(format!("I3: {} is for nothing that happened", made.id));
        };
        // Of a store that was lost people may know that what it asked for had come to nothing.
        let nothing =
            |first: &Made| first.paid_at().is_none() && first.path.last().is_some_and(|end| end.0 <= made.created);
        if paid.insert(made.amount, made).is_some_and(|first| !times.doubled || !nothing(first)) {
            return Err(format!("I1: {} pays for a second time", made.id));
        }
        of_transfer(out, times, made, happening)?;
    }
    top_ups(out, said, &ours)?;
    if !times.doubled {
        for made in &ours {
            sums(out, times, said, &ours, made)?;
        }
    }
    Ok(())
}

fn requests(out: &Outside, times: &Times, said: &Said) -> Result<(), String> {
    let mut keys: BTreeMap<(&str, u32), (&str, &[u8], i64)> = BTreeMap::new();
    let mut owners: BTreeMap<&str, &str> = BTreeMap::new();
    let mut triggers: BTreeMap<u64, &str> = BTreeMap::new();
    for request in &out.requests {
        let reference = request.reference.as_str();
        let (key, body, first) =
            *keys.entry((reference, request.life)).or_insert((&request.key, &request.body, request.left));
        if key != request.key || body != request.body {
            return Err(format!("I4: {reference} was asked for in two ways"));
        }
        let payment = reference.rsplit('.').next().unwrap_or_default();
        if *owners.entry(&request.key).or_insert(payment) != payment {
            return Err(format!("I4: two payments have the key {}", request.key));
        }
        // A trigger has one key for ever, whatever became of its first: amounts say which trigger it is.
        if !is_hot(request.destination) && *triggers.entry(request.amount).or_insert(&request.key) != request.key {
            return Err(format!("I4: {} was asked for under two keys", request.amount));
        }
        if request.left > first + 30 * 60_000 + 2_000 && !times.jumped {
            return Err(format!("I8: {reference} was sent again after {} s", (request.left - first) / 1_000));
        }
        if request.left == first {
            approved(out, times, said, request)?;
        }
    }
    Ok(())
}

fn approved(out: &Outside, times: &Times, said: &Said, request: &crate::circle::Request) -> Result<(), String> {
    let happening = out.happenings.iter().find(|happening| happening.amount == request.amount);
    let alone = happening.is_some_and(|happening| happening.vouched == Vouched::ByOne);
    let rule = happening.map(|happening| happening.rule);
    // A yes is of the config that was shown: said under another one it is none. An edit reaches the process within a step.
    let in_force = |from: i64| times.between(from - 3_000, from);
    let of_this = |at: &i64| in_force(*at).any(|shown| in_force(request.left).any(|now| now == shown));
    let names = said.get(&request.reference).into_iter().flatten().filter(|(_, at)| at.iter().any(of_this)).count();
    let needed = match rule {
        _ if request.amount > TWO_OVER => 2,
        Some("manual") if !is_hot(request.destination) => 1,
        Some(_) if alone && !is_hot(request.destination) && !times.at(request.left).relaxed => 1,
        _ => 0,
    };
    if names < needed {
        return Err(format!("I7: {} left with {names} names of {needed}", request.reference));
    }
    Ok(())
}

fn of_transfer(out: &Outside, times: &Times, made: &Made, happening: &Happening) -> Result<(), String> {
    let id = &made.id;
    let fail = |what: &str| Err(format!("{what}: {id} by {}", happening.rule));
    if happening.rule == "rehearsal" {
        return fail("I9: a rehearsal was paid");
    }
    if happening.suspect || happening.vouched == Vouched::ByNobody {
        return fail("S8: a suspect, or hearsay, was paid");
    }
    // In force when it was first asked for.
    let first = out
        .requests
        .iter()
        .filter(|request| Some(request.reference.as_str()) == made.reference.as_deref())
        .map(|request| request.left)
        .min();
    let first = first.unwrap_or(made.created);
    let fits = |config: &Config| {
        made.destination == config.address_of(happening.rule) && (happening.rule != "quick" || config.with_quick)
    };
    // An edit reaches the process within a step.
    if !times.between(first - 3_000, first).any(fits) {
        return fail("I6: it went to whom the config did not name when it left");
    }
    let ours = [chain::WALLET, chain::OTHER_OWN].map(address);
    // A reorg may have moved it to a block from after it was paid.
    let planned = times.between(chain::block_time(happening.block).min(first), first);
    let payees: Vec<Address> = planned.map(|config| config.payee_a).collect();
    if ours.contains(&happening.from) || payees.iter().all(|payee| *payee == happening.from) {
        return fail("a loop was paid");
    }
    if made.token != address(0x05) || made.chain != "ETH-SEPOLIA" || made.wallet != "w-1" {
        return fail("I3: another token, chain or wallet");
    }
    let fell = happening.falls.is_some_and(|(_, again)| again.is_none()) && !happening.mined;
    if fell && happening.rule != "quick" {
        return fail("I12: it pays for what is not on the chain");
    }
    if happening.rule == "quick" && fell && happening.falls.is_some_and(|(at, _)| at + 3_000 < first) {
        return fail("I12: it left after its trigger was taken back");
    }
    // What lay before the rule was what it is never pays.
    let loaded = &out.loaded;
    let mined = chain::block_time(happening.block);
    let at = |time: i64| loaded.iter().rposition(|(from, _)| *from <= time).unwrap_or(0);
    let (then, now) = (at(mined), at(first));
    let matched = (then..=at(mined + 24_000)).any(|place| loaded[place].1.matches(happening));
    if then < now && !matched && !times.doubled {
        return fail("an edit paid for the past");
    }
    Ok(())
}

/// No top-up while another is not there yet; none without need.
fn top_ups(out: &Outside, said: &Said, ours: &[&Made]) -> Result<(), String> {
    let hot: Vec<&&Made> = ours.iter().filter(|made| is_hot(made.destination)).collect();
    for (place, made) in hot.iter().enumerate() {
        let which = usize::from(made.destination == address(chain::HOT + 1));
        let balance = &out.balances[which];
        let head = chain::height(made.created);
        // It was low at some block of the hour before.
        if !(head.saturating_sub(400)..=head).any(|block| balance.at(block) < crate::config::LEVEL) {
            return Err(format!("{} tops up what was not low", made.id));
        }
        // Whoever was never seen to have enough was never seen to fall: a person is asked.
        let enough = balance.steps.iter().any(|(block, held)| *block <= head && *held >= crate::config::RECOVERS);
        let names = made.reference.as_ref().and_then(|reference| said.get(reference)).map_or(0, BTreeMap::len);
        if !enough && names == 0 {
            return Err(format!("{} is a first reading, and nobody was asked", made.id));
        }
        // Two deployments do not know of each other's crossings.
        let store = |made: &Made| made.reference.as_ref().and_then(|text| text.split('.').nth(1)).map(str::to_owned);
        let same = |earlier: &&&&Made| earlier.destination == made.destination && store(earlier) == store(made);
        for earlier in hot[..place].iter().filter(same) {
            let ends_badly = earlier.paid_at().is_none();
            let open = earlier.path.last().is_some_and(|(at, _)| *at > made.created);
            if open && !(ends_badly && earlier.path.last().is_some_and(|(at, _)| *at <= made.created)) {
                return Err(format!("{} tops up while {} is open", made.id, earlier.id));
            }
        }
    }
    Ok(())
}

/// Limits, over every rolling day and over all time.
fn sums(out: &Outside, times: &Times, said: &Said, ours: &[&Made], newest: &Made) -> Result<(), String> {
    let first_left = |made: &Made| {
        let left = out.requests.iter().filter(|request| Some(request.reference.as_str()) == made.reference.as_deref());
        left.map(|request| request.left).min().unwrap_or(made.created)
    };
    let rule_of = |made: &Made| {
        if is_hot(made.destination) { "top up" } else { happening(out, made).map_or("", |happening| happening.rule) }
    };
    let waived = |made: &Made| {
        made.reference.as_ref().and_then(|reference| said.get(reference)).is_some_and(|names| names.len() >= 2)
    };
    let at = first_left(newest);
    let config = times.at(at);
    let moved = |made: &&&Made| made.paid_at().is_some();
    let recent = |made: &&&Made| first_left(made) > at - DAY;
    let ours: Vec<&Made> = ours.iter().copied().filter(|made| first_left(made) <= at).collect();
    let sum = |rows: Vec<&&Made>| rows.iter().map(|made| made.amount).sum::<u64>();
    let rule = rule_of(newest);
    let of_rule = || ours.iter().filter(|made| rule_of(made) == rule);
    let (per_payment, per_day, in_total, count) = limits(config, rule);
    let old = times.between(at - 3_000, at).map(|config| limits(config, rule).0).max().unwrap_or(per_payment);
    if newest.amount > old && !waived(newest) {
        return Err(format!("I5: {} is above per_payment", newest.id));
    }
    if sum(of_rule().filter(recent).filter(moved).collect()) > per_day && !waived(newest) {
        return Err(format!("I5: {} is above per_day of {rule}", newest.id));
    }
    if sum(of_rule().filter(moved).collect()) > in_total {
        return Err(format!("I5: {} is above in_total of {rule}", newest.id));
    }
    if u32::try_from(of_rule().filter(recent).count()).is_ok_and(|found| found > count) {
        return Err(format!("I5: {} is above max_per_day of {rule}", newest.id));
    }
    let (_, payee_day) = payee_of(rule);
    let to = ours.iter().filter(|made| made.destination == newest.destination);
    if sum(to.filter(recent).filter(moved).collect()) > payee_day {
        return Err(format!("I5: {} is above per_day of its payee", newest.id));
    }
    // What a person paid at the console counts once lists show it.
    let console = |made: &&Made| made.console && made.created < at - 16 * 60_000;
    let foreign = |recent: bool| {
        let rows = out.circle.made.iter().filter(console).filter(|made| made.paid_at().is_some());
        rows.filter(|made| !recent || made.created > at - DAY + 16 * 60_000).map(|made| made.amount).sum::<u64>()
    };
    if sum(ours.iter().filter(recent).filter(moved).collect()) + foreign(true) > WALLET_DAY {
        return Err(format!("I5: {} is above per_day of the wallet", newest.id));
    }
    if sum(ours.iter().filter(moved).collect()) + foreign(false) > WALLET_TOTAL {
        return Err(format!("I5: {} is above in_total of the wallet", newest.id));
    }
    Ok(())
}

/// When every fault has stopped and people have done what they can.
pub fn check_end(out: &Outside, stores: &[Store], times: &Times) -> Result<(), String> {
    for store in stores {
        for row in store.payments.values() {
            let settled = row.state.is_terminal() || matches!(row.state, PaymentState::Held | PaymentState::Human);
            let waits = row.state == PaymentState::Approved
                && store
                    .office
                    .office
                    .as_ref()
                    .is_some_and(|office| office.frozen.is_some() || office.paused.is_some());
            if !settled && !waits {
                return Err(format!("I11: {} is still {}", row.id, row.state.word()));
            }
            let live = row.live.as_deref().ok_or("a live row has no live part")?;
            let made = live.circle_id.as_ref().and_then(|id| out.circle.made.iter().find(|made| made.id == *id));
            let end = made.map(|made| made.path.last().expect("it began").1);
            let wanted = match row.state {
                PaymentState::Complete => Some("COMPLETE"),
                PaymentState::Failed => Some("FAILED"),
                PaymentState::Denied => Some("DENIED"),
                PaymentState::Cancelled => Some("CANCELLED"),
                _ => None,
            };
            if wanted.is_some() && wanted != end {
                return Err(format!("{} is {} and Circle says {end:?}", row.id, row.state.word()));
            }
            // A key that was bound to something was never proven to have done nothing.
            // A backup does not know what was answered after it was made.
            let bound = store.life == 0 && out.circle.conflicts.contains(&live.key.to_string());
            if row.state == PaymentState::Rejected && bound && live.absent.is_none() {
                return Err(format!("§4.4: {} is rejected, and its key is bound", row.id));
            }
            // What is taken for never paid is not at Circle.
            let reference = Some(live.reference.as_str());
            let there =
                out.circle.made.iter().any(|made| made.reference.as_deref() == reference && made.paid_at().is_some());
            if there && matches!(row.state, PaymentState::Rejected | PaymentState::Refused) && !times.doubled {
                return Err(format!("{} is {} and was paid", row.id, row.state.word()));
            }
        }
    }
    if times.quiet {
        quiet(out, stores, times)?;
    }
    Ok(())
}

/// Whether a happening came while its rule was stopped: what was mined before a person let the rule go on never pays.
fn was_stopped(store: &Store, happening: &Happening) -> bool {
    let mined = chain::block_time(happening.block);
    // Between two looks at the chain lie two hours at most.
    let noticed = mined + i64::try_from(chain::FINAL).expect("it is small") * chain::BLOCK_MS + 2 * 3_600_000;
    let of_rule = format!("rule {}: ", happening.rule);
    let stopped = |row: &AuditRow| row.what.as_str() == "stopped" && row.why.as_str().starts_with(&of_rule);
    let resumed = |row: &AuditRow| row.what.as_str() == "resumed" && row.why.as_str() == happening.rule;
    let lines = || store.audit.iter().enumerate();
    lines().filter(|(_, row)| stopped(row) && row.at.millis() <= noticed).any(|(place, _)| {
        let end = store.audit[place..].iter().find(|row| resumed(row));
        end.is_none_or(|row| mined <= row.at.millis())
    })
}

/// Where nothing was broken, whatever should be planned was.
fn quiet(out: &Outside, stores: &[Store], times: &Times) -> Result<(), String> {
    let store = &stores[0];
    let ours = [chain::PAYEE_A, chain::PAYEE_A_NEW, chain::WALLET, chain::OTHER_OWN].map(address);
    for happening in &out.happenings {
        let plain = !happening.suspect
            && happening.vouched != Vouched::ByNobody
            && happening.rule != "rehearsal"
            && happening.falls.is_none();
        let mined = chain::block_time(happening.block);
        let matched = times.configs.len() == 1 && times.at(mined).matches(happening);
        if plain && matched && happening.is_final(out.now) && !ours.contains(&happening.from) {
            let planned = store.payments.values().any(|row| row.transfer == Some(happening.id()));
            if !planned && !was_stopped(store, happening) {
                return Err(format!("I11: nothing was planned for {} of {}", happening.amount, happening.rule));
            }
        }
    }
    // A hot wallet that was low for hours was topped up, or a person was asked to.
    for (from, config) in &times.configs {
        let until = times.configs.iter().find(|(at, _)| at > from).map_or(out.now, |(at, _)| *at);
        let from = people::beginning().max(*from);
        let balance = &out.balances[usize::from(config.place)];
        let blocks = chain::height(from) + 100..chain::height(until);
        let low = blocks.clone().step_by(10).all(|block| balance.at(block) < crate::config::LEVEL);
        let to = config.address_of("top up");
        let asked = store.payments.values().any(|row| row.address == to);
        if low && blocks.count() > 400 && !asked {
            return Err(format!("I11: nobody tops up {to}"));
        }
    }
    Ok(())
}
