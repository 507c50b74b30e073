// What the page cannot do without a script: stay current, send a token, ask the API for something. Everything that is shown is rendered
// by the server and read again from there; nothing here makes markup. The token lives in this variable and nowhere else.
"use strict";
(() => {
  const SOONEST = 250, TICK = 1000, LONGEST_WAIT = 10000, SPEAK_EVERY = 10000;
  const one = (id) => document.getElementById(id);
  const sleep = (span) => new Promise((done) => setTimeout(done, span));
  let token = null, last = null, stream = null, ahead = 0, spoke = 0;
  let due = null, reading = false, again = false, read = 0;
  const path = () => location.pathname + location.search;
  let here = path();

  const ask = (path, options = {}) => {
    const headers = { ...options.headers, ...(token && { Authorization: `Bearer ${token}` }) };
    return fetch(path, { cache: "no-store", credentials: "omit", redirect: "error", ...options, headers });
  };

  // Makes a tree as another one is, and keeps what is alike: focus, selection and scrolling stay where they are.
  const same = (from, to) => {
    if (from.isEqualNode(to)) return;
    if (from.nodeType !== to.nodeType || from.nodeName !== to.nodeName) return from.replaceWith(document.importNode(to, true));
    if (from.nodeType !== Node.ELEMENT_NODE) { from.data = to.data; return; }
    for (const { name } of [...from.attributes]) if (!to.hasAttribute(name)) from.removeAttribute(name);
    for (const { name, value } of to.attributes) if (from.getAttribute(name) !== value) from.setAttribute(name, value);
    const wanted = new Set([...to.children].map((child) => child.id).filter(Boolean));
    const known = new Map();
    for (const child of [...from.children]) {
      if (child.id && !wanted.has(child.id)) child.remove();
      else if (child.id) known.set(child.id, child);
    }
    let at = from.firstChild;
    for (const want of to.childNodes) {
      const here = want.id ? known.get(want.id) : null;
      if (here) {
        if (here === at) at = at.nextSibling; else from.insertBefore(here, at);
        same(here, want);
      } else if (at && !at.id && !want.id && at.nodeName === want.nodeName) {
        const reused = at;
        at = at.nextSibling;
        same(reused, want);
      } else {
        const made = document.importNode(want, true);
        if (made.nodeName === "TR" && made.id) made.classList.add("fresh-row");
        from.insertBefore(made, at);
      }
    }
    while (at) { const gone = at; at = at.nextSibling; gone.remove(); }
  };

  const speak = (words) => {
    if (Date.now() - spoke < SPEAK_EVERY || !one("said")) return;
    spoke = Date.now();
    one("said").textContent = words;
  };

  const shown = (span) => {
    const seconds = Math.max(0, Math.floor(span / 1000));
    if (seconds < 120) return `${seconds} s`;
    if (seconds < 7200) return `${Math.floor(seconds / 60)} min`;
    return seconds < 172800 ? `${Math.floor(seconds / 3600)} h` : `${Math.floor(seconds / 86400)} d`;
  };

  // Times in words of now; whole ones in the reader's own zone.
  const words = (root) => {
    const now = Date.now() + ahead;
    for (const time of root.querySelectorAll("time[datetime]")) {
      const at = Date.parse(time.dateTime);
      if (Number.isNaN(at)) continue;
      let text = time.textContent;
      if ("ago" in time.dataset) text = `${shown(now - at)} ago`;
      else if ("for" in time.dataset) text = `for ${shown(now - at)}`;
      else if ("until" in time.dataset) text = at > now ? `in ${shown(at - now)}` : "now";
      if (text !== time.textContent) time.textContent = text;
    }
  };

  // What the server left hidden for want of a script, and times as they are now.
  const prepare = (page) => {
    const asOf = page.querySelector("footer time");
    if (asOf) ahead = Date.parse(asOf.dateTime) - Date.now();
    for (const button of page.querySelectorAll("button.act, #key")) button.hidden = false;
    const key = page.querySelector(".tools #key");
    if (key && token) key.textContent = "Token \u2713";
    words(page);
  };

  const link = (state, word) => {
    const pill = one("link");
    if (!pill) return;
    pill.hidden = false;
    pill.className = `pill ${state}`;
    pill.textContent = word;
  };

  const fetched = async (path) => {
    const answer = await ask(path, { headers: { Accept: "text/html" } });
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    prepare(page);
    return { page, status: answer.status };
  };

  // Reads this page again and changes what is otherwise. One reading at a time, and no more than four a second.
  const refresh = async () => {
    reading = true;
    try {
      const { page, status } = await fetched(here);
      if (status === 401) { link("bad", "Token needed"); return; }
      if (status >= 500 || here !== path()) return;
      const before = new Set([...document.querySelectorAll("#alerts tr[id]")].map((row) => row.id));
      for (const id of ["ready", "main"]) {
        const from = one(id), to = page.getElementById(id);
        if (from && to) same(from, to);
      }
      const foot = [document.querySelector("footer"), page.querySelector("footer")];
      if (foot[0] && foot[1]) same(foot[0], foot[1]);
      document.title = page.title;
      const rows = [...document.querySelectorAll("#alerts tr[id]")].filter((row) => !before.has(row.id));
      if (before.size && rows.length) speak(`${rows.length} new: ${rows[0].querySelector(".main")?.textContent ?? ""}`);
    } catch {
      // The stream says that the monitor is away.
    } finally {
      reading = false;
      read = Date.now();
      if (again) { again = false; soon(); }
    }
  };

  const soon = () => {
    if (document.hidden) return;
    // A delay is counted from the end of a reading: one that was set while it lasts would be over too early.
    if (reading) { again = true; return; }
    if (due) return;
    due = setTimeout(() => { due = null; refresh(); }, Math.max(0, read + SOONEST - Date.now()));
  };

  // Goes to a page of this monitor with the token, which a plain link could not send.
  const go = async (to, push) => {
    const { page } = await fetched(to);
    if (push) history.pushState(null, "", to);
    here = to;
    same(document.body, page.body);
    document.title = page.title;
    scrollTo(0, 0);
    one("main")?.focus({ preventScroll: true });
    if (stream) link("good", "Live");
  };

  const heard = (text) => {
    for (const line of text.split("\n")) {
      if (line.startsWith("id: ")) last = line.slice(4);
      if (line.startsWith("data: ")) soon();
    }
  };

  const listen = async () => {
    for (let wait = TICK; ; wait = Math.min(wait * 2, LONGEST_WAIT)) {
      while (document.hidden || "locked" in (one("main")?.dataset ?? {})) await sleep(TICK);
      try {
        stream = new AbortController();
        const headers = { Accept: "text/event-stream", ...(last && { "Last-Event-ID": last }) };
        const answer = await ask("/api/v1/events", { headers, signal: stream.signal });
        if (!answer.ok) throw new Error(answer.statusText);
        link("good", "Live");
        wait = TICK / 2;
        soon();
        const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
        for (let rest = ""; ;) {
          const { value, done } = await reader.read();
          if (done) break;
          const events = (rest + value).split("\n\n");
          rest = events.pop();
          events.forEach(heard);
        }
      } catch {
        link("busy", "Reconnecting");
      }
      stream = null;
      await sleep(wait);
    }
  };

  const question = (id) => new Promise((done) => {
    const dialog = one(id);
    dialog.returnValue = "";
    dialog.addEventListener("close", () => done(dialog.returnValue), { once: true });
    dialog.showModal();
  });

  const known = async () => (await ask("/api/v1/status")).status !== 401;

  // The link that a demo prints signs in, and leaves the address at once. A monitor of anything real takes no token from there.
  const signIn = async () => {
    const [, given] = /^#token=(\w+)$/.exec(location.hash) ?? [];
    if (!given || !document.querySelector(".simulated")) return;
    history.replaceState(null, "", path());
    token = given;
    if (!(await known())) token = null;
    prepare(document);
  };

  const typeToken = async () => {
    const said = await question("ask-token");
    const typed = one("token").value.trim(), before = token;
    one("token").value = "";
    if (said === "forget") token = null;
    else if (said === "use" && typed) token = typed;
    else return false;
    // One that is mistyped changes nothing: what could be read before still can.
    if (token && !(await known())) {
      token = before;
      await tell("Not known here", "No token of the config is written like that. Nothing was changed.", false);
      return false;
    }
    stream?.abort();
    await go(here, false);
    return token !== null;
  };

  const tell = (title, text, sure) => {
    one("confirm-title").textContent = title;
    one("confirm-text").textContent = text;
    one("confirm").querySelector(".primary").hidden = !sure;
    one("confirm").querySelector("button:not(.primary)").textContent = sure ? "No" : "Close";
    return question("confirm");
  };

  const act = async ({ post, body, really }) => {
    if (!token && !(await typeToken())) return;
    if ((await tell("Really?", really, true)) !== "yes") return;
    const answer = await ask(post, { method: "POST", headers: { "Content-Type": "application/json" }, body: body ?? "" });
    const said = await answer.json().catch(() => ({}));
    soon();
    if (!answer.ok) await tell("Not done", said.detail ?? answer.statusText, false);
    else if (said.done === false) await tell("Noted", said.detail, false);
    else { spoke = 0; speak(said.detail ?? "Done"); }
  };

  document.addEventListener("click", (event) => {
    const button = event.target.closest?.("button.act");
    if (button) { act(button.dataset); return; }
    if (event.target.closest?.("#key")) { typeToken(); return; }
    const to = event.target.closest?.("a[href]");
    const plain = !event.defaultPrevented && event.button === 0 && !(event.ctrlKey || event.metaKey || event.shiftKey || event.altKey);
    if (!token || !to || !plain || to.origin !== location.origin || to.hash || /^\/(api|metrics)/.test(to.pathname)) return;
    event.preventDefault();
    go(to.pathname + to.search, true);
  });
  // Only with a token were pages gone to here; a place on this very page is no other page.
  addEventListener("popstate", () => { if (path() !== here) (token ? go(path(), false) : location.reload()); });
  document.addEventListener("visibilitychange", () => (document.hidden ? stream?.abort() : soon()));
  setInterval(() => { if (!document.hidden) words(document); }, TICK);

  addEventListener("hashchange", signIn);

  prepare(document);
  signIn().finally(listen);
  if ("locked" in (one("main")?.dataset ?? {})) typeToken();
})();
