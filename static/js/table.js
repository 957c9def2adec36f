// A table with data-table sorts by its heads; data-filter="id" names the input that narrows it, data-csv="id" the
// button that saves what is shown. Cells sort by data-value when the text is not the value.
import { csvCell, download, eachNow } from "./page.js";

const words = new Intl.Collator(undefined, { numeric: true, sensitivity: "base" });

function valueOf(cell) {
  if (!cell) return "";
  if (cell.dataset.value !== undefined) return cell.dataset.value;
  return cell.textContent.trim();
}
function asNumber(text) {
  const plain = text.replace(/[,%\u00a0 ]/g, "").replace(/\u2212/g, "-").replace(/^[≤≥<>]/, "");
  return plain === "" || plain === "–" ? NaN : Number(plain);
}
function compare(a, b) {
  const x = asNumber(a), y = asNumber(b);
  if (!Number.isNaN(x) && !Number.isNaN(y)) return x - y;
  if (Number.isNaN(x) !== Number.isNaN(y) && (a === "–" || a === "" || b === "–" || b === "")) return Number.isNaN(x) ? 1 : -1;
  return words.compare(a, b);
}

function sortBy(table, head) {
  const ascending = head.getAttribute("aria-sort") !== "ascending";
  const column = [...head.parentNode.children].indexOf(head);
  table.querySelectorAll("th[aria-sort]").forEach((other) => other.removeAttribute("aria-sort"));
  head.setAttribute("aria-sort", ascending ? "ascending" : "descending");
  const body = table.tBodies[0];
  const rows = [...body.rows].map((row) => [valueOf(row.cells[column]), row]);
  rows.sort(([a], [b]) => (ascending ? compare(a, b) : compare(b, a)));
  body.append(...rows.map(([, row]) => row));
}

function prepareHeads(table) {
  table.querySelectorAll("thead tr:last-child th").forEach((head) => {
    if (head.dataset.sort === "no" || !head.textContent.trim()) return;
    head.dataset.sort = head.dataset.sort || "yes";
    head.tabIndex = 0;
    head.addEventListener("click", () => sortBy(table, head));
    head.addEventListener("keydown", (event) => {
      if (event.key === "Enter" || event.key === " ") {
        event.preventDefault();
        sortBy(table, head);
      }
    });
  });
}

function prepareFilter(table, input) {
  const counter = document.getElementById(`${input.id}-count`);
  input.addEventListener("input", () => {
    const wanted = input.value.trim().toLowerCase();
    let shown = 0;
    for (const row of table.tBodies[0].rows) {
      row.hidden = wanted !== "" && !row.textContent.toLowerCase().includes(wanted);
      if (!row.hidden) shown += 1;
    }
    if (counter) counter.textContent = shown;
  });
}

export function toCsv(table) {
  const rows = [...table.rows].filter((row) => !row.hidden);
  return rows.map((row) => [...row.cells].map((cell) => csvCell(cell.dataset.csv || cell.textContent)).join(",")).join("\r\n");
}

eachNow("table[data-table]", (table) => {
  if (!table.tHead || !table.tBodies.length) return;
  prepareHeads(table);
  const input = table.dataset.filter && document.getElementById(table.dataset.filter);
  if (input) prepareFilter(table, input);
});
document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-csv-of]");
  if (!button) return;
  const table = document.getElementById(button.dataset.csvOf);
  download(`${button.dataset.name || table.id}.csv`, toCsv(table), "text/csv");
});
