/** The sequences of an answer, and their attention as a triangle, as the prompt's comes. */
import { triangleIndex, triangleSize } from "../../kernel/arrays";
import type { Values } from "../../state/results";

export type Page = Values<"head_page">;

/** One that is shown. */
export interface Sequence {
  /** In the text, from 0. */
  row: number;
  /** 1 to 5; 5 has the strongest. */
  interval: number;
  strength: number;
  ids: Int32Array;
  tokens: string[];
  triangle: Uint8Array;
  /** The cell with most attention, position 0 and the diagonal left out. */
  query: number;
  key: number;
}

const cache = new WeakMap<Page, Sequence[]>();

/** The strongest first. */
export function sequencesOf(page: Page): Sequence[] {
  let found = cache.get(page);
  if (found === undefined) {
    found = Array.from(page.row).flatMap((row, nth) => (row < 0 ? [] : [sequenceOf(page, row, nth)]));
    cache.set(page, found);
  }
  return found;
}

function sequenceOf(page: Page, row: number, nth: number): Sequence {
  const count = page.row.length;
  const [length, slots] = [page.ids.length / count, page.keys.length / page.ids.length];
  const padded = page.ids.subarray(nth * length, (nth + 1) * length);
  const end = padded.indexOf(-1);
  const ids = end < 0 ? padded : padded.subarray(0, end);
  const triangle = new Uint8Array(triangleSize(ids.length));
  let [query, key, most] = [ids.length - 1, 0, -1];
  for (let q = 0; q < ids.length; q++) {
    for (let slot = 0; slot < slots; slot++) {
      const cell = (nth * length + q) * slots + slot;
      const [k, value] = [page.keys[cell] ?? -1, page.attention[cell] ?? 0];
      if (k < 0) break;
      triangle[triangleIndex(q, k)] = value;
      if (k > 0 && k < q && value > most) [query, key, most] = [q, k, value];
    }
  }
  const [interval, strength] = [page.interval[nth] ?? 0, page.strength[nth] ?? Number.NaN];
  const tokens = Array.from(ids, (id) => page.tokens[id] ?? `#${id}`);
  return { row, interval, strength, ids, tokens, triangle, query, key };
}

export interface Bin {
  /** In tokens, both ends among them. */
  from: number;
  to: number;
  share: number;
}

/** Attention by distance from query to key: 0, 1, and then twice as wide each; as far as there is any. */
export function distanceBins({ distances }: Pick<Page, "distances">): Bin[] {
  const bins: Bin[] = [];
  for (let from = 0; from < distances.length; from = Math.max(1, 2 * from)) {
    const to = Math.min(distances.length, Math.max(1, 2 * from)) - 1;
    bins.push({ from, to, share: distances.subarray(from, to + 1).reduce((sum, one) => sum + one, 0) });
  }
  return bins;
}

export interface Token {
  text: string;
  share: number;
  /** Over its share of all tokens. */
  times: number;
}

/** Those that it looks from, or at, most. */
export function tokensOf(page: Page, which: "from" | "at"): Token[] {
  return Array.from(page[`${which}_ids`], (id, nth) => ({
    text: page.tokens[id] ?? `#${id}`,
    share: page[`${which}_share`][nth] ?? 0,
    times: page[`${which}_times`][nth] ?? 0,
  })).filter(({ share }) => share > 0);
}
