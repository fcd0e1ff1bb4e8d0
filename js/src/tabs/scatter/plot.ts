/** Heads by two scores: axes, chance and trails as a plot that stands still, dots as a canvas that does not. */
import * as Plot from "@observablehq/plot";
import type { Box } from "../../chart/labels";
import { plotted } from "../../chart/plotted";
import type { ScoreInfo } from "../../kernel/model";
import { extent } from "../../ui/color";

const HEIGHT = 380;
const MARGIN = { marginLeft: 52, marginRight: 24, marginTop: 30, marginBottom: 40 };
const SMALL = { fontSize: 11, tickSize: 0, tickPadding: 6, color: "var(--ie-muted)" };
/** More trails than this are drawn thinner. */
const CROWD = 64;

/** One score of every head at every checkpoint: [checkpoint, head]. */
export interface Axis {
  score: ScoreInfo;
  values: Float32Array;
}

export interface ScatterGround {
  element: SVGSVGElement | HTMLElement;
  width: number;
  height: number;
  x: (value: number) => number;
  y: (value: number) => number;
  /** Where names may be written: not over the marks beside the axes. */
  box: Box;
}

export interface Chosen {
  name: string;
  head: number;
  color: string;
}

interface Look {
  heads: number;
  chosen: Chosen[];
  trails: boolean;
  width: number;
  /** Values of another series that the axes reach to. */
  also?: { x: Float32Array; y: Float32Array } | null;
}

/** Everything but the dots. Axes span all checkpoints, so that scrubbing moves dots and nothing else. */
export function plotScatter(
  x: Axis,
  y: Axis,
  { heads, chosen, trails, width, also = null }: Look,
): ScatterGround {
  const count = x.values.length / heads;
  const all = trails ? trailsOf(x.values, y.values, heads, count) : null;
  const plot = plotted({
    ...MARGIN,
    width,
    height: HEIGHT,
    className: "ie-plot",
    x: { domain: span(x.values, also?.x), nice: true },
    y: { domain: span(y.values, also?.y), nice: true },
    marks: [
      Plot.gridX({ stroke: "var(--ie-hairline)", strokeOpacity: 1, ticks: 5 }),
      Plot.gridY({ stroke: "var(--ie-hairline)", strokeOpacity: 1, ticks: 5 }),
      Plot.axisX({ ...SMALL, ticks: 5, label: x.score.title, labelArrow: "none", labelAnchor: "right" }),
      Plot.axisY({ ...SMALL, ticks: 5, label: y.score.title, labelArrow: "none" }),
      x.score.chance === null ? null : Plot.ruleX([x.score.chance], DASHED),
      y.score.chance === null ? null : Plot.ruleY([y.score.chance], DASHED),
      all &&
        Plot.line(all[1], {
          x: all[0],
          y: all[1],
          z: null,
          stroke: "var(--ie-curve)",
          strokeWidth: heads > CROWD ? 0.4 : 0.8,
        }),
      chosen.map(({ head, color }) => {
        const [X, Y] = trailOf(x.values, y.values, heads, count, head);
        return trails ? Plot.line(Y, { x: X, y: Y, stroke: color, strokeWidth: 1.5 }) : null;
      }),
    ],
  });
  const [xs, ys] = [plot.scale("x"), plot.scale("y")];
  if (xs === undefined || ys === undefined) throw new Error("the plot has no scales");
  return {
    element: plot,
    width,
    height: HEIGHT,
    x: (value) => xs.apply(value),
    y: (value) => ys.apply(value),
    box: {
      left: MARGIN.marginLeft,
      right: width,
      top: MARGIN.marginTop,
      bottom: HEIGHT - MARGIN.marginBottom,
    },
  };
}

function span(values: Float32Array, also?: Float32Array): [number, number] {
  const both = [extent(values) ?? [], (also && extent(also)) ?? []].flat();
  return both.length === 0 ? [0, 1] : [Math.min(...both), Math.max(...both)];
}

const DASHED = { stroke: "var(--ie-muted)", strokeDasharray: "3 3" };

/** Every head's trail one after the other, with a gap between two. */
function trailsOf(x: Float32Array, y: Float32Array, heads: number, count: number): [number[], number[]] {
  const [X, Y]: [number[], number[]] = [[], []];
  for (let head = 0; head < heads; head++) {
    const [hx, hy] = trailOf(x, y, heads, count, head);
    X.push(...hx, Number.NaN);
    Y.push(...hy, Number.NaN);
  }
  return [X, Y];
}

function trailOf(
  x: Float32Array,
  y: Float32Array,
  heads: number,
  count: number,
  head: number,
): [number[], number[]] {
  const at = (values: Float32Array) =>
    Array.from({ length: count }, (_, checkpoint) => values[checkpoint * heads + head] ?? Number.NaN);
  return [at(x), at(y)];
}

/** Where every head's dot is at a checkpoint, in CSS pixels; NaN where a score is missing. */
export function dotsAt(
  ground: ScatterGround,
  x: Axis,
  y: Axis,
  heads: number,
  checkpoint: number,
): Float32Array {
  const places = new Float32Array(2 * heads);
  for (let head = 0; head < heads; head++) {
    const [vx, vy] = [x.values[checkpoint * heads + head], y.values[checkpoint * heads + head]];
    places[2 * head] = ground.x(vx ?? Number.NaN);
    places[2 * head + 1] = ground.y(vy ?? Number.NaN);
  }
  return places;
}

/** The head whose dot is nearest to a point, none further away than `reach`. */
export function headNear(places: Float32Array, [x, y]: [number, number], reach: number): number | null {
  let [best, closest]: [number | null, number] = [null, reach ** 2];
  for (let head = 0; head < places.length / 2; head++) {
    const away = ((places[2 * head] as number) - x) ** 2 + ((places[2 * head + 1] as number) - y) ** 2;
    if (away < closest) [best, closest] = [head, away];
  }
  return best;
}
