// Shared by the widgets: run on what is there and on what htmx brings; the few words of words.html.
import htmx from "htmx.org";

export function eachNow(selector, begin) {
  const run = (root) => {
    if (root.matches && root.matches(selector)) once(root, selector, begin);
    root.querySelectorAll(selector).forEach((element) => once(element, selector, begin));
  };
  run(document);
  document.addEventListener("htmx:load", (event) => run(event.detail.elt));
}

const begun = new WeakMap();
function once(element, selector, begin) {
  const seen = begun.get(element) || new Set();
  if (seen.has(selector)) return;
  begun.set(element, seen.add(selector));
  begin(element);
}

export function word(name) {
  const words = document.getElementById("words");
  return (words && words.dataset[name]) || name;
}

export function csrf() {
  return JSON.parse(document.body.getAttribute("hx-headers") || "{}")["X-CSRFToken"] || "";
}

export function download(filename, text, type) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob(["\ufeff", text], { type }));
  link.download = filename;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

// A spreadsheet must not run a cell that came from somebody's file.
export function csvCell(value) {
  let text = String(value == null ? "" : value).trim().replace(/\u2212/g, "-");
  const isNumber = /^-?[\d,]+(\.\d+)?$/.test(text);
  if (isNumber) text = text.replace(/,/g, "");
  else if (/^[=+\-@\t\r]/.test(text)) text = "'" + text;
  return /[",\n]/.test(text) ? `"${text.replace(/"/g, '""')}"` : text;
}

export { htmx };
