// Drives a real Chromium over the page of a running monitor, and says everything that is wrong, a line each.
//
//   node look.mjs TOOLS CHROMIUM PROGRAM BASE PICTURES TOKEN
//
// TOOLS is a folder with puppeteer-core and axe-core in its node_modules, PROGRAM walletwatch, BASE the address of its calm demo's page,
// PICTURES a folder to leave pictures in. With TOKEN it decides a payment that waits. It asks the demo for everything that can be seen, and
// reaches nothing but BASE, and a server of its own on loopback.
import { execFile } from "node:child_process";
import { createRequire } from "node:module";
import { createServer } from "node:http";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

const [tools, chromium, program, base, pictures, token] = process.argv.slice(2);
const tool = createRequire(join(tools, "node_modules", "index.js"));
const puppeteer = tool("puppeteer-core");
const axe = readFileSync(tool.resolve("axe-core/axe.min.js"), "utf8");

// The overview is looked at in all of these, every other page in the two that differ most.
const LOOKS = [[1440, 1000, "light"], [360, 780, "dark"], [1440, 1000, "dark"], [360, 780, "light"], [820, 1100, "light"], [820, 1100, "dark"]];
const FEW = 2;
// What can be asked for: on which page it shows, and in which rows one after the other, by all of these words. Those of a group are asked for
// at once.
const DEEDS = [
  [["dead-receiver", "/outbox?sink=book-keeping", ["pending", "2.2 ETH"], ["done", "2.2 ETH"]],
    ["gas-spike", "/alerts?rule=gas%20is%20dear", ["raised", "above 20 gwei"], ["resolved", "RECOVERED: base fee"]],
    ["price-move", "/alerts?rule=ether%20falls", ["raised", "ETH-USD is 2440", "below 2500"], ["resolved", "RECOVERED: ETH-USD"]],
    ["top-up", "/payments", ["till", "1,200 USDC"], ["complete", "till", "1,200 USDC"]]],
  [["deposit", "/transfers?watch=deposits", ["+3.3 ETH"], ["final", "+3.3 ETH"]],
    ["reorg", "/alerts?rule=customer%20pays", ["4.4 ETH"], ["retracted", "RETRACTED", "4.4 ETH"]],
    ["poisoned-address", "/transfers?watch=treasury", ["+0.6 ETH"], ["zero value", "look alike", "0 SIM"]],
    ["hostile-name", "/alerts?rule=customer%20pays", ["<script>alert(1)</script>", "unverified"]]],
  [["unlimited-approval", "/alerts?rule=unlimited%20approval", ["critical", "UNLIMITED SIM"]],
    ["held-payment", "/payments", ["held", "supplier", "approval"]]],
  [["blind-source", "/sources", ["blind", "simnet"], ["fresh", "simnet", "read by node"]]],
];
// What a transfer's own page says when it is final: one alert has climbed.
const CLIMBED = "said at seen, confirmed, final";
// An address that leads nowhere: what is said of it has to be as handsome.
const NOWHERE = "/nosuch";
const LIVE_WITHIN = 30_000, BURST = 3_000, FROZEN = 500, ASLEEP = 1_200, AWAKE_WITHIN = 1_000;
const said = new Set();
// What the browser itself says of answers that this script provokes.
const provoked = new Set(["404 (Not Found)"]);
const wrong = { add: (line) => { if (!said.has(line)) console.log(`WRONG ${line}`); said.add(line); } };
const pause = (span) => new Promise((done) => setTimeout(done, span));

const folder = mkdtempSync(join(tmpdir(), "walletwatch-browser-"));
const browser = await puppeteer.launch({
  executablePath: chromium, headless: true, userDataDir: folder,
  args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync"],
});

// A tab of which everything that it says and asks for is heard.
const tab = async (origin, width = 1440, height = 1000, theme = "light", place = browser) => {
  const page = await place.newPage();
  const at = () => `${new URL(page.url()).pathname} at ${width} ${theme}`;
  page.on("console", (said) => {
    if (!["error", "warn", "warning"].includes(said.type()) || [...provoked].some((words) => said.text().includes(words))) return;
    wrong.add(`console of ${at()}: ${said.text()}`);
  });
  page.on("pageerror", (error) => wrong.add(`script of ${at()}: ${error}`));
  page.on("dialog", (dialog) => { wrong.add(`${at()} opened a dialog`); dialog.dismiss(); });
  page.on("request", (request) => {
    if (!request.url().startsWith(`${origin}/`)) wrong.add(`${at()} asked for ${request.url()}`);
  });
  await page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: theme }]);
  await page.setViewport({ width, height });
  return page;
};

const open = async (page, path) => {
  const answer = await page.goto(`${base}${path}`, { waitUntil: "load" });
  if (answer.status() !== (path === NOWHERE ? 404 : 200)) wrong.add(`${path} is answered with ${answer.status()}`);
};

// Every page of the navigation, and the first of each list.
const everything = async () => {
  const page = await tab(base);
  await open(page, "/");
  const found = await page.$$eval("nav a, #main a", (links) => links.map((link) => new URL(link.href).pathname));
  await open(page, "/transfers?stage=retracted");
  const gone = await page.$$eval("#transfers .main", (links) => links.map((link) => new URL(link.href).pathname));
  await open(page, "/outbox");
  found.push(...await page.$$eval("#outbox .main", (links) => links.map((link) => new URL(link.href).pathname)));
  await page.close();
  const kinds = new Map();
  for (const path of [...gone, ...found].filter((path) => !/^\/(api|metrics)/.test(path))) {
    const kind = path.split("/")[1] + (path.split("/").length > 2 ? "/" : "");
    if (!kinds.has(kind)) kinds.set(kind, path);
  }
  return [...kinds.values(), NOWHERE];
};

// What is drawn over something else, or cut at an edge: of a table's cells, of the navigation, of the figures, of a card.
const misplaced = () => {
  const wrong = [];
  const drawn = (it) => { const range = document.createRange(); range.selectNodeContents(it); return range.getBoundingClientRect(); };
  const words = (it) => it.textContent.trim().slice(0, 40);
  for (const row of document.querySelectorAll(".rows tbody tr")) {
    const cells = [...row.children].map((cell) => [drawn(cell), words(cell)]).filter(([box]) => box.width && box.height);
    for (const [place, [one, said]] of cells.entries()) for (const [other, covered] of cells.slice(place + 1)) {
      const wide = Math.min(one.right, other.right) - Math.max(one.left, other.left);
      const high = Math.min(one.bottom, other.bottom) - Math.max(one.top, other.top);
      if (wide > 1 && high > 1) wrong.push(`${said} over ${covered}`);
    }
  }
  for (const card of document.querySelectorAll(".card, .figures")) {
    const edge = card.getBoundingClientRect();
    for (const it of card.querySelectorAll("td, li, dd, p, .amount, .claim, .sink")) {
      const box = drawn(it);
      if (box.width && (box.right > edge.right + 1 || box.left < edge.left - 1) && !it.closest("pre, .unseen")) wrong.push(`${words(it)} is cut`);
    }
  }
  for (const link of document.querySelectorAll(".top nav a")) {
    const box = link.getBoundingClientRect(), nav = link.parentElement.getBoundingClientRect();
    if (box.right > nav.right + 1 || box.left < nav.left - 8) wrong.push(`${words(link)} is not in the navigation's sight`);
  }
  const figures = document.querySelector(".figures");
  const last = figures?.lastElementChild.getBoundingClientRect();
  if (last && figures.getBoundingClientRect().right - last.right > 2) wrong.push("the figures leave a hole");
  return wrong;
};

const looked = async (paths, [width, height, theme]) => {
  const place = await browser.createBrowserContext();
  const page = await tab(base, width, height, theme, place);
  for (const path of paths) {
    await open(page, path);
    await page.evaluate(axe);
    const found = await page.evaluate(() => axe.run(document, { resultTypes: ["violations"] }));
    for (const { id, nodes } of found.violations) {
      wrong.add(`axe: ${id} on ${path} at ${width} ${theme}: ${nodes[0].html.slice(0, 160)} ${nodes[0].failureSummary?.replaceAll("\n", " ").slice(0, 200)}`);
    }
    const over = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    if (over > 0) wrong.add(`${path} at ${width} runs ${over} pixels over the edge`);
    for (const what of await page.evaluate(misplaced)) wrong.add(`${path} at ${width} ${theme}: ${what}`);
    const name = path === "/" ? "overview" : path.slice(1).replaceAll(/[^a-z]+/g, "-").slice(0, 12);
    await page.screenshot({ path: join(pictures, `${name}-${width}-${theme}.webp`), type: "webp", quality: 80, fullPage: path !== "/" });
  }
  await place.close();
};

// Rows, and items of lists, that hold all of these words: whether there are more than so many.
const shown = (words, before = 0) => [...document.querySelectorAll("#main tr, #main li")]
  .filter((row) => words.every((word) => row.textContent.includes(word))).length > before;

// Something is asked for at a terminal, and shows by itself on the page that the answer names: it is not loaded again.
const done = async ([deed, path, ...rows]) => {
  // In a window of its own: a tab that nobody sees does not follow.
  const place = await browser.createBrowserContext();
  const page = await tab(base, 1440, 1000, "light", place);
  await open(page, path);
  await page.evaluate(() => { window.kept = true; });
  // What is there already does not count.
  let before = 0;
  while (await page.evaluate(shown, rows[0], before)) before += 1;
  const { stdout } = await promisify(execFile)(program, ["demo", "do", deed]);
  const link = path === "/payments" ? `${path}#token=${token} ` : `${path} `;
  if (!stdout.includes(`look at ${base}${link}`)) wrong.add(`${deed} is to be seen at ${path}, and it says: ${stdout}`);
  for (const [step, words] of rows.entries()) {
    const seen = page.waitForFunction(shown, { timeout: LIVE_WITHIN, polling: 50 }, words, step === 0 ? before : 0);
    await seen.catch(() => wrong.add(`${deed} does not show ${words.join(", ")} at ${path}`));
  }
  if (!(await page.evaluate(() => window.kept))) wrong.add(`${deed}: the page was loaded again`);
  await page.screenshot({ path: join(pictures, `do-${deed}.webp`), type: "webp", quality: 80 });
  if (deed === "deposit") {
    const own = await page.$$eval("#main tr", (rows) => rows.find((row) => row.textContent.includes("+3.3 ETH"))?.querySelector("a.main")?.pathname);
    await open(page, own ?? path);
    if (!(await page.$eval("#main", (it) => it.textContent)).includes(CLIMBED)) wrong.add(`the page of the deposit does not say "${CLIMBED}"`);
  }
  await place.close();
};

// Whatever can be clicked can be reached with the Tab key, in the order of the page, and shows that it was.
const keyboard = async () => {
  const page = await tab(base);
  await open(page, "/sources");
  await page.keyboard.press("Tab");
  const skip = await page.evaluate(() => document.activeElement.className);
  if (skip !== "skip") wrong.add(`the first Tab leads to ${skip}`);
  await page.keyboard.press("Enter");
  if ((await page.evaluate(() => location.hash)) !== "#main") wrong.add("the link over the navigation does not skip it");
  await open(page, "/sources");
  const all = await page.$$eval("a[href], button", (them) => {
    const shown = them.filter((it) => it.checkVisibility({ visibilityProperty: true }));
    // Not in an attribute: the page, which changes while this looks, would take it away.
    shown.forEach((it, place) => { it.place = place; });
    return shown.length;
  });
  const reached = new Set();
  for (let step = 0; step < all + 20 && reached.size < all; step += 1) {
    await page.keyboard.press("Tab");
    const { place, ring } = await page.evaluate(() => {
      const it = document.activeElement;
      return { place: it.place, ring: getComputedStyle(it).outlineStyle };
    });
    if (place !== undefined) {
      reached.add(place);
      if (ring === "none") wrong.add(`what has the focus does not show it: ${place}`);
    }
  }
  if (reached.size < all) wrong.add(`${all - reached.size} of ${all} links and buttons are not reached with Tab`);
  await page.close();
};

// Without a script everything is there too.
const plain = async () => {
  const page = await tab(base);
  await page.setJavaScriptEnabled(false);
  await open(page, "/");
  const rows = await page.$$("#transfers tr");
  if (rows.length < 2) wrong.add("without a script there are no transfers");
  await page.close();
};

// A tab that nobody sees asks for nothing, and is current as soon as somebody does.
const asleep = async () => {
  const place = await browser.createBrowserContext();
  const page = await tab(base, 1440, 1000, "light", place);
  await open(page, "/transfers");
  let asked = 0;
  page.on("request", (request) => { asked += new URL(request.url()).pathname === "/transfers" ? 1 : 0; });
  await place.newPage();
  await page.waitForFunction(() => document.hidden, { timeout: LIVE_WITHIN, polling: 50 });
  // What was under way is over by then.
  await pause(ASLEEP / 2);
  const before = asked;
  await pause(ASLEEP);
  if (asked > before) wrong.add(`a tab that nobody sees is read ${asked - before} times`);
  await page.bringToFront();
  const woken = Date.now();
  while (asked === before && Date.now() - woken < AWAKE_WITHIN) await pause(10);
  if (asked === before) wrong.add("a tab that is seen again stays as it was");
  await place.close();
};

// A thousand events a second: the same page from a server that tells nothing but changes.
const burst = async () => {
  let told = 0, read = 0;
  const server = createServer(async (request, response) => {
    if (request.url === "/api/v1/events") {
      response.writeHead(200, { "content-type": "text/event-stream" });
      const began = Date.now();
      const timer = setInterval(() => {
        for (; told < Date.now() - began; told += 1) {
          response.write(`id: 1-${told}\nevent: changed\ndata: {"lists":["transfers"]}\n\n`);
        }
      }, 5);
      request.on("close", () => clearInterval(timer));
      return;
    }
    read += request.url === "/" ? 1 : 0;
    const answer = await fetch(`${base}${request.url}`, { headers: { accept: request.headers.accept ?? "*/*" } });
    response.writeHead(answer.status, { "content-type": answer.headers.get("content-type") });
    // As a monitor of something real is: its page takes no token from an address.
    const body = Buffer.from(await answer.arrayBuffer());
    response.end(request.url === "/" ? body.toString().replace('class="simulated"', "") : body);
  });
  await new Promise((ready) => server.listen(0, "127.0.0.1", ready));
  const origin = `http://127.0.0.1:${server.address().port}`;
  const page = await tab(origin);
  const began = Date.now();
  await page.goto(`${origin}/#token=${token}`, { waitUntil: "load" });
  const longest = await page.evaluate((span) => new Promise((done) => {
    let last = performance.now(), longest = 0;
    const end = last + span;
    const beat = setInterval(() => {
      const now = performance.now();
      longest = Math.max(longest, now - last);
      last = now;
      if (now > end) { clearInterval(beat); done(longest); }
    }, 10);
  }), BURST);
  // Four a second, for as long as it took in all: a slow machine has more of them.
  const most = 2 + ((Date.now() - began) / 1000) * 4;
  if (!page.url().endsWith(token)) wrong.add("a page that is not simulated takes a token from its address");
  await page.close();
  server.closeAllConnections();
  server.close();
  console.log(`burst: ${told} events in ${BURST} ms, the page was read ${read} times, the longest wait was ${Math.round(longest)} ms`);
  if (longest > FROZEN) wrong.add(`a burst of ${told} events froze the page for ${Math.round(longest)} ms`);
  if (read > most) wrong.add(`a burst of ${told} events made the page be read ${read} times`);
};

// The link that the demo prints signs in: nothing is asked for but whether it is meant, and the address keeps nothing of it.
const signedIn = async () => {
  const page = await tab(base);
  await open(page, `/payments?state=held#token=${token}`);
  await page.waitForFunction(() => document.querySelector(".tools #key").textContent !== "Token", { timeout: LIVE_WITHIN });
  if (page.url().includes(token)) wrong.add("the token stays in the address");
  await page.$eval("#waiting button.act", (it) => it.click());
  await page.waitForSelector("#confirm[open]", { timeout: LIVE_WITHIN });
  await page.$eval("#confirm button:not(.primary)", (it) => it.click());
  await page.close();
};

// A person approves a payment: types the token, is asked again, and sees what came of it.
const decide = async () => {
  const page = await tab(base);
  await open(page, "/payments?state=held");
  const row = await page.waitForSelector("#waiting li", { timeout: LIVE_WITHIN }).catch(() => null);
  if (!row) { wrong.add("no payment waits for a person"); return; }
  const id = await row.evaluate((it) => it.id);
  const press = async (selector) => { await page.waitForSelector(selector, { visible: true }); await page.$eval(selector, (it) => it.click()); };
  // A mistyped one changes nothing, and is asked for again.
  await press(`#${id} button.act`);
  await page.waitForSelector("#ask-token[open]");
  provoked.add("401 (Unauthorized)");
  await page.type("#token", `${token}x`);
  await press("#ask-token .primary");
  await page.waitForSelector("#confirm[open]", { timeout: LIVE_WITHIN });
  if (await page.$eval("#confirm-title", (it) => it.textContent) !== "Not known here") wrong.add("a mistyped token is not refused");
  await press("#confirm button:not(.primary)");
  if (!(await page.$(`#${id}`))) wrong.add("a mistyped token takes the page away");
  provoked.clear();
  await press(`#${id} button.act`);
  await page.waitForSelector("#ask-token[open]");
  await page.type("#token", token);
  await press("#ask-token .primary");
  await page.waitForSelector("#confirm[open]", { timeout: LIVE_WITHIN });
  const asked = await page.$eval("#confirm-text", (it) => it.textContent);
  if (!/^Pay \S+ USDC to .* at 0x[0-9a-fA-F]{40} on /.test(asked)) wrong.add(`it does not say what is paid: ${asked}`);
  await page.screenshot({ path: join(pictures, "confirm.webp"), type: "webp", quality: 80 });
  await press("#confirm .primary");
  // It goes; or a second name is needed, and the page says so.
  const decided = (gone) => !document.getElementById(gone) || document.querySelector("#confirm[open] h2")?.textContent === "Noted";
  await page.waitForFunction(decided, { timeout: LIVE_WITHIN }, id).catch(() => wrong.add("an approved payment waits on"));
  if (page.url().includes(token) || (await page.content()).includes(token)) wrong.add("the token is in the page");
  await page.close();
};

const { stdout } = await promisify(execFile)(program, ["demo", "do"]);
const names = stdout.split("\n").slice(1).map((line) => line.split(" ")[0]).filter(Boolean);
for (const name of names) if (!DEEDS.flat().some(([deed]) => deed === name)) wrong.add(`nobody looks for ${name}`);
const began = Date.now();
const took = () => `${((Date.now() - began) / 1000).toFixed(0)} s`;
const [last, ...first] = DEEDS.toReversed();
for (const group of first.toReversed()) await Promise.all(group.map(done));
console.log(`asked for ${names.length - last.length} things and saw them: ${took()}`);
const paths = await everything();
const lanes = [0, 1].map(async (lane) => {
  for (let place = lane; place < LOOKS.length; place += 2) await looked(place < FEW ? paths : ["/"], LOOKS[place]);
});
await Promise.all(lanes);
console.log(`looked at ${paths.length} pages, the first at ${LOOKS.length} widths and themes: ${took()}: ${paths.join(" ")}`);
await Promise.all([...last.map(done), keyboard(), plain(), asleep()]);
console.log(`asked for the last of them; used the keyboard, and no script: ${took()}`);
await burst();
await signedIn();
await decide();
console.log(`all of it: ${took()}`);
await browser.close();
rmSync(folder, { recursive: true, force: true });
process.exit(said.size ? 1 : 0);
