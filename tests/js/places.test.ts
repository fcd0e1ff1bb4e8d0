// @vitest-environment happy-dom
import { expect, it } from "vitest";
import { SCORES, seriesInfo } from "../../js/dev/data";
import { plotGround } from "../../js/src/chart/curves-plot";
import { plotOverTraining } from "../../js/src/chart/measure-plot";
import type { TrainingChart } from "../../js/src/chart/training-axis";
import type { ScoreInfo } from "../../js/src/kernel/model";

const SHAPE = { checkpoints: 5, layers: 1, heads: 2 };
const info = { ...seriesInfo("run", SHAPE), steps: [0, 1, 30, 900, 1000] };
const values = new Float32Array(10).map((_, index) => index / 10);
const curve = { name: "run", current: true, x: info.steps, y: [4, 3, 2, 1.5, 1] };

const CHARTS: [string, (type: "log" | "linear") => TrainingChart][] = [
  ["scores", (type) => plotGround(info, SCORES[0] as ScoreInfo, values, { width: 500, type, unit: "steps" })],
  ["measures", (type) => plotOverTraining([curve], { width: 500, type })],
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
