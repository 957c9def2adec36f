// Reads a CSV file in pieces, hashes the columns that were named and writes a new file; nothing of it is sent from here.
// In: {act: "look" | "hash", file, encoding, delimiter, kinds, algorithm}. Out: {act, …}, {act: "progress", …} or {act:
// "error", code, …}.
import Papa from "papaparse";
import { idOf, rawKinds, RawScan } from "./hash_ids.js";

const PIECE = 1024 ** 2;
const HEAD = 256 * 1024;
const LONGEST_ROW = 16 * 1024 ** 2;
const KEPT_MS = 24 * 3600 * 1000;
const PREFIX = "hashed-";
const LABELS = { "latin-1": "windows-1252", "utf-16": "utf-16le" };

class Fault extends Error {
  constructor(code, told = {}) {
    super(code);
    this.told = { code, ...told };
  }
}

function encodingOf(head, whole, chosen) {
  if (head[0] === 0xff && head[1] === 0xfe) return "utf-16le";
  if (head[0] === 0xfe && head[1] === 0xff) return "utf-16be";
  if (chosen) return LABELS[chosen] || chosen;
  if (head.includes(0)) throw new Fault("not_csv");
  try {
    new TextDecoder("utf-8", { fatal: true }).decode(head, { stream: !whole });
    return "utf-8";
  } catch {
    return "gb18030";
  }
}

function newlineOf(text) {
  const plain = text.replace(/"[^"]*"/g, "");
  return plain.includes("\r\n") ? "\r\n" : plain.includes("\n") ? "\n" : plain.includes("\r") ? "\r" : "\n";
}

// In a file without a header the first row would leave as it is: something raw is no name, nor are mostly values.
function isPersonal(name) {
  return [...rawKinds(name)].some(([, hit]) => hit);
}

function isValue(name) {
  return /^[-+]?\d[\d.,]*$/.test(name) || /^[0-9a-fA-F]{32,}$/.test(name);
}

async function look({ file, encoding, delimiter }) {
  const bytes = new Uint8Array(await file.slice(0, HEAD).arrayBuffer());
  if (!bytes.length) throw new Fault("empty");
  if (/^(PAR1|PK\x03|\x1f\x8b)/.test(String.fromCharCode(...bytes.slice(0, 4)))) throw new Fault("not_csv");
  const label = encodingOf(bytes, file.size <= HEAD, encoding);
  const text = new TextDecoder(label).decode(bytes, { stream: true });
  const found = Papa.parse(text, { preview: 1001, delimiter: delimiter || "", newline: newlineOf(text) });
  const rows = found.data.filter((row) => row.length > 1 || row[0] !== "");
  const names = (rows.shift() || []).map((name) => name.trim());
  if (names.some(isPersonal) || 2 * names.filter(isValue).length > names.length) throw new Fault("no_header");
  if (file.size > HEAD && rows.length < 1000) rows.pop(); // it may be cut
  return { label, newline: newlineOf(text), delimiter: found.meta.delimiter, names, rows };
}

const NAMES_OF_PEOPLE = /姓名|^(.*_)?name$/i;

// What a column seems to hold: raw numbers in most of its values; names of people are best left out.
function guess(name, values) {
  const counts = {};
  const filled = values.filter((value) => value !== undefined && value !== "");
  for (const value of filled) {
    for (const [kind, hit] of rawKinds(value)) if (hit) counts[kind] = (counts[kind] || 0) + 1;
  }
  const [kind, hits] = Object.entries(counts).sort((one, other) => other[1] - one[1])[0] || ["", 0];
  if (filled.length && hits * 2 >= filled.length) return kind.replace("15", "");
  return NAMES_OF_PEOPLE.test(name) && filled.every((value) => /[\u4e00-\u9fa5]{2}/.test(value)) ? "drop" : "";
}

async function lookAt(order) {
  const { names, rows } = await look(order);
  const columns = names.map((name, n) => ({
    name,
    kind: guess(name, rows.map((row) => row[n])),
    values: rows.slice(0, 3).map((row) => row[n] || ""),
  }));
  return { act: "look", columns };
}

// The text of a file, piece by piece, in whatever encoding.
async function* pieces(file, label) {
  const decoder = new TextDecoder(label, { fatal: true });
  for (let at = 0; at < file.size || at === 0; at += PIECE) {
    const bytes = await file.slice(at, at + PIECE).arrayBuffer();
    const last = at + PIECE >= file.size;
    try {
      yield [decoder.decode(bytes, { stream: !last }), Math.min(at + PIECE, file.size), last];
    } catch {
      throw new Fault("encoding", { encoding: label });
    }
    if (last) return;
  }
}

// Rows of a file, as many as a piece completes; the rest of the last row waits for the next piece.
async function* rowsOf(file, { label, newline, delimiter }) {
  const parser = new Papa.Parser({ delimiter, newline });
  let rest = "";
  let done = 0;
  for await (const [text, read, last] of pieces(file, label)) {
    rest += text;
    const found = parser.parse(rest, 0, !last);
    rest = last ? "" : rest.substring(found.meta.cursor);
    if (rest.length > LONGEST_ROW || (last && found.errors.some((error) => error.code === "MissingQuotes"))) {
      throw new Fault("open_quote", { row: done + found.data.length });
    }
    done += found.data.length;
    yield [found.data.filter((row) => row.length > 1 || row[0] !== ""), read];
  }
}

// Where the new file grows: on disk where the browser has a place for it, in parts that the browser keeps elsewhere.
async function sink() {
  try {
    const folder = await navigator.storage.getDirectory();
    await forgetOld(folder);
    const name = `${PREFIX}${Date.now()}-${Math.random().toString(36).slice(2)}.csv`;
    const handle = await folder.getFileHandle(name, { create: true });
    const access = await handle.createSyncAccessHandle();
    let at = 0;
    return {
      name,
      write: (bytes) => (at += access.write(bytes, { at })),
      end: async () => (access.flush(), access.close(), handle.getFile()),
      drop: async () => (access.close(), folder.removeEntry(name)),
    };
  } catch {
    const parts = [];
    return { name: "", write: (bytes) => parts.push(new Blob([bytes])), end: () => new Blob(parts, { type: "text/csv" }), drop: () => {} };
  }
}

async function forgetOld(folder) {
  if (!folder.entries) return;
  for await (const [name, handle] of folder.entries()) {
    const file = name.startsWith(PREFIX) && (await handle.getFile());
    if (file && Date.now() - file.lastModified > KEPT_MS) await folder.removeEntry(name).catch(() => {});
  }
}

class Columns {
  constructor(names, kinds, algorithm) {
    this.kinds = names.map((_name, n) => kinds[n] || "");
    this.names = names;
    this.stays = (_cell, n) => this.kinds[n] !== "drop";
    this.algorithm = algorithm;
    this.left = new RawScan(names);
    this.wrong = names.map(() => ({ count: 0, filled: 0, row: 0 }));
  }

  // A row as it leaves: values that are not of their column's kind become empty and are counted.
  hashed(row, number) {
    return row.map((value, n) => this.cell(value, n, number)).filter(this.stays);
  }

  cell(value, n, number) {
    const kind = this.kinds[n];
    if (kind === "drop") return "";
    if (!kind) {
      this.left.look(Math.min(n, this.names.length - 1), value);
      return value;
    }
    const id = idOf(kind, value, this.algorithm);
    const wrong = this.wrong[n];
    if (id !== "") wrong.filled += 1;
    if (id === null) {
      wrong.count += 1;
      wrong.row = wrong.row || number;
    }
    return id || "";
  }

  verify() {
    const raw = this.left.found()[0];
    if (raw) throw new Fault("raw_left", raw);
    this.wrong.forEach(({ count, filled, row }, n) => {
      if (count * 2 > filled) throw new Fault("other_kind", { column: this.names[n], kind: this.kinds[n], count, row });
    });
  }

  emptied() {
    return this.wrong.map(({ count, row }, n) => ({ column: this.names[n], kind: this.kinds[n], count, row })).filter((one) => one.count);
  }
}

async function hash(order) {
  const { file, kinds, algorithm } = order;
  const { names, ...how } = await look(order);
  const columns = new Columns(names, kinds, algorithm);
  const encoder = new TextEncoder();
  const out = await sink();
  try {
    let done = 0;
    let head = true;
    for await (const [rows, read] of rowsOf(file, how)) {
      const written = rows.map((row) => (head ? ((head = false), names.filter(columns.stays)) : columns.hashed(row, (done += 1))));
      if (written.length) {
        out.write(encoder.encode(Papa.unparse(written, { delimiter: how.delimiter, newline: "\n" }) + "\n"));
      }
      postMessage({ act: "progress", read, size: file.size, rows: done });
    }
    columns.verify();
    return { act: "hash", file: await out.end(), name: out.name, rows: done, delimiter: how.delimiter, emptied: columns.emptied() };
  } catch (error) {
    await out.drop();
    throw error;
  }
}

onmessage = async ({ data }) => {
  try {
    postMessage(await (data.act === "look" ? lookAt(data) : hash(data)));
  } catch (error) {
    postMessage({ act: "error", ...(error.told || { code: "broken", message: String(error) }) });
  }
};
