/** Estimated against measured changes, a dot a head, and the line on which both are one. */
import * as Plot from "@observablehq/plot";
import type { Box, Dots } from "../../chart/labels";
import { plotted } from "../../chart/plotted";
import type { Pair } from "./agreement";

const HEIGHT = 260;
const MARGIN = { marginLeft: 52, marginRight: 24, marginTop: 26, marginBottom: 40 };
const SMALL = { fontSize: 11, tickSize: 0, tickPadding: 6, color: "var(--ie-muted)" };

export interface Agreement {
  element: SVGSVGElement | HTMLElement;
  width: number;
  height: number;
  /** Of each pair, in CSS pixels. */
  dots: Dots;
  box: Box;
}

export function plotAgreement(pairs: Pair[], units: string, width: number): Agreement {
  const ends = [0, ...pairs.flatMap(({ estimated, exact }) => [estimated, exact])];
  const span = [Math.min(...ends), Math.max(...ends)];
  const plot = plotted({
    ...MARGIN,
    width,
    height: HEIGHT,
    className: "ie-plot",
    x: { domain: span, nice: true },
    y: { domain: span, nice: true },
    marks: [
      Plot.gridX({ stroke: "var(--ie-hairline)", strokeOpacity: 1, ticks: 5 }),
      Plot.gridY({ stroke: "var(--ie-hairline)", strokeOpacity: 1, ticks: 5 }),
      Plot.axisX({
        ...SMALL,
        ticks: 5,
        label: `estimated, ${units}`,
        labelArrow: "none",
        labelAnchor: "right",
      }),
      Plot.axisY({ ...SMALL, ticks: 5, label: `measured, ${units}`, labelArrow: "none" }),
      Plot.line(span, { x: span, y: span, stroke: "var(--ie-muted)", strokeDasharray: "3 3" }),
      Plot.dot(pairs, {
        x: "estimated",
        y: "exact",
        r: pairs.length > 64 ? 2.5 : 3.5,
        fill: "var(--ie-ink)",
      }),
    ],
  });
  const [x, y] = [plot.scale("x"), plot.scale("y")];
  return {
    element: plot,
    width,
    height: HEIGHT,
    dots: pairs.map(({ estimated, exact }) => [
      x?.apply(estimated) ?? Number.NaN,
      y?.apply(exact) ?? Number.NaN,
    ]),
    box: {
      left: MARGIN.marginLeft,
      right: width,
      top: MARGIN.marginTop,
      bottom: HEIGHT - MARGIN.marginBottom,
    },
  };
}
