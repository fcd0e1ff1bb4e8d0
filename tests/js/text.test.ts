import { describe, expect, it } from "vitest";
import {
  checkpointText,
  compact,
  isolated,
  probabilityText,
  quoted,
  rounded,
  scoreText,
  sentence,
  shortened,
  signed,
  truncated,
  visible,
} from "../../js/src/state/text";

describe("visible", () => {
  it.each([
    ["\n", "⏎"],
    ["\t", "⇥"],
    ["\x00", "\\x00"],
    ["\x1b[31m", "\\x1B[31m"],
    ["\x7f", "\\x7F"],
    ["\u202eevil", "\\u202Eevil"],
    ["\u200b", "\\u200B"],
    ["\ufeff", "\\uFEFF"],
    ["\ud800", "\\uD800"],
    [" C", " C"],
    ["<b>&amp;</b>", "<b>&amp;</b>"],
    ["שלום", "שלום"],
    ["\\xE2\\x82", "\\xE2\\x82"],
    ["é👍", "é👍"],
    ["👩\u200d👩\u200d👧", "👩\u200d👩\u200d👧"],
    ["👩🏽\u200d🚀 🏳️\u200d🌈", "👩🏽\u200d🚀 🏳️\u200d🌈"],
    ["👩\u200d", "👩\\u200D"],
    ["a\u200db\u200d👧", "a\\u200Db\\u200D👧"],
  ])("shows %j as %j", (raw, shown) => {
    expect(visible(raw)).toBe(shown);
  });
});

describe("what is read from right to left", () => {
  it("is isolated where it stands in a sentence, and nothing else is", () => {
    expect(isolated("ריצה 2")).toBe("\u2068ריצה 2\u2069");
    expect(isolated("run é 日本 2")).toBe("run é 日本 2");
    expect(quoted(" مرحبا")).toBe("\u2068' مرحبا'\u2069");
    expect(sentence("There is no head 9 in ריצה 2 ב; it has 4. See مرحبا.")).toBe(
      "There is no head 9 in \u2068ריצה 2 ב\u2069; it has 4. See \u2068مرحبا\u2069.",
    );
    expect(sentence("Nothing of the kind: 'é' 日本.")).toBe("Nothing of the kind: 'é' 日本.");
  });
});

describe("quoted and truncated", () => {
  it("keeps a leading space, as the status line needs it", () => {
    expect(quoted(" C")).toBe("' C'");
  });
  it("cuts by characters, never inside one", () => {
    expect(truncated("👍👍👍👍", 5)).toBe("👍👍…");
    expect(truncated("👍👍", 4)).toBe("👍👍");
    expect(truncated("日本語の言葉です", 12)).toBe("日本語の言…");
    expect(truncated("abcdefghijklm", 12)).toBe("abcdefghijk…");
    expect(truncated("abc", 3)).toBe("abc");
    expect(quoted("a".repeat(80))).toHaveLength(26);
  });
});

describe("numbers", () => {
  it.each([
    [0, "0"],
    [64, "64"],
    [999, "999"],
    [1000, "1k"],
    [5_300_000, "5.3M"],
    [999_999, "1M"],
    [12_288_000, "12.3M"],
    [524_288_000, "524M"],
    [2.18e10, "21.8B"],
  ])("%d is %s", (value, text) => {
    expect(compact(value)).toBe(text);
  });
  it("names a checkpoint, without tokens where they are unknown", () => {
    const info = {
      steps: [0, 1225, 1300, 1400, 1500],
      labels: ["step 0", "step 1,225", "step 1,300", "step 1,400", "step 1,500"],
      tokens: [0, 5_017_600, 5_300_000, 5_700_000, null],
      tokens_estimated: [false, false, false, true, false],
    };
    expect(info.labels.map((_, index) => checkpointText(info, index))).toEqual([
      "step 0 · 0 tokens",
      "step 1,225 · 5.0M tokens",
      "step 1,300 · 5.3M tokens",
      "step 1,400 · ≈ 5.7M tokens",
      "step 1,500",
    ]);
  });
  it("names no step of a model by itself", () => {
    const alone = { steps: [0], labels: ["step 0"], tokens: [null], tokens_estimated: [false] };
    expect(checkpointText(alone, 0)).toBe("");
    expect(checkpointText({ ...alone, steps: [300], labels: ["step 300"] }, 0)).toBe("step 300");
    expect(checkpointText({ ...alone, tokens: [0] }, 0)).toBe("step 0 · 0 tokens");
  });
  it("shows scores to three decimals and says what is missing", () => {
    expect(scoreText(0.3965)).toBe("0.397");
    expect(scoreText(-2)).toBe("−2.000");
    expect(scoreText(Number.NaN)).toBe("not computed");
  });
  it("signs what is not nothing", () => {
    const numbers = [0.0123, -0.0123, 0.0004, -0.0004, 0];
    expect(numbers.map((value) => signed(value, 2))).toEqual(["+0.01", "−0.01", "0.00", "0.00", "0.00"]);
  });
  it.each([
    [0.3, 2, "0.3"],
    [0.0625, 2, "0.063"],
    [-0.0123, 2, "−0.012"],
    [1.6e-7, 2, "0.00000016"],
    [1234.5, 2, "1200"],
    [1 / 64, 3, "0.0156"],
    [0, 1, "0"],
  ] as const)("rounds %d to %i digits without powers of ten: %s", (value, digits, text) => {
    expect(rounded(value, digits)).toBe(text);
  });
  it("does not round small probabilities to nothing", () => {
    expect([0.93, 0.004, 0.0001, 0].map(probabilityText)).toEqual(["0.93", "0.004", "<0.001", "0.00"]);
    expect([0.005, 0.0005, 0.00049].map(probabilityText)).toEqual(["0.01", "0.001", "<0.001"]);
    expect(probabilityText(Number.NaN)).toBe("–");
  });
});

describe("a long name", () => {
  it("loses its middle, and no half of a letter", () => {
    expect(shortened("attn-only-2l")).toBe("attn-only-2l");
    expect([shortened("12345", 5), shortened("123456", 5)]).toEqual(["12345", "12…56"]);
    const cut = shortened(`begin-${"x".repeat(300)}-end`);
    expect(cut).toMatch(/^begin-x+…x+-end$/);
    expect(Array.from(cut).length).toBeLessThanOrEqual(60);
    expect(Array.from(shortened("👩".repeat(300)))).toEqual(expect.arrayContaining(["👩", "…"]));
    expect(shortened("👩".repeat(300))).not.toMatch(/[\ud800-\udfff](?![\ud800-\udfff])(?<!👩)/);
  });
});
