import { describe, expect, it } from "vitest";
import type { Head } from "../../js/src/contract.gen";
import { counterparts, type Known } from "../../js/src/state/counterparts";
// Read by tests/widget/test_counterparts.py, too.
import CASES from "../counterparts.json";

interface Written {
  layers: number;
  heads: number;
  grids: Record<string, (number | null)[][]>;
}

interface Case {
  what: string;
  heads: Head[];
  score: string;
  old: Written;
  new: Written;
  found: unknown;
}

function known({ layers, heads, grids }: Written): Known {
  const gridOf = (score: string) =>
    grids[score] === undefined
      ? null
      : Float32Array.from(grids[score].flat(), (value) => value ?? Number.NaN);
  return { layers, heads, gridOf };
}

describe("a head in another series", () => {
  it.each(CASES as unknown as Case[])("$what", ({ heads, score, old, new: other, found }) => {
    expect(counterparts(heads, score, known(old), known(other))).toEqual(found);
  });
});
