"use strict";
(() => {
  const $ = (id) => document.getElementById(id);
  const given = document.body.dataset;
  const rows = Array.from(document.querySelectorAll("#items tbody tr"));
  const items = rows.map((row, at) => ({
    at, row, n: Number(row.dataset.n), like: row.dataset.like, care: row.dataset.care === "1", head: row.querySelector("th"),
    buttons: Array.from(row.querySelectorAll("button")), about: row.querySelector("[role=group]").getAttribute("aria-label"),
    text: row.textContent.toLowerCase(), verdict: "", reason: "", marked: false,
  }));
  let now = 0, anchor = -1, saved = true, asking = null;
  const undone = [];
  const said = { keep: "kept", revoke: "revoked", ask: "asked", "": "taken back" };

  const draw = (it) => {
    for (const b of it.buttons) b.setAttribute("aria-pressed", String(b.dataset.v === it.verdict));
    it.row.classList.toggle("done", it.verdict !== "");
    const p = it.row.querySelector(".reason");
    p.textContent = it.reason;
    p.hidden = it.reason === "";
  };
  const counts = { keep: 0, revoke: 0, ask: 0, "": items.length };
  const count = () => {
    const done = items.length - counts[""];
    $("count").textContent = counts[""] + " to decide, " + counts.keep + " kept, " + counts.revoke + " revoked, " + counts.ask + " asked";
    $("progress").value = done;
  };
  const go = (at, focus) => {
    items[now].row.classList.remove("now");
    items[now].row.removeAttribute("aria-current");
    items[now].head.tabIndex = -1;
    now = at;
    const it = items[now];
    it.row.classList.add("now");
    it.row.setAttribute("aria-current", "true");
    it.head.tabIndex = 0;
    if (focus) { it.head.focus({ preventScroll: true }); it.row.scrollIntoView({ block: "nearest" }); }
  };
  const step = (by, want) => {
    for (let at = now + by; at >= 0 && at < items.length; at += by) {
      if (!items[at].row.hidden && (!want || want(items[at]))) return at;
    }
    return -1;
  };
  const mark = (it, on) => { it.marked = on; it.row.classList.toggle("marked", on); };
  const marked = () => items.filter((it) => it.marked);
  const clear = () => { for (const it of marked()) mark(it, false); anchor = -1; };

  const decide = (list, verdict, reason) => {
    if (list.length === 0) return;
    undone.push(list.map((it) => [it, it.verdict, it.reason]));
    for (const it of list) {
      counts[it.verdict]--; counts[verdict]++;
      it.verdict = verdict; it.reason = reason;
      draw(it);
    }
    saved = false;
    count();
    $("said").textContent = (list.length === 1 ? list[0].about : list.length + " lines") + ": " + said[verdict];
  };
  const undo = () => {
    const last = undone.pop();
    if (!last) return;
    for (const [it, verdict, reason] of last) {
      counts[it.verdict]--; counts[verdict]++;
      it.verdict = verdict; it.reason = reason;
      draw(it);
    }
    saved = false;
    count();
    $("said").textContent = "undone";
    go(last[0][0].at, true);
  };
  const chosen = () => { const list = marked(); return list.length > 0 ? list : [items[now]]; };
  const after = () => { clear(); const at = step(1, (it) => it.verdict === ""); if (at >= 0) go(at, true); else go(now, true); };
  const ask = (list, verdict, reason) => {
    asking = { list, verdict };
    $("reasontitle").textContent = verdict === "ask" ? "Your question" : "Your reason";
    $("reasonabout").textContent = list.length === 1 ? list[0].about : list.length + " lines";
    $("reason").value = reason;
    $("reasonbox").showModal();
    $("reason").focus();
  };
  const press = (list, verdict) => {
    if (verdict === "ask") { ask(list, verdict, list[0].verdict === "ask" ? list[0].reason : ""); return false; }
    decide(list, verdict, "");
    return true;
  };
  $("reasonok").addEventListener("click", () => {
    const text = $("reason").value.trim();
    if (asking.verdict === "ask" && text === "") { $("reason").focus(); return; }
    $("reasonbox").close();
    decide(asking.list, asking.verdict, text);
    after();
  });
  $("reasoncancel").addEventListener("click", () => $("reasonbox").close());

  for (const it of items) {
    it.row.addEventListener("click", (e) => {
      const b = e.target.closest("button");
      go(it.at, false);
      if (!b) return;
      const list = it.marked ? marked() : [it];
      if (b.dataset.v === it.verdict && b.dataset.v !== "ask") { decide(list, "", ""); return; }
      press(list, b.dataset.v);
    });
  }
  const show = () => {
    const words = $("find").value.toLowerCase().split(/\s+/).filter((w) => w !== "");
    const which = $("show").value;
    let first = -1, shown = 0;
    for (const it of items) {
      const fits = words.every((w) => it.text.includes(w)) && (which === "" || (which === "open" ? it.verdict === "" : which === "care" ? it.care : it.verdict === which));
      it.row.hidden = !fits;
      if (fits) { shown++; if (first < 0) first = it.at; }
    }
    clear();
    if (items[now].row.hidden && first >= 0) go(first, false);
    $("said").textContent = shown + " lines shown";
  };
  $("find").addEventListener("input", show);
  $("show").addEventListener("change", show);
  $("undo").addEventListener("click", undo);
  $("help").addEventListener("click", () => $("helpbox").showModal());
  $("helpclose").addEventListener("click", () => $("helpbox").close());

  const extend = (by) => {
    if (anchor < 0) { anchor = now; mark(items[now], true); }
    const at = step(by);
    if (at < 0) return;
    go(at, true);
    const low = Math.min(anchor, now), high = Math.max(anchor, now);
    for (const it of items) { const on = it.at >= low && it.at <= high && !it.row.hidden; if (on !== it.marked) mark(it, on); }
  };
  const keys = {
    ArrowDown: () => { anchor = -1; const at = step(1); if (at >= 0) go(at, true); },
    ArrowUp: () => { anchor = -1; const at = step(-1); if (at >= 0) go(at, true); },
    k: () => { if (press(chosen(), "keep")) after(); },
    r: () => { if (press(chosen(), "revoke")) after(); },
    a: () => { press(chosen(), "ask"); },
    e: () => { const it = items[now]; if (it.verdict !== "") ask(chosen(), it.verdict, it.reason); },
    s: () => {
      const it = items[now];
      const from = it.verdict !== "" ? it : items[Math.max(0, step(-1, (x) => x.verdict !== ""))];
      if (from.verdict === "" || from.verdict === "ask") return;
      const list = items.filter((x) => x.like === from.like && x.verdict === "" && !x.row.hidden);
      if (list.length > 0 && window.confirm(from.verdict + " for " + list.length + " more with the same access?")) { decide(list, from.verdict, from.reason); after(); }
    },
    n: () => { const at = step(1, (it) => it.verdict === ""); if (at >= 0) go(at, true); },
    u: undo,
    " ": () => { mark(items[now], !items[now].marked); const at = step(1); if (at >= 0) go(at, true); },
    "/": () => $("find").focus(),
    "?": () => $("helpbox").showModal(),
    Escape: clear,
  };
  document.addEventListener("keydown", (e) => {
    if (e.ctrlKey || e.metaKey || e.altKey || document.querySelector("dialog[open]")) return;
    const tag = e.target.tagName;
    if (tag === "INPUT" || tag === "SELECT" || tag === "TEXTAREA") { if (e.key === "Escape" && tag === "INPUT") items[now].head.focus(); return; }
    if (tag === "BUTTON" && (e.key === " " || e.key === "Enter")) return;
    if (e.shiftKey && e.key === "ArrowDown") { e.preventDefault(); extend(1); return; }
    if (e.shiftKey && e.key === "ArrowUp") { e.preventDefault(); extend(-1); return; }
    const f = keys[e.key.length === 1 ? e.key.toLowerCase() : e.key];
    if (f) { e.preventDefault(); f(); }
  });
  window.addEventListener("beforeunload", (e) => { if (!saved) e.preventDefault(); });

  const bytes = (b64) => Uint8Array.from(atob(b64), (c) => c.charCodeAt(0));
  const b64 = (buffer) => btoa(Array.from(new Uint8Array(buffer), (b) => String.fromCharCode(b)).join(""));
  const statement = (answer) => {
    const parts = ["rollcall review answer 1", answer].map((s) => new TextEncoder().encode(s));
    const out = new Uint8Array(parts.reduce((n, p) => n + 8 + p.length, 0));
    const view = new DataView(out.buffer);
    let at = 0;
    for (const p of parts) { view.setBigUint64(at, BigInt(p.length)); out.set(p, at + 8); at += 8 + p.length; }
    return out;
  };
  const sign = async (words) => {
    const subtle = globalThis.crypto && globalThis.crypto.subtle;
    if (!subtle) throw new Error("This browser cannot sign. Ask the help desk for the workbook instead.");
    const pass = await subtle.importKey("raw", new TextEncoder().encode(words), "PBKDF2", false, ["deriveKey"]);
    const under = await subtle.deriveKey({ name: "PBKDF2", hash: "SHA-256", salt: bytes(given.salt), iterations: Number(given.rounds) }, pass, { name: "AES-GCM", length: 256 }, false, ["decrypt"]);
    let der;
    try { der = await subtle.decrypt({ name: "AES-GCM", iv: bytes(given.nonce) }, under, bytes(given.lock)); } catch { throw new Error("These are not the four words of this packet. Nothing was saved."); }
    const key = await subtle.importKey("pkcs8", der, { name: "ECDSA", namedCurve: "P-256" }, false, ["sign"]);
    const decisions = items.filter((it) => it.verdict !== "").map((it) => (it.reason === "" ? { n: it.n, verdict: it.verdict } : { n: it.n, verdict: it.verdict, reason: it.reason }));
    const answer = JSON.stringify({ format: 1, packet: given.packet, campaign: Number(given.campaign), reviewer: given.reviewer, hash: given.hash, made_at: new Date().toISOString(), decisions });
    const signature = await subtle.sign({ name: "ECDSA", hash: "SHA-256" }, key, statement(answer));
    return JSON.stringify({ answer, signature: b64(signature) });
  };
  $("save").addEventListener("click", () => {
    const open = counts[""];
    $("saveabout").textContent = counts.keep + " kept, " + counts.revoke + " revoked, " + counts.ask + " asked." + (open > 0 ? " " + open + " are undecided: they stay with you." : "") + " The file goes to your downloads; send it to the help desk.";
    $("saveerror").textContent = "";
    $("words").value = "";
    $("savebox").showModal();
    $("words").focus();
  });
  $("savecancel").addEventListener("click", () => $("savebox").close());
  const save = async () => {
    const words = $("words").value.trim().toLowerCase().split(/\s+/).join(" ");
    $("saveerror").textContent = "";
    $("saveok").disabled = true;
    try {
      if (items.length === counts[""]) throw new Error("Nothing is decided yet.");
      const text = await sign(words);
      const link = document.createElement("a");
      link.href = URL.createObjectURL(new Blob([text], { type: "application/json" }));
      link.download = "rollcall-answer-" + given.packet + ".json";
      link.click();
      saved = true;
      $("savebox").close();
      $("said").textContent = "The answer is saved. Send it to the help desk.";
    } catch (err) {
      $("saveerror").textContent = err.message;
    } finally {
      $("saveok").disabled = false;
    }
  };
  $("saveok").addEventListener("click", save);
  $("words").addEventListener("keydown", (e) => { if (e.key === "Enter") { e.preventDefault(); save(); } });
  $("reason").addEventListener("keydown", (e) => { if (e.key === "Enter" && !e.shiftKey) { e.preventDefault(); $("reasonok").click(); } });
  go(0, false);
  items[0].head.tabIndex = 0;
  count();
})();
