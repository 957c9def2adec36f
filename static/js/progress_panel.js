// The panel of a form that brings a file: what is being done, how far it is, how fast and how long it will take.

const RATE_MS = 10_000;

export function words(form) {
  return form.querySelector("[data-upload-words]").dataset;
}

const locale = () => document.documentElement.lang || "en";
const figure = (value, unit, digits) =>
  new Intl.NumberFormat(locale(), { style: "unit", unit, unitDisplay: "short", maximumFractionDigits: digits }).format(value);

function size(bytes) {
  if (bytes < 1e6) return figure(bytes / 1e3, "kilobyte", 0);
  return bytes < 1e9 ? figure(bytes / 1e6, "megabyte", 1) : figure(bytes / 1e9, "gigabyte", 2);
}

function span(seconds) {
  if (seconds < 60) return figure(Math.max(1, Math.round(seconds)), "second", 0);
  return seconds < 5400 ? figure(Math.round(seconds / 60), "minute", 0) : figure(seconds / 3600, "hour", 1);
}

export class Panel {
  constructor(form) {
    this.form = form;
    this.words = words(form);
    this.box = form.querySelector("[data-upload-progress]");
    this.seen = [];
  }

  part(name) {
    return this.box.querySelector(`[data-upload-${name}]`);
  }

  open(title) {
    this.box.hidden = false;
    this.part("title").textContent = title;
    this.part("controls").hidden = false;
    this.form.querySelector("[data-upload-begin]").hidden = true;
    this.clear();
    clearInterval(this.clock);
    this.clock = setInterval(() => this.seen.length && this.pace(), 1000); // what stands still gets slower
  }

  close() {
    clearInterval(this.clock);
    this.box.hidden = true;
    this.form.querySelector("[data-upload-begin]").hidden = false;
  }

  say(state) {
    this.part("state").textContent = this.words[state] || state;
    this.box.dataset.state = state;
    if (state === "sending" || state === "hashing") return;
    ["rate", "left"].forEach((name) => (this.part(name).textContent = ""));
    this.seen = [];
  }

  show(done, total) {
    const share = total ? done / total : 0;
    this.part("share").textContent = new Intl.NumberFormat(locale(), { style: "percent" }).format(Math.floor(100 * share) / 100);
    this.part("bar").style.width = `${100 * share}%`;
    this.part("bar").parentElement.setAttribute("aria-valuenow", Math.floor(100 * share));
    this.part("bytes").textContent = `${size(done)} / ${size(total)}`;
    [this.done, this.total] = [done, total];
    this.pace();
  }

  // Over the last ten seconds, so that a pause does not count.
  pace() {
    const now = Date.now();
    this.seen = [...this.seen.filter(([at]) => now - at < RATE_MS), [now, this.done]];
    const [at, before] = this.seen[0];
    const rate = (this.done - before) / Math.max(0.001, (now - at) / 1000);
    if (now - at < 1000) return;
    this.part("rate").textContent = rate > 0 ? `${size(rate)}/s` : "";
    this.part("left").textContent = rate > 0 ? this.words.left.replace("{time}", span((this.total - this.done) / rate)) : "";
  }

  fail(text) {
    this.close();
    const banner = this.form.querySelector("[data-upload-error]");
    banner.hidden = false;
    banner.querySelector("span").textContent = text;
    banner.scrollIntoView({ block: "nearest" });
  }

  clear() {
    this.form.querySelector("[data-upload-error]").hidden = true;
    this.form.querySelectorAll("#id_file_error").forEach((element) => element.remove());
  }
}
