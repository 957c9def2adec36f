// Tabs that show parts of one page: <div class="tabs" role="tablist"> of <a class="tab" role="tab" href="#part">.
import { eachNow } from "./page.js";

function choose(list, tab) {
  list.querySelectorAll('[role="tab"]').forEach((other) => {
    const on = other === tab;
    other.setAttribute("aria-selected", on);
    other.tabIndex = on ? 0 : -1;
    const part = document.getElementById(other.getAttribute("href").slice(1));
    if (part) part.hidden = !on;
  });
  window.dispatchEvent(new Event("resize")); // charts in a part that was hidden take its width
}

eachNow('[role="tablist"]', (list) => {
  const tabs = [...list.querySelectorAll('[role="tab"]')];
  if (!tabs.length) return;
  choose(list, tabs.find((tab) => tab.getAttribute("aria-selected") === "true") || tabs[0]);
  list.addEventListener("click", (event) => {
    const tab = event.target.closest('[role="tab"]');
    if (!tab) return;
    event.preventDefault();
    choose(list, tab);
  });
  list.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    const next = tabs[(tabs.indexOf(document.activeElement) + step + tabs.length) % tabs.length];
    choose(list, next);
    next.focus();
  });
});
