// A button with data-copy="id" copies the text of that element.
import { word } from "./page.js";

async function write(text) {
  if (navigator.clipboard && window.isSecureContext) return navigator.clipboard.writeText(text);
  const area = document.createElement("textarea");
  area.value = text;
  area.style.position = "fixed";
  document.body.append(area);
  area.select();
  document.execCommand("copy"); // a plain-http site inside a bank has no clipboard object
  area.remove();
}

document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy]");
  if (!button) return;
  const source = document.getElementById(button.dataset.copy);
  await write("value" in source ? source.value : source.textContent.trim());
  const label = button.querySelector("span") || button.lastChild;
  const before = label.textContent;
  label.textContent = word("copied");
  setTimeout(() => (label.textContent = before), 1500);
});
