/** Heads of one series in another: matched by score, as a head's place means nothing in other weights. */
import type { Head } from "../contract.gen";
import { sameHead } from "./heads";

/** The circuit: whatever score is chosen, a head may be known for its part in it. */
export const CIRCUIT = ["induction", "previous_token"];

/** What is known of a series' heads. */
export interface Known {
  layers: number;
  heads: number;
  /** [checkpoint, layer, head] of a score, NaN where it is not known; null where it is not measured. */
  gridOf: (score: string) => Float32Array | null;
}

/**
 * For each head of one series, the head of another that ranks as high.
 *
 * Heads rank by the highest value that they reach at any checkpoint. Each is matched by whichever of `score` and
 * the circuit's it ranks highest in, the first of equal ones; null where the other series has fewer heads. As long
 * as no score of both is known, the head of the same place stands in. `counterparts` of
 * widget/induction_explorer/series/counterparts.py finds the same.
 */
export function counterparts(heads: Head[], score: string, from: Known, to: Known): (Head | null)[] {
  const both = [...new Set([score, ...CIRCUIT])].flatMap((name) => {
    const [here, there] = [from.gridOf(name), to.gridOf(name)];
    return here === null || there === null
      ? []
      : [{ here: rankedHeads(here, from), there: rankedHeads(there, to) }];
  });
  return heads.map((head) => {
    const known = both
      .map(({ here, there }) => ({ rank: here.findIndex((one) => sameHead(one, head)), there }))
      .filter(({ rank, there }) => rank >= 0 && there.length > 0)
      .sort((a, b) => a.rank - b.rank)[0];
    if (known !== undefined) return known.there[known.rank] ?? null;
    return head[0] < to.layers && head[1] < to.heads ? head : null;
  });
}

/** Heads by the highest value that they reach, equal ones layer by layer; none unknown. */
export function rankedHeads(
  values: Float32Array,
  { layers, heads }: Pick<Known, "layers" | "heads">,
): Head[] {
  const highest = new Float32Array(layers * heads).fill(Number.NEGATIVE_INFINITY);
  values.forEach((value, i) => {
    const head = i % highest.length;
    if (value > (highest[head] as number)) highest[head] = value;
  });
  return Array.from(highest.keys())
    .filter((head) => Number.isFinite(highest[head]))
    .sort((a, b) => (highest[b] as number) - (highest[a] as number) || a - b)
    .map((head) => [Math.floor(head / heads), head % heads]);
}
