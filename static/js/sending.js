// Sends the file of a form in pieces by the tus protocol: progress, pause, and going on after a broken connection or a
// page that was left. Then waits for what the site says about the file.
import { Upload } from "tus-js-client";
import { fileOf } from "./hashing.js";
import { csrf } from "./page.js";
import { Panel } from "./progress_panel.js";

const PIECE = 4 * 1024 ** 2;
const DELAYS = [0, 1000, 2000, 4000, 8000, 15000, 30000, 60000];

function stay(event) {
  event.preventDefault();
  event.returnValue = "";
}

export async function bring(form) {
  const input = form.querySelector('input[type="file"]');
  const panel = new Panel(form);
  if (form.dataset.busy) return;
  if (!input.files.length) return panel.fail(panel.words.choose);
  form.dataset.busy = "yes";
  window.addEventListener("beforeunload", stay);
  try {
    const told = await fileOf(form, input.files[0], panel);
    if (told) await send(form, told, panel);
  } catch (error) {
    panel.fail(error.message);
  } finally {
    delete form.dataset.busy;
    window.removeEventListener("beforeunload", stay);
  }
}

function options(form, told) {
  return {
    endpoint: form.dataset.incoming,
    chunkSize: PIECE,
    retryDelays: DELAYS,
    metadata: { filename: told.filename, encoding: told.encoding, delimiter: told.delimiter },
    fingerprint: async () => ["etron", form.dataset.incoming, ...told.key].join("-"),
    removeFingerprintOnSuccess: true,
    onBeforeRequest: async (request) => {
      request.setHeader("X-CSRFToken", csrf());
      if (request.getMethod() === "PATCH") await withChecksum(request, told.file);
    },
  };
}

// Where the browser has the means (a secure page), each piece says what it hashes to.
async function withChecksum(request, file) {
  if (!window.crypto || !crypto.subtle) return;
  const at = Number(request.getHeader("Upload-Offset"));
  const digest = await crypto.subtle.digest("SHA-256", await file.slice(at, at + PIECE).arrayBuffer());
  request.setHeader("Upload-Checksum", `sha256 ${btoa(String.fromCharCode(...new Uint8Array(digest)))}`);
}

function reason(error, panel) {
  try {
    return JSON.parse(error.originalResponse.getBody()).message || panel.words.broken;
  } catch {
    return panel.words.broken;
  }
}

function mayHelp(error, panel) {
  const status = error.originalResponse ? error.originalResponse.getStatus() : 0;
  const again = status === 0 || status >= 500 || status === 423 || status === 460;
  const moved = status === 409 && /wrong_offset|upload_taken/.test(error.originalResponse.getBody());
  if (again || moved) panel.say("waiting");
  return again || moved;
}

// Resolves when the file is on the server or the sender gave up.
async function send(form, told, panel) {
  panel.open(told.filename);
  panel.say("sending");
  const upload = new Upload(told.file, options(form, told));
  const outcome = await new Promise((resolve) => {
    Object.assign(upload.options, {
      onProgress: (done, total) => (panel.say("sending"), panel.show(done, total)),
      onShouldRetry: (error) => mayHelp(error, panel),
      onError: (error) => resolve({ error }),
      onSuccess: () => resolve({ url: upload.url }),
    });
    steer(upload, panel, resolve);
    begin(upload);
  });
  if (outcome.error) return panel.fail(reason(outcome.error, panel));
  if (outcome.cancelled) return panel.close();
  panel.part("controls").hidden = true;
  return conclude(form, outcome.url, told, panel);
}

async function begin(upload) {
  const [former] = (await upload.findPreviousUploads()).sort((one, other) => (one.creationTime < other.creationTime ? 1 : -1));
  if (former) upload.resumeFromPreviousUpload(former);
  upload.start();
}

function steer(upload, panel, resolve) {
  const [pause, go, cancel] = ["pause", "go", "cancel"].map((name) => panel.part(name));
  const paused = (is) => ((pause.hidden = is), (go.hidden = !is), panel.say(is ? "paused" : "sending"));
  paused(false);
  pause.onclick = () => (upload.abort(), paused(true));
  go.onclick = () => (paused(false), upload.start());
  cancel.onclick = async () => {
    await upload.abort(true).catch(() => {});
    resolve({ cancelled: true });
  };
}

// Large files are looked at by a job: ask until it is known how that ended.
async function conclude(form, url, told, panel) {
  panel.say("checking");
  for (let wait = 300; ; wait = Math.min(3000, wait * 1.5)) {
    const answer = await fetch(url, { headers: { Accept: "application/json" } }).catch(() => null);
    const standing = answer && answer.ok ? await answer.json() : null;
    if (standing && standing.upload) {
      await told.forget();
      window.removeEventListener("beforeunload", stay);
      return location.assign(form.dataset.next.replace(form.dataset.nextFor, standing.upload));
    }
    if (standing && standing.error) {
      await told.forget();
      panel.fail(standing.error.message || panel.words.broken);
      return form.dispatchEvent(new CustomEvent("etron:refused", { detail: standing.error }));
    }
    if (answer && answer.status >= 400 && answer.status < 500) return panel.fail(panel.words.broken);
    await new Promise((resolve) => setTimeout(resolve, wait));
  }
}

// Throws away an upload that was left unfinished.
export async function end(button) {
  button.disabled = true;
  const headers = { "X-CSRFToken": csrf(), "Tus-Resumable": "1.0.0" };
  const answer = await fetch(button.dataset.endUpload, { method: "DELETE", headers }).catch(() => null);
  if (answer && (answer.ok || answer.status === 404)) button.closest("[data-unfinished]").remove();
  else button.disabled = false;
}
