// The list of variables: find, filter, order, next and previous among those that are shown.
import { figure } from "./bins_parts.js";

const FILTERS = {
  "": () => true,
  todo: (data) => data.state === "proposed" || data.state === "edited",
  proposed: (data) => data.state === "proposed",
  edited: (data) => data.state === "edited",
  accepted: (data) => data.state === "accepted",
  noted: (data) => data.noted === "1",
  doubts: (data) => Number(data.doubts) > 0,
};

export function start(root, open) {
  const part = (name) => root.querySelector(`[data-bin="${name}"]`);
  const box = part("items"), all = [...box.children];
  const position = new Map(all.map((item, at) => [item, at]));
  const current = () => box.querySelector("[aria-current]");

  function narrow() {
    const text = part("find").value.trim().toLowerCase(), fits = FILTERS[part("filter").value];
    all.forEach((item) => {
      const words = `${item.dataset.name} ${item.dataset.title}`.toLowerCase();
      item.hidden = !(words.includes(text) && fits(item.dataset));
    });
  }
  function sort() {
    const by = part("sort").value;
    const compare = {
      iv: (a, b) => b.dataset.iv - a.dataset.iv,
      name: (a, b) => a.dataset.name.localeCompare(b.dataset.name),
      position: (a, b) => position.get(a) - position.get(b),
    }[by];
    box.append(...[...all].sort(compare));
  }
  function count() {
    part("n-accepted").textContent = all.filter((item) => item.dataset.state === "accepted").length;
    part("n-todo").textContent = all.filter((item) => FILTERS.todo(item.dataset)).length;
  }
  const shown = () => [...box.children].filter((item) => !item.hidden);

  function go(by) {
    const rows = [...box.children], here = rows.indexOf(current());
    const ahead = by > 0 ? rows.slice(here + 1) : rows.slice(0, Math.max(here, 0)).reverse();
    const next = ahead.find((item) => !item.hidden);
    if (next) open(next.dataset.name);
  }

  // The next that is still to do, after the current one and then from the top.
  function todo() {
    const rows = [...box.children], here = rows.indexOf(current());
    const next = [...rows.slice(here + 1), ...rows.slice(0, here)].find((item) => !item.hidden && FILTERS.todo(item.dataset));
    if (next) open(next.dataset.name);
  }

  function tell(view) {
    all.forEach((item) => item.removeAttribute("aria-current"));
    const item = all.find((one) => one.dataset.name === view.name);
    if (!item) return;
    item.setAttribute("aria-current", "true");
    item.dataset.state = view.state;
    item.dataset.noted = view.note ? "1" : "";
    if (view.stored) item.dataset.doubts = view.doubts.length;
    if (view.splits) {
      item.dataset.iv = view.splits[0].iv;
      item.querySelector("small").textContent = figure(view.splits[0].iv, 3);
    }
    count();
    item.scrollIntoView({ block: "nearest", inline: "center" });
  }

  box.addEventListener("click", (event) => {
    const item = event.target.closest("a");
    if (!item || event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
    event.preventDefault();
    open(item.dataset.name);
  });
  part("find").addEventListener("input", narrow);
  part("find").addEventListener("keydown", (event) => {
    const first = shown()[0];
    if (event.key === "Enter" && first) { open(first.dataset.name); event.target.blur(); }
  });
  part("filter").addEventListener("change", narrow);
  part("sort").addEventListener("change", sort);
  count();
  return { go, todo, tell };
}
