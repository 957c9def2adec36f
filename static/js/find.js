// The find box: "/" goes there, results as you type, arrows to choose.
import { eachNow, word } from "./page.js";

const PAUSE_MS = 150;

function typing(target) {
  return target.matches("input, textarea, select, [contenteditable]");
}
document.addEventListener("keydown", (event) => {
  if (event.key !== "/" || typing(event.target) || event.ctrlKey || event.metaKey) return;
  const box = document.getElementById("find");
  if (!box) return;
  event.preventDefault();
  box.focus();
});

function line(found) {
  const link = document.createElement("a");
  link.href = found.url;
  link.textContent = found.title;
  const kind = document.createElement("small");
  kind.textContent = found.kind;
  link.append(kind);
  return link;
}

function show(list, results) {
  list.replaceChildren(...results.map(line));
  if (!results.length) {
    const none = document.createElement("div");
    none.className = "menu-title";
    none.textContent = word("none");
    list.append(none);
  }
  list.hidden = false;
}

function move(list, step) {
  const links = [...list.querySelectorAll("a")];
  const at = links.findIndex((link) => link.classList.contains("is-on"));
  links.forEach((link) => link.classList.remove("is-on"));
  const next = links[(at + step + links.length) % links.length];
  if (next) next.classList.add("is-on");
}

eachNow("[data-find]", (form) => {
  const input = form.querySelector("input");
  const list = form.querySelector(".find-results");
  let wait, latest = 0;
  input.addEventListener("input", () => {
    clearTimeout(wait);
    if (!input.value.trim()) return void (list.hidden = true);
    wait = setTimeout(async () => {
      const asked = ++latest;
      const response = await fetch(`${input.dataset.findJson}?q=${encodeURIComponent(input.value)}`);
      if (response.ok && asked === latest) show(list, (await response.json()).results);
    }, PAUSE_MS);
  });
  input.addEventListener("keydown", (event) => {
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      move(list, event.key === "ArrowDown" ? 1 : -1);
    } else if (event.key === "Escape") {
      list.hidden = true;
      input.blur();
    } else if (event.key === "Enter" && list.querySelector(".is-on")) {
      event.preventDefault();
      location.assign(list.querySelector(".is-on").href);
    }
  });
  form.addEventListener("focusout", (event) => {
    if (!form.contains(event.relatedTarget)) setTimeout(() => (list.hidden = true), 150);
  });
});
