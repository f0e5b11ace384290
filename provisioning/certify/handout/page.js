"use strict";
// The page of a reviewer. The lines stand in the table as they were handed out; this keeps what is decided about each, draws no more than what
// a key changed, and signs the answer. It makes no element and no script of any text.
(() => {
  const $ = (id) => document.getElementById(id);
  const given = document.body.dataset;
  const items = Array.from(document.querySelectorAll("#items tbody tr"), (row, at) => ({
    at, row, n: Number(row.dataset.n), like: row.dataset.like, care: row.dataset.care === "1", excess: row.dataset.excess === "1",
    head: row.querySelector("th"), box: row.querySelector("input"), buttons: Array.from(row.querySelectorAll("button")), why: row.querySelector(".reason"),
    about: row.querySelector("[role=group]").getAttribute("aria-label"), text: "", verdict: "", reason: "",
  }));
  const said = { keep: "kept", revoke: "revoked", ask: "asked", "": "undecided" };
  const counts = { keep: 0, revoke: 0, ask: 0, "": items.length };
  const marks = new Set();
  const past = [];
  let now = 0, latest = 0, anchor = -1, saved = true;

  const tell = (text) => { $("said").textContent = text; };
  const lines = (n) => (n === 1 ? "1 line" : n + " lines");
  const summary = () => counts.keep + " kept, " + counts.revoke + " revoked, " + counts.ask + " asked";

  // what is drawn
  const draw = (it) => {
    for (const b of it.buttons) b.setAttribute("aria-pressed", String(b.dataset.v === it.verdict));
    it.why.textContent = it.reason;
    it.why.hidden = it.reason === "";
  };
  const drawState = () => {
    $("count").textContent = counts[""] + " to decide, " + summary();
    $("progress").value = items.length - counts[""];
    $("target").textContent = marks.size > 0 ? marks.size + " marked" : "This line";
    for (const b of document.querySelectorAll("[data-act=undo]")) b.disabled = past.length === 0;
  };

  // the line under the cursor: of all lines, only its controls are stops of the tab key
  const reach = (it, on) => { for (const e of [it.head, it.box, ...it.buttons]) e.tabIndex = on ? 0 : -1; };
  const go = (at, focus) => {
    const far = Math.abs(at - now) > 20;
    items[now].row.classList.remove("now");
    items[now].row.removeAttribute("aria-current");
    reach(items[now], false);
    now = at;
    const it = items[now];
    it.row.classList.add("now");
    it.row.setAttribute("aria-current", "true");
    reach(it, true);
    if (focus) it.head.focus({ preventScroll: true });
    it.row.scrollIntoView({ block: "nearest" });
    if (far) requestAnimationFrame(() => items[now].row.scrollIntoView({ block: "nearest" })); // the lines between have their height only now
  };
  const step = (from, by, want) => {
    for (let at = from + by; at >= 0 && at < items.length; at += by) {
      if (!items[at].row.hidden && (!want || want(items[at]))) return at;
    }
    return -1;
  };
  const undecided = (it) => it.verdict === "";
  const next = (focus) => {
    let at = step(now, 1, undecided);
    if (at < 0) at = step(-1, 1, undecided);
    if (at >= 0) go(at, focus); else if (focus) go(now, true);
  };

  // marks
  const mark = (it, on) => {
    if (on) marks.add(it); else marks.delete(it);
    it.box.checked = on;
    it.row.classList.toggle("marked", on);
  };
  const clear = () => { for (const it of Array.from(marks)) mark(it, false); anchor = -1; $("all").checked = false; drawState(); };
  const range = (from, to) => {
    const low = Math.min(from, to), high = Math.max(from, to);
    for (const it of Array.from(marks)) if (it.at < low || it.at > high) mark(it, false);
    for (let at = low; at <= high; at++) if (!items[at].row.hidden) mark(items[at], true);
    drawState();
  };
  const all = (on) => { for (const it of items) if (!it.row.hidden) mark(it, on); $("all").checked = on; drawState(); tell(marks.size > 0 ? lines(marks.size) + " marked" : "nothing is marked"); };
  const chosen = () => (marks.size > 0 ? Array.from(marks).sort((a, b) => a.at - b.at) : [items[now]]);

  // decisions: to gives what an item becomes, as [verdict, reason]
  const set = (it, verdict, reason) => {
    counts[it.verdict]--;
    counts[verdict]++;
    it.verdict = verdict;
    it.reason = reason;
    draw(it);
  };
  const decide = (list, to, what) => {
    past.push(list.map((it) => [it, it.verdict, it.reason]));
    for (const it of list) set(it, ...to(it));
    latest = list[0].at;
    saved = false;
    drawState();
    tell((list.length === 1 ? list[0].about : lines(list.length)) + ": " + what + ". " + counts[""] + " to decide.");
  };
  const after = (focus) => { clear(); next(focus); };
  const undo = (focus) => {
    const last = past.pop();
    if (!last) { tell("There is nothing to undo."); return; }
    for (const [it, verdict, reason] of last) set(it, verdict, reason);
    saved = false;
    drawState();
    tell("Undone: " + (last.length === 1 ? last[0][0].about : lines(last.length)) + ". " + counts[""] + " to decide.");
    const first = last.find(([it]) => !it.row.hidden);
    if (first) go(first[0].at, focus);
  };

  // dialogs: each has a form, whose submitting is its yes
  const openBox = (box, first) => { $(box).showModal(); if (first) $(first).focus(); };
  const onYes = (box, yes) => $(box).querySelector("form").addEventListener("submit", (e) => { e.preventDefault(); yes(); });
  let wanted = null;
  const write = (list, verdict, focus) => {
    wanted = { list, verdict, focus };
    const question = verdict === "ask";
    $("reasontitle").textContent = question ? "Your question" : "Your reason";
    $("reasonabout").textContent = list.length === 1 ? list[0].about : lines(list.length);
    $("reasonerror").textContent = "";
    $("reason").value = verdict === "" || list[0].verdict === verdict ? list[0].reason : "";
    openBox("reasonbox", "reason");
  };
  onYes("reasonbox", () => {
    const text = $("reason").value.trim(), { list, verdict, focus } = wanted;
    if (text === "" && (verdict === "ask" || list.some((it) => verdict === "" && it.verdict === "ask"))) { $("reasonerror").textContent = "Write what you need to know."; $("reason").focus(); return; }
    $("reasonbox").close();
    decide(list, (it) => [verdict === "" ? it.verdict : verdict, text], verdict === "" ? "reason written" : said[verdict]);
    if (verdict === "") clear(); else after(focus);
  });
  $("reason").addEventListener("keydown", (e) => { if (e.key === "Enter" && !e.shiftKey && !e.isComposing) { e.preventDefault(); $("reasonok").click(); } });
  $("reasoncancel").addEventListener("click", () => $("reasonbox").close());
  const same = (focus) => {
    const may = (it) => it.verdict === "keep" || it.verdict === "revoke";
    const from = [now, latest].map((at) => items[at]).find(may); // this line, or the one that was decided last
    if (!from) { tell("Keep or revoke one line first."); return; }
    const list = items.filter((it) => it.like === from.like && undecided(it) && !it.row.hidden);
    if (list.length === 0) { tell("No other undecided line is like " + from.about + "."); return; }
    wanted = { list, from, focus };
    $("sametitle").textContent = (from.verdict === "keep" ? "Keep " : "Revoke ") + lines(list.length) + " more?";
    $("sameabout").textContent = "They are undecided, and have the same access with the same standing as " + from.about + ", which you " + said[from.verdict] + "." + ($("find").value + $("show").value === "" ? "" : " Only lines that are shown are decided.");
    openBox("samebox", "sameok");
  };
  onYes("samebox", () => {
    const { list, from, focus } = wanted;
    $("samebox").close();
    decide(list, () => [from.verdict, from.reason], said[from.verdict]);
    after(focus);
  });
  $("samecancel").addEventListener("click", () => $("samebox").close());
  onYes("helpbox", () => $("helpbox").close());
  onYes("donebox", () => $("donebox").close());

  // what can be done, by key, by the buttons above the table, and on a line
  const press = (list, verdict, focus) => {
    if (verdict === "ask") { write(list, "ask", focus); return; }
    decide(list, () => [verdict, ""], said[verdict]);
    after(focus);
  };
  const reason = (focus) => {
    const list = chosen().filter((it) => it.verdict !== "");
    if (list.length > 0) write(list, "", focus); else tell("Decide first, then write why.");
  };
  const acts = { keep: (f) => press(chosen(), "keep", f), revoke: (f) => press(chosen(), "revoke", f), ask: (f) => press(chosen(), "ask", f), reason, same, undo };
  for (const b of document.querySelectorAll("[data-act]")) b.addEventListener("click", () => acts[b.dataset.act](false));
  $("items").addEventListener("click", (e) => {
    const row = e.target.closest("tbody tr");
    if (!row) return;
    const it = items.find((one) => one.row === row);
    const button = e.target.closest("button");
    if (e.target === it.box) {
      if (e.shiftKey && anchor >= 0) range(anchor, it.at); else { mark(it, it.box.checked); anchor = it.at; drawState(); }
    }
    go(it.at, false);
    if (!button) return;
    const list = marks.has(it) ? chosen() : [it], verdict = button.dataset.v;
    if (verdict === "ask") { write(list, "ask", false); return; }
    const back = verdict === it.verdict; // pressed again: taken back
    decide(list, () => [back ? "" : verdict, ""], back ? "undecided again" : said[verdict]);
    clear();
  });
  $("all").addEventListener("change", () => all($("all").checked));

  const show = () => {
    const terms = $("find").value.toLowerCase().split(/\s+/).filter((w) => w !== "");
    const which = $("show").value;
    let first = -1, shown = 0;
    for (const it of items) {
      if (terms.length > 0 && it.text === "") it.text = it.row.textContent.toLowerCase();
      const fits = terms.every((w) => it.text.includes(w)) && (which === "" || (which === "open" ? it.verdict === "" : which === "care" ? it.care : which === "excess" ? it.excess : it.verdict === which));
      it.row.hidden = !fits;
      if (fits) { shown++; if (first < 0) first = it.at; }
    }
    $("empty").hidden = shown > 0;
    clear();
    if (items[now].row.hidden && first >= 0) go(first, false);
    tell(shown === items.length ? "All lines are shown." : lines(shown) + " shown.");
  };
  $("find").addEventListener("input", show);
  $("show").addEventListener("change", show);
  $("help").addEventListener("click", () => openBox("helpbox", "helpclose"));

  const extend = (by) => {
    if (anchor < 0) anchor = now;
    const at = step(now, by);
    if (at >= 0) go(at, true);
    range(anchor, now);
    tell(lines(marks.size) + " marked");
  };
  const move = (at) => { anchor = -1; if (at >= 0) go(at, true); };
  const keys = {
    ArrowDown: () => move(step(now, 1)), ArrowUp: () => move(step(now, -1)), Home: () => move(step(-1, 1)), End: () => move(step(items.length, -1)), j: () => move(step(now, 1)),
    k: () => acts.keep(true), r: () => acts.revoke(true), R: () => write(chosen(), "revoke", true), a: () => acts.ask(true), e: () => reason(true), s: () => same(true), u: () => undo(true),
    n: () => next(true), " ": () => { mark(items[now], !marks.has(items[now])); drawState(); move(step(now, 1)); }, "*": () => all(marks.size === 0),
    "/": () => $("find").focus(), "?": () => openBox("helpbox", "helpclose"), Escape: clear,
  };
  document.addEventListener("keydown", (e) => {
    if (e.ctrlKey || e.metaKey || e.altKey || e.isComposing || document.querySelector("dialog[open]")) return;
    const tag = e.target.tagName, control = tag === "BUTTON" || (tag === "INPUT" && e.target.type === "checkbox");
    if (!control && (tag === "INPUT" || tag === "SELECT" || tag === "TEXTAREA")) { if (e.key === "Escape") items[now].head.focus(); return; }
    if (control && (e.key === " " || e.key === "Enter")) return;
    if (e.key.length === 1 && !$("letters").checked) return;
    if (items[now].row.hidden && e.key !== "/" && e.key !== "?") return; // nothing is shown
    let f;
    if (e.shiftKey && (e.key === "ArrowDown" || e.key === "ArrowUp")) f = () => extend(e.key === "ArrowDown" ? 1 : -1);
    else if (e.key.length === 1) f = keys[e.shiftKey && e.key.toLowerCase() === "r" ? "R" : e.key.toLowerCase()];
    else f = keys[e.key];
    if (f) { e.preventDefault(); f(); }
  });
  window.addEventListener("beforeunload", (e) => { if (!saved) e.preventDefault(); });

  // files
  const decisions = () => items.filter((it) => it.verdict !== "").map((it) => (it.reason === "" ? { n: it.n, verdict: it.verdict } : { n: it.n, verdict: it.verdict, reason: it.reason }));
  const download = (text, name) => {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([text], { type: "application/json" }));
    link.download = name;
    link.click();
    saved = true;
    return name;
  };
  $("keepdraft").addEventListener("click", () => {
    const name = download(JSON.stringify({ draft: 1, packet: given.packet, hash: given.hash, decisions: decisions() }), "rollcall-draft-" + given.packet + ".json");
    $("draftbox").close();
    tell("The draft is saved as " + name + ".");
  });
  $("drafts").addEventListener("click", () => { $("drafterror").textContent = ""; openBox("draftbox", "keepdraft"); });
  onYes("draftbox", () => $("draftbox").close());
  $("opendraft").addEventListener("click", () => $("draft").click());
  $("draft").addEventListener("change", async () => {
    const file = $("draft").files[0];
    $("draft").value = "";
    if (!file) return;
    try {
      const draft = JSON.parse(await file.text()), by = new Map();
      if (draft.draft !== 1 || draft.packet !== given.packet || draft.hash !== given.hash) throw new Error("another");
      for (const d of draft.decisions) {
        const why = d.reason === undefined ? "" : d.reason;
        if (!["keep", "revoke", "ask"].includes(d.verdict) || by.has(d.n) || typeof why !== "string" || why.length > 500) throw new Error("bad");
        by.set(d.n, [d.verdict, why]);
      }
      decide(items, (it) => by.get(it.n) ?? ["", ""], "as in the draft");
      saved = true;
      $("draftbox").close();
    } catch {
      $("drafterror").textContent = "That file is no draft of this page. Nothing was changed.";
    }
  });

  // the answer: its text, signed by the key that the four words unlock
  const subtle = globalThis.crypto && globalThis.crypto.subtle;
  const bytes = (text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
  const base64 = (buffer) => btoa(Array.from(new Uint8Array(buffer), (b) => String.fromCharCode(b)).join(""));
  const statement = (answer) => { // as lock.go has it: each part behind its length
    const parts = ["rollcall review answer 1", answer].map((s) => new TextEncoder().encode(s));
    const out = new Uint8Array(parts.reduce((n, p) => n + 8 + p.length, 0)), view = new DataView(out.buffer);
    let at = 0;
    for (const p of parts) { view.setBigUint64(at, BigInt(p.length)); out.set(p, at + 8); at += 8 + p.length; }
    return out;
  };
  const sign = async (words) => {
    const pass = await subtle.importKey("raw", new TextEncoder().encode(words), "PBKDF2", false, ["deriveKey"]);
    const under = await subtle.deriveKey({ name: "PBKDF2", hash: "SHA-256", salt: bytes(given.salt), iterations: Number(given.rounds) }, pass, { name: "AES-GCM", length: 256 }, false, ["decrypt"]);
    let der;
    try { der = await subtle.decrypt({ name: "AES-GCM", iv: bytes(given.nonce) }, under, bytes(given.lock)); } catch { throw new Error("These are not the four words of this packet. Nothing was saved."); }
    const key = await subtle.importKey("pkcs8", der, { name: "ECDSA", namedCurve: "P-256" }, false, ["sign"]);
    const answer = JSON.stringify({ format: 1, packet: given.packet, campaign: Number(given.campaign), reviewer: given.reviewer, hash: given.hash, made_at: new Date().toISOString(), decisions: decisions() });
    return JSON.stringify({ answer, signature: base64(await subtle.sign({ name: "ECDSA", hash: "SHA-256" }, key, statement(answer))) });
  };
  $("save").addEventListener("click", () => {
    if (items.length === counts[""]) { tell("Nothing is decided yet."); return; }
    $("saveabout").textContent = summary() + "." + (counts[""] > 0 ? " " + lines(counts[""]) + " still undecided: they stay with you." : " Every line is decided.");
    $("saveerror").textContent = "";
    $("words").value = "";
    openBox("savebox", "words");
  });
  $("savecancel").addEventListener("click", () => $("savebox").close());
  onYes("savebox", async () => {
    if ($("saveok").disabled) return;
    $("saveok").disabled = true;
    $("saveerror").textContent = "";
    try {
      const text = await sign($("words").value.trim().toLowerCase().split(/[\s,]+/).join(" "));
      $("donename").textContent = download(text, "rollcall-answer-" + given.packet + ".json");
      $("words").value = "";
      $("savebox").close();
      openBox("donebox", "doneok");
      tell("The answer is saved. Send it to the help desk.");
    } catch (err) {
      $("saveerror").textContent = err.message;
      $("words").select();
    } finally {
      $("saveok").disabled = false;
    }
  });

  if (!subtle) { $("nosign").hidden = false; $("save").disabled = true; }
  new ResizeObserver(() => document.documentElement.style.setProperty("--bar", document.querySelector(".bar").offsetHeight + "px")).observe(document.querySelector(".bar"));
  items[0].row.classList.add("now");
  items[0].row.setAttribute("aria-current", "true");
  reach(items[0], true);
  drawState();
})();
