//! The export, read back by others: sums to the wei equal the store's, hostile names do nothing, and memory does not grow with the rows.

use crate::place::{Place, config};
use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use walletwatch::reactor::effect::{Quote, Suspect};
use walletwatch::reactor::rows::{Row, TokenRow, TransferRow, Voucher};
use walletwatch::store::{Commit, IfMissing, SqliteStore, Store, Write};
use walletwatch::types::{
    Address, Asset, B256, ChainId, Kind, Pair, Percent, Price, Stage, Timestamp, TransferKey, U256,
};

const CHAIN: ChainId = ChainId(31337);
const ONE: &str = "0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC";
const TWO: &str = "0x90F79bf6EB2c4f870365E785982E1f101E93b906";
const STRANGER: Address = Address::repeat_byte(0xd1);
const KNOWN: Address = Address::repeat_byte(0x77);
/// Contracts whose names are formulas.
const HOSTILE: [(Address, &str); 4] = [
    (Address::repeat_byte(0x81), "=HYPERLINK(\"http://evil.example\",\"USDC\")"),
    (Address::repeat_byte(0x82), "@SUM(1+1)*cmd|' /C calc'!A0"),
    (Address::repeat_byte(0x83), "+1,\"quoted\""),
    (Address::repeat_byte(0x84), "<script>alert(1)</script>"),
];

/// A place whose watches belong to people with strange books.
fn place() -> Place {
    let place = Place::new();
    let more = r#"
[[watch]]
name = "deposits"
file = "deposits.csv"
[[token]]
chain = "devnet"
symbol = "TEST"
contract = "0x7777777777777777777777777777777777777777"
decimals = 6
"#;
    let text = config(place.port, "ws://127.0.0.1:1", "");
    fs::write(place.file(), format!("{text}{more}")).unwrap();
    let list = format!("address,ref,label\n{ONE},-2+3,\"=cmd|' /C calc'!A0\"\n{TWO},c-2,\"Lovelace, Ada\"\n");
    fs::create_dir(place.data()).unwrap();
    fs::write(place.data().join("deposits.csv"), &list).unwrap();
    fs::write(place.folder.path().join("deposits.csv"), list).unwrap();
    place
}

/// The `number`th transfer: in and out, of the coin, a known token and the hostile ones, some taken back, some not vouched for.
fn transfer(number: u64) -> TransferRow {
    let own: Address = if number.is_multiple_of(3) { TWO } else { ONE }.parse().unwrap();
    let (from, to) = match number % 5 {
        0 => (own, STRANGER),
        1 => (ONE.parse().unwrap(), TWO.parse().unwrap()),
        2 if number.is_multiple_of(7) => (own, own),
        _ => (STRANGER, own),
    };
    let (asset, amount) = match number % 11 {
        0..=4 => (Asset::Coin, U256::from(number) * U256::from(1_000_000_000_000_000_007_u64)),
        5..=7 => (Asset::Token(KNOWN), U256::from(number * 1_000_003)),
        // More than a double, and more than 128 bits hold.
        8 => (Asset::Token(HOSTILE[0].0), (U256::from(1) << 200) + U256::from(number)),
        other => (Asset::Token(HOSTILE[usize::try_from(other).unwrap() - 8].0), U256::from(number)),
    };
    let kind = if asset == Asset::Coin { Kind::Coin } else { Kind::Token };
    let tx = B256::from(U256::from(number));
    let key = TransferKey { chain: CHAIN, tx, kind, asset, from, to, token_id: None, amount, nth: 0 };
    let quote = (asset == Asset::Coin).then(|| Quote {
        pair: Pair::parse("ETH-USD").unwrap(),
        price: Price::parse("2500.12").unwrap(),
        source: "coinbase".into(),
        sources: 1,
        spread: Percent::default(),
        as_of: Timestamp::from_secs(number),
    });
    TransferRow {
        id: key.id(),
        key,
        block: number / 4,
        block_hash: None,
        block_time: Timestamp::from_secs(1_760_000_000 + number / 4 * 12),
        log_index: (asset != Asset::Coin).then_some(number % 4),
        stage: if number.is_multiple_of(13) { Stage::Retracted } else { Stage::Final },
        suspect: Suspect { dust: number.is_multiple_of(17), ..Suspect::default() },
        voucher: if number.is_multiple_of(19) { Voucher::Other } else { Voucher::Authority },
        late: false,
        history: number < 10,
        missing: None,
        first_seen: Timestamp::from_secs(number),
        quote,
        settled: true,
    }
}

/// Fills the store with so many.
fn fill(path: &Path, count: u64) {
    let mut store = SqliteStore::open(path, IfMissing::Create([7; 16])).unwrap();
    let tokens = HOSTILE.map(|(contract, symbol)| {
        Write::Put(Row::Token(TokenRow { chain: CHAIN, contract, decimals: Some(18), symbol: Some(symbol.into()) }))
    });
    let commit = |writes: Vec<Write>| Commit { at: Timestamp::from_secs(1), writes, outbox: Vec::new() };
    store.commit(&commit(tokens.into())).unwrap();
    let numbers: Vec<u64> = (0..count).collect();
    for numbers in numbers.chunks(5_000) {
        let put = |number: &u64| Write::Put(Row::Transfer(Box::new(transfer(*number))));
        store.commit(&commit(numbers.iter().map(put).collect())).unwrap();
    }
}

/// What each address holds of each asset, by the columns of the table itself: `address contract -> (in, out)`, in raw units.
fn held(path: &Path) -> BTreeMap<String, (U256, U256)> {
    let connection = rusqlite::Connection::open(path).unwrap();
    let sql =
        "SELECT sender, receiver, contract, amount FROM transfers WHERE stage <> 'retracted' AND voucher = 'authority'";
    let mut statement = connection.prepare(sql).unwrap();
    let mut rows = statement.query([]).unwrap();
    let own: Vec<Address> = [ONE, TWO].map(|one| one.parse().unwrap()).into();
    let mut sums: BTreeMap<String, (U256, U256)> = BTreeMap::new();
    while let Some(row) = rows.next().unwrap() {
        let address = |at: usize| Address::from(row.get::<_, [u8; 20]>(at).unwrap());
        let (from, to) = (address(0), address(1));
        let contract: Option<[u8; 20]> = row.get(2).unwrap();
        let contract = contract.map_or_else(String::new, |bytes| Address::from(bytes).to_string());
        let amount = U256::from_be_bytes(row.get::<_, [u8; 32]>(3).unwrap());
        if from != to {
            for (end, is_in) in [(from, false), (to, true)].into_iter().filter(|(end, _)| own.contains(end)) {
                let (came, went) = sums.entry(format!("{end} {contract}")).or_default();
                *(if is_in { came } else { went }) += amount;
            }
        }
    }
    sums
}

/// A Python with DuckDB, where there is one.
fn reader() -> Option<PathBuf> {
    let named = std::env::var_os("WALLETWATCH_DUCKDB").map(PathBuf::from);
    let tools = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/tools/duckdb/bin/python3");
    let found = named.into_iter().chain([tools, "python3".into()]).find(|python| {
        let asked = Command::new(python).args(["-c", "import duckdb"]).stderr(Stdio::null()).status();
        asked.is_ok_and(|status| status.success())
    });
    if found.is_none() {
        println!("left out: the export read by others (DuckDB, from PyPI, is not here; tests/run installs it)");
    }
    found
}

/// Reads both formats by DuckDB and by Python's own reader, and prints what each line of `held` prints; fails where a cell is a formula, or
/// a running balance is not the sum so far.
const READS: &str = r#"
import csv, duckdb, io, sys
table, lines = sys.argv[1], sys.argv[2]
columns = "address, coalesce(contract, ''), direction, amount_raw, running_balance_raw, corroborated, stage, symbol, label, ref"
of_csv = duckdb.sql(f"SELECT {columns} FROM read_csv('{table}', all_varchar=true, header=true)").fetchall()
texts = "{" + ", ".join(f"{name}: 'VARCHAR'" for name in
    "address contract direction amount_raw running_balance_raw corroborated stage symbol label ref".split()) + "}"
of_json = duckdb.sql(f"SELECT {columns} FROM read_json('{lines}', format='newline_delimited', columns={texts})").fetchall()
with open(table, newline="", encoding="utf-8") as file:
    text = file.read()
assert "\n" not in text.replace("\r\n", ""), "every line ends as RFC 4180 says"
rows = list(csv.reader(io.StringIO(text, newline=""), strict=True))
assert len({len(row) for row in rows}) == 1, "every line has as many cells"
assert len(rows) - 1 == len(of_csv) == len(of_json), (len(rows) - 1, len(of_csv), len(of_json))
for row in rows:
    for cell in row:
        number = cell.removeprefix("-").replace(".", "", 1).isdigit()
        assert number or not cell.lstrip().startswith(("=", "+", "-", "@", "|", "%")), cell
def sums(read):
    held = {}
    for address, contract, direction, raw, running, corroborated, stage, *_ in read:
        held.setdefault((address, contract), [0, 0])
        if corroborated == "true" and stage != "retracted" and direction != "self":
            held[address, contract][direction == "out"] += int(raw)
        came, went = held[address, contract]
        assert came - went == int(running), (address, contract, came - went, running)
    return held
assert sums(of_csv) == sums(of_json)
plain = lambda cell: cell.removeprefix("'") if cell else cell
for one, other in zip(of_csv, of_json):
    assert [plain(cell) for cell in one] == list(other), (one, other)
for (address, contract), (came, went) in sorted(sums(of_csv).items()):
    print(address, contract, came, went)
"#;

#[test]
fn an_export_read_by_others_adds_up_to_the_store() {
    let place = place();
    fill(&place.store(), 4_000);
    let write = |name: &str, format: &str| {
        let said = place.ask(&["export", "--format", format]);
        assert_eq!((said.code, said.talk.as_str()), (0, ""), "{said:?}");
        let path = place.folder.path().join(name);
        fs::write(&path, said.answer).unwrap();
        path
    };
    let (table, lines) = (write("ledger.csv", "csv"), write("ledger.jsonl", "jsonl"));
    let text = fs::read_to_string(&lines).unwrap();
    assert!(
        text.contains("\"usd\":\"2500.12\"") && text.contains("\"symbol\":\"TEST\",\"contract\":\"0x7777"),
        "{text}"
    );
    let Some(python) = reader() else { return };
    let read = Command::new(python).args(["-c", READS]).arg(table).arg(lines).output().unwrap();
    assert!(read.status.success(), "{}", String::from_utf8_lossy(&read.stderr));
    let told = String::from_utf8(read.stdout).unwrap();
    let of_store: Vec<String> =
        held(&place.store()).into_iter().map(|(account, (came, went))| format!("{account} {came} {went}")).collect();
    assert_eq!(told.lines().collect::<Vec<_>>(), of_store);
}

#[test]
fn an_export_gives_what_is_asked_for_and_its_balances_run_from_before() {
    let place = place();
    fill(&place.store(), 200);
    let lines = |arguments: &[&str]| -> Vec<serde_json::Value> {
        let said = place.ask(&[&["export", "--format", "jsonl"], arguments].concat());
        assert_eq!(said.code, 0, "{said:?}");
        said.answer.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    };
    let all = lines(&[]);
    let since = "2025-10-09T08:56:40Z";
    assert_eq!(Timestamp::parse(since), Some(Timestamp::from_secs(1_760_000_200)));
    let (before, after) = (lines(&["--until", since]), lines(&["--since", since]));
    assert!(!before.is_empty() && !after.is_empty());
    assert_eq!([before, after].concat(), all, "nothing twice, nothing lost, and the same balances");
    assert!(all.iter().all(|line| line["watch"] == "deposits" && line["stage"] == "final"));
    assert!(lines(&["--watch", "hot"]).is_empty());
    assert_eq!(lines(&["--watch", "deposits", "--chain", "devnet"]), all);
    assert!(lines(&["--stage", "retracted"]).iter().all(|line| line["running_balance_raw"] == "0"));
    place.ask(&["export", "--watch", "nobody"]).fails(2, &["no watch nobody"]);
    place.ask(&["export", "--chain", "nowhere"]).fails(2, &["no chain nowhere"]);
    place.ask(&["export", "--since", "yesterday"]).fails(2, &["2026-01-31"]);
}

/// The most memory that an export took, in KiB, and its lines.
fn export_and_look(place: &Place) -> (u64, usize) {
    let mut child = place.command(&["export"]).stdout(Stdio::piped()).spawn().unwrap();
    let status = format!("/proc/{}/status", child.id());
    let mut out = child.stdout.take().unwrap();
    let (mut piece, mut most, mut lines) = (vec![0; 256 * 1024], 0, 0);
    loop {
        // While its last words are in the pipe it is still there.
        let peak = fs::read_to_string(&status).ok().and_then(|text| {
            let line = text
                .lines()
                .find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB").map(str::to_owned));
            line?.trim().parse::<u64>().ok()
        });
        most = most.max(peak.unwrap_or(0));
        match out.read(&mut piece).unwrap() {
            0 => break,
            length => lines += piece[..length].split(|byte| *byte == b'\n').count() - 1,
        }
    }
    assert!(child.wait().unwrap().success());
    (most, lines)
}

#[test]
fn a_hundred_thousand_transfers_are_exported_in_the_memory_of_ten_thousand() {
    let measure = |count: u64| {
        let place = place();
        fill(&place.store(), count);
        export_and_look(&place)
    };
    let ((few, few_lines), (many, many_lines)) = (measure(10_000), measure(100_000));
    assert!(many_lines > few_lines * 9, "{few_lines} {many_lines}");
    assert!(few > 1_000, "the system tells no memory: {few} KiB");
    // SQLite's pages are kept up to two MiB.
    assert!(many < few + 4 * 1024, "{few} KiB for {few_lines} lines, {many} KiB for {many_lines}");
    println!("an export of {many_lines} lines took {many} KiB, one of {few_lines} {few} KiB");
}
