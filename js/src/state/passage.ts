/** The prompt as a passage: its losses at a checkpoint, and over training. */
import type { Store } from "./store";

/** Losses of tokens 1, 2, ... of the prompt at a checkpoint, in nats; null while they are not there. */
export function lossesAt(store: Store, checkpoint: number, series = store.series.value): Float32Array | null {
  const count = store.prompts.value[series]?.tokens.length ?? 0;
  const found = store.results.of("predictions", {}, series).at(checkpoint);
  // The last loss is that of the answer, which is no token of the passage.
  return found === null ? null : found.losses.subarray(0, Math.max(0, count - 1));
}

/** Loss of one token of the prompt at every checkpoint; NaN where it is not known, and for token 0. */
export function trajectory(store: Store, token: number): number[] {
  return overTraining(store, store.series.value, (losses) => losses[token - 1] ?? Number.NaN);
}

/** Mean over the passage at every checkpoint. */
export function meanTrajectory(store: Store, series: number, tokens: number): number[] {
  return overTraining(store, series, (losses) => sum(losses) / tokens);
}

function overTraining(store: Store, series: number, of: (losses: Float32Array) => number): number[] {
  const steps = store.seriesList.value[series]?.steps ?? [];
  return steps.map((_, checkpoint) => {
    const losses = lossesAt(store, checkpoint, series);
    return losses === null || losses.length === 0 ? Number.NaN : of(losses);
  });
}

export function sum(values: ArrayLike<number>): number {
  let total = 0;
  for (let i = 0; i < values.length; i++) total += values[i] ?? 0;
  return total;
}

/** The tokens whose loss falls most from the first known checkpoint to the last, at most `count`. */
export function mostFallen(store: Store, count: number): number[] {
  const known = (store.info.value?.steps ?? []).flatMap((_, checkpoint) => {
    const losses = lossesAt(store, checkpoint);
    return losses === null ? [] : [losses];
  });
  const [first, last] = [known[0], known.at(-1)];
  if (first === undefined || last === undefined || first === last) return [];
  return Array.from(first, (loss, index) => ({ token: index + 1, fall: loss - (last[index] ?? loss) }))
    .sort((a, b) => b.fall - a.fall)
    .slice(0, count)
    .filter(({ fall }) => fall > 0)
    .map(({ token }) => token)
    .sort((a, b) => a - b);
}

/** How series with this prompt can be compared: token by token, or only by characters. */
export function sameTokens(prompts: { tokens: string[] }[]): boolean {
  const first = prompts[0]?.tokens ?? [];
  return prompts.every(
    ({ tokens }) => tokens.length === first.length && tokens.every((token, i) => token === first[i]),
  );
}

/** Characters that the losses are of: all but the first token, which nothing predicts. */
export function characters(tokens: string[]): number {
  return tokens.slice(1).reduce((total, token) => total + Array.from(token).length, 0);
}
