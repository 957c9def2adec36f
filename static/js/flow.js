// The flow: dagre orders the nodes, which are plain links written by the server; edges are drawn behind them. On a phone
// nothing is placed: the list by rank is the page. While work is going on the live part is fetched again.
import dagre from "@dagrejs/dagre";
import { htmx } from "./page.js";

const COLUMN = 138, WIDTH = 116, TOP = 44, LEFT = 10, GAP = 22;
const ROOT = "(root)"; // holds rows without parents in their column
const BUSY_MS = 2000, IDLE_MS = 20000;
const wide = matchMedia("(min-width: 721px)");

const state = { key: decodeURIComponent(location.hash.slice(1)).replace(/^node-/, ""), scale: null };
const $ = (selector) => document.querySelector(selector);
const boxes = () => [...document.querySelectorAll(".node-box")];
const box = (key) => document.querySelector(`.node-box[data-key="${CSS.escape(key)}"]`);
const edges = () => JSON.parse(($("#flow-edges") || { textContent: "[]" }).textContent);
const rankOf = (element) => Number(element.closest(".rank-column").dataset.rank);

// Columns are the stages, so that every rank holds one kind; dagre decides the order within and the bends of long edges.
function layout(nodes, links) {
  const graph = new dagre.graphlib.Graph();
  graph.setGraph({ rankdir: "LR", nodesep: GAP, edgesep: 14, ranksep: COLUMN - WIDTH, ranker: "network-simplex" });
  graph.setDefaultEdgeLabel(() => ({}));
  const rank = Object.fromEntries(nodes.map((node) => [node.dataset.key, rankOf(node)]));
  const least = Math.min(...Object.values(rank));
  nodes.forEach((node) => graph.setNode(node.dataset.key, { width: WIDTH, height: node.offsetHeight }));
  links.forEach((link) => graph.setEdge(link.from, link.to, { minlen: Math.max(1, rank[link.to] - rank[link.from]), weight: 2 }));
  const rooted = new Set(links.map((link) => link.to));
  graph.setNode(ROOT, { width: 1, height: 1 });
  nodes.filter((node) => !rooted.has(node.dataset.key)).forEach((node) => {
    graph.setEdge(ROOT, node.dataset.key, { minlen: rank[node.dataset.key] - least + 1, weight: 1 });
  });
  dagre.layout(graph);
  return { graph, rank, least };
}

// Whether the partner's sample came out below the sources: it reads better on top.
function upsideDown(nodes, graph) {
  const y = (node) => graph.node(node.dataset.key).y;
  const samples = nodes.filter((node) => node.dataset.key.startsWith("sample-")).map(y);
  const sources = nodes.filter((node) => node.dataset.key.startsWith("source-")).map(y);
  const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;
  return samples.length && sources.length && mean(samples) > mean(sources);
}
function mirror(graph) {
  graph.nodes().forEach((key) => (graph.node(key).y *= -1));
  graph.edges().forEach((edge) => (graph.edge(edge).points || []).forEach((point) => (point.y *= -1)));
}

function place() {
  const canvas = $(".canvas-in");
  const nodes = boxes();
  if (!canvas || !nodes.length) return;
  canvas.classList.remove("is-placed");
  nodes.forEach((node) => (node.style.left = node.style.top = ""));
  canvas.style.transform = "";
  $(".canvas-size").style.width = $(".canvas-size").style.height = "";
  if (!wide.matches) return;
  canvas.classList.add("is-placed");
  const links = edges();
  const { graph, rank, least } = layout(nodes, links);
  const x = (of) => LEFT + (of - least) * COLUMN;
  if (upsideDown(nodes, graph)) mirror(graph);
  const top = Math.min(...nodes.map((node) => graph.node(node.dataset.key).y - node.offsetHeight / 2));
  const spot = {};
  for (const node of nodes) {
    const { y } = graph.node(node.dataset.key);
    spot[node.dataset.key] = { x: x(rank[node.dataset.key]), y: TOP + y - top };
    node.style.left = `${spot[node.dataset.key].x}px`;
    node.style.top = `${spot[node.dataset.key].y - node.offsetHeight / 2}px`;
  }
  document.querySelectorAll(".rank-column").forEach((column) => {
    const title = column.querySelector(".rank");
    title.style.left = `${x(Number(column.dataset.rank))}px`;
    title.style.top = "14px";
  });
  const last = Math.max(...Object.values(rank));
  canvas.style.width = `${x(last) + WIDTH + 22}px`;
  canvas.style.height = `${Math.max(...nodes.map((node) => spot[node.dataset.key].y + node.offsetHeight / 2)) + 24}px`;
  drawEdges(links, graph, spot, rank, top);
  zoom(state.scale);
  turnMenus(last);
}

function path(link, graph, spot, rank, top) {
  const from = spot[link.from], to = spot[link.to];
  const points = [[from.x + WIDTH, from.y]];
  const bends = (graph.edge(link.from, link.to).points || []).slice(1, -1);
  for (let column = rank[link.from] + 1; column < rank[link.to]; column += 1) {
    const left = from.x + (column - rank[link.from]) * COLUMN;
    const bend = bends.reduce((best, point) => (Math.abs(point.x - left) < Math.abs(best.x - left) ? point : best), bends[0] || { x: left, y: from.y });
    const y = TOP + bend.y - top;
    points.push([left, y], [left + WIDTH, y]);
  }
  points.push([to.x - 2, to.y]);
  let d = `M${points[0].join(" ")}`;
  for (let i = 1; i < points.length; i += 1) {
    const [x0, y0] = points[i - 1], [x1, y1] = points[i];
    const middle = (x0 + x1) / 2;
    d += ` C${middle} ${y0} ${middle} ${y1} ${x1} ${y1}`;
  }
  return d;
}

function drawEdges(links, graph, spot, rank, top) {
  const svg = $(".canvas svg.edges");
  svg.querySelectorAll(".edge").forEach((edge) => edge.remove());
  svg.setAttribute("width", $(".canvas-in").style.width);
  svg.setAttribute("height", $(".canvas-in").style.height);
  for (const link of links) {
    const line = document.createElementNS("http://www.w3.org/2000/svg", "path");
    line.setAttribute("d", path(link, graph, spot, rank, top));
    line.dataset.from = link.from;
    line.dataset.to = link.to;
    line.dataset.look = link.look;
    svg.append(line);
  }
  highlight();
}

function highlight() {
  document.querySelectorAll(".canvas svg.edges > path").forEach((line) => {
    const on = state.key && (line.dataset.from === state.key || line.dataset.to === state.key) && !line.dataset.look;
    const look = on ? "on" : line.dataset.look;
    line.setAttribute("class", `edge${look ? ` edge--${look}` : ""}`);
    line.setAttribute("marker-end", `url(#tip${look ? `-${look}` : ""})`);
  });
  boxes().forEach((node) => {
    const chosen = node.dataset.key === state.key;
    node.querySelector(".node").classList.toggle("is-selected", chosen);
    if (chosen) node.querySelector(".node").setAttribute("aria-current", "true");
    else node.querySelector(".node").removeAttribute("aria-current");
  });
}

function fitting() {
  const canvas = $(".canvas"), inner = $(".canvas-in");
  const across = canvas.clientWidth / parseFloat(inner.style.width);
  const down = canvas.clientHeight / parseFloat(inner.style.height);
  return Math.max(0.55, Math.min(1, across, Math.max(down, Math.min(across, 0.75))));
}

function zoom(scale) {
  const inner = $(".canvas-in"), size = $(".canvas-size");
  if (!inner || !inner.classList.contains("is-placed")) return;
  state.scale = scale;
  const used = Math.min(2, Math.max(0.3, scale || fitting()));
  const width = parseFloat(inner.style.width) * used;
  inner.style.transform = `scale(${used})`;
  inner.style.left = `${Math.max(0, ($(".canvas").clientWidth - width) / 2)}px`;
  size.style.width = `${width}px`;
  size.style.height = `${parseFloat(inner.style.height) * used}px`;
}

// A menu near the right or lower border opens the other way.
function turnMenus(last) {
  const floor = parseFloat($(".canvas-in").style.height);
  boxes().forEach((node) => {
    const drop = node.querySelector(".plus-drop");
    if (!drop) return;
    drop.classList.toggle("is-left", rankOf(node) >= last - 1);
    drop.classList.toggle("is-up", parseFloat(node.style.top) > Math.max(330, floor - 220));
  });
}

function choose(key) {
  const node = key && box(key);
  state.key = node ? key : "";
  history.replaceState(null, "", node ? `#node-${key}` : location.pathname + location.search);
  highlight();
  const url = node ? node.dataset.step : $("#inspector").dataset.overview;
  htmx.ajax("GET", url, { target: "#inspector", swap: "innerHTML" });
}

const neighbour = {
  ArrowLeft: (key) => edges().filter((link) => link.to === key).map((link) => link.from)[0],
  ArrowRight: (key) => edges().filter((link) => link.from === key).map((link) => link.to)[0],
  ArrowUp: (key) => beside(key, -1),
  ArrowDown: (key) => beside(key, 1),
};
function beside(key, step) {
  const column = boxes().filter((node) => rankOf(node) === rankOf(box(key)));
  column.sort((a, b) => parseFloat(a.style.top) - parseFloat(b.style.top));
  const next = column[column.findIndex((node) => node.dataset.key === key) + step];
  return next && next.dataset.key;
}

function onClick(event) {
  const tool = event.target.closest("[data-zoom]");
  if (tool) {
    const now = state.scale || fitting();
    return zoom({ in: now * 1.2, out: now / 1.2, fit: null }[tool.dataset.zoom]);
  }
  const pick = event.target.closest("[data-pick]");
  if (pick) {
    event.preventDefault();
    choose(pick.dataset.pick);
    return box(pick.dataset.pick) && box(pick.dataset.pick).querySelector(".node").focus();
  }
  if (event.target.closest("[data-close-step]")) return choose("");
  const node = event.target.closest(".node");
  const byKeyboard = event.detail === 0;
  if (!node || !wide.matches || byKeyboard || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  choose(node.parentNode.dataset.key);
}

function onKey(event) {
  const node = event.target.closest(".node");
  if (!node || !wide.matches) return;
  const key = node.parentNode.dataset.key;
  if (event.key === " ") {
    event.preventDefault();
    choose(key);
  } else if (neighbour[event.key]) {
    event.preventDefault();
    const next = neighbour[event.key](key);
    if (next && box(next)) {
      box(next).querySelector(".node").focus();
      choose(next);
    }
  } else if (event.key === "Escape") choose("");
}

function pan(main) {
  let from = null;
  main.addEventListener("pointerdown", (event) => {
    const canvas = event.target.closest(".canvas");
    if (!canvas || event.button || event.target.closest(".node-box, a, button")) return;
    from = { x: event.clientX + canvas.scrollLeft, y: event.clientY + canvas.scrollTop, canvas };
  });
  main.addEventListener("pointermove", (event) => {
    if (from) from.canvas.scrollTo(from.x - event.clientX, from.y - event.clientY);
  });
  window.addEventListener("pointerup", () => (from = null));
  main.addEventListener("wheel", (event) => {
    if (!event.ctrlKey || !event.target.closest(".canvas")) return;
    event.preventDefault();
    zoom((state.scale || fitting()) * (event.deltaY < 0 ? 1.1 : 1 / 1.1));
  }, { passive: false });
}

function keepLive(live) {
  let last = Date.now(), scroll = null, look = null, text = "";
  setInterval(() => {
    const pause = live.querySelector("[data-busy='1']") ? BUSY_MS : IDLE_MS;
    const occupied = document.hidden || live.querySelector("details[open]") || $("dialog[open]");
    if (occupied || Date.now() - last < pause) return;
    last = Date.now();
    htmx.trigger(live, "poll");
  }, 500);
  live.addEventListener("htmx:beforeSwap", (event) => {
    if (event.detail.target !== live) return;
    if (event.detail.xhr.responseText === text) return void (event.detail.shouldSwap = false);
    text = event.detail.xhr.responseText;
    const canvas = live.querySelector(".canvas");
    scroll = canvas && [canvas.scrollLeft, canvas.scrollTop];
    look = state.key && box(state.key) && box(state.key).dataset.look;
  });
  live.addEventListener("htmx:afterSwap", (event) => {
    if (event.detail.target !== live) return;
    place();
    if (scroll && live.querySelector(".canvas")) live.querySelector(".canvas").scrollTo(...scroll);
    const node = state.key && box(state.key);
    if (node && (node.dataset.look !== look || node.dataset.look === "is-running")) choose(state.key);
  });
}

export function start(main) {
  place();
  if (state.key && box(state.key)) choose(state.key);
  main.addEventListener("click", onClick);
  main.addEventListener("dblclick", (event) => {
    const node = event.target.closest(".node");
    if (node && node.getAttribute("href") !== "#") location.assign(node.href);
  });
  main.addEventListener("keydown", onKey);
  pan(main);
  keepLive($("#flow-main"));
  wide.addEventListener("change", place);
  window.addEventListener("resize", () => zoom(state.scale));
  if (document.fonts) document.fonts.ready.then(place);
}
