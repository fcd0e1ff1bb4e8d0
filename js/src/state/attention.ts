/**
 * Attention as numbers: as it was computed, where the kernel has said so, else as it is drawn, a multiple of 1/255.
 * What was computed comes in blocks of rows, so that of a long prompt only those around the pointer do.
 */
import type { Head } from "../contract.gen";
import { triangleIndex } from "../kernel/arrays";
import { isWeighed, patternOf, shownAs } from "./shown-patterns";
import type { Store } from "./store";

/** Of a block, about. */
const CELLS = 2 ** 17;

/** Queries of one block. */
export interface Block {
  first: number;
  last: number;
}

/** The block that a query of a prompt is in; every query is in one. */
export function blockOf(query: number, tokens: number): Block {
  const number = Math.floor(triangleIndex(query, 0) / CELLS);
  return { first: firstOf(number), last: Math.min(tokens, firstOf(number + 1)) - 1 };
}

/** The first query whose row begins in this block. */
function firstOf(block: number): number {
  const near = Math.ceil((Math.sqrt(1 + 8 * block * CELLS) - 1) / 2);
  return triangleIndex(near, 0) < block * CELLS ? near + 1 : near;
}

/** What one query pays each key up to itself. */
export interface Row {
  values: ArrayLike<number>;
  /** As it was computed; else each value may be 0.002 more or less. */
  exact: boolean;
  /** What it is times, where that is shown: in words, after a number. */
  after: string;
}

/** Of a head at a checkpoint, on the current prompt; null while nothing of it is known. */
export function rowOf(
  store: Store,
  head: Head,
  checkpoint: number,
  query: number,
  series = store.series.value,
): Row | null {
  const { results, prompts } = store;
  const tokens = prompts.value[series]?.tokens.length ?? 0;
  if (query >= tokens) return null;
  const { first, last } = blockOf(query, tokens);
  const row = (all: Float32Array | Uint8Array | undefined, from: number, end: number) => {
    const start = triangleIndex(from, 0);
    return all?.length === triangleIndex(end, 0) - start
      ? all.subarray(triangleIndex(query, 0) - start, triangleIndex(query + 1, 0) - start)
      : null;
  };
  const { after } = shownAs(store);
  const computed = isWeighed(store)
    ? undefined
    : results.of("attention", { head, first, last }, series).at(checkpoint)?.attention;
  const values = row(computed, first, last + 1);
  if (values !== null) return { values, exact: true, after };
  const drawn = row(patternOf(store, head, series).at(checkpoint)?.patterns, 0, tokens);
  return drawn && { values: Float32Array.from(drawn, (value) => value / 255), exact: false, after };
}

/** The key that gets most. */
export function mostAttended({ values }: Row): number {
  let most = 0;
  for (let key = 1; key < values.length; key++) {
    if ((values[key] as number) > (values[most] as number)) most = key;
  }
  return most;
}
