// Destructive acts ask once and say what will be lost: data-confirm="…" on a form, button or link.
const sure = new WeakSet();

function ask(text, tone) {
  const dialog = document.getElementById("confirm");
  document.getElementById("confirm-text").textContent = text;
  dialog.returnValue = "";
  dialog.dataset.tone = tone || "";
  dialog.showModal();
  return new Promise((answer) => {
    dialog.addEventListener("close", () => answer(dialog.returnValue === "yes"), { once: true });
  });
}

document.addEventListener("submit", async (event) => {
  const form = event.target;
  const button = event.submitter;
  const text = (button && button.dataset.confirm) || form.dataset.confirm;
  if (!text || sure.has(form)) return;
  event.preventDefault();
  event.stopImmediatePropagation();
  if (!(await ask(text))) return;
  sure.add(form);
  form.requestSubmit(button || undefined);
  sure.delete(form);
}, true);

document.addEventListener("htmx:confirm", async (event) => {
  const text = event.detail.elt.dataset && event.detail.elt.dataset.confirm;
  if (!text || event.detail.elt.matches("form")) return;
  event.preventDefault();
  if (await ask(text)) event.detail.issueRequest(true);
});

// A dialog written on the page: data-opens="its id" shows it, [data-closes] inside hides it.
document.addEventListener("click", (event) => {
  const opener = event.target.closest("[data-opens]");
  if (opener) document.getElementById(opener.dataset.opens).showModal();
  const closer = event.target.closest("[data-closes]");
  if (closer) closer.closest("dialog").close();
});
