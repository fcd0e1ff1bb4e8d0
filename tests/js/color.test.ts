import { build } from "esbuild";
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

const sheet = await build({ entryPoints: ["js/src/index.css"], bundle: true, write: false });
const STYLE = sheet.outputFiles[0]?.text ?? "";

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

/** Linear RGB as colour-blind eyes see it (Machado et al. 2009, severity 1). */
const EYES = {
  all: [
    [1, 0, 0],
    [0, 1, 0],
    [0, 0, 1],
  ],
  "no red cones": [
    [0.152286, 1.052583, -0.204868],
    [0.114503, 0.786281, 0.099216],
    [-0.003882, -0.048116, 1.051998],
  ],
  "no green cones": [
    [0.367322, 0.860646, -0.227968],
    [0.280085, 0.672501, 0.047413],
    [-0.01182, 0.04294, 0.968881],
  ],
  "no blue cones": [
    [1.255528, -0.076749, -0.178779],
    [-0.078411, 0.930809, 0.147602],
    [0.004733, 0.691367, 0.3039],
  ],
};
type Three = [number, number, number];
const times = (matrix: number[][], v: Three) =>
  matrix.map((row) => row.reduce((sum, each, i) => sum + each * (v[i] ?? 0), 0)) as Three;

/** In OKLab, where distances are about as large as they look. */
function seen(color: string, eyes: number[][]): Three {
  const linear = [1, 3, 5].map((at) => {
    const c = Number.parseInt(color.slice(at, at + 2), 16) / 255;
    return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
  }) as Three;
  const cones = times(
    [
      [0.4122215, 0.5363325, 0.0514459],
      [0.2119035, 0.6806995, 0.107397],
      [0.0883025, 0.2817188, 0.6299787],
    ],
    times(eyes, linear).map((c) => Math.min(1, Math.max(0, c))) as Three,
  );
  return times(
    [
      [0.2104543, 0.7936178, -0.004072],
      [1.9779985, -2.4285922, 0.4505937],
      [0.025904, 0.7827718, -0.8086758],
    ],
    cones.map(Math.cbrt) as Three,
  );
}

/** Of the page and of saved figures: first stands the light theme's colour, then the dark one's. */
const [PAPER, PAGE] = [".ie .ie-paper {", ".ie {"].map((rule) => STYLE.slice(STYLE.indexOf(`\n${rule}`)));
function ofTheme(name: string, theme: "light" | "dark", sheet = PAGE): string {
  const found = [...(sheet ?? "").matchAll(new RegExp(`${name}: (#[0-9a-f]{6});`, "g"))];
  return found[theme === "light" ? 0 : 1]?.[1] ?? "";
}

it.each(["--ie-here", "--ie-phase", "--ie-curve"])("figures are saved with the light theme's %s", (name) => {
  expect(ofTheme(name, "light", PAPER)).toBe(ofTheme(name, "light"));
  expect(ofTheme(name, "light")).toMatch(/^#/);
});

describe.each(["light", "dark"] as const)("the colours of heads, %s", (theme) => {
  const colors = Array.from({ length: 8 }, (_, slot) => slotColor(slot, theme));
  const here = ofTheme("--ie-here", theme);
  it.each(Object.entries(EYES))(
    "are apart, and from the red of where one is, for eyes with %s",
    (_, eyes) => {
      const all = [...colors, here].map((color) => seen(color, eyes));
      for (const [i, a] of all.entries()) {
        for (const b of all.slice(0, i))
          expect(Math.hypot(...a.map((x, k) => x - (b[k] ?? 0)))).toBeGreaterThan(0.035);
      }
    },
  );
  it.each(Object.entries(EYES))("are apart from the phase change's, for eyes with %s", (_, eyes) => {
    const phase = seen(ofTheme("--ie-phase", theme), eyes);
    for (const color of [...colors, here]) {
      const away = Math.hypot(...seen(color, eyes).map((x, k) => x - (phase[k] ?? 0)));
      expect(away, color).toBeGreaterThan(0.095);
    }
  });
  it("are none of them red", () => {
    for (const color of colors) {
      const [, a, b] = seen(color, EYES.all);
      const hue = (Math.atan2(b, a) * 180) / Math.PI;
      expect(Math.abs(hue - 15), color).toBeGreaterThan(30);
    }
  });
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
