import { describe, expect, it } from "vitest";
import {
  alongRamp,
  attentionAt,
  attentionLut,
  cellColors,
  extent,
  LEAST_ATTENTION,
  lut,
  lutIndex,
  scoreScale,
  slotColor,
} from "../../js/src/ui/color";

const luminance = (pixel = 0) =>
  0.3 * (pixel & 255) + 0.59 * ((pixel >>> 8) & 255) + 0.11 * ((pixel >>> 16) & 255);

describe("scoreScale", () => {
  it("spans the range of a bounded score, whatever the values are", () => {
    const scale = scoreScale({ range: [0, 1], colours: "range" }, Float32Array.of(0.2, 0.4), "light");
    expect([scale.min, scale.max, scale.kind]).toEqual([0, 1, "sequential"]);
  });
  it("is symmetric around 0 for an open score that changes sign", () => {
    const scale = scoreScale(
      { range: [null, null], colours: "range" },
      Float32Array.of(-1, 4, Number.NaN),
      "light",
    );
    expect([scale.min, scale.max, scale.kind]).toEqual([-4, 4, "diverging"]);
  });
  it("spans the finite values of an open score of one sign", () => {
    const scale = scoreScale(
      { range: [null, null], colours: "range" },
      Float32Array.of(2, 6, Number.NaN, Number.POSITIVE_INFINITY),
      "dark",
    );
    expect([scale.min, scale.max, scale.kind]).toEqual([2, 6, "sequential"]);
  });
  it("spans the values of a bounded score that says so", () => {
    const scale = scoreScale({ range: [-0.1, 0.9], colours: "values" }, Float32Array.of(-0.05, 0.1), "light");
    expect(scale.max).toBeCloseTo(0.1);
    expect([scale.min, scale.kind]).toEqual([-scale.max, "diverging"]);
  });
  it("stays usable without values or with only one", () => {
    expect(
      scoreScale({ range: [null, null], colours: "range" }, Float32Array.of(Number.NaN), "light").max,
    ).toBe(1);
    const flat = scoreScale({ range: [null, null], colours: "range" }, Float32Array.of(3, 3), "light");
    expect(flat.max).toBeGreaterThan(flat.min);
  });
});

describe("tables", () => {
  it("run from the ground of the theme away from it", () => {
    const [light, dark] = [lut("sequential", "light"), lut("sequential", "dark")];
    expect(luminance(light[0])).toBeGreaterThan(220);
    expect(luminance(light[255])).toBeLessThan(90);
    expect(luminance(dark[0])).toBeLessThan(60);
    expect(luminance(dark[255])).toBeGreaterThan(200);
  });
  it("are opaque, and computed once", () => {
    expect(lut("diverging", "dark").every((pixel) => pixel >>> 24 === 255)).toBe(true);
    expect(lut("diverging", "dark")).toBe(lut("diverging", "dark"));
  });
  it("get steadily darker on paper", () => {
    const table = [...lut("sequential", "light")].filter((_, i) => i % 15 === 0).map(luminance);
    expect(table).toEqual([...table].sort((a, b) => b - a));
  });
  it("clip values beyond the ends", () => {
    expect([-5, 0, 0.5, 1, 9].map((v) => lutIndex({ min: 0, max: 1 }, v))).toEqual([0, 0, 128, 255, 255]);
  });
});

describe("cells", () => {
  const scale = scoreScale({ range: [0, 1], colours: "range" }, new Float32Array(), "light");
  it("are grey without a value, unlike any value", () => {
    const { fill } = cellColors(scale, Number.NaN, "light");
    expect(fill).toBe("rgb(228,228,228)");
    expect(cellColors(scale, 0, "light").fill).not.toBe(fill);
  });
  it.each(["light", "dark"] as const)("carry ink that can be read, %s", (theme) => {
    const light = ([r, g, b]: number[]) => {
      const linear = (c = 0) => (c <= 10 ? c / 3294.6 : ((c / 255 + 0.055) / 1.055) ** 2.4);
      return 0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b);
    };
    for (const kind of ["sequential", "diverging"] as const) {
      for (const value of [Number.NaN, ...Array.from({ length: 256 }, (_, i) => i)]) {
        const shown = { min: 0, max: 255, kind, lut: lut(kind, theme) };
        const { fill, ink } = cellColors(shown, value, theme);
        const ground = light((fill.match(/\d+/g) ?? []).map(Number));
        const text = ink === "#ffffff" ? 1 : 0;
        const ratio = (Math.max(ground, text) + 0.05) / (Math.min(ground, text) + 0.05);
        expect(ratio, `${kind} ${value}: ${ink} on ${fill}`).toBeGreaterThanOrEqual(4.5);
      }
    }
  });
});

it("extent skips what is not finite", () => {
  expect(extent(Float32Array.of(Number.NaN, 2, -1, Number.NEGATIVE_INFINITY))).toEqual([-1, 2]);
  expect(extent(Float32Array.of(Number.NaN))).toBeNull();
});

it("slots take turns through the palette", () => {
  expect(slotColor(0, "light")).not.toBe(slotColor(1, "light"));
  expect(slotColor(8, "dark")).toBe(slotColor(0, "dark"));
});

describe("the scales of attention", () => {
  const scales = ["linear", "square root", "log"] as const;
  it.each(scales)("%s: run from 0 to 1, always upwards, and can be read backwards", (scale) => {
    const places = Array.from({ length: 256 }, (_, i) => alongRamp(scale, i / 255));
    expect([places[0], places[255]]).toEqual([0, 1]);
    expect(places.every((place, i) => i === 0 || place > (places[i - 1] as number))).toBe(true);
    for (const place of [0.25, 0.5, 1]) {
      expect(alongRamp(scale, attentionAt(scale, place))).toBeCloseTo(place);
    }
  });
  it("give small attention the more of the ramp", () => {
    expect(scales.map((scale) => alongRamp(scale, 0.25))).toEqual([
      0.25,
      0.5,
      1 - Math.log(0.25) / Math.log(LEAST_ATTENTION),
    ]);
    expect(alongRamp("log", 0.01)).toBeGreaterThan(alongRamp("square root", 0.01));
  });
  it("take their colours from one ramp", () => {
    const ramp = lut("sequential", "light");
    expect(attentionLut("linear", "light")).toEqual(ramp);
    for (const scale of scales) {
      const table = attentionLut(scale, "light");
      expect([table[0], table[255]]).toEqual([ramp[0], ramp[255]]);
      expect(table[64]).toBe(ramp[Math.round(255 * alongRamp(scale, 64 / 255))]);
    }
  });
});
