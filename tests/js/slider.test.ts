// @vitest-environment happy-dom
/** The slider's axis is the chart's, and a pointer picks what is nearest on it. */
import { describe, expect, it } from "vitest";
import { placesAlong, plotAlong } from "../../js/src/chart/plot";
import { nearest } from "../../js/src/chart/pointing";
import { labelledAt } from "../../js/src/panels/slider-ticks";

const PYTHIA = [
  0,
  1,
  2,
  4,
  8,
  16,
  32,
  64,
  128,
  256,
  512,
  ...Array.from({ length: 143 }, (_, i) => 1000 * (i + 1)),
];
const SERIES = {
  "as the suite that doubles, then is even": PYTHIA,
  "even, without 0": [500, 1000, 1500, 2000],
  "dense in the middle": [0, 1e6, 4e6, 4.1e6, 4.2e6, 4.3e6, 5e6, 12e6],
  "a single step twice": [7, 7],
  "0 and one more": [0, 30],
};

describe.each(Object.entries(SERIES))("a series %s", (_, at) => {
  for (const type of ["log", "linear"] as const) {
    it.each([330, 645, 1060])(`stands on the slider where its chart has it, ${type}, %s wide`, (width) => {
      const room = ["L29H8"];
      const values = Float32Array.from(at, (_, i) => i / at.length);
      const chart = plotAlong([], { at, type, width, room, crowd: { x: at, values, count: 1 } });
      const axis = placesAlong({ at, type, width, room });
      expect(axis.x.length).toBe(at.length);
      axis.x.forEach((x, index) => {
        expect(Math.abs(x - (chart.x[index] as number))).toBeLessThan(1);
      });
      expect([axis.left, axis.right]).toEqual([chart.left, chart.right]);
      for (const x of [at[0] as number, at[1] as number, 1.5 * (at[1] as number), 1e9]) {
        expect(Math.abs(axis.at(x) - chart.at(x))).toBeLessThan(1);
      }
    });
  }
  it.each(["log", "linear"] as const)("is reached where it stands, %s", (type) => {
    const { x } = placesAlong({ at, type, width: 1060 });
    for (let pointer = 0; pointer < 1060; pointer += 7) {
      const away = x.map((place) => Math.abs(place - pointer));
      expect(away[nearest(x, pointer)]).toBe(Math.min(...away));
    }
    expect(x.map((place) => x[nearest(x, place)])).toEqual(x);
  });
});

it("names of ticks have room, and the last has one", () => {
  for (const at of Object.values(SERIES)) {
    const { x } = placesAlong({ at, type: "log", width: 645 });
    const named = [...labelledAt(x)].sort((a, b) => a - b).map((index) => x[index] as number);
    expect(named.at(-1)).toBe(x.at(-1));
    named.slice(1).forEach((place, i) => {
      expect(place - (named[i] as number)).toBeGreaterThan(50);
    });
  }
});
