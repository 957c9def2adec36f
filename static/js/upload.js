// A form with data-upload sends its file with a progress bar, asks before the page is left, and says what went wrong.
// Without this script the same form posts normally.
import { csrf, eachNow, htmx, word } from "./page.js";

function bar(form) {
  const box = form.querySelector("[data-upload-progress]") || form.appendChild(document.createElement("div"));
  box.className = "job";
  box.innerHTML = '<div class="spread"><span></span><span class="num"></span></div><div class="progress" role="progressbar" aria-valuemin="0" aria-valuemax="100"><i style="width:0"></i></div>';
  box.querySelector("span").textContent = word("uploading");
  return (share) => {
    box.querySelector(".num").textContent = `${Math.floor(100 * share)} %`;
    box.querySelector("i").style.width = `${100 * share}%`;
    box.querySelector(".progress").setAttribute("aria-valuenow", Math.floor(100 * share));
  };
}

function fail(form, text) {
  let banner = form.querySelector("[data-upload-error]");
  if (!banner) {
    banner = document.createElement("div");
    banner.dataset.uploadError = "";
    banner.className = "banner banner--bad";
    banner.setAttribute("role", "alert");
    form.prepend(banner);
  }
  banner.textContent = text;
}

function arrived(form, request) {
  const target = request.getResponseHeader("HX-Redirect") || request.getResponseHeader("HX-Location");
  if (target) return location.assign(target);
  if (request.status >= 200 && request.status < 300 && request.responseURL && request.responseURL !== form.action) {
    return location.assign(request.responseURL);
  }
  if (request.status === 413 || request.status >= 500 || request.status === 0) return fail(form, word("uploadFailed"));
  if ((request.getResponseHeader("Content-Type") || "").includes("json")) {
    return fail(form, JSON.parse(request.responseText).message || word("uploadFailed"));
  }
  const page = new DOMParser().parseFromString(request.responseText, "text/html");
  const fresh = page.querySelector("main") || page.body;
  const main = document.querySelector("main");
  main.innerHTML = fresh.innerHTML;
  htmx.process(main);
  document.dispatchEvent(new CustomEvent("htmx:load", { detail: { elt: main } }));
}

export function send(form) {
  const request = new XMLHttpRequest();
  const show = bar(form);
  const stay = (event) => {
    event.preventDefault();
    event.returnValue = word("leave");
  };
  const button = form.querySelector('[type="submit"], button:not([type])');
  const end = () => {
    window.removeEventListener("beforeunload", stay);
    if (button) button.disabled = false;
  };
  window.addEventListener("beforeunload", stay);
  if (button) button.disabled = true;
  request.upload.addEventListener("progress", (event) => event.lengthComputable && show(event.loaded / event.total));
  request.addEventListener("load", () => (end(), arrived(form, request)));
  request.addEventListener("error", () => (end(), fail(form, word("uploadFailed"))));
  request.open("POST", form.action);
  request.setRequestHeader("X-CSRFToken", csrf());
  request.send(new FormData(form));
}

eachNow("form[data-upload]", (form) => {
  form.addEventListener("submit", (event) => {
    if (event.defaultPrevented) return;
    event.preventDefault();
    send(form);
  });
});
eachNow(".drop-zone", (zone) => {
  const input = zone.querySelector('input[type="file"]');
  const name = zone.querySelector("[data-file-name]");
  const told = () => {
    if (name && input.files.length) name.textContent = input.files[0].name;
  };
  input.addEventListener("change", told);
  for (const kind of ["dragenter", "dragover"]) {
    zone.addEventListener(kind, (event) => (event.preventDefault(), zone.classList.add("is-over")));
  }
  zone.addEventListener("dragleave", () => zone.classList.remove("is-over"));
  zone.addEventListener("drop", (event) => {
    event.preventDefault();
    zone.classList.remove("is-over");
    input.files = event.dataTransfer.files;
    input.dispatchEvent(new Event("change", { bubbles: true }));
  });
});
