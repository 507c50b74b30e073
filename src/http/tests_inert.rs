//! Names that strangers gave their tokens: on every page where they stand they are text, in quotes, and in a real Chromium nothing of them
//! runs, is drawn or is asked for.

use super::served::{Served, ask, serving_more, transfer};
use crate::http::Deadlines;
use crate::reactor::rows::{Row, TokenRow, TransferRow};
use crate::store::{Commit, Write};
use crate::types::{Address, Asset, ChainId, Kind, Timestamp, TransferKey};
use std::path::{Path, PathBuf};
use std::process::Command;

/// What tokens call themselves; a text that hides what it is, is none: what hides is a box.
const NAMES: [(&str, &str); 7] = [
    ("<img src=x onerror=alert(1)>", "<img src=x onerror=alert(1)>"),
    ("<script>alert(1)</script>", "<script>alert(1)</script>"),
    ("\"><svg onload=alert(1)>", "\"><svg onload=alert(1)>"),
    ("=cmd|' /C calc'!A0", "=cmd|' /C calc'!A0"),
    ("</td></tr></table><h1>Paid", "</td></tr></table><h1>Paid"),
    ("javascript:alert(1)//&#60;b&#62;", "javascript:alert(1)//&#60;b&#62;"),
    ("CDSU\u{202e}USDC\u{200b}", "CDSU\u{fffd}USDC\u{fffd}"),
];

fn contract(place: usize) -> Address {
    Address::repeat_byte(0xa0 + u8::try_from(place).expect("there are few"))
}

/// A transfer of the token at this place.
fn paid(place: usize) -> TransferRow {
    let row = transfer(0);
    let key = TransferKey { kind: Kind::Token, asset: Asset::Token(contract(place)), ..row.key };
    TransferRow { id: key.id(), key, first_seen: Timestamp::from_secs(960), ..row }
}

/// A monitor whose watch got one of each.
async fn poisoned() -> Served {
    let token = |(place, (said, _)): (usize, &(&str, &str))| {
        let symbol = Some((*said).into());
        Write::Put(Row::Token(TokenRow { chain: ChainId(1), contract: contract(place), decimals: Some(18), symbol }))
    };
    let mut writes: Vec<Write> = NAMES.iter().enumerate().map(token).collect();
    writes.extend((0..NAMES.len()).map(|place| Write::Put(Row::Transfer(Box::new(paid(place))))));
    serving_more(Deadlines::default(), vec![Commit { at: Timestamp::from_secs(960), writes, outbox: Vec::new() }]).await
}

/// Every page on which such a name stands.
fn pages() -> Vec<String> {
    let one = |place| format!("/transfers/{}", paid(place).id);
    let lists = ["/", "/transfers", "/watches/treasury"].map(str::to_owned);
    lists.into_iter().chain((0..NAMES.len()).map(one)).collect()
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[tokio::test]
async fn a_token_s_own_name_is_text_in_quotes_that_says_whose_word_it_is() {
    let served = poisoned().await;
    for (place, path) in pages().iter().enumerate() {
        let page = ask(&served, &format!("GET {path}"), &["Accept: text/html"], "").await;
        assert_eq!(page.status, 200, "{path}: {}", page.body);
        for (other, (said, shown)) in NAMES.iter().enumerate().filter(|(other, _)| place < 3 || *other == place - 3) {
            assert!(page.body.contains(&format!("“{}”</span>", escaped(shown))), "{path}: {said:?} {other}");
            assert!(!said.contains('<') || !page.body.contains(said), "{path}: {said:?} is markup");
        }
        assert!(page.body.contains("unverified token") && page.body.contains("class=\"claim\""), "{path}");
    }
    let api = ask(&served, "GET /api/v1/transfers", &[], "").await.json();
    let items = api["items"].as_array().cloned().unwrap_or_default();
    let claims = items.iter().filter(|item| item["asset"]["verified"] == false && item["asset"]["symbol"].is_string());
    assert_eq!(claims.count(), NAMES.len(), "a machine is told that it is unverified");
}

/// Opens every page and says what is otherwise than text.
const LOOK: &str = r#"
import { createRequire } from "node:module";
const [tools, executablePath, base, paths, names] = process.argv.slice(1);
const puppeteer = createRequire(`${tools}/node_modules/index.js`)("puppeteer-core");
const browser = await puppeteer.launch({ executablePath, headless: true, args: ["--no-sandbox", "--disable-gpu",
  "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"] });
const page = await browser.newPage();
const wrong = [];
page.on("dialog", (dialog) => { wrong.push(`a dialog: ${dialog.message()}`); dialog.dismiss(); });
page.on("pageerror", (error) => wrong.push(`a script: ${error}`));
page.on("console", (said) => { if (["error", "warn"].includes(said.type())) wrong.push(`the console: ${said.text()}`); });
page.on("request", (request) => { if (!request.url().startsWith(`${base}/`) || request.url().endsWith("/x")) wrong.push(`a request: ${request.url()}`); });
await page.evaluateOnNewDocument(() => addEventListener("securitypolicyviolation", (event) => console.error(`CSP: ${event.violatedDirective}`)));
const all = JSON.parse(names);
for (const [place, path] of JSON.parse(paths).entries()) {
  await page.goto(base + path, { waitUntil: "load" });
  // What the script makes of it when it reads the page again is looked at too.
  await page.evaluate(() => new Promise((done) => setTimeout(done, 400)));
  const found = await page.evaluate(() => ({
    strange: document.querySelectorAll("main img, main script, main svg[onload], main h1 ~ h1, script:not([src]), iframe, object").length,
    claims: [...document.querySelectorAll(".claim")].map((it) => it.textContent),
    direction: [...document.querySelectorAll(".claim")].every((it) => getComputedStyle(it).direction === "ltr"),
  }));
  if (found.strange) wrong.push(`${path}: ${found.strange} elements that a name made`);
  if (!found.direction) wrong.push(`${path}: a name turns its text around`);
  for (const name of place < 3 ? all : [all[place - 3]])
    if (!found.claims.includes(`“${name}”`)) wrong.push(`${path}: ${name} is not there as text: ${found.claims}`);
}
await browser.close();
if (wrong.length) { console.log(wrong.join("\n")); process.exit(1); }
"#;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn in_a_real_browser_nothing_of_a_name_runs() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/tools/browser");
    let tools = std::env::var_os("WALLETWATCH_BROWSER").map_or(folder, PathBuf::from);
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = |name: &str| std::env::split_paths(&path).map(|folder| folder.join(name)).find(|file| file.is_file());
    let browser = found("chromium").or_else(|| found("chromium-browser"));
    let (Some(chromium), Some(node), true) =
        (browser, found("node").or_else(|| found("nodejs")), tools.join("node_modules/puppeteer-core").is_dir())
    else {
        println!(
            "left out: hostile names in a real browser (chromium, node and puppeteer-core are not all here; tests/run installs them)"
        );
        return;
    };
    let served = poisoned().await;
    let mut look = Command::new(node);
    look.args(["--input-type=module", "-e", LOOK]).args([&tools, &chromium]).arg(format!("http://{}", served.at));
    look.arg(serde_json::to_string(&pages()).expect("it is text"));
    look.arg(serde_json::to_string(&NAMES.map(|(_, shown)| shown)).expect("it is text"));
    let looked = tokio::task::spawn_blocking(move || look.output()).await.expect("nobody panics").expect("node starts");
    let said = String::from_utf8_lossy(&looked.stdout);
    assert!(looked.status.success(), "{said}\n{}", String::from_utf8_lossy(&looked.stderr));
}
