/** Charts of curves along one axis: of training, or of positions. What moves over them is not drawn here. */
import * as Plot from "@observablehq/plot";
import { compact } from "../state/text";
import { type Label, roomFor } from "./labels";
import { plotted } from "./plotted";
import {
  chartOf,
  logTicks,
  SMALL,
  type TrainingAxis,
  type TrainingChart,
  trainingAxis,
} from "./training-axis";

const HEIGHT = 240;
const MARGIN = { marginLeft: 50, marginTop: 14, marginBottom: 26 };
/** Beside the curves, names and numbers have at least this room in pixels, at most this share of the chart. */
const [LEAST_ROOM, MOST_ROOM] = [60, 0.25];
/** More curves in a crowd than this are drawn thinner. */
const CROWD = 64;

export interface Curve {
  name: string;
  x: number[];
  /** NaN = not known (yet). */
  y: number[] | Float32Array;
  color: string;
  /** Drawn wide, its name in bold: of the series that the slider moves, or chosen. */
  bold: boolean;
}

/** Curves without names, one after the other in one grey path. */
export interface Crowd {
  x: number[];
  /** [x, curve] */
  values: Float32Array;
  count: number;
}

export interface Along {
  width: number;
  height?: number;
  type: "log" | "linear";
  /** Of the checkpoints that the slider moves along. */
  at: number[];
  /** What the axis spans where it is more than is drawn. */
  span?: number[];
  y?: Plot.ScaleOptions;
  ticks?: Plot.AxisYOptions;
  crowd?: Crowd;
  /** Drawn under the curves, such as the range of a control. */
  band?: { x: number[]; low: number[]; high: number[] };
  chance?: number | null;
  /** Names to be written later, which need room too. */
  room?: string[];
  /** A curve is named even when it is the only one. */
  named?: boolean;
  /** Said above the axis, where nothing beside the chart says it. */
  yName?: string | null;
}

export interface Drawn extends TrainingChart {
  element: SVGSVGElement | HTMLElement;
  curves: Curve[];
  names: Label[];
}

/** Where training lies in a chart, in its pixels. */
export type PlacedAxis = Pick<TrainingChart, "left" | "right" | "x" | "at">;

/** As `plotAlong` places it, also where there is nothing to draw. */
export function placesAlong({ width, type, at, room = [] }: Omit<Along, "span">): PlacedAxis {
  const { marginLeft: left, marginRight } = marginFor(room, width);
  const right = width - marginRight;
  const axis = trainingAxis(at, type, right - left);
  const along = axis.scale.type === "log" ? Math.log : (x: number) => x;
  const [low, high] = axis.scale.domain.map(along) as [number, number];
  const pixel = (place: number) => left + ((along(place) - low) / (high - low)) * (right - left);
  return { left, right, x: axis.positions.map(pixel), at: (x) => pixel(axis.place(x)) };
}

/** Curves over training on one axis of tokens (or steps). */
export function plotAlong(curves: Curve[], along: Along): Drawn {
  const { width, height = HEIGHT, type, crowd, band, chance, named = curves.length > 1 } = along;
  const xs = [...(along.span ?? []), ...along.at, ...curves.flatMap(({ x }) => x), ...(band?.x ?? [])];
  const names = [...(along.room ?? []), ...(named ? curves.map(({ name }) => name) : [])];
  const margin = marginFor(names, width);
  const axis = trainingAxis(xs, type, width - margin.marginLeft - margin.marginRight);
  const values = [...curves.flatMap(({ y }) => Array.from(y)), ...(band?.low ?? []), ...(band?.high ?? [])];
  const chart = draw(
    {
      x: axis.scale,
      y: along.y ?? roomy(values),
      marks: [
        axis.marks,
        band && Plot.areaY(band.low, areaOf(band, axis)),
        crowd && crowdOf(crowd, axis),
        chance == null ? null : Plot.ruleY([chance], { stroke: "var(--ie-muted)", strokeDasharray: "3 3" }),
        curves.map((curve) => {
          const [x, stroke] = [curve.x.map(axis.place), curve.color];
          const alone = Array.from(curve.y).filter(Number.isFinite).length === 1;
          return alone
            ? Plot.dot(curve.y, { x, y: curve.y, r: 3, fill: stroke })
            : Plot.line(curve.y, { x, y: curve.y, stroke, strokeWidth: curve.bold ? 2 : 1.2 });
        }),
      ],
    },
    along.at.map(axis.place),
    { ...margin, ...topFor(along.yName), width, height },
    { ...TICKS, ...along.ticks, ...nameOf(along.yName) },
    axis,
  );
  return { ...chart, curves, names: named ? namesOf(curves, chart) : [] };
}

/** On an axis that is a logarithm, which cannot place 0. */
export function placeOfPosition(position: number): number {
  return position + 1;
}

/** A curve a checkpoint over the positions in a row, all in grey. */
export function plotOverPositions(
  curves: number[][],
  positions: number[],
  width: number,
  yName: string | null,
): Drawn {
  const x = positions.map(placeOfPosition);
  const last = Math.max(2, x.at(-1) ?? 2);
  const ticks = logTicks(1, last).map((at) => ({ at, name: compact(at) }));
  const chart = draw(
    {
      x: { type: "log", domain: [1, last] },
      y: roomy(curves.flat()),
      marks: [
        Plot.axisX(ticks, { ...SMALL, x: "at", text: "name", label: null }),
        curves.map((y) => Plot.line(y, { x, y, stroke: "var(--ie-curve)", strokeWidth: 0.35 })),
      ],
    },
    x,
    { ...marginFor([], width), ...topFor(yName), width, height: HEIGHT },
    { ...TICKS, ...nameOf(yName) },
  );
  return { ...chart, curves: [], names: [] };
}

/** The names of curves, at their right ends. */
export function namesOf(curves: Curve[], chart: TrainingChart): Label[] {
  return curves.flatMap(({ name, color, bold, y }) => {
    const end = Array.from(y).findLast(Number.isFinite);
    return end === undefined ? [] : [{ name, x: chart.right, y: chart.y(end), color, bold }];
  });
}

/** The line of a curve in a chart, broken where nothing is known. */
export function pathOf({ at, y }: TrainingChart, curve: Pick<Curve, "x" | "y">): string {
  let [path, pen] = ["", "M"];
  curve.x.forEach((x, index) => {
    const value = curve.y[index] ?? Number.NaN;
    if (Number.isFinite(value)) path += `${pen}${at(x)},${y(value)}`;
    pen = Number.isFinite(value) ? "L" : "M";
  });
  return path;
}

const TICKS = { ticks: 5 } as const;

/** Room for the name of the axis, and the name. */
function topFor(yName: string | null = null): { marginTop: number } {
  return { marginTop: yName === null ? MARGIN.marginTop : 28 };
}

function nameOf(yName: string | null = null): Plot.AxisYOptions {
  return yName === null ? {} : { label: yName, labelAnchor: "top", labelArrow: "none" };
}

function marginFor(names: string[], width: number): typeof MARGIN & { marginRight: number } {
  const room = Math.max(LEAST_ROOM, ...names.map(roomFor));
  return { ...MARGIN, marginRight: Math.min(room, Math.max(LEAST_ROOM, MOST_ROOM * width)) };
}

function areaOf({ x, low, high }: NonNullable<Along["band"]>, axis: TrainingAxis): Plot.AreaYOptions {
  return { x: x.map(axis.place), y1: low, y2: high, fill: "var(--ie-curve)", fillOpacity: 0.5 };
}

/** One path for all, with a gap between two. */
function crowdOf({ x, values, count }: Crowd, axis: TrainingAxis): Plot.Markish[] {
  const X = new Float64Array(count * (x.length + 1)).fill(Number.NaN);
  const Y = X.slice();
  x.map(axis.place).forEach((place, index) => {
    for (let curve = 0; curve < count; curve++) {
      X[curve * (x.length + 1) + index] = place;
      Y[curve * (x.length + 1) + index] = values[index * count + curve] ?? Number.NaN;
    }
  });
  const stroke = "var(--ie-curve)";
  return [
    Plot.line(Y, { x: X, y: Y, z: null, stroke, strokeWidth: count > CROWD ? 0.5 : 1 }),
    x.length === 1 ? Plot.dot(Y, { x: X, y: Y, r: 2.5, fill: stroke }) : null,
  ];
}

/** An axis around values. Where they hardly differ it is wider: marks between them would be long numbers. */
function roomy(values: number[]): Plot.ScaleOptions {
  const finite = values.filter(Number.isFinite);
  if (finite.length === 0) return { nice: true };
  const [low, high] = [Math.min(...finite), Math.max(...finite)];
  const least = 0.05 * Math.max(Math.abs(low), Math.abs(high)) || 1;
  const missing = Math.max(0, least - (high - low)) / 2;
  return { nice: true, domain: [low - missing, high + missing] };
}

function draw(
  { marks, ...scales }: Plot.PlotOptions,
  positions: number[],
  size: Parameters<typeof chartOf>[2],
  ticks: Plot.AxisYOptions & { ticks: NonNullable<Plot.AxisYOptions["ticks"]> },
  axis?: TrainingAxis,
): Omit<Drawn, "names" | "curves"> {
  const plot = plotted({
    ...size,
    ...scales,
    className: "ie-plot",
    marks: [
      Plot.gridY({ stroke: "var(--ie-hairline)", strokeOpacity: 1, ticks: ticks.ticks }),
      Plot.axisY({ ...SMALL, label: null, ...ticks }),
      marks,
    ],
  });
  return chartOf(plot, positions, size, axis);
}
