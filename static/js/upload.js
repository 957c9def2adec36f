// Forms that bring a file. With data-incoming it is sent in pieces that survive a broken connection, see sending.js;
// without this script the same form posts normally.
import { eachNow } from "./page.js";

// A file that was to be hashed must not leave as it is.
function plainly(form) {
  if (form.querySelector("[data-hash-on]:checked")) return;
  form.dataset.plain = "yes";
  form.submit();
}

eachNow("form[data-incoming]", (form) => {
  form.addEventListener("submit", (event) => {
    if (event.defaultPrevented || form.dataset.plain) return;
    event.preventDefault();
    import("./sending.js").then(
      (sending) => sending.bring(form),
      () => plainly(form),
    );
  });
});
eachNow("[data-hash]", (box) => {
  import("./hashing.js").then((hashing) => box.isConnected && hashing.offer(box));
});
eachNow("[data-end-upload]", (button) => {
  button.addEventListener("click", () => import("./sending.js").then((sending) => sending.end(button)));
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
