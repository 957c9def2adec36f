// Every page: htmx, then one small file per widget. Charts and the flow are fetched when a page has them.
import htmx from "htmx.org";
import { eachNow } from "./page.js";
import "./theme.js";
import "./copy.js";
import "./print.js";
import "./toast.js";
import "./confirm.js";
import "./menu.js";
import "./find.js";
import "./table.js";
import "./tabs.js";
import "./upload.js";
import "./section.js";
import "./busy.js";

window.htmx = htmx;

eachNow("[data-figure]", (element) => {
  // while the code was on its way, the page may have been replaced
  import("./charts.js").then((charts) => element.isConnected && charts.show(element));
});
eachNow("[data-bin-editor]", (element) => {
  import("./bins.js").then((bins) => bins.start(element));
});
eachNow("[data-flow]", (element) => {
  import("./flow.js").then((flow) => flow.start(element));
});
