/** Heads of one series in another: matched by score, as a head's place means nothing in other weights. */
import type { Head } from "../contract.gen";
import { headName } from "./heads";

/** The circuit: whatever score is chosen, a head may be known for its part in it. */
export const CIRCUIT = ["induction", "previous_token"];

/** What is known of a series' heads. */
export interface Known {
  layers: number;
  heads: number;
  /** [checkpoint, layer, head] of a score, NaN where it is not known; null where it is not measured. */
  gridOf: (score: string) => Float32Array | null;
}

/** A head of another series, and why it is that one. */
export interface Match {
  head: Head;
  /** What both rank alike in, from 0; null where it only stands in the same place. */
  score: string | null;
  rank: number;
}

/**
 * For each head of one series, the head of another that ranks as high.
 *
 * Heads rank by the highest value that they reach at any checkpoint. Each is matched by whichever of `score` and
 * the circuit's it ranks highest in, the first of equal ones; null where the other series has fewer heads. As long
 * as no score of both is known, the head of the same place stands in. `counterparts` of
 * widget/induction_explorer/series/counterparts.py finds the same.
 */
export function matches(heads: Head[], score: string, from: Known, to: Known): (Match | null)[] {
  const both = [...new Set([score, ...CIRCUIT])].flatMap((name) => {
    const [here, there] = [from.gridOf(name), to.gridOf(name)];
    if (here === null || there === null) return [];
    const ranks = new Map(rankedHeads(here, from).map((head, rank) => [headName(head), rank]));
    return [{ name, ranks, there: rankedHeads(there, to) }];
  });
  return heads.map((head) => {
    const known = both
      .map(({ name, ranks, there }) => ({ name, rank: ranks.get(headName(head)) ?? -1, there }))
      .filter(({ rank, there }) => rank >= 0 && there.length > 0)
      .sort((a, b) => a.rank - b.rank)[0];
    if (known === undefined) {
      return head[0] < to.layers && head[1] < to.heads ? { head, score: null, rank: -1 } : null;
    }
    const { name, rank, there } = known;
    const found = there[rank];
    return found === undefined ? null : { head: found, score: name, rank };
  });
}

/** The heads alone. */
export function counterparts(heads: Head[], score: string, from: Known, to: Known): (Head | null)[] {
  return matches(heads, score, from, to).map((match) => match?.head ?? null);
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
    .sort((a, b) => (highest[b] as number) - (highest[a] as number))
    .map((head) => [Math.floor(head / heads), head % heads]);
}
