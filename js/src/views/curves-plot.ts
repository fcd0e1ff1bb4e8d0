/**
 * The charts behind the curves. The ground (axes, chance, all heads as one grey path) is drawn once a
 * score; the selected heads lie over it in a plot of their own, so selecting does not redraw the ground.
 */
import * as Plot from "@observablehq/plot";
import type { Head, ScoreInfo, SeriesInfo } from "../model";
import { compact } from "../text";

const HEIGHT = 250;
const MARGIN = { marginLeft: 40, marginRight: 54, marginTop: 14, marginBottom: 26 };
/** Room for checkpoint 0, which a logarithm cannot place: this many pixels left of the rest. */
const ZERO_WIDTH = 40;
/** More curves than this are drawn thinner. */
const CROWD = 64;
const LABEL_GAP = 13;

/** The ground of one score and one series, and where its values lie in CSS pixels. */
export interface Ground {
  element: SVGSVGElement | HTMLElement;
  width: number;
  height: number;
  top: number;
  bottom: number;
  /** Of each checkpoint. */
  x: number[];
  y: (value: number) => number;
  /** Plotted x value of each checkpoint, and the scales, for further plots over this one. */
  positions: number[];
  scales: Pick<Plot.PlotOptions, "x" | "y">;
  unit: "tokens" | "steps";
  zero: boolean;
}

/** Scores of one head along the checkpoints. */
export function curveOf(values: Float32Array, info: SeriesInfo, [layer, head]: Head): number[] {
  const size = info.layers * info.heads;
  return info.steps.map(
    (_, checkpoint) => values[checkpoint * size + layer * info.heads + head] ?? Number.NaN,
  );
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

export function plotGround(info: SeriesInfo, score: ScoreInfo, values: Float32Array, width: number): Ground {
  const known = info.tokens.every((tokens) => tokens !== null);
  const unit = known ? "tokens" : "steps";
  const zeroShare = Math.min(0.25, ZERO_WIDTH / (width - MARGIN.marginLeft - MARGIN.marginRight));
  const { positions, domain, ticks, gap } = logAxis(
    known ? (info.tokens as number[]) : info.steps,
    zeroShare,
  );
  const size = info.layers * info.heads;
  const [X, Y] = allCurves(info, values, positions);
  const small = { fontSize: 11, tickSize: 0, tickPadding: 6, color: "var(--ie-muted)" };
  const plot = Plot.plot({
    ...MARGIN,
    width,
    height: HEIGHT,
    className: "ie-plot",
    x: { type: "log", domain },
    y: { nice: true, ...(score.range[0] === 0 ? { zero: true } : {}) },
    marks: [
      Plot.gridY({ stroke: "var(--ie-hairline)", strokeOpacity: 1, ticks: 5 }),
      Plot.axisY({ ...small, ticks: 5, label: null }),
      // Named by `text`, not `tickFormat`: a log scale hides the names of ticks that are no power of ten.
      Plot.axisX(ticks, { ...small, x: "at", text: "name", label: null }),
      gap === null ? null : Plot.text(["//"], { ...small, x: [gap], frameAnchor: "bottom", dy: 5 }),
      Plot.line(Y, { x: X, y: Y, z: null, stroke: "var(--ie-curve)", strokeWidth: size > CROWD ? 0.5 : 1 }),
      info.steps.length === 1 ? Plot.dot(Y, { x: X, y: Y, r: 2.5, fill: "var(--ie-curve)" }) : null,
      score.chance === null
        ? null
        : Plot.ruleY([score.chance], { stroke: "var(--ie-muted)", strokeDasharray: "3 3" }),
    ],
  });
  const [x, y] = [plot.scale("x"), plot.scale("y")];
  if (x === undefined || y === undefined) throw new Error("the plot has no scales");
  return {
    element: plot,
    width,
    height: HEIGHT,
    top: MARGIN.marginTop,
    bottom: HEIGHT - MARGIN.marginBottom,
    x: positions.map((position) => x.apply(position)),
    y: (value) => y.apply(value),
    positions,
    scales: { x: { type: "log", domain: x.domain }, y: { domain: y.domain } } as Ground["scales"],
    unit,
    zero: gap !== null,
  };
}

/** Every head's curve one after the other, with a gap between two. */
function allCurves(
  info: SeriesInfo,
  values: Float32Array,
  positions: number[],
): [Float64Array, Float64Array] {
  const [size, count] = [info.layers * info.heads, positions.length];
  const X = new Float64Array(size * (count + 1)).fill(Number.NaN);
  const Y = new Float64Array(size * (count + 1)).fill(Number.NaN);
  for (let head = 0; head < size; head++) {
    for (let checkpoint = 0; checkpoint < count; checkpoint++) {
      X[head * (count + 1) + checkpoint] = positions[checkpoint] ?? Number.NaN;
      Y[head * (count + 1) + checkpoint] = values[checkpoint * size + head] ?? Number.NaN;
    }
  }
  return [X, Y];
}

export interface Emphasis {
  name: string;
  color: string;
  curve: number[];
}

/** The selected heads in their colours; they and the line of chance are named at their right ends. */
export function plotEmphasis(
  ground: Ground,
  heads: Emphasis[],
  chance: number | null,
): SVGSVGElement | HTMLElement {
  const named = heads.map(({ name, color, curve }) => ({
    name,
    color,
    end: curve.findLast(Number.isFinite),
  }));
  if (chance !== null) named.push({ name: "chance", color: "var(--ie-muted)", end: chance });
  const ends = named.filter((label) => label.end !== undefined);
  const heights = spread(
    ends.map(({ end }) => ground.y(end as number)),
    LABEL_GAP,
  );
  return Plot.plot({
    ...MARGIN,
    ...ground.scales,
    width: ground.width,
    height: ground.height,
    className: "ie-plot",
    axis: null,
    marks: [
      heads.map(({ color, curve }) =>
        Plot.line(curve, { x: ground.positions, y: curve, stroke: color, strokeWidth: 2 }),
      ),
      ends.map(({ name, color }, i) =>
        Plot.text([name], {
          frameAnchor: "top-right",
          textAnchor: "start",
          lineAnchor: "middle",
          dx: 7,
          dy: (heights[i] ?? 0) - ground.top,
          fill: color,
          fontSize: 11,
          fontWeight: name === "chance" ? 400 : 600,
        }),
      ),
    ],
  });
}

/** Moves positions apart until neighbours are `gap` from each other, keeping their order. */
export function spread(wanted: number[], gap: number): number[] {
  const order = wanted.map((_, index) => index).sort((a, b) => (wanted[a] ?? 0) - (wanted[b] ?? 0));
  const placed = [...wanted];
  for (let i = order.length - 2; i >= 0; i--) {
    const [upper, lower] = [order[i] as number, order[i + 1] as number];
    placed[upper] = Math.min(placed[upper] as number, (placed[lower] as number) - gap);
  }
  return placed;
}
