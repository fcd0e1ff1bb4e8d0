// @vitest-environment happy-dom
import { describe, expect, it } from "vitest";
import { promptInfo, seriesInfo } from "../../js/dev/data";
import type { ExplorerModel } from "../../js/src/kernel/model";
import { cornersOf, placeOf } from "./drawn";
import { predicting } from "./predicted";
import { rowsOf, saved } from "./saved";
import { freshPage, one, SHAPE, settle, show as showAny, TOKENS } from "./shown";

const LAST = TOKENS.length - 1;
const rank = (checkpoint: number) => (SHAPE.checkpoints - 1 - checkpoint) * 4;
const probability = (checkpoint: number) => (checkpoint + 1) / 40;

const show = (change: Partial<ExplorerModel> = {}) =>
  showAny(
    { _view: { tab: "answer" }, answer: " D", _prompts: [promptInfo(TOKENS, true, " D")], ...change },
    predicting((checkpoint, position) =>
      position === LAST
        ? { loss: 1, rank: rank(checkpoint), probability: probability(checkpoint) }
        : { loss: 1, rank: 999, probability: 0.999 },
    ),
  );

const said = (el: HTMLElement) => one(el, "[role=tabpanel]").textContent ?? "";
const charts = (el: HTMLElement) => [...el.querySelectorAll("[role=tabpanel] .ie-chart")] as HTMLElement[];
/** Heights of marks beside the axis, by their words. */
const marks = (chart: Element) =>
  new Map(
    [...chart.querySelectorAll("[data-mark='y-axis tick label'] text")].map((mark) => [
      mark.textContent ?? "",
      placeOf(mark).y,
    ]),
  );
const heights = (chart: Element) =>
  cornersOf(chart.querySelector("g[data-mark=line] path") as Element).map(({ y }) => y);

freshPage();

describe("the answer", () => {
  it("says its rank and probability where the slider is", async () => {
    const { el, fake } = await show({ checkpoint: 25 });
    expect(said(el)).toContain("comes to be ' D'. Here it ranks 1, with probability 0.65.");
    fake.receive({ checkpoint: 3 });
    await settle();
    expect(said(el)).toContain(`Here it ranks ${rank(3) + 1}, with probability 0.10.`);
  });

  it("says of which words it is the first token", async () => {
    const { el } = await show({ answer: " Dee" });
    expect(said(el)).toContain("comes to be ' D', the first token of ' Dee'.");
  });

  it("has its rank drawn on a log scale from the lowest to the top", async () => {
    const { el } = await show();
    const chart = charts(el)[0] as HTMLElement;
    const places = marks(chart);
    const [top, ten] = [places.get("1") ?? Number.NaN, places.get("10") ?? Number.NaN];
    expect(top).toBeLessThan(ten);
    const found = heights(chart);
    expect(found).toHaveLength(SHAPE.checkpoints);
    expect(found.at(-1)).toBeCloseTo(top, 1);
    found.forEach((y, checkpoint) => {
      const decades = Math.log(rank(checkpoint) + 1) / Math.log(10);
      expect(y).toBeCloseTo(top + decades * (ten - top), 1);
    });
  });

  it("has its probability drawn between none and one", async () => {
    const { el } = await show();
    const chart = charts(el)[1] as HTMLElement;
    const places = marks(chart);
    const [none, all] = [places.get("0.0") ?? Number.NaN, places.get("1.0") ?? Number.NaN];
    heights(chart).forEach((y, checkpoint) => {
      expect(y).toBeCloseTo(none + probability(checkpoint) * (all - none), 1);
    });
  });

  it("is saved by series and checkpoint", async () => {
    const { el } = await show();
    const [names, ...rows] = rowsOf(await saved(el, "Answer rank", "CSV"));
    expect(names).toEqual([
      ...["series", "checkpoint", "step", "tokens", "tokens_estimated", "rank", "probability"],
    ]);
    const { steps, tokens } = seriesInfo("", SHAPE);
    expect(rows).toHaveLength(SHAPE.checkpoints);
    expect(rows[7]).toEqual([
      ...["attn-only-2l", "7", String(steps[7]), String(tokens[7]), "false", String(rank(7) + 1), "0.2"],
    ]);
  });

  it("is empty where the kernel has none, in the chart as in the file", async () => {
    const { el } = await showAny(
      { _view: { tab: "answer" }, answer: " D", _prompts: [promptInfo(TOKENS, true, " D")] },
      predicting((checkpoint) => ({ loss: 1, rank: checkpoint < 20 ? -1 : 4, probability: 0.5 })),
    );
    const [, ...rows] = rowsOf(await saved(el, "Answer probability", "CSV"));
    expect(rows[19]?.slice(-2)).toEqual(["", ""]);
    expect(rows[20]?.slice(-2)).toEqual(["5", "0.5"]);
    expect(heights(charts(el)[1] as HTMLElement)).toHaveLength(SHAPE.checkpoints - 20);
  });

  it("is asked for where there is none", async () => {
    const { el } = await show({ answer: "", _prompts: [promptInfo(TOKENS)] });
    expect(said(el)).toContain("No answer is given. Type the expected continuation beside the prompt");
    expect(charts(el)).toEqual([]);
  });
});
