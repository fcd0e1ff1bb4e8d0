// @vitest-environment happy-dom
import { expect, it } from "vitest";
import { seriesInfo } from "../../js/dev/data";
import { plotAlong } from "../../js/src/chart/plot";
import type { TrainingChart } from "../../js/src/chart/training-axis";

const SHAPE = { checkpoints: 5, layers: 1, heads: 2 };
const info = { ...seriesInfo("run", SHAPE), steps: [0, 1, 30, 900, 1000] };
const values = new Float32Array(10).map((_, index) => index / 10);
const curve = { name: "run", color: "#000", bold: true, x: info.steps, y: [4, 3, 2, 1.5, 1] };
const crowd = { x: info.steps, values, count: 2 };

const CHARTS: [string, (type: "log" | "linear") => TrainingChart][] = [
  ["scores", (type) => plotAlong([], { width: 500, type, at: info.steps, crowd })],
  ["measures", (type) => plotAlong([curve], { width: 500, type, at: info.steps })],
];

it.each(CHARTS.flatMap(([name, draw]) => (["log", "linear"] as const).map((type) => ({ name, type, draw }))))(
  "$name on a $type axis lie at their steps, step 0 too, and are read from there",
  ({ type, draw }) => {
    const chart = draw(type);
    expect(chart.x).toHaveLength(5);
    info.steps.forEach((step, index) => {
      expect(chart.at(step)).toBeCloseTo(chart.x[index] as number, 6);
      expect(chart.from(chart.x[index] as number)).toBeCloseTo(step, 6);
    });
    expect(chart.x[0]).toBeGreaterThanOrEqual(chart.left - 1e-6);
    expect(chart.x[4]).toBeLessThanOrEqual(chart.right + 1e-6);
  },
);
