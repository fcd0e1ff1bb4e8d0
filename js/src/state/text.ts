/**
 * Token text and numbers as a reader sees them. Tokens are always shown through text nodes, never as
 * markup; what has no glyph gets one, so that nothing is invisible and nothing breaks the line.
 */
import type { SeriesInfo } from "../kernel/model";

const PICTURES: Record<string, string> = { "\n": "⏎", "\t": "⇥" };

/** Characters that would vanish, or turn or break the text around them; not the joints inside of one emoji. */
const UNSEEN =
  /(?!(?<=\p{ExtPict}(?:\ufe0f|\p{EMod})?)\u200d\p{ExtPict})[\p{Cc}\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ud800-\udfff]/gu;

/** Text with those as something that can be seen. */
export function visible(text: string): string {
  return text.replace(UNSEEN, (char) => {
    const code = char.codePointAt(0) ?? 0;
    const picture = PICTURES[char];
    if (picture !== undefined) return picture;
    return code < 0x100 ? `\\x${hex(code, 2)}` : `\\u${hex(code, 4)}`;
  });
}

function hex(code: number, digits: number): string {
  return code.toString(16).toUpperCase().padStart(digits, "0");
}

/** A token in quotes for running text, cut after `limit` characters: `' C'`. */
export function quoted(text: string, limit = 24): string {
  return isolated(`'${truncated(visible(text), limit)}'`);
}

/** Letters that are read from right to left. */
const RIGHT_TO_LEFT =
  "\\u0590-\\u08ff\\ufb1d-\\ufdff\\ufe70-\\ufefc\\u{10800}-\\u{10fff}\\u{1e800}-\\u{1efff}";
const ANY = new RegExp(`[${RIGHT_TO_LEFT}]`, "u");
/** Words of them, with the spaces and marks between. */
const WORDS = new RegExp(`[${RIGHT_TO_LEFT}]+(?:[^\\p{L}\\n]+[${RIGHT_TO_LEFT}]+)*`, "gu");

/** A name or token to stand in a sentence: where it is read from right to left, the words around it stay in order. */
export function isolated(text: string): string {
  return ANY.test(text) ? `\u2068${text}\u2069` : text;
}

/** A sentence of ours that quotes names or tokens somewhere: each of them by itself. */
export function sentence(text: string): string {
  return text.replace(WORDS, "\u2068$&\u2069");
}

/** "Previous token", "The head adds nothing." inside of a sentence; what begins with capitals, as OV does, keeps them. */
export function lowered(title: string): string {
  return /^.[A-Z]/.test(title) ? title : title.slice(0, 1).toLowerCase() + title.slice(1);
}

/** Letters that take two places of a fixed-width font: of East Asian scripts, and pictures. */
const WIDE =
  /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff01-\uff60]|\p{Emoji_Presentation}/u;

/** Cut where it takes more than `limit` places of a fixed-width font, never inside of a letter. */
export function truncated(text: string, limit: number): string {
  const places = (char: string) => (WIDE.test(char) ? 2 : 1);
  const letters = Array.from(text);
  if (letters.reduce((sum, letter) => sum + places(letter), 0) <= limit) return text;
  let [kept, left] = ["", limit - 1]; // one for the sign that something is missing
  for (const letter of letters) {
    left -= places(letter);
    if (left < 0) break;
    kept += letter;
  }
  return `${kept}…`;
}

/** Cut in its middle where it has more than `limit` letters: names begin and end with what tells them apart. */
export function shortened(text: string, limit = 60): string {
  const letters = Array.from(text);
  if (letters.length <= limit) return text;
  const half = Math.floor((limit - 1) / 2);
  return `${letters.slice(0, half).join("")}…${letters.slice(-half).join("")}`;
}

/** 5,300,000 → "5.3M", 5,000,000 → "5M": for axes. */
export function compact(value: number): string {
  return precise(value).replace(/\.0(?=\D|$)/, "");
}

/** 5,300,000 → "5.3M", 5,017,600 → "5.0M": where numbers follow each other, so that they keep their width. */
export function precise(value: number): string {
  for (const [unit, suffix] of [
    [1e12, "T"],
    [1e9, "B"],
    [1e6, "M"],
    [1e3, "k"],
  ] as const) {
    if (value >= unit * 0.9995) return `${round(value / unit)}${suffix}`;
  }
  return Number.isInteger(value) ? String(value) : round(value);
}

function round(value: number): string {
  return value >= 100 ? value.toFixed(0) : value.toFixed(1);
}

/** "step 1,300"; "" for a model by itself, of which nobody knows how long it was trained. */
export function labelText({ steps, labels, tokens }: Named, index: number): string {
  const unknown = steps.length === 1 && steps[0] === 0 && tokens[0] == null;
  return unknown ? "" : (labels[index] ?? "");
}

/** "step 1,300 · 5.3M tokens"; without the tokens where the series does not know them. */
export function checkpointText(info: Named, index: number): string {
  return [labelText(info, index), tokensText(info, index)].filter((text) => text !== "").join(" · ");
}

/** "5.3M tokens"; "≈ 5.3M tokens" where they are an estimate, and "" where they are not known. */
export function tokensText({ tokens, tokens_estimated }: Named, index: number): string {
  const seen = tokens[index] ?? null;
  return seen === null ? "" : `${tokens_estimated[index] ? ABOUT : ""}${precise(seen)} tokens`;
}

/** Before tokens that nobody counted. */
export const ABOUT = "≈ ";

type Named = Pick<SeriesInfo, "steps" | "labels" | "tokens" | "tokens_estimated">;

/** A score: three decimals, a true minus sign. */
export function scoreText(value: number): string {
  return Number.isFinite(value) ? decimals(value, 3) : "not computed";
}

/** The same of a change: with its sign. */
export function changeText(value: number): string {
  return Number.isFinite(value) ? signed(value, 3) : scoreText(value);
}

/** With a sign, but for what is nothing at so many decimals. */
export function signed(value: number, digits: number): string {
  const text = decimals(value, digits);
  return Number(text) > 0 ? `+${text}` : text;
}

/** With a true minus sign, and none before a zero. */
export function decimals(value: number, digits: number): string {
  return value
    .toFixed(digits)
    .replace(/^-(?=[0.]*$)/, "")
    .replace("-", "−");
}

const ROUNDED = [1, 2, 3].map(
  (digits) => new Intl.NumberFormat("en-US", { maximumSignificantDigits: digits, useGrouping: false }),
);

/** To so many significant digits at most, as a reader writes them: no powers of ten, and a true minus sign. */
export function rounded(value: number, digits: 1 | 2 | 3): string {
  return (ROUNDED[digits - 1] as Intl.NumberFormat).format(value).replace("-", "−");
}

export function probabilityText(value: number): string {
  if (!Number.isFinite(value)) return "–";
  if (value > 0 && value < 0.005) return value < 0.0005 ? "<0.001" : value.toFixed(3);
  return value.toFixed(2);
}

/** Of a probability that is only known to be below another: that, rounded up. */
export function atMost(value: number): string {
  if (!Number.isFinite(value)) return "–";
  const digits = value < 0.005 ? 3 : 2;
  return `<${(Math.ceil(value * 10 ** digits) / 10 ** digits).toFixed(digits)}`;
}

/** A rank as it is read, from 1; the kernel counts from 0, as TransformerLens does. */
export function fromOne(rank: number): number {
  return rank + 1;
}
