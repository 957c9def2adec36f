// How a raw number is written before it is hashed, and what a raw number looks like: the rules of etron_partner's
// identifiers, held together by tests/golden/id_normalisation.json. No page, no worker: values in, values out.
import { md5 as md5Of } from "@noble/hashes/legacy.js";
import { sha256 as sha256Of } from "@noble/hashes/sha2.js";
import { bytesToHex, utf8ToBytes } from "@noble/hashes/utils.js";

const HASHES = { md5: md5Of, sha256: sha256Of };
const HASH_LENGTHS = { md5: 32, sha256: 64 };
const PROVINCES = new Set(
  [[11, 15], [21, 23], [31, 37], [41, 46], [50, 54], [61, 65], [71, 71], [81, 82], [91, 91]].flatMap(([first, last]) =>
    Array.from({ length: last - first + 1 }, (_, n) => first + n),
  ),
);
const WEIGHTS = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];

// Python's and JavaScript's ideas of white space differ; this is Python's.
const SPACE = "\\t-\\r\\x1c-\\x20\\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000";
const OUTER = new RegExp(`^[${SPACE}]+|[${SPACE}]+$`, "g");
const SEPARATORS = new RegExp(`[${SPACE}\\-\\u2010-\\u2015]+`, "g");
const NAME_AND_HOST = new RegExp(`^[^@${SPACE}]+@[^@${SPACE}]+\\.[^@${SPACE}]+$`);

const BEFORE = "(?:^|[^0-9A-Za-z.])";
const AFTER = "(?:\\.0+)?(?![0-9A-Za-z])";
const ELEVEN = new RegExp(`${BEFORE}(?:\\+?(?:00)?86[- ]?)?(\\d{3}[- ]?\\d{4}[- ]?\\d{4})${AFTER}`, "g");
const LONG = new RegExp(
  `${BEFORE}(\\d{4}[ -]?\\d{4}[ -]?\\d{4}[ -]?\\d{3,4}(?:[ -]?\\d{1,3})?|\\d{6}[ -]?\\d{8}[ -]?\\d{3}[\\dXx])${AFTER}`,
  "g",
);
const EMAIL = /[A-Za-z0-9_%+-][A-Za-z0-9._%+-]*@[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?\.[A-Za-z]{2,}/;
const HEX = /^(?:[0-9a-fA-F]{32}|[0-9a-fA-F]{40}|[0-9a-fA-F]{64}|[0-9a-fA-F]{128})$/;
const CARD_PREFIX = /^(62|60|65|4|5[1-5]|2[2-7]|3[4-7]|9558)/;

export function isMobile(text) {
  return /^1[3-9]\d{9}$/.test(text);
}

function isDate(text) {
  const [year, month, day] = [text.slice(0, 4), text.slice(4, 6), text.slice(6)].map(Number);
  const made = new Date(Date.UTC(year, month - 1, day));
  return year >= 1900 && year <= 2100 && made.getUTCMonth() === month - 1 && made.getUTCDate() === day;
}

export function isIdCard(text) {
  if (/^\d{15}$/.test(text)) return PROVINCES.has(Number(text.slice(0, 2))) && isDate(`19${text.slice(6, 12)}`);
  if (!/^\d{17}[\dXx]$/.test(text) || !PROVINCES.has(Number(text.slice(0, 2))) || !isDate(text.slice(6, 14))) return false;
  const total = WEIGHTS.reduce((sum, weight, n) => sum + weight * Number(text[n]), 0);
  return "10X98765432"[total % 11] === text[17].toUpperCase();
}

export function isBankCard(text) {
  if (!/^\d{15,19}$/.test(text) || !CARD_PREFIX.test(text)) return false;
  let sum = 0;
  for (let n = 0; n < text.length; n += 1) {
    const digit = Number(text[text.length - 1 - n]) * (n % 2 ? 2 : 1);
    sum += digit > 9 ? digit - 9 : digit;
  }
  return sum % 10 === 0;
}

export function folded(text) {
  return /^[\x00-\x7f]*$/.test(text) ? text : text.normalize("NFKC"); // eslint-disable-line no-control-regex
}

function digits(text) {
  return text.replace(SEPARATORS, "").replace(/\.0+$/, "");
}

const RULES = {
  mobile: (text) => [digits(text).replace(/^\+?(?:00)?86(?=1\d{10}$)/, ""), isMobile],
  idno: (text) => [digits(text).toUpperCase(), isIdCard],
  bankcard: (text) => [digits(text), isBankCard],
  email: (text) => [text.toLowerCase(), (value) => NAME_AND_HOST.test(value)],
};

// The text that is hashed, or null when the value is not of its kind.
export function normalise(kind, value) {
  const text = folded(value).replace(OUTER, "");
  if (!RULES[kind]) return text;
  const [written, test] = RULES[kind](text);
  return test(written) ? written : null;
}

export function hashed(text, algorithm) {
  return bytesToHex(HASHES[algorithm](utf8ToBytes(text)));
}

// A value as it leaves: its hash; "" for an empty one; null for one that is not of its kind. A hash stays a hash.
export function idOf(kind, value, algorithm) {
  const trimmed = value.replace(OUTER, "");
  if (trimmed === "") return "";
  if (trimmed.length === HASH_LENGTHS[algorithm] && /^[0-9a-fA-F]+$/.test(trimmed)) return trimmed.toLowerCase();
  const text = normalise(kind, value);
  return text === null ? null : hashed(text, algorithm);
}

// Every number or address in a value that has the shape of a personal one, with whether it is one.
export function* rawKinds(value) {
  if (value.length < 6) return;
  const text = folded(value);
  if (HEX.test(text)) return;
  if (text.replace(/\D/g, "").length >= 11) {
    for (const [, found] of text.matchAll(ELEVEN)) yield ["mobile", isMobile(found.replace(/[ -]/g, ""))];
    for (const [, found] of text.matchAll(LONG)) {
      const number = found.replace(/[ -]/g, "");
      yield [number.length === 15 ? "idno15" : "idno", isIdCard(number)];
      yield ["bankcard", isBankCard(number)];
    }
  }
  if (text.includes("@") && EMAIL.test(text)) yield ["email", true];
}

function isPersonal(kind, { tokens, hits }, filled) {
  if (!hits) return false;
  if (kind === "email") return true;
  if (kind === "idno") return hits >= 0.2 * tokens;
  if (kind === "idno15" && hits < 3 && tokens > 1) return false;
  return hits >= 0.5 * tokens && !(hits < 3 && filled > 1000 * hits);
}

// Counts raw numbers and addresses of the columns that are not hashed, by the server's measure.
export class RawScan {
  constructor(names) {
    this.names = names;
    this.filled = names.map(() => 0);
    this.tallies = names.map(() => ({}));
  }

  look(column, value) {
    if (value === "") return;
    this.filled[column] += 1;
    for (const [kind, hit] of rawKinds(value)) {
      const tally = (this.tallies[column][kind] = this.tallies[column][kind] || { tokens: 0, hits: 0 });
      tally.tokens += 1;
      tally.hits += hit;
    }
  }

  // The kinds of raw numbers by column, worst first.
  found() {
    return this.tallies
      .flatMap((kinds, n) =>
        Object.entries(kinds)
          .filter(([kind, tally]) => isPersonal(kind, tally, this.filled[n]))
          .map(([kind, { hits }]) => ({ column: this.names[n], kind: kind.replace("15", ""), hits })),
      )
      .sort((one, other) => other.hits - one.hits);
  }
}
