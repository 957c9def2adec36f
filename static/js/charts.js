// A Plotly figure as the server wrote it. Colours come as var(--name) and are resolved for light and dark; every chart
// turns into its table and back.
import Plotly from "plotly.js-cartesian-dist-min";
import { word } from "./page.js";
import { toCsv } from "./table.js";
import { download } from "./page.js";

const shown = new Set();

function token(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

// "var(--oot)" and "var(--oot, 0.17)": the second is the colour at that opacity.
export function colour(text) {
  const found = /^var\((--[\w-]+)(?:\s*,\s*([\d.]+))?\)$/.exec(text.trim());
  if (!found) return text;
  const value = token(found[1]);
  if (!found[2]) return value;
  const hex = value.replace("#", "");
  const parts = [0, 2, 4].map((at) => parseInt(hex.slice(at, at + 2), 16));
  return `rgba(${parts.join(",")},${found[2]})`;
}

export function resolved(value) {
  if (typeof value === "string") return value.includes("var(") ? colour(value) : value;
  if (Array.isArray(value)) return value.length && typeof value[0] === "number" ? value : value.map(resolved);
  if (value && typeof value === "object") {
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, resolved(item)]));
  }
  return value;
}

function merged(base, over) {
  const result = { ...base };
  for (const [key, value] of Object.entries(over || {})) {
    const both = value && typeof value === "object" && !Array.isArray(value) && base[key] && typeof base[key] === "object";
    result[key] = both ? merged(base[key], value) : value;
  }
  return result;
}

function axis() {
  return {
    gridcolor: token("--grid"), linecolor: token("--line-strong"), zeroline: false, ticks: "", automargin: true,
    tickfont: { size: 11, color: token("--text-3") }, title: { font: { size: 11, color: token("--text-3") }, standoff: 8 },
  };
}

function house(layout) {
  const base = {
    paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", colorway: ["--oot", "--valid", "--train", "--partner", "--platform"].map(token),
    font: { family: getComputedStyle(document.body).fontFamily, size: 11, color: token("--text-3") },
    margin: { l: 40, r: 12, t: 8, b: 32 }, autotypenumbers: "strict", hovermode: "x unified", bargap: 0.25, dragmode: false,
    hoverlabel: { bgcolor: token("--surface"), bordercolor: token("--line-strong"), font: { color: token("--text"), size: 12 } },
    legend: { orientation: "h", x: 0, y: 1.02, yanchor: "bottom", font: { size: 12, color: token("--text-2") }, bgcolor: "rgba(0,0,0,0)" },
    xaxis: { ...axis(), showgrid: false }, yaxis: axis(),
  };
  const result = merged(base, layout);
  for (const name of Object.keys(result)) {
    if (/^[xy]axis\d+$/.test(name)) result[name] = merged({ ...axis(), showgrid: !result[name].overlaying && name[0] === "y" }, result[name]);
  }
  delete result.template;
  delete result.width;
  delete result.height;
  const named = result.showlegend !== false && (layout.legend || true);
  if (named && result.margin.t < 30 && result.showlegend) result.margin = { ...result.margin, t: 30 };
  return result;
}

function figureOf(element) {
  return JSON.parse(document.getElementById(element.dataset.figure).textContent);
}

function titles(axisLayout, fallback) {
  const title = axisLayout && axisLayout.title;
  return (title && (title.text || (typeof title === "string" ? title : ""))) || fallback;
}

function draw(element) {
  const figure = resolved(figureOf(element));
  const layout = house(figure.layout || {});
  const options = { displayModeBar: false, responsive: true, locale: "en" };
  Plotly.react(element, figure.data, layout, options);
}

const BYTES = { f8: Float64Array, f4: Float32Array, i4: Int32Array, i2: Int16Array, i1: Int8Array, u4: Uint32Array, u2: Uint16Array, u1: Uint8Array };
function listed(values) {
  if (values && values.bdata) {
    const bytes = Uint8Array.from(atob(values.bdata), (letter) => letter.charCodeAt(0));
    return Array.from(new BYTES[values.dtype](bytes.buffer));
  }
  return Array.isArray(values) ? values : [];
}

function written(value) {
  if (value == null) return "–";
  if (typeof value !== "number") return String(value);
  const text = Number.isInteger(value) ? value.toLocaleString("en") : value.toFixed(Math.abs(value) < 10 ? 4 : 2);
  return text.replace("-", "\u2212");
}

// Traces that share their x make one table; otherwise each trace brings its own pair of columns.
export function tableOf(figure) {
  const traces = (figure.data || []).filter((trace) => trace.y && trace.showlegend !== "helper" && trace.hoverinfo !== "skip");
  const horizontal = traces.length && traces.every((trace) => trace.orientation === "h");
  const [along, value] = horizontal ? ["y", "x"] : ["x", "y"];
  const x = titles((figure.layout || {})[`${along}axis`], along);
  const columns = traces.map((trace, at) => ({ name: trace.name || titles((figure.layout || {})[`${value}axis`], `${at + 1}`), x: listed(trace[along]), y: listed(trace[value]) }));
  if (!columns.length) return { head: [], rows: [] };
  const same = columns.every((column) => JSON.stringify(column.x) === JSON.stringify(columns[0].x));
  if (same) {
    return { head: [x, ...columns.map((column) => column.name)], rows: columns[0].x.map((key, row) => [key, ...columns.map((column) => column.y[row])]) };
  }
  const length = Math.max(...columns.map((column) => column.x.length));
  const rows = Array.from({ length }, (_, row) => columns.flatMap((column) => [column.x[row], column.y[row]]));
  return { head: columns.flatMap((column) => [`${x}, ${column.name}`, column.name]), rows };
}

function fill(holder, element, name) {
  if (!holder.querySelector("table")) {
    const { head, rows } = tableOf(figureOf(element));
    const table = document.createElement("table");
    table.className = "table table--tight";
    const top = table.createTHead().insertRow();
    head.forEach((text, at) => {
      const cell = document.createElement("th");
      cell.textContent = text;
      if (at) cell.className = "num";
      top.append(cell);
    });
    const body = table.createTBody();
    for (const row of rows) {
      const line = body.insertRow();
      row.forEach((value, at) => {
        const cell = line.insertCell();
        cell.textContent = written(value);
        if (at || typeof value === "number") cell.className = "num";
      });
    }
    holder.append(table);
  }
  if (!holder.querySelector("[data-save]")) {
    const save = document.createElement("button");
    save.type = "button";
    save.className = "btn btn--small";
    save.dataset.save = "";
    save.textContent = word("csv");
    save.addEventListener("click", () => download(`${name}.csv`, toCsv(holder.querySelector("table")), "text/csv"));
    holder.prepend(save);
  }
}

function turn(card, element, button) {
  const rows = card.querySelector("[data-chart-rows]");
  const toTable = rows.hidden;
  if (toTable) fill(rows, element, card.id);
  rows.hidden = !toTable;
  element.hidden = toTable;
  button.setAttribute("aria-pressed", toTable);
  button.textContent = toTable ? word("chart") : word("table");
  if (!toTable) Plotly.Plots.resize(element);
}

export function show(element) {
  element.replaceChildren();
  draw(element);
  shown.add(element);
  const card = element.closest(".chart-card");
  const button = card && card.querySelector("[data-chart-table]");
  if (button) button.addEventListener("click", () => turn(card, element, button));
}

document.addEventListener("themechange", () => {
  for (const element of shown) {
    if (element.isConnected) draw(element);
    else shown.delete(element);
  }
});
