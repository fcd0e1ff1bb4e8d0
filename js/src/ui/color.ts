/**
 * Numbers to colours, as tables of 256 entries so that a frame is a loop of look-ups.
 *
 * A score's scale is fixed over its whole series: while scrubbing, the same colour is the same number.
 */
import { rgb } from "d3-color";
import { interpolateGnBu, interpolateRdBu } from "d3-scale-chromatic";
import type { ScoreInfo, ViewState } from "../kernel/model";

export type Theme = "light" | "dark";
type Rgb = readonly [number, number, number];

/** 256 colours packed as canvas pixels (RGBA in memory order). */
export type Lut = Uint32Array;

export interface Scale {
  min: number;
  max: number;
  kind: "sequential" | "diverging";
  lut: Lut;
}

const EMPTY: Record<Theme, Rgb> = { light: [228, 228, 228], dark: [58, 58, 60] };

/**
 * Of selected heads: apart for normal and colour-blind eyes, dark or light enough to be read as text (WCAG AA),
 * and none red, which is where in training the reader is.
 */
const CATEGORICAL: Record<Theme, string[]> = {
  light: ["#0072b2", "#8a6500", "#5b2db0", "#a8479c", "#00795f", "#16305c", "#6b2a5b", "#3a4a00"],
  dark: ["#4aa8ea", "#f0d24b", "#ab74f8", "#d87fd0", "#2fa55f", "#7ff0ff", "#c6f5b8", "#b78a16"],
};

export function slotColor(slot: number, theme: Theme): string {
  const palette = CATEGORICAL[theme];
  return palette[slot % palette.length] as string;
}

/** What zero looks like: nearly the ground of the theme, yet a cell. */
const GROUND: Record<Theme, Rgb> = { light: [244, 245, 246], dark: [36, 40, 46] };

/** Low lies near the ground: pale on paper, and on dark ground the same ramp backwards. */
const sequential: Record<Theme, (t: number) => Rgb> = {
  light: (t) => mix(GROUND.light, parse(interpolateGnBu(0.1 + 0.9 * t)), Math.min(1, 3 * t)),
  dark: (t) => mix(GROUND.dark, parse(interpolateGnBu(0.95 - 0.95 * t)), Math.min(1, 0.1 + 2 * t)),
};

/** Red is negative and blue is positive; the middle is the ground of the theme. */
const diverging: Record<Theme, (t: number) => Rgb> = {
  light: (t) => parse(interpolateRdBu(t)),
  dark: (t) => mix(GROUND.dark, parse(interpolateRdBu(t < 0.5 ? 0.22 : 0.75)), Math.abs(t - 0.5) * 2),
};

function parse(color: string): Rgb {
  const { r, g, b } = rgb(color);
  return [Math.round(r), Math.round(g), Math.round(b)];
}

function mix(a: Rgb, b: Rgb, t: number): Rgb {
  const channel = (i: 0 | 1 | 2) => Math.round(a[i] + (b[i] - a[i]) * t);
  return [channel(0), channel(1), channel(2)];
}

function pack([r, g, b]: Rgb): number {
  return ((255 << 24) | (b << 16) | (g << 8) | r) >>> 0;
}

const luts = new Map<string, Lut>();

export function lut(kind: Scale["kind"], theme: Theme): Lut {
  const key = `${kind}/${theme}`;
  let table = luts.get(key);
  if (table === undefined) {
    const ramp = (kind === "sequential" ? sequential : diverging)[theme];
    table = Uint32Array.from({ length: 256 }, (_, i) => pack(ramp(i / 255)));
    luts.set(key, table);
  }
  return table;
}

export type AttentionScale = ViewState["attention_scale"];

/** Attention comes in steps of 1/255: less than half of one is 0. */
export const LEAST_ATTENTION = 1 / 510;

/** How far along the ramp attention lies, both from 0 to 1. */
export function alongRamp(scale: AttentionScale, attention: number): number {
  if (scale === "square root") return Math.sqrt(attention);
  if (scale === "log") return Math.max(0, 1 - Math.log(attention) / Math.log(LEAST_ATTENTION));
  return attention;
}

/** The attention at a place of the ramp. */
export function attentionAt(scale: AttentionScale, place: number): number {
  if (scale === "square root") return place ** 2;
  if (scale === "log") return LEAST_ATTENTION ** (1 - place);
  return place;
}

/** Colours of attention as it comes, from 0 to 255. */
export function attentionLut(scale: AttentionScale, theme: Theme): Lut {
  const ramp = lut("sequential", theme);
  const key = `${scale}/${theme}`;
  let table = luts.get(key);
  if (table === undefined) {
    table = ramp.map((_, i) => ramp[Math.round(255 * alongRamp(scale, i / 255))] as number);
    luts.set(key, table);
  }
  return table;
}

/** Smallest and largest finite value; null when there is none. */
export function extent(values: Float32Array): [number, number] | null {
  let min = Number.POSITIVE_INFINITY;
  let max = Number.NEGATIVE_INFINITY;
  for (const value of values) {
    if (!Number.isFinite(value)) continue;
    if (value < min) min = value;
    if (value > max) max = value;
  }
  return min <= max ? [min, max] : null;
}

/** Bounded scores span their range; others the finite values of the series, around 0 where they change sign. */
export function scoreScale(
  { range, colours }: Pick<ScoreInfo, "range" | "colours">,
  values: Float32Array,
  theme: Theme,
): Scale {
  const found = extent(values) ?? [0, 1];
  const [low, high] = colours === "range" ? range : [null, null];
  let [min, max] = [low ?? found[0], high ?? found[1]];
  if (min < 0 && max > 0) {
    max = Math.max(-min, max);
    min = -max;
    return { min, max, kind: "diverging", lut: lut("diverging", theme) };
  }
  if (max <= min) max = min + 1;
  return { min, max, kind: "sequential", lut: lut("sequential", theme) };
}

/** Blue and red around 0, as far as the largest value goes, rounded up; `least` where all are smaller. */
export function evenScale(arrays: Iterable<Float32Array>, least: number, theme: Theme): Scale {
  return evenScaleTo(largest(arrays, least), least, theme);
}

/** The same of the largest value. */
export function evenScaleTo(largest: number, least: number, theme: Theme): Scale {
  const max = roundedUp(Math.max(largest, least));
  return { min: -max, max, kind: "diverging", lut: lut("diverging", theme) };
}

/** The largest finite size of a value, or `least`. */
export function largest(arrays: Iterable<Float32Array>, least: number): number {
  let most = least;
  for (const array of arrays) for (const value of array) most = Math.max(most, Math.abs(value) || 0);
  return most;
}

/** Up to a number that a legend can show: 0.27 → 0.3. */
export function roundedUp(value: number): number {
  const power = 10 ** Math.floor(Math.log10(value));
  const step = [1, 1.5, 2, 3, 4, 5, 6, 8].find((each) => value <= each * power * (1 + 1e-6)) ?? 10;
  return Number((step * power).toPrecision(2));
}

export function lutIndex(scale: Pick<Scale, "min" | "max">, value: number): number {
  const t = (value - scale.min) / (scale.max - scale.min);
  return Math.round(255 * Math.min(1, Math.max(0, t)));
}

/** A cell's fill and the ink that can be read on it. NaN is the theme's "nothing here" grey. */
export function cellColors(scale: Scale, value: number, theme: Theme): { fill: string; ink: string } {
  const pixel = Number.isFinite(value) ? (scale.lut[lutIndex(scale, value)] as number) : pack(EMPTY[theme]);
  const [r, g, b] = [pixel & 255, (pixel >>> 8) & 255, (pixel >>> 16) & 255];
  // Where black and white have the same contrast, 4.6.
  const ink = luminance([r, g, b]) > 0.179 ? "#000000" : "#ffffff";
  return { fill: `rgb(${r},${g},${b})`, ink };
}

/** Relative, as WCAG defines it. */
function luminance(color: Rgb): number {
  const [r, g, b] = color.map((channel) => {
    const share = channel / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  }) as [number, number, number];
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

/** The scale as a CSS gradient, for legends. */
export function gradient(table: Lut): string {
  const stops = Array.from({ length: 17 }, (_, i) => {
    const pixel = table[Math.round((i / 16) * 255)] as number;
    return `rgb(${pixel & 255},${(pixel >>> 8) & 255},${(pixel >>> 16) & 255})`;
  });
  return `linear-gradient(to right, ${stops.join(",")})`;
}
