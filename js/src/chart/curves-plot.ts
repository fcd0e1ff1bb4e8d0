/**
 * The charts behind the curves. The ground (axes, chance, all heads as one grey path) is drawn once a
 * score; the selected heads lie over it in a plot of their own, so selecting does not redraw the ground.
 */
import * as Plot from "@observablehq/plot";
import type { Head } from "../contract.gen";
import type { ScoreInfo, SeriesInfo } from "../kernel/model";
import { headName } from "../state/heads";
import { trainingOf, type Unit } from "../state/training";
import { AWAY, roomFor, spread } from "./labels";
import { chartOf, type TrainingChart, trainingAxis } from "./training-axis";

export { logAxis, logTicks } from "./training-axis";

const HEIGHT = 250;
const MARGIN = { marginLeft: 40, marginRight: 54, marginTop: 14, marginBottom: 26 };
/** More curves than this are drawn thinner. */
const CROWD = 64;
const LABEL_GAP = 13;

/** The ground of one score and one series. */
export interface Ground extends TrainingChart {
  element: SVGSVGElement | HTMLElement;
  /** Plotted x value of each checkpoint, and the scales, for further plots over this one. */
  positions: number[];
  scales: Pick<Plot.PlotOptions, "x" | "y">;
}

/** Scores of one head along the checkpoints. */
export function curveOf(values: Float32Array, info: SeriesInfo, [layer, head]: Head): number[] {
  const size = info.layers * info.heads;
  return info.steps.map(
    (_, checkpoint) => values[checkpoint * size + layer * info.heads + head] ?? Number.NaN,
  );
}

export interface Frame {
  width: number;
  type: "log" | "linear";
  unit: Unit;
  /** What the axes span, where several charts share them. */
  shared?: { xs: number[]; y: [number, number] };
}

export function plotGround(
  info: SeriesInfo,
  score: ScoreInfo,
  values: Float32Array,
  { width, type, unit, shared }: Frame,
): Ground {
  const xs = trainingOf(info, unit);
  const margin = { ...MARGIN, marginRight: Math.max(MARGIN.marginRight, roomFor(longestName(info))) };
  const axis = trainingAxis(shared?.xs ?? xs, type, width - margin.marginLeft - margin.marginRight);
  const size = info.layers * info.heads;
  const positions = xs.map(axis.place);
  const [X, Y] = allCurves(info, values, positions);
  const small = { fontSize: 11, tickSize: 0, tickPadding: 6, color: "var(--ie-muted)" };
  const plot = Plot.plot({
    ...margin,
    width,
    height: HEIGHT,
    className: "ie-plot",
    x: axis.scale,
    y: { nice: true, ...(shared && { domain: shared.y }), ...(score.range[0] === 0 && { zero: true }) },
    marks: [
      Plot.gridY({ stroke: "var(--ie-hairline)", strokeOpacity: 1, ticks: 5 }),
      Plot.axisY({ ...small, ticks: 5, label: null }),
      axis.marks,
      Plot.line(Y, { x: X, y: Y, z: null, stroke: "var(--ie-curve)", strokeWidth: size > CROWD ? 0.5 : 1 }),
      info.steps.length === 1 ? Plot.dot(Y, { x: X, y: Y, r: 2.5, fill: "var(--ie-curve)" }) : null,
      score.chance === null
        ? null
        : Plot.ruleY([score.chance], { stroke: "var(--ie-muted)", strokeDasharray: "3 3" }),
    ],
  });
  const chart = chartOf(plot, positions, { ...margin, width, height: HEIGHT }, axis);
  const y = { domain: plot.scale("y")?.domain };
  return { ...chart, positions, scales: { x: axis.scale, y } as Ground["scales"] };
}

/** Of a head, "L125H127". */
function longestName({ layers, heads }: SeriesInfo): string {
  return headName([layers - 1, heads - 1]);
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
    ground.top,
    ground.bottom,
  );
  return Plot.plot({
    ...MARGIN,
    marginRight: ground.width - ground.right,
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
          dx: AWAY,
          dy: (heights[i] ?? 0) - ground.top,
          fill: color,
          fontSize: 11,
          fontWeight: name === "chance" ? 400 : 600,
        }),
      ),
    ],
  });
}
