/** The axis of training, in the page's unit: logarithmic, with 0 set apart, or linear. */
import * as Plot from "@observablehq/plot";
import { compact } from "../state/text";

/** Marks beside an axis. */
export const SMALL = { fontSize: 11, tickSize: 0, tickPadding: 6, color: "var(--ie-muted)" };
/** Room for checkpoint 0, which a logarithm cannot place: this many pixels left of the rest. */
const ZERO_WIDTH = 40;

export interface TrainingAxis {
  scale: { type: "log" | "linear"; domain: [number, number] };
  /** Where each x is drawn, in the units of the scale. */
  positions: number[];
  marks: Plot.Markish[];
  /** Whether 0 is set apart. */
  zero: boolean;
  /** Any x (not only those given) in the units of the scale. */
  place: (x: number) => number;
  /** And back. */
  read: (at: number) => number;
}

/** A chart along training, and where things lie in it, in CSS pixels. */
export interface TrainingChart {
  width: number;
  height: number;
  top: number;
  bottom: number;
  left: number;
  right: number;
  /** Of each checkpoint of the current series. */
  x: number[];
  y: (value: number) => number;
  /** Of any x, in the page's unit of training, and back from a pixel to an x. */
  at: (x: number) => number;
  from: (pixel: number) => number;
}

/** Where things lie in a plot along training. Without an axis x is in the units of its scale. */
export function chartOf(
  plot: (SVGSVGElement | HTMLElement) & Plot.Plot,
  positions: number[],
  { width, height, ...margin }: Size,
  { place, read }: Pick<TrainingAxis, "place" | "read"> = { place: (x) => x, read: (at) => at },
): TrainingChart & { element: SVGSVGElement | HTMLElement } {
  const [x, y] = [plot.scale("x"), plot.scale("y")];
  if (x === undefined || y === undefined) throw new Error("the plot has no scales");
  return {
    element: plot,
    width,
    height,
    top: margin.marginTop,
    bottom: height - margin.marginBottom,
    left: margin.marginLeft,
    right: width - margin.marginRight,
    x: positions.map((position) => x.apply(position)),
    y: (value) => y.apply(value),
    at: (value) => x.apply(place(value)),
    from: (pixel) => read(x.invert?.(pixel) as number),
  };
}

/** Of a plot, in CSS pixels, and what it leaves free around its axes. */
interface Size {
  width: number;
  height: number;
  marginTop: number;
  marginRight: number;
  marginBottom: number;
  marginLeft: number;
}

/** `width` is that of the axis, in pixels. */
export function trainingAxis(xs: number[], type: "log" | "linear", width: number): TrainingAxis {
  return type === "linear" ? linear(xs) : log(xs, Math.min(0.25, ZERO_WIDTH / width));
}

function linear(xs: number[]): TrainingAxis {
  const last = Math.max(...xs);
  const domain: [number, number] = new Set(xs).size < 2 ? [0, 2 * last || 1] : [Math.min(...xs), last];
  return {
    scale: { type: "linear", domain },
    positions: xs,
    marks: [Plot.axisX({ ...SMALL, ticks: 5, tickFormat: compact, label: null })],
    zero: false,
    place: (x) => x,
    read: (at) => at,
  };
}

function log(xs: number[], zeroShare: number): TrainingAxis {
  const { positions, domain, ticks, gap } = logAxis(xs, zeroShare);
  const first = Math.min(...xs.filter((x) => x > 0), domain[1]);
  return {
    scale: { type: "log", domain },
    positions,
    marks: [
      // Named by `text`, not `tickFormat`: a log scale hides the names of ticks that are no power of ten.
      Plot.axisX(ticks, { ...SMALL, x: "at", text: "name", label: null }),
      gap === null ? null : Plot.text(["//"], { ...SMALL, x: [gap], frameAnchor: "bottom", dy: 5 }),
    ],
    zero: gap !== null,
    // Without a place of its own, 0 is the only x there is.
    place: (x) =>
      x <= 0 ? (gap === null ? (positions[0] ?? 1) : domain[0]) : gap === null ? x : Math.max(x, first),
    read: (at) => (gap !== null && at < gap ? 0 : gap === null ? at : Math.max(at, first)),
  };
}

export interface LogAxis {
  /** Where each x is drawn, in the units of the axis. */
  positions: number[];
  domain: [number, number];
  ticks: { at: number; name: string }[];
  /** Where the axis is broken between 0 and the rest; null when there is no 0. */
  gap: number | null;
}

/** A log axis for the xs, of which 0 gets a place of its own, `zeroShare` of the axis before the others. */
export function logAxis(xs: number[], zeroShare: number): LogAxis {
  const positive = xs.filter((x) => x > 0);
  const [min, max] = [Math.min(...positive), Math.max(...positive)];
  if (new Set(xs).size < 2) {
    const at = positive[0] ?? 1;
    const ticks = [{ at, name: compact(xs[0] ?? 0) }];
    return { positions: xs.map(() => at), domain: [at / 2, at * 2], ticks, gap: null };
  }
  const ticks = logTicks(min, max).map((tick) => ({ at: tick, name: compact(tick) }));
  if (positive.length === xs.length) return { positions: xs, domain: [min, max], ticks, gap: null };
  const decades = Math.max(0.3, Math.log10(max / min));
  const zero = min / 10 ** ((decades * zeroShare) / (1 - zeroShare));
  return {
    positions: xs.map((x) => (x > 0 ? x : zero)),
    domain: [zero, max],
    ticks: [{ at: zero, name: "0" }, ...ticks],
    gap: Math.sqrt(zero * min),
  };
}

/** Powers of ten from low to high, with 2 and 5 between them where there are few. */
export function logTicks(low: number, high: number): number[] {
  const ticks = (factors: number[]) => {
    const found: number[] = [];
    for (let power = Math.floor(Math.log10(low)); power <= Math.ceil(Math.log10(high)); power++) {
      for (const factor of factors) found.push(factor * 10 ** power);
    }
    return found.filter((tick) => tick >= low && tick <= high);
  };
  const tens = ticks([1]);
  return tens.length >= 3 ? tens : ticks([1, 2, 5]);
}
