// A thin line at the top while a request that somebody started is under way.
const line = document.createElement("div");
line.className = "busy";
document.body.append(line);
let open = 0;

const polls = (element) => element.matches && element.matches("[hx-trigger*=every], [data-quiet], .inspector");
document.addEventListener("htmx:beforeRequest", (event) => {
  if (polls(event.detail.elt)) return;
  open += 1;
  line.classList.add("is-on");
});
document.addEventListener("htmx:afterRequest", (event) => {
  if (polls(event.detail.elt)) return;
  open = Math.max(0, open - 1);
  if (!open) line.classList.remove("is-on");
});
