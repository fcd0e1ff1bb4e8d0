import { expect, it } from "vitest";
import { comparedTokens } from "../../js/src/state/compared-tokens";

/** Two tokens ranked at one position; only some have a name. */
const ranked = (ids: number[], tokens: Record<string, string>) => ({
  ids: Int32Array.from(ids),
  logits: Float32Array.of(2, 1),
  probabilities: Float32Array.of(0.5, 0.25),
  answer_rank: Int32Array.of(0),
  answer_probability: Float32Array.of(0.5),
  losses: Float32Array.of(1),
  tokens,
});

it("tokens that are compared have the name that either knows, or else their number", () => {
  const before = ranked([1, 2], { 1: "one before", 2: "two" });
  const after = ranked([1, 3], { 1: "one", 3: "three" });
  const names = (found: { token: string }[]) => found.map(({ token }) => token);
  expect(names(comparedTokens(before, after, 0))).toEqual(["one", "three", "two"]);
  expect(names(comparedTokens(null, after, 0))).toEqual(["one", "three"]);
  expect(names(comparedTokens(null, ranked([1, 3], {}), 0))).toEqual(["#1", "#3"]);
});
