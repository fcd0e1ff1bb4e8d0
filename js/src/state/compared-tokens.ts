/** Next-token predictions at two checkpoints, token by token. */
import type { Values } from "./results";

type Ranked = Values<"predictions">;

/** Of a token among those that were ranked; ranks from 0. */
export interface Place {
  rank: number;
  logit: number;
  probability: number;
}

/** null where it was not among the ranked, whose last has the probability `least`. */
export interface ComparedToken {
  id: number;
  token: string;
  before: Place | null;
  after: Place | null;
}

/** How many tokens are ranked at every position. */
export function ranksOf({ ids, losses }: Ranked): number {
  return ids.length / losses.length;
}

/** The tokens ranked after, in that order, then those that were ranked only before, in theirs. */
export function comparedTokens(before: Ranked | null, after: Ranked, position: number): ComparedToken[] {
  const then = before === null ? new Map<number, Place>() : placesAt(before, position);
  const now = placesAt(after, position);
  return [...new Set([...now.keys(), ...then.keys()])].map((id) => ({
    id,
    token: after.tokens[String(id)] ?? before?.tokens[String(id)] ?? `#${id}`,
    before: then.get(id) ?? null,
    after: now.get(id) ?? null,
  }));
}

/** The probability that a token is below that was not ranked. */
export function least(ranked: Ranked, position: number): number {
  return ranked.probabilities[(position + 1) * ranksOf(ranked) - 1] ?? Number.NaN;
}

/** By id, likeliest first. */
function placesAt({ ids, logits, probabilities, losses }: Ranked, position: number): Map<number, Place> {
  const count = ids.length / losses.length;
  const [from, to] = [position * count, (position + 1) * count];
  const places = new Map<number, Place>();
  ids.subarray(from, to).forEach((id, rank) => {
    const [logit, probability] = [logits[from + rank] as number, probabilities[from + rank] as number];
    places.set(id, { rank, logit, probability });
  });
  return places;
}
