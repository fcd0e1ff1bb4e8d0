/** How a change by the chosen heads compares with the same of random heads. */
import type { Head } from "../contract.gen";

export interface Draws {
  count: number;
  mean: number;
  low: number;
  high: number;
  /** Of the draws, how many changed at least as much, up or down. */
  asLarge: number;
}

/** Null without any draw. */
export function compareDraws(change: number, controls: Iterable<number>): Draws | null {
  const known = [...controls].filter(Number.isFinite);
  if (known.length === 0 || !Number.isFinite(change)) return null;
  return {
    count: known.length,
    mean: known.reduce((a, b) => a + b, 0) / known.length,
    low: Math.min(...known),
    high: Math.max(...known),
    asLarge: known.filter((control) => Math.abs(control) >= Math.abs(change)).length,
  };
}

/**
 * How many sets of other heads the kernel can draw from: as many in each layer as were chosen there, or of
 * any layer where one has too few others.
 */
export function possibleSets(chosen: Head[], layers: number, heads: number): number {
  let matched = 1;
  for (let layer = 0; layer < layers; layer++) {
    const here = chosen.filter(([other]) => other === layer).length;
    matched *= choose(heads - here, here);
  }
  return matched > 0 ? matched : choose(layers * heads - chosen.length, chosen.length);
}

function choose(n: number, k: number): number {
  if (k > n) return 0;
  let ways = 1;
  for (let i = 0; i < k; i++) ways = (ways * (n - i)) / (i + 1);
  return Math.round(ways);
}

/** "larger than all 20 random draws". */
export function drawsText({ count, asLarge }: Draws): string {
  if (asLarge === 0) return `larger than all ${count} random draws`;
  if (asLarge === count) return `not larger than any of ${count} random draws`;
  return `larger than ${count - asLarge} of ${count} random draws`;
}

/** Whether an estimate lies further from 0 than two of its standard errors. */
export function isClear(value: number, error: number): boolean {
  return Math.abs(value) > 2 * error;
}
