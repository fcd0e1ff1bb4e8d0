import { describe, expect, it } from "vitest";
import type { Head } from "../../js/src/contract.gen";
import { compareDraws, drawsText, isClear, possibleSets } from "../../js/src/state/draws";
import { changeText } from "../../js/src/state/text";
import { verdict } from "../../js/src/tabs/ablation/together";
import { lineColor, lineWidth } from "../../js/src/tabs/wiring/drawing";
import {
  effectLabels,
  type Feeder,
  fedBy,
  isFelt,
  wiringLayout,
  wiringSummary,
} from "../../js/src/tabs/wiring/feeders";
import { cellColors, evenScale, roundedUp } from "../../js/src/ui/color";

describe("random draws", () => {
  const draws = (change: number, ...controls: number[]) => compareDraws(change, controls);

  it("are counted by size, whatever the sign", () => {
    expect(draws(-0.2, 0.25, -0.5, 0.75, 0)).toEqual({
      count: 4,
      mean: 0.125,
      low: -0.5,
      high: 0.75,
      asLarge: 3,
    });
  });

  it("that could not be drawn are no comparison", () => {
    expect(draws(0.1)).toBeNull();
    expect(draws(0.1, Number.NaN)).toBeNull();
    expect(draws(Number.NaN, 0.1)).toBeNull();
    expect(draws(0.1, Number.NaN, 0.2)?.count).toBe(1);
  });

  it.each([
    [[[1, 2]], 3],
    [
      [
        [1, 2],
        [1, 3],
      ],
      1,
    ],
    [
      [
        [0, 0],
        [1, 2],
      ],
      9,
    ],
    // Three of the four heads of a layer: there are not three others in it.
    [
      [
        [1, 0],
        [1, 1],
        [1, 2],
      ],
      10,
    ],
    [
      [
        [0, 0],
        [0, 1],
        [0, 2],
        [0, 3],
        [1, 0],
      ],
      0,
    ],
  ] as [Head[], number][])("beside %j of 2 layers of 4 can be %i sets", (chosen, sets) => {
    expect(possibleSets(chosen, 2, 4)).toBe(sets);
  });

  it.each([
    [0, "larger than all 20 random draws"],
    [3, "larger than 17 of 20 random draws"],
    [20, "not larger than any of 20 random draws"],
  ])("%i as large: %s", (asLarge, text) => {
    expect(drawsText({ count: 20, mean: 0, low: 0, high: 0, asLarge })).toBe(text);
  });
});

describe("the verdict", () => {
  it.each([
    ["loss", 0.2, 0.01, [0.1, -0.1], "Loss rises by 0.200: larger than all 2 random draws."],
    ["loss", -0.2, 0.01, [0.1, -0.3], "Loss falls by 0.200: larger than 1 of 2 random draws."],
    [
      "in_context_learning",
      0.2,
      0.01,
      [0.3, -0.2],
      "In-context learning weakens by 0.200: not larger than any of 2 random draws.",
    ],
    [
      "in_context_learning",
      -0.2,
      0.01,
      [],
      "In-context learning strengthens by 0.200: too few other heads to compare with.",
    ],
    ["loss", 0.2, 0.1, [0.1, 0], "Loss does not clearly change: larger than all 2 random draws."],
    [
      "in_context_learning",
      Number.NaN,
      0.1,
      [0.1],
      "In-context learning: not measured, the text's rows are too short.",
    ],
  ] as const)("on %s changing by %f ± %f", (name, change, error, controls, text) => {
    expect(verdict(name, change, error, controls)).toBe(text);
  });

  it("takes two standard errors, and an error that is known", () => {
    expect([isClear(0.2, 0.1), isClear(-0.21, 0.1), isClear(0.2, Number.NaN)]).toEqual([false, true, false]);
  });
});

describe("scales of effects", () => {
  it("end at a number that is easily read, the same on both sides", () => {
    expect([0.27, 0.3, 0.0101, 1, 7.2, 0.95].map(roundedUp)).toEqual([0.3, 0.3, 0.015, 1, 8, 1]);
    const scale = evenScale([Float32Array.of(-0.27, Number.NaN), Float32Array.of(0.1)], 0.01, "light");
    expect([scale.min, scale.max]).toEqual([-0.3, 0.3]);
  });

  it("do not blow up the noise of a checkpoint without any effect", () => {
    expect(evenScale([Float32Array.of(1e-5)], 0.01, "light").max).toBe(0.01);
    expect(evenScale([], 0.01, "dark").max).toBe(0.01);
  });

  it("have signs, but none on zero", () => {
    expect([0.1234, -0.1234, 0.0002, -0.0002, Number.NaN].map(changeText)).toEqual([
      "+0.123",
      "−0.123",
      "0.000",
      "0.000",
      "not computed",
    ]);
  });
});

/** Of 3 layers of 2 heads, what feeds L2H1; the last layer's entries are NaN, as on the wire. */
const ARRAYS = {
  composition: Float32Array.of(0.1, 0, -0.02, 0.05, Number.NaN, Number.NaN),
  previous_token: Float32Array.of(0.9, 0.1, 0.2, 0.3, Number.NaN, Number.NaN),
  effect: Float32Array.of(-0.02, 0.001, 0.03, -0.5, Number.NaN, Number.NaN),
  error: Float32Array.of(0.02, 0.001, 0.01, 0.01, Number.NaN, Number.NaN),
  induction: Float32Array.of(0.75),
};

describe("the feeders of a head", () => {
  const fed = fedBy(ARRAYS, [2, 1], 2);

  it("are the heads of earlier layers, the largest effect first", () => {
    expect(fed.feeders.map(({ head }) => head.join())).toEqual(["1,1", "1,0", "0,0", "0,1"]);
    expect(fed.feeders[0]).toMatchObject({
      composition: expect.closeTo(0.05),
      previousToken: expect.closeTo(0.3),
    });
    expect(fed.induction).toBe(0.75);
  });

  it("are felt beyond two standard errors and 0.01", () => {
    expect(fed.feeders.filter(isFelt).map(({ head }) => head.join())).toEqual(["1,1", "1,0"]);
    expect(isFelt({ ...(fed.feeders[0] as Feeder), effect: 0.009, error: 0.0001 })).toBe(false);
  });

  it("are summed up by the one that is needed most", () => {
    expect(wiringSummary([2, 1], fed)).toBe("L2H1, induction 0.750: ablating L1H1 lowers it most, by 0.500");
    const none = { ...fed, feeders: fed.feeders.filter(({ effect }) => effect > 0) };
    expect(wiringSummary([2, 1], none)).toContain("does not clearly lower it");
  });

  it("have colours only where they are felt, and lines as wide as their composition", () => {
    const look = {
      theme: "light" as const,
      effects: evenScale([ARRAYS.effect], 0.01, "light"),
      widest: 0.1,
      selected: new Map(),
    };
    const colors = fed.feeders.map((feeder) => lineColor(feeder, look));
    expect(colors.slice(2)).toEqual(["var(--ie-curve)", "var(--ie-curve)"]);
    expect(new Set(colors.slice(0, 2)).size).toBe(2);
    // Needed: without it induction falls, as the loss would rise without it in the ablations.
    const needed = fed.feeders.find(({ effect }) => effect < 0) as Feeder;
    expect(lineColor(needed, look)).toBe(cellColors(look.effects, -needed.effect, "light").fill);
    expect([0.1, 0.05, 0, -0.02, Number.NaN, 0.3].map((each) => lineWidth(each, 0.1))).toEqual([
      9, 5, 1, 1, 1, 9,
    ]);
  });
});

describe("the layered graph", () => {
  const SIZES: [Head, number, number][] = [
    [[1, 2], 4, 900],
    [[1, 2], 4, 320],
    [[11, 0], 12, 620],
    [[31, 5], 32, 620],
    [[31, 5], 32, 320],
  ];

  it.each(SIZES)(
    "%j of %i heads in %i pixels keeps every head inside and apart",
    (head, heads, available) => {
      const layout = wiringLayout(head, heads, available);
      expect(layout.width).toBeLessThanOrEqual(available);
      const places = Array.from({ length: (head[0] + 1) * heads }, (_, i) =>
        layout.place([Math.floor(i / heads), i % heads]),
      );
      for (const [x, y] of places) {
        expect(x - layout.radius).toBeGreaterThanOrEqual(0);
        expect(x + layout.radius).toBeLessThanOrEqual(layout.width);
        expect(y - layout.radius).toBeGreaterThanOrEqual(0);
        expect(y + layout.radius).toBeLessThanOrEqual(layout.height);
      }
      const [a, b, above] = [places[0], places[1], places[heads]] as [number, number][];
      expect((b?.[0] ?? 0) - (a?.[0] ?? 0)).toBeGreaterThanOrEqual(2 * layout.radius);
      expect((a?.[1] ?? 0) - (above?.[1] ?? 0)).toBeGreaterThanOrEqual(2 * layout.radius);
    },
  );

  it("draws every head below only where they are not too many", () => {
    expect(wiringLayout([11, 0], 12, 620).all).toBe(true);
    expect(wiringLayout([31, 0], 32, 620).all).toBe(false);
  });

  const feeder = (head: Head, effect: number): Feeder => ({
    head,
    composition: 0,
    previousToken: 0,
    effect,
    error: 0.001,
  });

  it("numbers the strongest few, and never one over another", () => {
    const layout = wiringLayout([1, 0], 32, 600);
    const near = [feeder([0, 4], -0.5), feeder([0, 5], -0.4), feeder([0, 20], 0.3)];
    expect(effectLabels(near, layout).map(({ text }) => text)).toEqual(["L0H4 −0.50", "L0H20 +0.30"]);
    const wide = wiringLayout([1, 0], 8, 700);
    const many = Array.from({ length: 8 }, (_, i) => feeder([0, i], -0.5 + 0.05 * i));
    expect(effectLabels(many, wide).map(({ text }) => text)).toEqual(["−0.50", "−0.45", "−0.40", "−0.35"]);
    expect(effectLabels([feeder([0, 0], 0.005)], wide)).toEqual([]);
  });
});
