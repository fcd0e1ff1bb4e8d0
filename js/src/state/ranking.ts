/** Heads in the order of a score, and the score that stands beside it. */
import type { Head } from "../contract.gen";
import type { ScoreInfo, SeriesInfo } from "../kernel/model";

/** The heads that attend, highest value first; equal ones layer by layer, those without a value last. */
export function rankedHeads(values: Float32Array, { heads, attending }: SeriesInfo): Head[] {
  const all = attending.flatMap((layer) => Array.from({ length: heads }, (_, head) => layer * heads + head));
  const height = (index: number) => {
    const value = values[index] ?? Number.NaN;
    return Number.isNaN(value) ? Number.NEGATIVE_INFINITY : value;
  };
  all.sort((a, b) => {
    const [high, low] = [height(b), height(a)];
    return high === low ? a - b : high > low ? 1 : -1;
  });
  return all.map((index) => [Math.floor(index / heads), index % heads]);
}

/** What stands beside induction is what feeds it; beside everything else, induction. */
const BESIDE = ["previous_token", "induction"];

/** The score of this name, or else the one to begin with; null where there is no other than the first. */
export function secondScore(scores: ScoreInfo[], first: string, name: unknown): ScoreInfo | null {
  const others = scores.filter((score) => score.name !== first);
  const named = (wanted: unknown) => others.find((score) => score.name === wanted);
  return named(name) ?? BESIDE.map(named).find((score) => score !== undefined) ?? others[0] ?? null;
}
