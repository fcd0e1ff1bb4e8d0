import { describe, expect, it } from "vitest";
import { correlations, furthest, pairsOf } from "../../js/src/tabs/ablation/agreement";
import { agreementText } from "../../js/src/tabs/ablation/estimated";

const pairs = (estimated: number[], exact: number[]) => pairsOf(estimated, exact);

describe("how far estimates are what was measured", () => {
  it("is over the heads that were measured", () => {
    expect(pairs([1, 2, Number.NaN, 4], [3, Number.NaN, 5, 6])).toEqual([
      { head: 0, estimated: 1, exact: 3 },
      { head: 3, estimated: 4, exact: 6 },
    ]);
    expect(pairs([1, 2], [])).toEqual([]);
  });

  it("is Pearson's correlation, and Spearman's of ranks", () => {
    const line = correlations(pairs([1, 2, 3, 4], [10, 20, 30, 40]));
    expect(line.pearson).toBeCloseTo(1);
    expect(line.spearman).toBeCloseTo(1);
    // By NumPy and pandas: corrcoef and rank().corr() of the same.
    const bent = correlations(pairs([1, 2, 3, 4, 4], [0, 10, 11, 100, -5]));
    expect(bent.pearson).toBeCloseTo(0.4774, 4);
    expect(bent.spearman).toBeCloseTo(0.2052, 4);
    expect(correlations(pairs([1, 2, 3], [3, 2, 1])).pearson).toBeCloseTo(-1);
  });

  it("is no number of two heads, or where all are alike", () => {
    expect(correlations(pairs([1, 2], [1, 2])).pearson).toBeNaN();
    expect(correlations(pairs([1, 1, 1], [1, 2, 3])).spearman).toBeNaN();
  });

  it("is said in words, with the head that is furthest off", () => {
    const found = pairs([0.1, 0.2, 0.3, 0.4], [0.1, 0.2, 5, 0.4]);
    expect(furthest(found)?.head).toBe(2);
    const said = agreementText(found, 2, false);
    expect(said).toContain("The 4 heads that were ablated: estimated and measured changes correlate by 0.31");
    expect(said).toContain("L1H0 is estimated at +0.300 and measured at +5.000");
    expect(agreementText(found.slice(0, 1), 2, true)).toContain(
      "The 1 head that was ablated: too few, or too much alike, for a correlation.",
    );
    expect(agreementText(found, 2, true)).toContain("More are coming.");
    expect(agreementText([], 2, false)).toBe("");
  });
});
