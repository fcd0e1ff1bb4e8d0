/** Charts of curves over training, and of a curve a checkpoint over positions. */
import * as Plot from "@observablehq/plot";
import { compact } from "../state/text";
import { writeNames } from "./labels";
import { chartOf, logTicks, type TrainingAxis, type TrainingChart, trainingAxis } from "./training-axis";

const HEIGHT = 220;
const MARGIN = { marginLeft: 50, marginRight: 84, marginTop: 12, marginBottom: 24 };
const SMALL = { fontSize: 11, tickSize: 0, tickPadding: 6, color: "var(--ie-muted)" };

export interface TrainingCurve {
  name: string;
  /** The one that is drawn first of all; of the series that the slider moves. */
  current: boolean;
  x: number[];
  y: number[];
  /** Otherwise ink, or muted for a curve that is not current. */
  color?: string;
}

export interface TrainingPlot {
  width: number;
  type: "log" | "linear";
  y?: Plot.ScaleOptions;
  ticks?: Plot.AxisYOptions;
  /** Drawn under the curves, such as the range of a control. */
  band?: { x: number[]; low: number[]; high: number[] };
  /** A curve is named even when it is the only one. */
  named?: boolean;
}

/** `x` is that of each point of the current curve, checkpoint or position. */
export interface Drawn extends TrainingChart {
  element: SVGSVGElement | HTMLElement;
}

/** Curves over training on one axis of tokens (or steps). */
export function plotOverTraining(
  curves: TrainingCurve[],
  { width, type, y, ticks, band, named }: TrainingPlot,
): Drawn {
  const all = [...curves.flatMap((curve) => curve.x), ...(band?.x ?? [])];
  const axis = trainingAxis(all, type, width - MARGIN.marginLeft - MARGIN.marginRight);
  const placed = curves.map((curve) => ({ ...curve, X: curve.x.map(axis.place) }));
  return draw(
    {
      x: axis.scale,
      y: y ?? roomy([...curves.flatMap((curve) => curve.y), ...(band?.low ?? []), ...(band?.high ?? [])]),
      marks: [
        axis.marks,
        band &&
          Plot.areaY(band.low, {
            x: band.x.map(axis.place),
            y1: band.low,
            y2: band.high,
            fill: "var(--ie-curve)",
            fillOpacity: 0.5,
          }),
        placed.map((curve) => Plot.line(curve.y, { x: curve.X, y: curve.y, ...strokeOf(curve) })),
        placed.map((curve) =>
          curve.y.filter(Number.isFinite).length === 1
            ? Plot.dot(curve.y, { x: curve.X, y: curve.y, r: 3, fill: colorOf(curve) })
            : null,
        ),
      ],
    },
    curves.length > 1 || named ? placed : [],
    placed.find((curve) => curve.current)?.X ?? [],
    width,
    ticks,
    axis,
  );
}

/** Loss over positions, a curve a checkpoint; the one shown is drawn over it, frame by frame. */
export function plotOverPositions(curves: number[][], positions: number[], width: number): Drawn {
  const x = positions.map((position) => position + 1); // a logarithm cannot place 0
  const last = Math.max(2, x.at(-1) ?? 2);
  const ticks = logTicks(1, last).map((at) => ({ at, name: compact(at) }));
  return draw(
    {
      x: { type: "log", domain: [1, last] },
      y: roomy(curves.flat()),
      marks: [
        Plot.axisX(ticks, { ...SMALL, x: "at", text: "name", label: null }),
        curves.map((y) => Plot.line(y, { x, y, stroke: "var(--ie-curve)", strokeWidth: 0.7 })),
      ],
    },
    [],
    x,
    width,
  );
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

function strokeOf(curve: TrainingCurve): Plot.LineOptions {
  return { stroke: colorOf(curve), strokeWidth: curve.current || curve.color ? 2 : 1.2 };
}

function colorOf({ color, current }: TrainingCurve): string {
  return color ?? (current ? "var(--ie-ink)" : "var(--ie-muted)");
}

function draw(
  options: Plot.PlotOptions,
  named: TrainingCurve[],
  positions: number[],
  width: number,
  ticks: Plot.AxisYOptions = { ticks: 5 },
  axis?: TrainingAxis,
): Drawn {
  const plot = Plot.plot({
    ...MARGIN,
    ...options,
    width,
    height: HEIGHT,
    className: "ie-plot",
    marks: [
      Plot.gridY({ stroke: "var(--ie-hairline)", strokeOpacity: 1, ticks: ticks.ticks ?? 5 }),
      Plot.axisY({ ...SMALL, label: null, ...ticks }),
      options.marks,
    ],
  });
  const chart = chartOf(plot, positions, { ...MARGIN, width, height: HEIGHT }, axis);
  label(plot, named, width, chart.y);
  return chart;
}

/** The names of the curves at their right ends. */
function label(plot: Element, named: TrainingCurve[], width: number, y: (value: number) => number): void {
  const right = width - MARGIN.marginRight;
  const labels = named.flatMap((curve) => {
    const end = curve.y.findLast(Number.isFinite);
    const emphasis = curve.current || curve.color !== undefined;
    return end === undefined
      ? []
      : [{ name: curve.name, x: right, y: y(end), color: colorOf(curve), bold: emphasis }];
  });
  writeNames(plot, labels, {
    left: 0,
    right: width,
    top: MARGIN.marginTop,
    bottom: HEIGHT - MARGIN.marginBottom,
  });
}
