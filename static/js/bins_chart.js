// The chart of one variable: bars of shares, lines of bad rates, bars of WOE, and a handle for every edge.
// A handle is dragged along the cuts that are counted; while it moves, the figures of each place are asked for.
import { figure, nOrdinary, percent, safe, signed, splitOf, word } from "./bins_parts.js";

const TOP = 26, BARS = 150, AXIS = 34, WOE = 64, SIDE = 34;

// A round number not below `most`.
function ceiling(most) {
  if (most <= 0) return 1;
  const unit = 10 ** Math.floor(Math.log10(most));
  return [1, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10].map((step) => step * unit).find((step) => step >= most - 1e-12);
}

export function frame(view, width) {
  const n = view.parts.length, k = nOrdinary(view);
  const gap = n > k ? 14 : 0;
  const step = (width - 2 * SIDE - gap) / n;
  // own bins stand on the left, as in the table
  const left = (i) => SIDE + (i < k ? gap + (n - k + i) * step : (i - k) * step);
  return { n, k, step, left, middle: (i) => left(i) + step / 2, width };
}

function levels(top, bottom, most, place, side) {
  return [0, 0.25, 0.5, 0.75, 1].map((part) => {
    const y = bottom - part * (bottom - top);
    const line = side === "left" ? `<line class="grid-line" x1="${SIDE}" x2="${place}" y1="${y}" y2="${y}"/>` : "";
    const x = side === "left" ? SIDE - 6 : place + 6;
    const anchor = side === "left" ? "end" : "start";
    return `${line}<text x="${x}" y="${y + 4}" text-anchor="${anchor}">${figure(100 * most * part, Number.isInteger(25 * most) ? 0 : 1)}</text>`;
  }).join("");
}

function clipped(text, room) {
  const most = Math.max(3, Math.floor(room / 6.2));
  return text.length > most ? `${text.slice(0, most - 1)}…` : text;
}

function line(split, shape, scale, name) {
  const parts = [];
  let drawn = false;
  for (let i = 0; i < shape.k; i += 1) {
    const row = split.rows[i];
    if (row.hidden || !row.n) { drawn = false; continue; }
    parts.push(`${drawn ? "L" : "M"}${shape.middle(i).toFixed(1)} ${scale(row.bad_rate).toFixed(1)}`);
    drawn = true;
  }
  return parts.length ? `<path class="line line--${name}" d="${parts.join("")}"/>` : "";
}

function points(train, shape, scale) {
  return train.rows.map((row, i) => {
    if (row.hidden || !row.n) return "";
    const x = shape.middle(i).toFixed(1), y = scale(row.bad_rate).toFixed(1);
    return `<circle class="bin-point" cx="${x}" cy="${y}" r="3.5"/><text class="strong" x="${x}" y="${y - 8}" text-anchor="middle">${percent(row.bad_rate)}</text>`;
  }).join("");
}

function bars(view, train, shape, most, chosen, cursor) {
  const bottom = TOP + BARS;
  return view.parts.map((part, i) => {
    const row = train.rows[i], share = row.hidden ? 0 : row.share;
    const height = (share / most) * BARS, wide = shape.step * 0.72;
    const x = (shape.middle(i) - wide / 2).toFixed(1);
    const classes = ["bin-bar", part.own ? "fill-special" : "fill-bar", chosen.has(i) ? "is-chosen" : "", cursor === i ? "is-cursor" : ""].join(" ");
    return `<g data-bar="${i}" class="bin-column"><rect class="bin-hit" x="${shape.left(i).toFixed(1)}" y="${TOP}" width="${shape.step.toFixed(1)}" height="${BARS}"/>`
      + `<rect class="${classes}" x="${x}" y="${(bottom - height).toFixed(1)}" width="${wide.toFixed(1)}" height="${Math.max(height, 0.5).toFixed(1)}" rx="2"><title>${safe(part.label)}: ${row.hidden ? word("hidden") : `${percent(row.share)} %`}</title></rect>`
      + `<text x="${shape.middle(i).toFixed(1)}" y="${bottom + 15}" text-anchor="middle">${safe(clipped(part.label, shape.step))}<title>${safe(part.label)}</title></text></g>`;
  }).join("");
}

function woes(train, shape, top) {
  const values = train.rows.map((row) => (row.hidden ? 0 : row.woe));
  const most = Math.max(0.1, ...values.map(Math.abs));
  const zero = top + WOE / 2;
  const drawn = values.map((value, i) => {
    const height = (Math.abs(value) / most) * (WOE / 2 - 12), wide = shape.step * 0.4;
    const y = value >= 0 ? zero - height : zero;
    const text = train.rows[i].hidden ? "–" : train.rows[i].n ? signed(value, 2) : "";
    return `<rect class="${value >= 0 ? "fill-woe-up" : "fill-woe-down"}" x="${(shape.middle(i) - wide / 2).toFixed(1)}" y="${y.toFixed(1)}" width="${wide.toFixed(1)}" height="${Math.max(height, 0.5).toFixed(1)}" rx="1"/><text x="${shape.middle(i).toFixed(1)}" y="${(value >= 0 ? y - 3 : y + height + 11).toFixed(1)}" text-anchor="middle">${text}</text>`;
  }).join("");
  return `<line class="axis" x1="${SIDE}" x2="${shape.width - SIDE}" y1="${zero}" y2="${zero}"/><text x="${SIDE - 6}" y="${zero + 4}" text-anchor="end">WOE</text>${drawn}`;
}

function handles(view, shape, may) {
  if (view.kind !== "numeric") return "";
  const y = TOP + BARS + 24;
  return view.bins.edges.map((edge, i) => {
    const x = shape.left(i + 1), text = figure(edge, Number.isInteger(edge) ? 0 : Math.min(4, (String(edge).split(".")[1] || "").length));
    const wide = Math.max(22, 7 * text.length + 10);
    const given = may ? `tabindex="0" role="slider" aria-label="${word("edge")} ${i + 1}" aria-valuetext="${text}" aria-valuenow="${edge}"` : "";
    return `<g class="bin-handle${may ? "" : " is-fixed"}" data-edge="${i}" ${given} transform="translate(${x.toFixed(1)} 0)"><line class="bin-rule" x1="0" x2="0" y1="${TOP}" y2="${y}"/><rect class="bin-grip" x="${-wide / 2}" y="${y}" width="${wide}" height="18" rx="4"/><text x="0" y="${y + 13}" text-anchor="middle">${text}</text></g>`;
  }).join("");
}

// Everything that is drawn of a view; `state` says what is chosen and where the cursor stands.
export function draw(holder, view, state) {
  const width = Math.max(holder.clientWidth, 60 * view.parts.length + 2 * SIDE);
  const shape = frame(view, width), train = splitOf(view, "train");
  const bottom = TOP + BARS, woeTop = bottom + AXIS + 14;
  const most = ceiling(Math.max(0.05, ...train.rows.map((row) => row.share || 0)));
  const rates = view.splits.flatMap((one) => one.rows.map((row) => (row.hidden || !row.n ? 0 : row.bad_rate)));
  const highest = ceiling(Math.max(0.01, ...rates));
  const scale = (rate) => bottom - (rate / highest) * BARS;
  const others = view.splits.filter((one) => one.split !== "train").map((one) => line(one, shape, scale, one.split)).join("");
  const apart = shape.n > shape.k ? `<line class="ref" x1="${shape.left(0) - 7}" x2="${shape.left(0) - 7}" y1="${TOP - 10}" y2="${bottom + 8}"/>` : "";
  const height = woeTop + WOE + 6;
  holder.innerHTML = `<svg class="chart" viewBox="0 0 ${width} ${height}" style="width:${width}px;height:${height}px" role="group">`
    + levels(TOP, bottom, most, width - SIDE, "left") + levels(TOP, bottom, highest, width - SIDE, "right") + apart
    + bars(view, train, shape, most, state.chosen, state.cursor) + others + line(train, shape, scale, "bad") + points(train, shape, scale)
    + woes(train, shape, woeTop) + handles(view, shape, state.may) + "</svg>";
}

// The cut under a place of the chart: each bar is as wide as its rows, so equal steps of the hand pass equal shares.
export function cutAt(view, shape, edge, x) {
  const ladder = view.ladder, edges = view.bins.edges;
  const low = edge ? edges[edge - 1] : -Infinity, high = edge + 1 < edges.length ? edges[edge + 1] : Infinity;
  const free = ladder.filter(([cut]) => cut > low && cut < high);
  if (!free.length) return edges[edge];
  const share = (value, end) => { const found = ladder.find(([cut]) => cut === value); return found ? found[1] : end; };
  const from = share(low, 0), at = share(edges[edge], from), to = share(high, 1);
  const middle = shape.left(edge + 1);
  const part = (x - middle) / shape.step;
  const wanted = part < 0 ? at + Math.max(part, -1) * (at - from) : at + Math.min(part, 1) * (to - at);
  return free.reduce((best, one) => (Math.abs(one[1] - wanted) < Math.abs(best[1] - wanted) ? one : best))[0];
}

// The cut that lies `steps` further along the ladder, between the neighbouring edges.
export function cutBeside(view, edge, steps) {
  const edges = view.bins.edges;
  const low = edge ? edges[edge - 1] : -Infinity, high = edge + 1 < edges.length ? edges[edge + 1] : Infinity;
  const free = view.ladder.map(([cut]) => cut).filter((cut) => cut > low && cut < high);
  const ahead = steps > 0 ? free.filter((cut) => cut > edges[edge]) : free.filter((cut) => cut < edges[edge]).reverse();
  return ahead.length ? ahead[Math.min(Math.abs(steps), ahead.length) - 1] : null;
}

// Lets handles be dragged. `ask(edge, to)` shows a place while the hand moves, `drop(edge, to)` keeps it.
export function dragging(holder, current, { ask, drop, cancel }) {
  holder.addEventListener("pointerdown", (event) => {
    const handle = event.target.closest(".bin-handle");
    if (!handle || !current().may || event.button) return;
    event.preventDefault();
    handle.focus();
    const { view } = current(), edge = Number(handle.dataset.edge), svg = holder.querySelector("svg");
    const shape = frame(view, svg.viewBox.baseVal.width), box = svg.getBoundingClientRect();
    let to = view.bins.edges[edge], moved = false;
    const move = (step) => {
      const x = ((step.clientX - box.left) / box.width) * shape.width, next = cutAt(view, shape, edge, x);
      moved = true;
      if (next !== to) { to = next; ask(edge, to); }
    };
    const end = (last) => {
      window.removeEventListener("pointermove", move);
      window.removeEventListener("pointerup", end);
      window.removeEventListener("pointercancel", end);
      window.removeEventListener("keydown", stop, true);
      if (last && last.type === "pointerup" && moved && to !== view.bins.edges[edge]) drop(edge, to);
      else cancel();
    };
    const stop = (key) => { if (key.key === "Escape") { key.stopPropagation(); end(null); } };
    window.addEventListener("pointermove", move);
    window.addEventListener("pointerup", end);
    window.addEventListener("pointercancel", end);
    window.addEventListener("keydown", stop, true);
  });
}
