// The bin editor. The server holds the bins and their history and counts; this shows them and sends one edit at a time.
import { csrf } from "./page.js";
import * as chart from "./bins_chart.js";
import * as list from "./bins_list.js";
import * as months from "./bins_months.js";
import { figure, nOrdinary, percent, safe, signed, splitOf, word } from "./bins_parts.js";
import * as table from "./bins_table.js";

export function start(root) {
  const part = (name) => root.querySelector(`[data-bin="${name}"]`);
  const state = { view: null, shown: null, chosen: new Set(), cursor: null, may: root.dataset.may === "1", proposal: false };
  const seen = () => state.shown || state.view;
  const current = () => ({ view: seen(), may: state.may && !state.proposal });
  const items = list.start(root, (name) => open(name));
  let waiting = Promise.resolve();

  async function ask(method, name, body) {
    const answer = await fetch(`${root.dataset.api}/variables/${encodeURIComponent(name)}`, {
      method,
      headers: { "Content-Type": "application/json", Accept: "application/json", "X-CSRFToken": csrf() },
      body: body && JSON.stringify(body),
    }).catch(() => null);
    const told = answer && (await answer.json().catch(() => null));
    if (!answer || !told) return { error: { code: "failed", message: document.getElementById("words").dataset.failed } };
    return answer.ok ? { view: told } : { error: told };
  }

  // Changes go one after the other, each with the version that the one before brought.
  function change(body, after) {
    if (!state.may) return Promise.resolve();
    const begun = performance.now(), name = state.view.name;
    waiting = waiting.then(async () => {
      if (state.view.name !== name) return;
      const { view, error } = await ask("PUT", name, { version: state.view.version, ...body });
      if (error) { refuse(error); return; }
      state.shown = null;
      state.proposal = false;
      show(view);
      root.dataset.redraw = (performance.now() - begun).toFixed(1);
      if (after) after();
    });
    return waiting;
  }

  function edit(one) {
    state.chosen = new Set();
    return change({ edit: one });
  }

  function refuse(error) {
    state.shown = null;
    state.proposal = false;
    redraw();
    const again = error.code === "draft_stale" ? ` <button class="btn btn--small" type="button" data-do="reload">${word("reload")}</button>` : "";
    part("say").innerHTML = `<div class="banner banner--bad" data-code="${safe(error.code)}"><span>${safe(error.message)}</span>${again}</div>`;
  }

  function show(view) {
    state.view = view;
    part("say").innerHTML = "";
    const n = view.parts ? view.parts.length : 0;
    state.chosen = new Set([...state.chosen].filter((i) => i < n));
    if (state.cursor != null && state.cursor >= n) state.cursor = n ? n - 1 : null;
    items.tell(view);
    redraw();
  }

  function redraw() {
    const view = seen(), focused = document.activeElement && document.activeElement.closest(".bin-handle, .bin-chip");
    const mark = focused && { edge: focused.dataset.edge, level: focused.dataset.level, place: focused.dataset.place };
    head(view);
    root.classList.toggle("is-unfit", !view.parts);
    if (!view.parts) {
      part("say").innerHTML = view.reason ? `<div class="banner"><span>${word("notrun")}: ${safe(view.reason)}</span></div>` : "";
      return;
    }
    strip(view);
    chart.draw(part("chart"), view, { ...state, may: current().may });
    table.draw(part("table"), view, { ...state, may: current().may });
    months.draw(part, view);
    tools(view);
    if (mark) refocus(mark);
  }

  function refocus(mark) {
    const which = mark.edge != null ? `.bin-handle[data-edge="${mark.edge}"]`
      : [...root.querySelectorAll(".bin-chip")].find((chip) => (mark.level != null ? chip.dataset.level === mark.level : chip.dataset.place === mark.place));
    const element = typeof which === "string" ? root.querySelector(which) : which;
    if (element) element.focus();
  }

  function head(view) {
    document.title = document.title.replace(/^[^·]*/, `${view.name} `);
    part("title").textContent = view.title || view.name;
    document.querySelector("[data-bin=crumb]").textContent = view.name;
    const tone = { accepted: "good", edited: "running" }[view.state] || "";
    part("badges").innerHTML = `<span class="badge badge--${safe(view.party)}">${word(`party-${view.party}`)}</span> <span class="badge badge--bare ${tone ? `badge--${tone}` : ""}">${safe(state.proposal ? word("proposal") : view.state_text)}</span>`;
    part("meta").innerHTML = `<span class="mono">${safe(view.name)}</span>${view.reason && view.parts ? `<span>${safe(view.reason)}</span>` : ""}${view.changed_by ? `<span>${safe(view.changed_by)}</span>` : ""}`;
    if (document.activeElement !== part("note")) part("note").value = view.note;
    if (!state.may) return;
    root.querySelector('[data-do="undo"]').disabled = !view.can_undo;
    root.querySelector('[data-do="redo"]').disabled = !view.can_redo;
    part("accept").textContent = word(view.state === "accepted" ? "reopen" : "accept");
  }

  function tile(name, fig, small, bad) {
    return `<div class="tile"><div class="tile-name">${name}</div><div class="tile-fig${bad ? " bin-doubt" : ""}">${fig}</div><div class="small muted">${small}</div></div>`;
  }

  function strip(view) {
    const train = splitOf(view, "train"), k = nOrdinary(view), own = view.parts.length - k;
    const others = view.splits.filter((one) => one.split !== "train"), last = others[others.length - 1];
    const change = view.before.iv ? 100 * (train.iv / view.before.iv - 1) : 0;
    const gain = Math.abs(change) >= 0.05 ? ` ${signed(change, 1)} %` : "";
    const also = (key) => others.map((one) => `${word(one.split)} ${figure(one[key], 3)}`).join(", ");
    const shares = train.rows.slice(0, k).filter((row) => !row.hidden).map((row) => row.share);
    part("strip").innerHTML = tile("IV", figure(train.iv, 4), `${word("before")} ${figure(view.before.iv, 4)}${gain}`)
      + tile("KS", figure(train.ks, 3), also("ks"))
      + tile(word("bins"), `${k}${own ? `<small>+ ${own} ${word("own")}</small>` : ""}`, `${word("before")} ${view.before.bins}`)
      + tile(word("trend"), word(train.trend), others.map((one) => `${word(one.split)}: ${word(one.trend)}`).join(", "), view.kind === "numeric" && k > 2 && train.trend === "none")
      + tile(word("least"), shares.length ? `${percent(Math.min(...shares))} %` : "–", word("smallest"))
      + (last ? tile(`PSI, ${word(last.split)}`, figure(last.psi, 3), word("limit"), last.psi > 0.25) : "");
  }

  function tools(view) {
    if (!state.may) return;
    const names = [...state.chosen].sort((a, b) => a - b).map((i) => view.parts[i].label);
    part("chosen").textContent = names.length ? `${names.length} ${word("chosen")}` : "";
    const merge = root.querySelector('[data-do="merge"]');
    merge.disabled = names.length < 2 || state.proposal;
    merge.textContent = names.length === 2 ? `${word("merge")} ${clip(names[0])} ${word("with")} ${clip(names[1])}` : word("merge");
    part("edge-box").hidden = view.kind !== "numeric";
  }

  const clip = (text) => (text.length > 18 ? `${text.slice(0, 17)}…` : text);

  async function open(name, keep) {
    await waiting;
    await saveNote();
    const { view, error } = await ask("GET", name);
    if (error) { refuse(error); return; }
    state.shown = null;
    state.proposal = false;
    if (!keep) { state.chosen = new Set(); state.cursor = null; }
    show(view);
    const url = `${root.dataset.page}variables/${encodeURIComponent(name)}/`;
    if (!keep && url !== window.location.pathname) window.history.pushState({}, "", url);
  }

  // While an edge is dragged only the newest place is asked for.
  let asking = false, newest = null;
  async function preview(one) {
    newest = one;
    if (asking) return;
    asking = true;
    while (newest) {
      const next = newest;
      newest = null;
      const { view } = await ask("POST", state.view.name, { edit: next });
      if (view && asking) { state.shown = view; redrawDragged(); }
    }
    asking = false;
  }
  function redrawDragged() {
    const view = seen();
    strip(view);
    chart.draw(part("chart"), view, { ...state });
    table.draw(part("table"), view, state);
  }
  chart.dragging(part("chart"), () => ({ view: state.view, may: state.may && !state.proposal }), {
    ask: (edge, to) => preview({ op: "move", edge, to }),
    drop: (edge, to) => { newest = null; asking = false; change({ edit: { op: "move", edge, to } }); },
    cancel: () => { newest = null; state.shown = null; redraw(); },
  });
  table.chipMoves(part("table"), current, (chip, to) => {
    const { level, place } = chip.dataset;
    edit(level != null ? { op: "levels", levels: [level], bin: to } : { op: "place", place, bin: to });
  });

  async function wish() {
    const value = (id) => Number(document.getElementById(id).value);
    const asked = { trend: part("trend").value, min_bins: value("bin-least"), max_bins: value("bin-most"), min_bin_share: value("bin-share") / 100 };
    const { view, error } = await ask("POST", state.view.name, { wish: asked });
    if (error) { refuse(error); return; }
    state.shown = view;
    state.proposal = true;
    redraw();
    const now = splitOf(state.view, "train"), then = splitOf(view, "train");
    part("say").innerHTML = `<div class="banner banner--info"><span><b>${word("proposal")}.</b> IV ${figure(now.iv, 4)} → ${figure(then.iv, 4)}, ${word("bins")} ${nOrdinary(state.view)} → ${nOrdinary(view)}, ${word(then.trend)}</span><span class="row"><button class="btn btn--small btn--primary" type="button" data-do="apply">${word("apply")}</button><button class="btn btn--small" type="button" data-do="dismiss">${word("dismiss")}</button></span></div>`;
  }

  function dismiss() {
    if (!state.shown) return false;
    state.shown = null;
    state.proposal = false;
    part("say").innerHTML = "";
    redraw();
    return true;
  }

  async function saveNote() {
    const text = part("note").value;
    if (!state.may || !state.view || text === state.view.note) return;
    await change({ note: text }, () => { part("saved").textContent = word("stored"); });
  }

  const at = () => (state.cursor != null ? state.cursor : state.chosen.size === 1 ? [...state.chosen][0] : null);
  function step(by, choose) {
    const rows = table.order(seen()), place = state.cursor == null ? (by > 0 ? -1 : rows.length) : rows.indexOf(state.cursor);
    const next = rows[Math.max(0, Math.min(rows.length - 1, place + by))];
    if (choose) { if (state.cursor != null) state.chosen.add(state.cursor); state.chosen.add(next); }
    state.cursor = next;
    redraw();
  }
  function choose(i) {
    if (state.chosen.has(i)) state.chosen.delete(i);
    else state.chosen.add(i);
    state.cursor = i;
    redraw();
  }
  function stepEdge(edge, by) {
    const to = edge >= 0 && edge < seen().bins.edges.length ? chart.cutBeside(state.view, edge, by) : null;
    return to == null ? null : change({ edit: { op: "move", edge, to } });
  }

  const acts = {
    previous: () => items.go(-1),
    next: () => items.go(1),
    help: () => document.getElementById("bin-help").showModal(),
    undo: () => change({ act: "undo" }),
    redo: () => change({ act: "redo" }),
    reset: () => change({ act: "reset" }),
    reload: () => open(state.view.name, true),
    accept: () => (state.view.state === "accepted" ? change({ act: "reopen" }) : change({ act: "accept" }, () => items.todo())),
    merge: () => (state.chosen.size > 1 ? edit({ op: "merge", bins: [...state.chosen] }) : refuse({ code: "choose", message: word("noselect") })),
    split: () => at() != null && edit({ op: "split", bin: at() }),
    edge: putEdge,
    rename: rename,
    wish,
    apply: () => state.shown && change({ edit: { op: "bins", bins: state.shown.bins } }),
    dismiss,
    out: () => at() != null && seen().parts[at()].places.reduce((before, one) => before.then(() => edit({ op: "place", place: one.place })), Promise.resolve()),
  };

  // A typed number cuts the bin that holds it; with a handle in focus it moves that edge.
  function putEdge() {
    const box = part("edge"), value = Number(box.value.replace(/,/g, "").replace("\u2212", "-"));
    if (box.value.trim() === "" || Number.isNaN(value)) { box.focus(); return; }
    const moved = box.dataset.moves;
    delete box.dataset.moves;
    box.value = "";
    box.blur();
    const bin = state.view.bins.edges.filter((edge) => edge <= value).length;
    edit(moved ? { op: "move", edge: Number(moved), to: value } : { op: "split", bin, at: value });
  }
  function rename() {
    const i = at();
    const row = i != null && part("table").querySelector(`tr[data-row="${i}"] .bin-name`);
    if (!row) return;
    row.innerHTML = `<input class="input input--small" data-name-of="${i}" maxlength="60" aria-label="${word("rename")}" placeholder="${word("rename")}">`;
    const box = row.firstChild;
    box.value = seen().parts[i].name;
    box.focus();
    let done = false;
    const end = (keep) => { if (done) return; done = true; if (keep && box.value !== seen().parts[i].name) edit({ op: "rename", bin: i, name: box.value }); else redraw(); };
    box.addEventListener("keydown", (event) => { if (event.key === "Enter") end(true); if (event.key === "Escape") end(false); event.stopPropagation(); });
    box.addEventListener("blur", () => end(true));
  }

  root.addEventListener("click", (event) => {
    const button = event.target.closest("[data-do]");
    if (button && acts[button.dataset.do]) { acts[button.dataset.do](); return; }
    const bar = event.target.closest("[data-bar]"), box = event.target.closest("[data-choose]");
    if (bar) choose(Number(bar.dataset.bar));
    else if (box) choose(Number(box.dataset.choose));
  });
  part("note").addEventListener("blur", saveNote);
  part("note").addEventListener("input", () => { part("saved").textContent = ""; });
  if (state.may) {
    part("edge").addEventListener("keydown", (event) => { if (event.key === "Enter") { event.preventDefault(); putEdge(); } });
    part("trend").addEventListener("change", wish);
  }

  const keys = {
    j: acts.next, k: acts.previous, m: acts.merge, s: acts.split, r: acts.rename, p: acts.wish, a: acts.accept, x: acts.out, "?": acts.help,
    e: () => part("edge").focus(), n: () => part("note").focus(), t: () => part("trend").focus(), "/": () => part("find").focus(),
    "[": () => stepEdge((at() == null ? 0 : at()) - 1, -1), "]": () => stepEdge((at() == null ? 0 : at()) - 1, 1),
    "{": () => stepEdge((at() == null ? 0 : at()) - 1, -10), "}": () => stepEdge((at() == null ? 0 : at()) - 1, 10),
    ArrowLeft: (event) => step(-1, event.shiftKey), ArrowRight: (event) => step(1, event.shiftKey),
    " ": () => at() != null && choose(at()),
    Escape: () => { if (!dismiss()) { state.chosen = new Set(); state.cursor = null; part("say").innerHTML = ""; redraw(); } },
  };
  const readers = new Set(["j", "k", "?", "/", "ArrowLeft", "ArrowRight", " ", "Escape"]);

  function onHandle(event, handle) {
    const edge = Number(handle.dataset.edge), far = event.shiftKey ? 10 : 1;
    if (event.key === "ArrowLeft" || event.key === "ArrowRight") return () => stepEdge(edge, event.key === "ArrowLeft" ? -far : far);
    if (event.key === "Delete" || event.key === "Backspace") return () => edit({ op: "merge", bins: [edge, edge + 1] });
    if (event.key === "Enter") return () => { part("edge").dataset.moves = edge; part("edge").focus(); };
    return null;
  }

  function onKey(event) {
    if (!root.isConnected) { document.removeEventListener("keydown", onKey); return; }
    const typing = event.target.closest("input:not([type=checkbox]), select, textarea, dialog");
    if (typing && event.key === "Escape") { event.target.blur(); return; }
    if (typing || document.querySelector("dialog[open]") || event.altKey || !seen()) return;
    if (event.ctrlKey || event.metaKey) {
      const act = event.key.toLowerCase() === "z" ? (event.shiftKey ? acts.redo : acts.undo) : event.key.toLowerCase() === "y" ? acts.redo : null;
      if (act && state.may) { event.preventDefault(); act(); }
      return;
    }
    const handle = event.target.closest(".bin-handle"), button = event.target.closest("button, a, summary");
    const own = handle && state.may && onHandle(event, handle);
    const act = own || keys[event.key.length === 1 ? event.key.toLowerCase() : event.key];
    if (!act || (button && (event.key === " " || event.key === "Enter"))) return;
    if (!state.may && !readers.has(event.key)) return;
    if (!seen().parts && !["j", "k", "?", "/"].includes(event.key)) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    act(event);
  }
  document.addEventListener("keydown", onKey, true);
  window.addEventListener("popstate", () => {
    const found = /\/variables\/([^/]+)\/$/.exec(window.location.pathname);
    if (found && root.isConnected) open(decodeURIComponent(found[1]), true);
  });
  let drawnAt = 0;
  new ResizeObserver(() => {
    const width = part("chart").clientWidth;
    if (seen() && seen().parts && Math.abs(width - drawnAt) > 4) { drawnAt = width; redraw(); }
  }).observe(part("chart"));
  show(JSON.parse(document.getElementById("bin-view").textContent));
  root.dataset.ready = "1";
}
