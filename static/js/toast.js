// Toasts: those that came with the page, those that a response sends (HX-Trigger: {"toast": {"text", "tone"}}), and failures.
import { eachNow, word } from "./page.js";

const LINGER_MS = 6000;

export function toast(text, tone = "good") {
  const box = document.createElement("div");
  box.className = `toast toast--${tone}`;
  box.dataset.toast = "";
  const span = document.createElement("span");
  span.textContent = text;
  box.append(span);
  document.getElementById("toasts").append(box);
  linger(box);
}

function linger(box) {
  if (!box.classList.contains("toast--bad")) setTimeout(() => box.remove(), LINGER_MS);
}

eachNow("[data-toast]", linger);
document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-dismiss]");
  if (button) button.closest("[data-toast], .banner").remove();
});
document.addEventListener("toast", (event) => toast(event.detail.text || event.detail.value, event.detail.tone));

function reason(request) {
  try {
    return JSON.parse(request.responseText).message || word("failed");
  } catch (notJson) {
    return request.getResponseHeader("X-Message") || word("failed");
  }
}
document.addEventListener("htmx:responseError", (event) => toast(reason(event.detail.xhr), "bad"));
document.addEventListener("htmx:sendError", (event) => {
  if (!event.detail.elt.matches("[hx-trigger*=every]")) toast(word("failed"), "bad");
});
