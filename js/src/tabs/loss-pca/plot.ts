/** Paths of training in a plane: a line a series, a dot a checkpoint, those of the phase change in colour. */
import * as Plot from "@observablehq/plot";
import type { Box, Label } from "../../chart/labels";
import { plotted } from "../../chart/plotted";

const HEIGHT = 380;
const MARGIN = { marginLeft: 52, marginRight: 84, marginTop: 30, marginBottom: 40 };
/** From a point to its name, in pixels: past the ring around the shown checkpoint. */
export const AWAY = 13;
const SMALL = { fontSize: 11, tickSize: 0, tickPadding: 6, color: "var(--ie-muted)" };

export interface Path {
  name: string;
  current: boolean;
  points: { x: number; y: number; inside: boolean }[];
}

export interface Plane {
  element: SVGSVGElement | HTMLElement;
  width: number;
  height: number;
  /** Where each checkpoint of the current series lies, in CSS pixels; NaN where it is not known. */
  current: [number, number][];
  /** Of each path at its end, and where the current one starts. */
  names: Label[];
  /** Every checkpoint of every series. */
  dots: [number, number][];
  box: Box;
}

export function plotPaths(paths: Path[], [xName, yName]: [string, string], width: number): Plane {
  const plot = plotted({
    ...MARGIN,
    width,
    height: HEIGHT,
    className: "ie-plot",
    x: { nice: true },
    y: { nice: true },
    marks: [
      Plot.gridX({ stroke: "var(--ie-hairline)", strokeOpacity: 1, ticks: 5 }),
      Plot.gridY({ stroke: "var(--ie-hairline)", strokeOpacity: 1, ticks: 5 }),
      Plot.axisX({ ...SMALL, ticks: 5, label: xName, labelArrow: "none", labelAnchor: "right" }),
      Plot.axisY({ ...SMALL, ticks: 5, label: yName, labelArrow: "none" }),
      paths.map(({ points, current }) => [
        Plot.line(points, { x: "x", y: "y", stroke: inkOf(current), strokeWidth: current ? 1.5 : 1 }),
        Plot.dot(points, {
          x: "x",
          y: "y",
          r: current ? 3.5 : 2.5,
          fill: (point) => (point.inside ? "var(--ie-phase)" : inkOf(current)),
        }),
      ]),
    ],
  });
  const [x, y] = [plot.scale("x"), plot.scale("y")];
  const at = (point: { x: number; y: number }): [number, number] => [
    x?.apply(point.x) ?? Number.NaN,
    y?.apply(point.y) ?? Number.NaN,
  ];
  const named = (point: Path["points"][0] | undefined, name: string, bold: boolean): Label[] => {
    if (point === undefined) return [];
    const [left, top] = at(point);
    return [{ name, x: left, y: top, color: inkOf(bold), bold }];
  };
  const names = paths.flatMap(({ name, current, points }) => [
    ...(current ? named(points.find(isKnown), "start", false) : []),
    ...named(points.findLast(isKnown), name, current),
  ]);
  const current = paths.find((path) => path.current)?.points ?? [];
  return {
    element: plot,
    width,
    height: HEIGHT,
    current: current.map(at),
    names,
    dots: paths.flatMap(({ points }) => points.filter(isKnown).map(at)),
    box: {
      left: MARGIN.marginLeft,
      right: width,
      top: MARGIN.marginTop,
      bottom: HEIGHT - MARGIN.marginBottom,
    },
  };
}

function inkOf(current: boolean): string {
  return current ? "var(--ie-ink)" : "var(--ie-muted)";
}

function isKnown({ x, y }: { x: number; y: number }): boolean {
  return Number.isFinite(x) && Number.isFinite(y);
}
