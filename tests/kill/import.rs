//! An import that meets deaths: a long list is added in parts, over one life of the monitor after another, each part asked for until it is
//! answered. What was stated to be complete is, and every address is there once.

use super::checker::compare_with;
use super::monitor::{self, Monitor};
use super::scene::{STRANGERS, Scene, TOKEN_VALUE};
use super::truth::{Movement, movements, text, truth};
use super::{Death, PATIENCE, deaths, die, number, store};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant, SystemTime};
use walletwatch::types::{Address, U256};
use walletwatch::world::chain::Chain;
use walletwatch::world::chance::Chance;
use walletwatch::world::receiver::Delivery;

/// Deaths where nothing else is said.
const ROUNDS: u64 = 12;
/// Parts of the list …
const PARTS: u64 = 8;
/// … and addresses of a part.
const IN_A_PART: u64 = 5_000;
/// Questions that may remain without an answer on a machine that is busy.
const MOST_UNANSWERED: u64 = 100;
/// The watch.
const WATCH: &str = "deposits";

/// An import, and what of it was answered.
struct Import {
    parts: Vec<Value>,
    /// The next part that was not answered.
    next: usize,
    /// By chain: from there on all that was answered is complete.
    complete_from: BTreeMap<String, u64>,
    /// Questions that nobody answered.
    unanswered: u64,
}

impl Import {
    /// Whoever moves in this world is in it, among very many who do not.
    fn new() -> Self {
        let filler = |n: u64| Address::left_padding_from(&(0xf00_0000_0000 + n).to_be_bytes());
        let part = |part: u64| {
            let mut all: Vec<Address> = (part * IN_A_PART..(part + 1) * IN_A_PART).map(filler).collect();
            all.extend(STRANGERS.get(usize::try_from(part).expect("it is small")));
            let addresses: Vec<Value> =
                all.iter().map(|address| json!({"address": text(*address), "ref": "c-1"})).collect();
            json!({"watches": [{"name": WATCH, "addresses": addresses}]})
        };
        let parts = (0..PARTS).map(part).collect();
        Self { parts, next: 0, complete_from: BTreeMap::new(), unanswered: 0 }
    }

    /// Goes on where it was, until all is answered or nobody answers.
    fn go_on(&mut self, at: SocketAddr) -> Result<(), String> {
        while let Some(part) = self.parts.get(self.next) {
            let Some((code, body)) = post(at, &format!("part-{}", self.next), &part.to_string()) else {
                self.unanswered += 1;
                return Ok(());
            };
            // It was not done in time, and may still be: with its key it may be asked for again.
            if code == 504 && self.unanswered < MOST_UNANSWERED {
                self.unanswered += 1;
                continue;
            }
            if code != 200 {
                return Err(format!("part {} was answered {code}: {body}", self.next));
            }
            let answer: Value = serde_json::from_str(&body).map_err(|error| format!("{error}: {body}"))?;
            for (chain, block) in answer["watches"][0]["complete_from"].as_object().into_iter().flatten() {
                let block = block.as_u64().ok_or_else(|| format!("no block is stated of {chain}"))?;
                let known = self.complete_from.entry(chain.clone()).or_default();
                *known = block.max(*known);
            }
            self.next += 1;
        }
        Ok(())
    }
}

/// `None` where no whole answer came.
fn post(at: SocketAddr, key: &str, body: &str) -> Option<(u16, String)> {
    let mut stream = TcpStream::connect(at).ok()?;
    stream.set_read_timeout(Some(PATIENCE)).ok()?;
    let head = format!(
        "POST /api/v1/watches HTTP/1.1\r\nhost: {at}\r\nauthorization: Bearer {TOKEN_VALUE}\r\ncontent-type: application/json\r\nidempotency-key: {key}\r\ncontent-length: {}\r\norigin: http://{at}\r\nconnection: close\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).ok()?;
    stream.write_all(body.as_bytes()).ok()?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).ok()?;
    let answer = String::from_utf8(answer).ok()?;
    let (head, body) = answer.split_once("\r\n\r\n")?;
    Some((head.split(' ').nth(1)?.parse().ok()?, body.to_owned()))
}

#[test]
fn an_import_goes_on_over_deaths_and_what_was_stated_is_complete() {
    let rounds = number("KILL_IMPORT_ROUNDS").unwrap_or(ROUNDS);
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("it is after 1970");
    let seed = number("KILL_SEED").unwrap_or(now.subsec_nanos().into());
    println!("KILL_IMPORT_ROUNDS={rounds} KILL_SEED={seed}");
    let started = Instant::now();
    let mut scene = Scene::new(seed, false);
    scene.warm_up();
    scene.mine_on(true);
    let (mut import, mut last_at) = (Import::new(), None);
    for (round, death) in deaths(rounds, &mut Chance::new(seed)).into_iter().enumerate() {
        // Each life has a part to add and no more: the others have theirs.
        let all = import.parts.len();
        let limit = (all * (round + 1)).div_ceil(usize::try_from(rounds).expect("it is small") + 1);
        let problem = life(&scene, death, &mut import, limit);
        if let Err(problem) = problem.and_then(|()| store::check(scene.folder(), &mut last_at)) {
            scene.keep();
            panic!("KILL_SEED={seed}, round {round} ({death:?}): {problem}");
        }
    }
    let mut monitor = scene.start(None);
    let at = monitor.wait_ready(PATIENCE).expect("it starts");
    import.go_on(at).unwrap_or_else(|problem| panic!("KILL_SEED={seed}: {problem}\n{}", monitor.log_tail()));
    assert_eq!(import.next, import.parts.len(), "it is whole");
    let (code, body) = monitor::ask(at, "GET", "/api/v1/watches", None).expect("it answers");
    assert_eq!(code, 200, "{body}");
    let listed: Value = serde_json::from_str(&body).expect("it is JSON");
    let row = listed["items"].as_array().and_then(|items| items.iter().find(|item| item["name"] == WATCH));
    let expected = PARTS * IN_A_PART + STRANGERS.len() as u64;
    assert_eq!(row.and_then(|row| row["addresses"].as_u64()), Some(expected), "each of them once: {body}");
    std::thread::sleep(Duration::from_millis(500));
    monitor.kill().expect("it lives");
    scene.mine_on(false);
    scene.settle();
    let violations = compare(&scene, &import);
    if !violations.is_empty() {
        scene.keep();
    }
    assert!(violations.is_empty(), "KILL_SEED={seed}: {}", violations.join("\n"));
    println!(
        "{rounds} deaths in {} s: {expected} addresses in {PARTS} parts, {} of them asked for again",
        started.elapsed().as_secs(),
        import.unanswered
    );
}

/// A life in which the import goes on up to a part.
fn life(scene: &Scene, death: Death, import: &mut Import, limit: usize) -> Result<(), String> {
    let mut monitor = scene.start(match death {
        Death::At(point, passage) => Some((point.word(), passage)),
        Death::AfterStart(_) | Death::AfterReady(_) => None,
    });
    let ended = |problem: String, monitor: &Monitor| format!("{problem}\n{}", monitor.log_tail());
    // One that dies early is never ready.
    let early = matches!(death, Death::AfterStart(_));
    let Some(at) = (!early).then(|| monitor.wait_ready(PATIENCE).ok()).flatten() else {
        return die(&mut monitor, death).map_err(|problem| ended(problem, &monitor));
    };
    let rest = import.parts.split_off(limit.max(import.next).min(import.parts.len()));
    let asked = std::thread::scope(|scope| {
        let asking = scope.spawn(|| import.go_on(at));
        let died = die(&mut monitor, death);
        died.and(asking.join().map_err(|_| "the import panicked".to_owned())?)
    });
    import.parts.extend(rest);
    asked.map_err(|problem| ended(problem, &monitor))
}

/// What is wrong with what was told: of the config's watches as ever, and of the list from the stated blocks on.
fn compare(scene: &Scene, import: &Import) -> Vec<String> {
    let got: Vec<Vec<Delivery>> = scene.receivers.iter().map(|receiver| receiver.deliveries()).collect();
    let body = |delivery: &Delivery| serde_json::from_slice::<Value>(&delivery.body).unwrap_or_default();
    let is_ours = |delivery: &Delivery| body(delivery)["data"]["watch"] == WATCH;
    let others: Vec<Vec<Delivery>> =
        got.iter().map(|all| all.iter().filter(|delivery| !is_ours(delivery)).cloned().collect()).collect();
    let mut violations = compare_with(&truth(scene), &others).violations;
    violations.extend(store::undelivered(scene.folder()));
    let mut ids = BTreeSet::new();
    let mut standing: BTreeMap<Movement, BTreeSet<String>> = BTreeMap::new();
    for delivery in got[0].iter().filter(|delivery| is_ours(delivery) && ids.insert(delivery.id.clone())) {
        let body = body(delivery);
        let (data, kind) = (&body["data"], body["type"].as_str().unwrap_or_default());
        let Some(movement) = told(data) else {
            violations.push(format!("of what is this? {body}"));
            continue;
        };
        let stages = standing.entry(movement).or_default();
        match kind.strip_prefix("transfer.") {
            Some("retracted") => {
                let left = data["confirmations"].as_u64().unwrap_or(0);
                stages.retain(|stage| left >= super::checker::depth_of(stage));
            }
            Some(stage) if stages.insert(stage.to_owned()) => {}
            Some(_) | None => violations.push(format!("told a second time: {body}")),
        }
    }
    for at in &scene.chains {
        let Some(complete) = import.complete_from.get(at.name) else {
            violations.push(format!("nothing was stated of {}", at.name));
            continue;
        };
        let canonical: Vec<Movement> = at.live.read(|chain: &Chain| {
            let blocks = (*complete..=chain.height()).filter_map(|number| chain.at(number));
            blocks.flat_map(|block| movements(at.name, block)).collect()
        });
        let strangers = STRANGERS.map(text);
        for movement in canonical.iter().filter(|it| strangers.contains(&it.from) || strangers.contains(&it.to)) {
            let told = standing.get(movement).map_or(0, BTreeSet::len);
            let amount: U256 = movement.amount.parse().expect("we wrote it");
            if told < 3 && !amount.is_zero() {
                violations.push(format!("complete from {complete}, and {told} stages were told of {movement:?}"));
            }
        }
    }
    violations
}

fn told(data: &Value) -> Option<Movement> {
    let low = |value: &Value| value.as_str().map(str::to_lowercase);
    Some(Movement {
        chain: low(&data["chain"])?,
        tx: low(&data["tx_hash"])?,
        kind: ["coin", "internal", "token"].into_iter().find(|kind| data["kind"] == *kind)?,
        contract: low(&data["asset"]["contract"]),
        from: low(&data["from"])?,
        to: low(&data["to"])?,
        amount: data["amount_raw"].as_str()?.to_owned(),
        nth: data["nth"].as_u64()?,
    })
}
