// The bins as a table: train, valid and OOT side by side, months as heat, chips for categories and codes.
import { figure, nOrdinary, percent, safe, signed, splitOf, word } from "./bins_parts.js";

function heat(view, i) {
  const { names, rates, late } = view.months;
  if (!names.length) return "";
  const seen = rates.flat().filter((rate) => rate != null).sort((a, b) => a - b);
  const limits = [0.2, 0.4, 0.6, 0.8].map((part) => seen[Math.floor(part * (seen.length - 1))]);
  const cells = names.map((name, m) => {
    const rate = rates[m][i], level = rate == null ? 0 : 1 + limits.filter((limit) => rate > limit).length;
    const gap = m && late[m] && !late[m - 1] ? '<i class="bin-gap"></i>' : "";
    return `${gap}<i class="h${level}" title="${name}: ${rate == null ? word("hidden") : `${percent(rate)} %`}"></i>`;
  });
  return `<span class="heat">${cells.join("")}</span>`;
}

function chips(part, i, may) {
  const drag = may ? ' draggable="true" tabindex="0" role="button"' : "";
  const levels = part.levels.map((level) => `<span class="bin-chip"${drag} data-level="${safe(level)}" data-of="${i}">${safe(level)}</span>`);
  const places = part.places.map(({ place, text }) => `<span class="bin-chip bin-chip--place"${drag} data-place="${safe(place)}" data-of="${i}">${safe(text)}</span>`);
  return [...levels, ...places].join("");
}

function named(view, part, i, may) {
  const values = view.kind === "numeric" && !part.own ? `<span class="nowrap">${safe(part.values)}</span> ` : "";
  const name = part.name ? `<b>${safe(part.name)}</b> ` : "";
  const turn = view.turns.includes(i) ? ` <span class="bin-turn" title="${word("turns")}">◆</span>` : "";
  return `${name}${values}${chips(part, i, may)}${turn}`;
}

function cells(view, i) {
  const train = splitOf(view, "train"), row = train.rows[i];
  const others = view.splits.filter((one) => one !== train);
  const empty = (one, key) => one.rows[i].hidden || (key === "bad_rate" && !one.rows[i].n);
  const pick = (one, key, digits) => (empty(one, key) ? "–" : percent(one.rows[i][key], digits));
  const p = i < view.p_next.length ? view.p_next[i] : null;
  const doubt = p != null && p > 0.05 ? ` title="${word("samep")}" class="num bin-doubt"` : ' class="num"';
  const hidden = row.hidden;
  return [
    `<td class="num">${hidden ? word("hidden") : figure(row.n)}</td>`,
    `<td class="num">${pick(train, "share", 1)}</td>`,
    ...others.map((one) => `<td class="num muted">${pick(one, "share", 1)}</td>`),
    `<td class="num">${hidden ? "–" : figure(row.n_bad)}</td>`,
    `<td class="num"><b>${pick(train, "bad_rate", 2)}</b></td>`,
    ...others.map((one) => `<td class="num bin-${one.split}">${pick(one, "bad_rate", 2)}</td>`),
    `<td class="num">${hidden ? "–" : row.neutral ? word("neutral") : signed(row.woe, 3)}</td>`,
    `<td class="num">${hidden ? "–" : figure(row.iv, 4)}</td>`,
    `<td${doubt}>${p == null ? "" : p < 0.001 ? "&lt; 0.001" : figure(p, 3)}</td>`,
  ].join("");
}

export function order(view) {
  const k = nOrdinary(view), all = view.parts.map((_, i) => i);
  return [...all.slice(k), ...all.slice(0, k)]; // own bins first, as in the chart
}

export function draw(table, view, state) {
  const others = view.splits.filter((one) => one.split !== "train"), train = splitOf(view, "train");
  const many = others.length + 1;
  const months = view.months.names;
  const head = `<thead><tr><th rowspan="2"><span class="sr">${word("chosen")}</span></th><th rowspan="2">${word("bin")}</th><th class="num" rowspan="2">${word("rows")}</th><th class="num" colspan="${many}">${word("share")}</th><th class="num" rowspan="2">${word("bad")}</th><th class="num" colspan="${many}">${word("rate")}</th><th class="num" rowspan="2">WOE</th><th class="num" rowspan="2">IV</th><th class="num" rowspan="2">${word("next")}</th><th rowspan="2">${months.length ? `<span class="spread"><span>${months[0]}</span><span>${word("month")}</span><span>${months[months.length - 1]}</span></span>` : ""}</th></tr>`
    + `<tr>${[0, 1].map(() => ["train", ...others.map((one) => one.split)].map((name) => `<th class="num bin-sub">${word(name)}</th>`).join("")).join("")}</tr></thead>`;
  const body = order(view).map((i) => {
    const part = view.parts[i], chosen = state.chosen.has(i);
    return `<tr data-row="${i}"${chosen ? ' aria-selected="true"' : ""} class="${state.cursor === i ? "is-cursor" : ""}"><td><input type="checkbox" data-choose="${i}" aria-label="${safe(part.label)}"${chosen ? " checked" : ""}></td><td class="bin-name">${named(view, part, i, state.may)}</td>${cells(view, i)}<td>${heat(view, i)}</td></tr>`;
  }).join("");
  const fresh = view.kind === "category" && state.may ? `<tr class="bin-new" data-row="-1" hidden><td></td><td colspan="99">${word("newgroup")}</td></tr>` : "";
  const foot = `<tfoot><tr><td></td><td>${word("all")}</td><td class="num">${figure(train.n)}</td><td class="num">100.0</td>${others.map(() => "<td></td>").join("")}<td class="num">${figure(train.n_bad)}</td><td class="num">${percent(train.bad_rate, 2)}</td>${others.map((one) => `<td class="num">${percent(one.bad_rate, 2)}</td>`).join("")}<td></td><td class="num">${figure(train.iv, 4)}</td><td></td><td></td></tr></tfoot>`;
  table.innerHTML = `${head}<tbody>${body}${fresh}</tbody>${foot}`;
}

// Chips move by hand or by key: `put(chip, to)` with the number of the bin, or -1 for one of its own.
export function chipMoves(table, current, put) {
  let held = null;
  table.addEventListener("dragstart", (event) => {
    held = event.target.closest(".bin-chip");
    if (!held) return;
    event.dataTransfer.effectAllowed = "move";
    event.dataTransfer.setData("text/plain", held.textContent);
    const fresh = table.querySelector(".bin-new");
    if (fresh) fresh.hidden = false;
  });
  table.addEventListener("dragover", (event) => {
    const row = event.target.closest("tr[data-row]");
    if (!held || !row) return;
    event.preventDefault();
    table.querySelectorAll(".is-over").forEach((one) => one !== row && one.classList.remove("is-over"));
    row.classList.add("is-over");
  });
  table.addEventListener("dragend", () => {
    held = null;
    table.querySelectorAll(".is-over").forEach((one) => one.classList.remove("is-over"));
    const fresh = table.querySelector(".bin-new");
    if (fresh) fresh.hidden = true;
  });
  table.addEventListener("drop", (event) => {
    const row = event.target.closest("tr[data-row]"), chip = held;
    if (!chip || !row) return;
    event.preventDefault();
    if (row.dataset.row !== chip.dataset.of) put(chip, Number(row.dataset.row));
  });
  table.addEventListener("keydown", (event) => {
    const chip = event.target.closest(".bin-chip");
    if (!chip || !current().may) return;
    const rows = order(current().view), at = rows.indexOf(Number(chip.dataset.of));
    const step = { ArrowUp: -1, ArrowDown: 1 }[event.key];
    const to = step ? rows[at + step] : event.key === "+" ? -1 : undefined;
    if (to === undefined) return;
    event.preventDefault();
    event.stopPropagation();
    put(chip, to);
  });
}
