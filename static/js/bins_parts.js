// What the parts of the bin editor share: words of the page, figures with a true minus, and text made safe.
export function word(name) {
  return document.getElementById("bin-words").getAttribute(`data-${name}`) || name;
}

export function safe(text) {
  return String(text == null ? "" : text).replace(/[&<>"']/g, (letter) => `&#${letter.charCodeAt(0)};`);
}

export function figure(value, digits = 0) {
  if (value == null || Number.isNaN(value)) return "–";
  return Number(value).toLocaleString("en", { minimumFractionDigits: digits, maximumFractionDigits: digits }).replace("-", "\u2212");
}

export function signed(value, digits) {
  const text = figure(value, digits);
  return value > 0 ? `+${text}` : text;
}

export function percent(value, digits = 1) {
  return value == null ? "–" : figure(100 * value, digits);
}

export function splitOf(view, name) {
  return view.splits.find((one) => one.split === name);
}

export function nOrdinary(view) {
  return view.parts.filter((part) => !part.own).length;
}
