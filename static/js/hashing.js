// "Hash in this browser": the columns of the chosen CSV file, what each holds, and the file as it may leave.
import { Panel, words } from "./progress_panel.js";

function askWorker(box, order, onProgress) {
  const worker = new Worker(box.dataset.worker);
  const stopped = new Promise((resolve, reject) => {
    worker.onmessage = ({ data }) => {
      if (data.act === "progress") onProgress(data);
      else if (data.act === "error") reject(data);
      else resolve(data);
    };
    worker.onerror = () => reject({ code: "broken" });
  });
  worker.postMessage(order);
  return { answer: stopped.finally(() => worker.terminate()), stop: () => worker.terminate() };
}

function saved(form) {
  return { encoding: form.elements.encoding.value, delimiter: form.elements.delimiter.value };
}

// A sentence of the page with its holes filled.
function told(form, { code, column, row, kind }) {
  const said = words(form);
  const key = `fault${code.replace(/(^|_)(\w)/g, (_all, _bar, letter) => letter.toUpperCase())}`;
  const kinds = form.querySelector("[data-hash-row]").content.querySelector("select");
  const option = kind ? [...kinds.options].find((one) => one.value === kind) : null;
  return (said[key] || said.faultBroken)
    .replace("{column}", column || "")
    .replace("{row}", row || "")
    .replace("{kind}", option ? option.textContent : kind || "");
}

export function offer(box) {
  const form = box.closest("form");
  const input = form.querySelector('input[type="file"]');
  const on = box.querySelector("[data-hash-on]");
  box.hidden = typeof Worker === "undefined";
  const show = () => list(box, form, on.checked ? input.files[0] : null);
  on.addEventListener("change", show);
  input.addEventListener("change", show);
  for (const name of ["encoding", "delimiter"]) form.elements[name].addEventListener("change", show);
  form.addEventListener("etron:refused", ({ detail }) => {
    const raw = detail.code.startsWith("raw_");
    box.querySelector("[data-hash-again]").hidden = !raw;
    if (raw && !on.checked) ((on.checked = true), show());
  });
}

// One row a column, with what it seems to hold chosen.
async function list(box, form, file) {
  const table = box.querySelector("[data-hash-columns]");
  const body = table.querySelector("tbody");
  table.hidden = true;
  body.replaceChildren();
  if (!file) return;
  const panel = new Panel(form);
  panel.clear();
  try {
    const { columns } = await askWorker(box, { act: "look", file, ...saved(form) }).answer;
    body.replaceChildren(...columns.map((column, n) => line(form, column, n)));
    table.hidden = false;
  } catch (fault) {
    panel.fail(told(form, fault));
  }
}

function line(form, column, n) {
  const row = form.querySelector("[data-hash-row]").content.cloneNode(true);
  row.querySelector("[data-name]").textContent = column.name;
  row.querySelector("[data-values]").textContent = column.values.join(" · ");
  const select = row.querySelector("select");
  select.dataset.column = n;
  select.value = column.kind;
  select.setAttribute("aria-label", column.name);
  return row;
}

const asItIs = async () => {};

// What is sent for a chosen file: itself, or its hashed copy; null when the sender stopped or nothing may leave.
export async function fileOf(form, file, panel) {
  const box = form.querySelector("[data-hash]");
  if (!box || !box.querySelector("[data-hash-on]").checked) {
    return { file, filename: file.name, key: [file.name, file.size, file.lastModified], forget: asItIs, ...saved(form) };
  }
  const kinds = [...box.querySelectorAll("select[data-column]")].map((select) => select.value);
  const algorithm = box.querySelector("[data-hash-algorithm]").value;
  if (!kinds.some(Boolean)) return panel.fail(words(form).faultNoColumn), null;
  return hashed(form, box, { file, kinds, algorithm, ...saved(form) }, panel);
}

async function hashed(form, box, order, panel) {
  const { file, kinds, algorithm } = order;
  panel.open(file.name);
  panel.say("hashing");
  const work = askWorker(box, { act: "hash", ...order }, ({ read, size }) => panel.show(read, size));
  const stopped = new Promise((resolve) => {
    panel.part("cancel").onclick = () => (work.stop(), panel.close(), resolve(null));
  });
  panel.part("pause").hidden = true;
  const done = await Promise.race([work.answer, stopped]).catch((fault) => (panel.fail(told(form, fault)), null));
  if (!done) return null;
  if (done.emptied.length && !(await accepted(form, done, panel))) return forget(done.name), null;
  return {
    file: done.file,
    filename: file.name,
    encoding: "utf-8",
    delimiter: done.delimiter,
    key: ["hashed", file.name, file.size, file.lastModified, algorithm, kinds.join(".")],
    forget: () => forget(done.name),
  };
}

// Values that were not of their kind leave as empty ones; the sender decides whether the file goes all the same.
function accepted(form, { emptied }, panel) {
  const sentence = ({ column, count, row }) =>
    words(form).emptied.replace("{column}", column).replace("{count}", count).replace("{row}", row);
  panel.say(emptied.map(sentence).join(" "));
  const accept = panel.part("accept");
  accept.hidden = false;
  return new Promise((resolve) => {
    const end = (answer) => ((accept.hidden = true), answer || panel.close(), resolve(answer));
    accept.onclick = () => end(true);
    panel.part("cancel").onclick = () => end(false);
  });
}

async function forget(name) {
  if (!name) return;
  const folder = await navigator.storage.getDirectory();
  await folder.removeEntry(name).catch(() => {});
}
