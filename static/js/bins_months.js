// Bins by month: one line of bad rates a bin, months of OOT shaded, crossings named, PSI as a table.
import { figure, nOrdinary, safe, word } from "./bins_parts.js";

const TOP = 10, HIGH = 150, LEFT = 36, RIGHT = 12;

// Bins are in an order, so one colour grows stronger from the first to the last.
function strength(i, k) {
  return (0.25 + (0.75 * i) / Math.max(k - 1, 1)).toFixed(2);
}

function path(points) {
  let drawn = false;
  return points.map((point) => {
    if (!point) { drawn = false; return ""; }
    const step = `${drawn ? "L" : "M"}${point[0].toFixed(1)} ${point[1].toFixed(1)}`;
    drawn = true;
    return step;
  }).join("");
}

function chart(view, width) {
  const { names, rates, late } = view.months, k = nOrdinary(view);
  const most = Math.max(0.01, ...rates.flat().map((rate) => rate || 0));
  const x = (m) => LEFT + ((width - LEFT - RIGHT) * (m + 0.5)) / names.length;
  const y = (rate) => TOP + HIGH * (1 - rate / most);
  const turned = new Set(view.months.crossings.filter((one) => one.sure.length).flatMap((one) => [one.left, one.right]));
  const first = late.indexOf(true);
  const shade = first >= 0 ? `<rect class="bin-late" x="${x(first) - (width - LEFT - RIGHT) / names.length / 2}" y="${TOP}" width="${((width - LEFT - RIGHT) * (names.length - first)) / names.length}" height="${HIGH}"/>` : "";
  const grid = [0, 0.5, 1].map((part) => `<line class="grid-line" x1="${LEFT}" x2="${width - RIGHT}" y1="${y(part * most)}" y2="${y(part * most)}"/><text x="${LEFT - 6}" y="${y(part * most) + 4}" text-anchor="end">${figure(100 * part * most, 1)}</text>`).join("");
  const lines = view.parts.slice(0, k).map((part, i) => `<path class="line line--oot${turned.has(i) ? " line--turned" : ""}" style="stroke-opacity:${strength(i, k)}" d="${path(names.map((_, m) => (rates[m][i] == null ? null : [x(m), y(rates[m][i])])))}"><title>${safe(part.label)}</title></path>`).join("");
  const every = Math.ceil(names.length / Math.max(2, Math.floor(width / 64)));
  const axis = names.map((name, m) => (m % every ? "" : `<text x="${x(m)}" y="${TOP + HIGH + 16}" text-anchor="middle">${name}</text>`)).join("");
  return `<svg class="chart" viewBox="0 0 ${width} ${TOP + HIGH + 22}" style="width:${width}px;height:${TOP + HIGH + 22}px">${shade}${grid}${lines}${axis}</svg>`;
}

function crossings(view) {
  const found = view.months.crossings;
  if (!found.length) return `<p class="muted">${word("calm")}</p>`;
  return found.map((one) => {
    const names = one.months.map((name) => (one.sure.includes(name) ? `<b title="${word("crossed")}">${name}</b>` : name)).join(", ");
    return `<p class="${one.sure.length ? "bin-cross" : "muted"}">${one.sure.length ? "▲ " : ""}${safe(view.parts[one.left].label)} / ${safe(view.parts[one.right].label)} ${word("crosses")} ${names}</p>`;
  }).join("");
}

function psi(view) {
  const { names, psi: totals, psi_parts: parts, late } = view.months;
  const head = names.map((name, m) => `<th class="num${late[m] ? " bin-oot" : ""}">${name.slice(2)}</th>`).join("");
  const cell = (value, digits) => `<td class="num${value != null && value > (digits === 3 ? 0.1 : 0.02) ? " bin-doubt" : ""}">${figure(value, digits)}</td>`;
  const rows = view.parts.map((part, i) => `<tr><td class="bin-name nowrap">${safe(part.label.length > 28 ? `${part.label.slice(0, 27)}…` : part.label)}</td>${names.map((_, m) => cell(parts[m][i], 4)).join("")}</tr>`).join("");
  return `<thead><tr><th>PSI</th>${head}</tr></thead><tbody>${rows}</tbody><tfoot><tr><td>${word("total")}</td>${totals.map((value) => cell(value, 3)).join("")}</tr></tfoot>`;
}

export function draw(part, view) {
  const known = view.months.names.length > 0;
  part("months").closest("section").hidden = !known;
  if (!known) return;
  const k = nOrdinary(view);
  part("months").innerHTML = chart(view, Math.max(part("months").clientWidth, 320));
  part("crossings").innerHTML = crossings(view);
  part("psi").innerHTML = psi(view);
  part("month-legend").innerHTML = view.parts.slice(0, k).map((one, i) => `<span><i class="dot dot--oot" style="opacity:${strength(i, k)}"></i>${safe(one.label.length > 22 ? `${one.label.slice(0, 21)}…` : one.label)}</span>`).join("");
}

