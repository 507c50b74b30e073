//! The planner over whole days, on no clock: what it achieves beside what `check` says before the start.

use super::*;
use crate::net::CallBudget;
use crate::reactor::wants::{BalanceWant, ChainWants, ViewWant};
use std::collections::VecDeque;

/// 2026-11-22T00:00:00Z.
const MIDNIGHT: i64 = 20_779 * DAY_MILLIS;
const FREE: Limits = Limits { per_second: 3, per_day: 100_000 };
/// An index shows what moved so long after its block.
const INDEX_LAG: i64 = 20_000;
/// An answer takes so long.
const LATENCY: i64 = 400;
/// At most so many answers are under way.
const IN_FLIGHT: usize = 3;

fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(MIDNIGHT + millis)
}

fn hours(hours: i64) -> i64 {
    hours * 3_600_000
}

fn address(number: usize) -> Address {
    Address::from_word(B256::from(crate::types::U256::from(number + 1)))
}

/// One list, as the explorer and the reactor know it.
struct Sheet {
    want: ViewWant,
    chain: ChainId,
    /// When something moves in it, ascending.
    moves: VecDeque<i64>,
    reads: Vec<i64>,
    /// When something moved, and how long after that a read showed it.
    shown: Vec<(i64, i64)>,
}

/// An account, what it is asked for, and what becomes of it.
struct Day {
    limits: Limits,
    planner: Planner,
    sheets: BTreeMap<Call, Sheet>,
    /// When coin moves at an address, ascending, and how many of those a balance has shown.
    coins: BTreeMap<(ChainId, Address), (Vec<i64>, usize)>,
    calls: BTreeMap<&'static str, u64>,
    from: i64,
}

impl Day {
    /// `watches` on `chains` with every list; those of the last `beside` chains have endpoints that vouch for coin and tokens.
    fn new(limits: Limits, watches: usize, chains: u64, beside: u64) -> Self {
        let mut day = Self {
            limits,
            planner: Planner::new(limits),
            sheets: BTreeMap::new(),
            coins: BTreeMap::new(),
            calls: BTreeMap::new(),
            from: 0,
        };
        for chain in 1..=chains {
            let own_blocks = chain > chains - beside;
            let extras = Extras {
                own_receipts: if own_blocks { BTreeSet::new() } else { [ChainId(chain)].into() },
                heads: BTreeSet::new(),
            };
            let views = (0..watches).flat_map(|number| List::USUAL.map(|list| (number, list)));
            let views = views.map(|(number, list)| ViewWant {
                address: address(number),
                list,
                from: 0,
                read_at: None,
                moved_at: None,
                pointed_at: None,
                leads: !own_blocks || list == List::Internal,
            });
            let wants = ChainWants { views: views.collect(), ..ChainWants::default() };
            for want in &wants.views {
                let sheet = Sheet {
                    want: *want,
                    chain: ChainId(chain),
                    moves: VecDeque::new(),
                    reads: Vec::new(),
                    shown: Vec::new(),
                };
                day.sheets.insert(Call::View(ChainId(chain), want.address, want.list), sheet);
            }
            day.planner.take(at(0), ChainId(chain), &wants, &extras);
        }
        day
    }

    /// So many tokens of each watch are held against a level, or only shown; its coin is shown too.
    fn holding(mut self, tokens: u8, often: bool) -> Self {
        let chains: BTreeSet<ChainId> = self.sheets.values().map(|sheet| sheet.chain).collect();
        for chain in chains {
            let views: Vec<ViewWant> =
                self.sheets.values().filter(|sheet| sheet.chain == chain).map(|sheet| sheet.want).collect();
            let addresses: BTreeSet<Address> = views.iter().map(|view| view.address).collect();
            let want = |address: Address, asset: Asset, often: bool| BalanceWant {
                address,
                asset,
                read_at: None,
                often,
                soon: false,
            };
            let held = addresses.iter().flat_map(|address| {
                let token = |number: u8| want(*address, Asset::Token(Address::repeat_byte(number)), often);
                (0..tokens).map(token).chain([want(*address, Asset::Coin, false)]).collect::<Vec<_>>()
            });
            let balances = held.collect();
            let wants = ChainWants { views, balances, explorer_receipts: true, ..ChainWants::default() };
            let extras = Extras { own_receipts: [chain].into(), heads: BTreeSet::new() };
            self.planner.take(at(0), chain, &wants, &extras);
        }
        self
    }

    /// Something moves in a list every so often.
    fn moving(mut self, chain: u64, watch: usize, list: List, from: i64, to: i64, every: i64) -> Self {
        let call = Call::View(ChainId(chain), address(watch), list);
        let times = (0..).map(|nth| from + nth * every).take_while(|time| *time < to);
        self.sheets.get_mut(&call).unwrap().moves.extend(times.clone());
        if list.shows_in_balance() {
            self.coins.entry((ChainId(chain), address(watch))).or_default().0.extend(times);
        }
        self
    }

    fn beginning(self, from: i64) -> Self {
        Self { from, ..self }
    }

    fn run(mut self, to: i64) -> Self {
        let mut budget = CallBudget::new(self.limits.per_second, self.limits.per_day);
        let mut flying: VecDeque<(i64, Call)> = VecDeque::new();
        let (mut now, mut last) = (self.from, None);
        while now < to {
            while flying.front().is_some_and(|(lands, _)| *lands <= now) {
                let (_, call) = flying.pop_front().unwrap();
                self.land(call, now);
            }
            let lands = flying.front().map(|(lands, _)| *lands);
            if flying.len() >= IN_FLIGHT {
                now = lands.unwrap();
                continue;
            }
            let next_start = budget.next_start(at(now)).when();
            let Limits { per_day, .. } = self.limits;
            let allowance = Allowance { next_start, day: budget.day(), used: budget.used(), per_day };
            match self.planner.next(at(now), &allowance) {
                Choice::Make(call) => {
                    assert!(
                        last.is_none_or(|last| now - last >= 350 || self.limits.per_second > 3),
                        "too close: {call:?}"
                    );
                    last = Some(now);
                    budget.started(at(now));
                    assert!(budget.used() <= per_day);
                    self.planner.started(call, at(now));
                    *self.calls.entry(call.word()).or_default() += 1;
                    flying.push_back((now + LATENCY, call));
                }
                Choice::Wait(until) => {
                    assert!(until > at(now), "it would not wait: {until}");
                    let until = until.millis() - MIDNIGHT;
                    now = lands.map_or(until, |lands| lands.min(until));
                }
                Choice::Idle => now = lands.expect("lists are always wanted"),
            }
        }
        self
    }

    fn land(&mut self, call: Call, now: i64) {
        self.planner.answered(call, false);
        if let Call::Balances(chain, batch) = call {
            for address in self.planner.batch(chain, batch) {
                // A batch shows what was wanted of each: it is not read by itself as well.
                self.planner.change(Call::Balance(chain, address, Asset::Coin), |past| past.read_at = Some(at(now)));
                let Some((moves, shown)) = self.coins.get_mut(&(chain, address)) else { continue };
                let moved = moves.partition_point(|time| *time <= now);
                if std::mem::replace(shown, moved) != moved {
                    self.planner.stir(chain, address, at(now));
                }
            }
            return;
        }
        let Some(sheet) = self.sheets.get_mut(&call) else { return };
        let mut moved = false;
        while let Some(time) = sheet.moves.front().copied().filter(|time| time + INDEX_LAG <= now) {
            sheet.moves.pop_front();
            sheet.shown.push((time, now - time));
            moved = true;
        }
        sheet.reads.push(now);
        sheet.want.read_at = Some(at(now));
        if moved {
            sheet.want.moved_at = Some(at(now));
        }
        self.planner.renew(sheet.chain, &sheet.want);
        self.planner.compare_heads(sheet.chain, at(now));
    }

    /// Seconds between two reads of these lists between two times: the mean, and the longest. A list that is not read is as old as
    /// the time.
    fn gaps(&self, from: i64, to: i64, counts: impl Fn(ChainId, &ViewWant) -> bool) -> (i64, i64) {
        let (mut sum, mut count, mut longest) = (0, 0, 0);
        for sheet in self.sheets.values().filter(|sheet| counts(sheet.chain, &sheet.want)) {
            let before = sheet.reads.iter().copied().filter(|read| *read < from).max().unwrap_or(from);
            let within = sheet.reads.iter().copied().filter(|read| (from..to).contains(read));
            let mut previous = before;
            for read in within.chain([to]) {
                longest = longest.max(read - previous);
                if read < to {
                    sum += read - previous;
                    count += 1;
                }
                previous = read;
            }
        }
        (sum / count.max(1) / 1_000, longest / 1_000)
    }

    /// Seconds from a block since `from` to the read that showed it, in these lists: the mean, and the longest.
    fn delays(&self, from: i64, counts: impl Fn(ChainId, &ViewWant) -> bool) -> (i64, i64) {
        let sheets = self.sheets.values().filter(|sheet| counts(sheet.chain, &sheet.want));
        let shown = sheets.flat_map(|sheet| sheet.shown.iter().filter(|(time, _)| *time >= from));
        let all: Vec<i64> = shown.map(|(_, delay)| *delay).collect();
        let count = i64::try_from(all.len().max(1)).unwrap();
        (all.iter().sum::<i64>() / count / 1_000, all.iter().max().copied().unwrap_or(0) / 1_000)
    }

    fn pace(&self) -> (i64, i64) {
        let seconds = |span: Option<Duration>| i64::try_from(span.unwrap().as_secs()).unwrap();
        (seconds(self.planner.pace().quiet), seconds(self.planner.pace().promised))
    }
}

/// Whether a number is within a fifth of what was said of it.
fn near(measured: i64, said: i64) -> bool {
    measured * 10 >= said * 8 && measured * 10 <= said * 12
}

fn leads(_: ChainId, want: &ViewWant) -> bool {
    want.leads
}

#[test]
fn over_a_quiet_day_views_are_as_fresh_as_check_says() {
    println!(
        "{:58} {:>7} {:>7} {:>7} {:>8} {:>7}",
        "quiet day (seconds)", "said", "mean", "oldest", "promised", "calls"
    );
    let check = |what: &str, day: Day, from: i64, to: i64| {
        let day = day.run(to);
        let ((quiet, promised), (mean, oldest)) = (day.pace(), day.gaps(from, to, leads));
        let calls: u64 = day.calls.values().sum();
        println!("{what:58} {quiet:7} {mean:7} {oldest:7} {promised:8} {calls:7}");
        assert!(near(mean, quiet), "{what}: {mean} is not {quiet}");
        assert!(near(oldest, quiet) && oldest * 100 <= promised * 101, "{what}: the oldest is {oldest}");
    };
    check("200 watches, 3 chains, 3/s, 100,000 a day", Day::new(FREE, 200, 3, 0), hours(2), hours(24));
    check("10 watches, 4 chains, 3/s, 100,000 a day", Day::new(FREE, 10, 4, 0), hours(2), hours(6));
    check("1 watch, 1 chain: no sooner than every 15 s", Day::new(FREE, 1, 1, 0), hours(2), hours(4));
    let blockscout = Limits { per_second: 5, per_day: 5_000 };
    check("20 watches, 1 chain, 5/s, 5,000 a day", Day::new(blockscout, 20, 1, 0), hours(2), hours(24));
    let beside = Day::new(FREE, 200, 3, 2);
    check("200 watches, 3 chains, 2 of them with endpoints", beside, hours(2), hours(5));
    let shown = Day::new(FREE, 200, 3, 0).holding(1, false);
    check("200 watches, 3 chains, a token of each shown", shown, hours(2), hours(24));
    let ruled = Day::new(FREE, 200, 3, 0).holding(1, true);
    check("200 watches, 3 chains, a rule for a token of each", ruled, hours(4), hours(24));
    let ruled = Day::new(FREE, 10, 4, 0).holding(1, true);
    check("10 watches, 4 chains, a rule for a token of each", ruled, hours(2), hours(6));
    let tiny = Limits { per_second: 3, per_day: 1_000 };
    check("600 lists of one chain, 1,000 a day: less than two rounds", Day::new(tiny, 200, 1, 0), hours(24), hours(96));
    let tiny = Limits { per_second: 3, per_day: 1_000 };
    check("1,800 lists, 1,000 a day: less than one round", Day::new(tiny, 200, 3, 0), hours(48), hours(24 * 9));
    let late = Day::new(Limits { per_second: 3, per_day: 20_000 }, 60, 1, 0).beginning(hours(12));
    check("60 watches, 20,000 a day, begun at noon, the next day", late, hours(26), hours(30));
}

#[test]
fn whatever_is_in_a_hurry_the_others_are_no_older_than_promised() {
    println!("{:58} {:>7} {:>7} {:>8}", "busy day (seconds)", "mean", "oldest", "promised");
    let check = |what: &str, day: Day, from: i64, to: i64, saturated: bool| {
        let day = day.run(to);
        let ((quiet, promised), (mean, oldest)) = (day.pace(), day.gaps(from, to, leads));
        println!("{what:58} {mean:7} {oldest:7} {promised:8}");
        assert!(oldest * 100 <= promised * 101, "{what}: {oldest} is older than {promised}");
        assert!(!saturated || near(oldest, promised), "{what}: {oldest} is far from {promised}");
        assert!(oldest >= quiet * 8 / 10, "{what}");
        day
    };
    let burst = Day::new(FREE, 200, 3, 0).moving(1, 7, List::Tokens, hours(6), hours(8), 10_000);
    let day = check("200 watches, one moves every 10 s for two hours", burst, hours(2), hours(9), false);
    let busy = |chain: ChainId, want: &ViewWant| {
        chain == ChainId(1) && want.address == address(7) && want.list == List::Tokens
    };
    let ((mean, oldest), delays) = (day.gaps(hours(7), hours(8), busy), day.delays(hours(7), busy));
    println!(
        "    that list: read every {mean} s, at most {oldest} s; shown after {} s, at most {} s",
        delays.0, delays.1
    );
    assert!(mean <= 20 && oldest <= 40, "the busy list was read every {mean} s, at most {oldest}");
    assert!(delays.0 <= 40 && delays.1 <= 60, "{delays:?}");

    // Every address moves again and again: what is read in a hurry need not be read in its turn.
    let mut flood = Day::new(FREE, 200, 3, 0);
    for watch in 0..200 {
        for chain in 1..=3 {
            flood = flood.moving(chain, watch, List::Tokens, hours(1), hours(6), 120_000);
        }
    }
    check("200 watches, each moves every two minutes", flood, hours(3), hours(6), false);

    // One chain is in a hurry without end: the hurry takes all that it may, and the others get what is promised.
    let mut pointed = Day::new(FREE, 60, 4, 0);
    for watch in 0..60 {
        pointed = pointed.moving(2, watch, List::Internal, hours(1), hours(5), 30_000);
    }
    check("60 watches on 4 chains, one chain in a frenzy", pointed, hours(3), hours(5), true);
}

#[test]
fn balances_show_what_moved_long_before_its_turn() {
    let mut day = Day::new(FREE, 200, 3, 0);
    for nth in 0..60_i64 {
        let watch = usize::try_from(nth * 3).unwrap();
        let from = hours(2) + nth * 480_000;
        day = day.moving(1, watch, List::Transactions, from, from + 1, 10_000);
        day = day.moving(2, watch, List::Tokens, from, from + 1, 10_000);
    }
    let day = day.run(hours(11));
    let of = |chain: u64| move |on: ChainId, _: &ViewWant| on == ChainId(chain);
    let (coin, token) = (day.delays(0, of(1)), day.delays(0, of(2)));
    println!("seen after (mean, longest): coin {coin:?} s, tokens {token:?} s; calls {:?}", day.calls);
    let sweep = i64::try_from(day.planner.pace().sweep.unwrap().as_secs()).unwrap();
    assert!(coin.1 <= sweep + 90, "{coin:?}: a sweep comes every {sweep} s");
    assert!(coin.0 * 3 < token.0, "{coin:?} {token:?}");
}

#[test]
fn what_is_added_or_pointed_at_is_read_at_once_even_beside_thousands() {
    let mut day = Day::new(FREE, 200, 3, 0).run(hours(2));
    let mut budget = CallBudget::new(3, 100_000).resumed(20_779, 12_000);
    let mut wanted = |day: &mut Day, now: i64| {
        let allowance = Allowance { next_start: at(now), day: 20_779, used: 12_000, per_day: 100_000 };
        budget.started(at(now));
        let Choice::Make(call) = day.planner.next(at(now), &allowance) else { panic!("there is always something") };
        day.planner.started(call, at(now));
        day.planner.answered(call, false);
        call
    };
    let now = hours(3);
    // 1,000 addresses are added to the third chain; one of the first is pointed at a moment later.
    let template = day.sheets.values().next().unwrap().want;
    let added = (1_000..2_000).map(|number| ViewWant { address: address(number), read_at: None, ..template });
    let own = day.sheets.values().filter(|sheet| sheet.chain == ChainId(3)).map(|sheet| sheet.want);
    let views: Vec<ViewWant> = own.chain(added).collect();
    day.planner.take(at(now), ChainId(3), &ChainWants { views, ..ChainWants::default() }, &Extras::default());
    day.planner.stir(ChainId(1), address(5), at(now));
    let calls: Vec<Call> = (0..400).map(|nth| wanted(&mut day, now + nth * 350)).collect();
    let is_new =
        |call: &Call| matches!(call, Call::View(chain, who, _) if *chain == ChainId(3) && *who >= address(1_000));
    let new = calls.iter().filter(|call| is_new(call)).count();
    assert!((80..=101).contains(&new), "{new} of 400 calls: a quarter is for what is in a hurry");
    let pointed = |call: &Call| matches!(call, Call::View(chain, who, _) if *chain == ChainId(1) && *who == address(5));
    assert!(calls.iter().take(13).filter(|call| pointed(call)).count() >= 3, "{:?}", &calls[..13]);
}

#[test]
fn a_choice_costs_the_same_beside_a_hundred_thousand_lists() {
    for watches in [200, 34_000] {
        let mut day = Day::new(Limits { per_second: 30, per_day: 1_500_000 }, watches, 1, 0);
        let lists = day.sheets.len();
        let views: Vec<ViewWant> = day.sheets.values().map(|sheet| sheet.want).collect();
        let wants = ChainWants { views, ..ChainWants::default() };
        let own = Extras { own_receipts: [ChainId(1)].into(), ..Extras::default() };
        let began = tokio::time::Instant::now();
        day.planner.take(at(0), ChainId(1), &wants, &own);
        println!("{lists} lists: taken once more in {} us (this build)", began.elapsed().as_micros());
        let began = tokio::time::Instant::now();
        let mut choices = 0_u32;
        for nth in 0..5_000_i64 {
            let now = at(nth * 35);
            let allowance = Allowance { next_start: now, day: 20_779, used: 0, per_day: 1_500_000 };
            if let Choice::Make(call) = day.planner.next(now, &allowance) {
                day.planner.started(call, now);
                day.land(call, nth * 35);
                choices += 1;
            }
        }
        let spent = began.elapsed();
        let each = spent.as_nanos() / u128::from(choices.max(1));
        println!("{lists} lists: {choices} choices, made and answered, {each} ns each (this build)");
        assert!(choices > 1_000);
    }
}
