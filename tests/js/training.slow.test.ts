// @vitest-environment happy-dom
import { describe, expect, it } from "vitest";
import { measures, promptInfo, promptTokens, SCORES, seriesInfo, traits } from "../../js/dev/data";
import { fakeKernel } from "../../js/dev/fake-kernel";
import { FakeModel } from "../../js/dev/fake-model";
import { noteOf } from "../../js/src/export/caption";
import { exact, scoreTable } from "../../js/src/export/tables";
import type { ExplorerModel, SeriesInfo } from "../../js/src/kernel/model";
import { Store } from "../../js/src/state/store";
import { isolated } from "../../js/src/state/text";
import {
  nearestCheckpoint,
  roomierScale,
  trainingOf,
  trainingUnit,
  unitName,
  whichEstimated,
  whySteps,
} from "../../js/src/state/training";
import { allSeriesTable } from "../../js/src/tabs/all-series/table";
import { answerTable } from "../../js/src/tabs/answer/table";
import { measureTable } from "../../js/src/tabs/measure/table";
import { passageTable } from "../../js/src/tabs/passage/table";
import one from "../../python/induction_kernels/demo/attn-only-1l/manifest.json";
import two from "../../python/induction_kernels/demo/attn-only-2l/manifest.json";
import three from "../../python/induction_kernels/demo/attn-only-3l/manifest.json";
import { clearPage, freshPage, pageSignal, SHAPE, settle, widgetOf } from "./shown";

const TOKENS = promptTokens(8);

/** 26 checkpoints up to step 3,000 and 12.3M tokens. */
const known = seriesInfo("a", SHAPE);
const partly: SeriesInfo = { ...known, name: "b", tokens: known.tokens.map((t, i) => (i === 9 ? null : t)) };
const unknown: SeriesInfo = { ...known, name: "c", tokens: known.tokens.map(() => null) };

describe("the unit of training", () => {
  it("is tokens only where every checkpoint of every series has them, and says why not", () => {
    expect([trainingUnit([known, known]), whySteps([known, known])]).toEqual(["tokens", ""]);
    expect([trainingUnit([known, unknown]), whySteps([known, unknown])]).toEqual([
      "steps",
      "c has no token counts",
    ]);
    expect([trainingUnit([known, partly]), whySteps([known, partly])]).toEqual([
      "steps",
      `b has no token count at ${known.labels[9]}`,
    ]);
    expect(trainingOf(known, "steps")).toEqual(known.steps);
    expect(trainingOf(known, "tokens")).toEqual(known.tokens);
  });

  it("is what the series counts, where that is no steps", () => {
    const parts: SeriesInfo = { ...unknown, step_unit: "parts" };
    expect(unitName([parts, parts], "steps")).toBe("parts");
    expect(unitName([parts, unknown], "steps")).toBe("steps");
    expect(unitName([known], "tokens")).toBe("tokens");
  });

  it("says which tokens nobody counted", () => {
    const guessed = (count: number): SeriesInfo => ({
      ...known,
      name: `of ${count}`,
      tokens_estimated: known.steps.map((_, i) => i > 0 && i <= count),
    });
    const [first, second] = known.labels.slice(1);
    expect(whichEstimated([known, known])).toBe("");
    expect(whichEstimated([guessed(1)])).toBe(` (≈ estimated from the steps at ${first})`);
    expect(whichEstimated([known, guessed(9)])).toBe(
      ` (≈ estimated from the steps at ${isolated("of 9")} ${first}, ${second} and 7 more)`,
    );
  });

  it("is the one in which the nearest checkpoint is found", () => {
    const from = { ...known, steps: [0, 100, 1000], tokens: [0, 5e6, 8e7] };
    const to = { ...known, steps: [0, 90, 800, 900], tokens: [0, 9e6, 8e7, 9e7] };
    expect([1, 2].map((at) => nearestCheckpoint(from, at, to, "steps"))).toEqual([1, 3]);
    expect([1, 2].map((at) => nearestCheckpoint(from, at, to, "tokens"))).toEqual([1, 2]);
  });
});

describe("a page of several series", () => {
  let fake: FakeModel;
  let el: HTMLElement;
  const one = (selector: string) => el.querySelector<HTMLElement>(selector) as HTMLElement;

  function model(series: SeriesInfo[], view: ExplorerModel["_view"] = {}): FakeModel {
    const own = traits(SHAPE, TOKENS);
    fake = new FakeModel({
      ...own,
      answer: " Mary",
      _view: view,
      _series: series,
      _scores: series.map(() => SCORES),
      _grids: Object.fromEntries(
        series.map((_, i) => [`${i}/induction`, own._grids["0/induction"] as never]),
      ),
      _measures: Object.assign({}, ...series.map((_, i) => measures(SHAPE, i))),
      _phases: series.flatMap(() => own._phases),
      _prompts: series.map(() => promptInfo(TOKENS, true, " Mary")),
    });
    fake.kernel = fakeKernel(SHAPE, 3);
    return fake;
  }

  async function show(series: SeriesInfo[], view: ExplorerModel["_view"] = {}): Promise<void> {
    model(series, view);
    el = widgetOf(fake)();
    await settle();
  }

  freshPage();

  /** Names of the ticks under every chart of training, and under the slider. */
  const ticks = () =>
    [...el.querySelectorAll("[data-mark='x-axis tick label'], .ie-tick-label, .ie-ticks")].flatMap((part) =>
      part.classList.contains("ie-ticks")
        ? []
        : part.childElementCount > 0
          ? [...part.children].map((tick) => tick.textContent ?? "")
          : [part.textContent ?? ""],
    );

  it.each(["loss", "all_series", "passage", "answer", "ablation"])(
    "stands in one unit everywhere, and says which: %s",
    async (tab) => {
      await show([known, known], { tab });
      expect(ticks().some((tick) => tick.endsWith("M"))).toBe(true);
      for (const note of el.querySelectorAll(".ie-axis-note")) {
        expect(note.textContent).toMatch(/^tokens seen, log scale/);
      }
      clearPage();
      await show([known, unknown], { tab });
      expect(ticks().length).toBeGreaterThan(10);
      expect(ticks().filter((tick) => /M( |$)/.test(tick))).toEqual([]);
      expect([...el.querySelectorAll(".ie-tick-label")].at(-1)?.textContent).toBe("3k steps");
      expect(el.querySelectorAll(".ie-axis-note").length).toBeGreaterThan(1);
      for (const note of el.querySelectorAll(".ie-axis-note")) {
        expect(note.textContent).toMatch(/^training steps, for c has no token counts, log scale/);
      }
    },
  );

  it("is called so wherever it is written", async () => {
    const parts: SeriesInfo = { ...unknown, step_unit: "parts" };
    const fake = new FakeModel({ ...traits(SHAPE, TOKENS), _series: [parts] });
    const el = widgetOf(fake)();
    await settle();
    const text = (selector: string) => [...el.querySelectorAll(selector)].map((each) => each.textContent);
    expect(text(".ie-axis-note")[0]).toMatch(/^parts, for c has no token counts, /);
    expect(text(".ie-tick-unit")).toEqual([" parts"]);
    expect(text(".ie-phase-window")[0]).toMatch(/ parts$/);
    expect(text(".ie")[0]).not.toMatch(/\d steps/);
    expect(noteOf(new Store(fake.model, pageSignal()), {}, ["checkpoint", "step", "loss"])).toContain(
      "Steps are parts.",
    );
    expect(noteOf(new Store(fake.model, pageSignal()), {}, ["token", "loss"])).not.toContain(
      "Steps are parts.",
    );
  });

  it("marks tokens that nobody counted, in the slider and under the axis", async () => {
    const last = known.labels.at(-1);
    await show([{ ...known, tokens_estimated: known.steps.map((_, i) => i === 25) }]);
    expect(one(".ie-axis-note").textContent).toContain(`(≈ estimated from the steps at ${last}), log scale`);
    expect(one(".ie-range").getAttribute("aria-valuetext")).toBe(`${last} · ≈ 12.3M tokens`);
    expect(one(".ie-now-tokens").textContent).toBe(" · ≈ 12.3M tokens");
    expect([...el.querySelectorAll(".ie-tick-label")].at(-1)?.textContent).toBe("≈ 12.3M tokens");
    fake.receive({ checkpoint: 24 });
    await settle();
    expect(one(".ie-range").getAttribute("aria-valuetext")).toMatch(/ · [\d.]+M tokens$/);
  });

  it("marks the value of a series where its curve is", async () => {
    await show([known, unknown], { tab: "loss" });
    fake.receive({ checkpoint: 25 });
    await settle();
    const places = [...el.querySelectorAll<HTMLElement>(".ie-measure-mark")].map(
      ({ style }) => /translate\(([\d.]+)px/.exec(style.transform)?.[1],
    );
    expect(places[0]).toBe(places[1]);
    expect(Number(places[0])).toBeCloseTo(600 - 60);
  });

  it("keeps the ends of a window in the chart, wherever they are", async () => {
    await show([known], { window: [1, 1e15] });
    const places = [...el.querySelectorAll<HTMLElement>(".ie-measures .ie-window-end")].map(({ style }) =>
      Number.parseFloat(style.left),
    );
    expect(places).toHaveLength(2);
    expect(places[0]).toBeGreaterThanOrEqual(44);
    expect(places[1]).toBe(600 - 60);
  });

  it("writes the unit of a window that is drawn, and draws no window of the other unit", async () => {
    await show([known, unknown]);
    fake.receive({
      _phases: [known, unknown].map(() => ({
        ...{ window: null, formation: null, tested: false, order: [], turn: null, text: "none" },
      })),
    });
    await settle();
    one(".ie-phase button").click();
    await settle();
    const { window, window_unit } = fake.get("_view");
    expect(window_unit).toBe("steps");
    expect(window?.[1]).toBeLessThan(3000);
    fake.receive({ _view: { window: [1e6, 5e6], window_unit: "tokens" } });
    await settle();
    expect(el.querySelector(".ie-window-end")).toBeNull();
    expect(one(".ie-phase").textContent).toContain(
      "The window of this view, 1.0M–5.0M tokens, is not drawn: training is in steps here.",
    );
  });

  it("saves the losses of copyable and of other tokens beside each other", async () => {
    const store = new Store(model([known]).model, pageSignal());
    await settle();
    const table = measureTable(store, ["copyable_loss", "other_loss"]);
    expect(table.columns.slice(-2)).toEqual(["copyable_loss", "other_loss"]);
    const at = (name: string) => store.measureOf(0, name)?.values ?? [];
    [...table.rows].forEach((row, index) => {
      expect(row.slice(-2)).toEqual([exact(at("copyable_loss")[index]), exact(at("other_loss")[index])]);
    });
  });

  it("saves steps as steps and tokens as tokens", async () => {
    const store = new Store(model([known, unknown]).model, pageSignal());
    await settle();
    for (const table of [
      scoreTable(store, ["induction"]),
      allSeriesTable(store),
      measureTable(store, ["loss"]),
      passageTable(store),
      answerTable(store, store.results.of("predictions", {})),
    ]) {
      const [checkpoint, step, tokens] = ["checkpoint", "step", "tokens"].map((name) =>
        table.columns.indexOf(name),
      ) as [number, number, number];
      const named = table.columns.indexOf("series");
      expect(table.rows.length).toBeGreaterThan(25);
      for (const row of table.rows) {
        const info = row[named] === "c" ? unknown : known;
        const at = row[checkpoint] as number;
        expect([row[step], row[tokens]]).toEqual([info.steps[at], info.tokens[at]]);
      }
    }
  });
});

describe("the axis of training", () => {
  freshPage();
  const doublings = Array.from({ length: 10 }, (_, power) => 2 ** power);
  const every = (step: number, count: number, from = 0) =>
    Array.from({ length: count }, (_, i) => from + step * i);
  const bundled = [one, two, three].map(({ checkpoints }) => checkpoints.map(({ step }) => step));
  const of = (steps: number[]): SeriesInfo => ({
    ...seriesInfo("run", { ...SHAPE, checkpoints: steps.length }),
    steps,
    tokens: steps.map((step) => 4096 * step),
  });
  const SCHEDULES: [string, number[][], "log" | "linear"][] = [
    ["the bundled series", bundled, "linear"],
    ["a Trainer's folder", [every(500, 40, 500)], "linear"],
    ["one that begins at 0", [every(500, 40)], "linear"],
    ["Pythia", [[0, ...doublings, ...every(1000, 143, 1000)]], "log"],
    [
      "Pythia, every doubling",
      [[0, ...doublings, ...doublings.slice(0, 8).map((times) => 1000 * times)]],
      "log",
    ],
    ["doublings without 0", [doublings], "log"],
    ["an even one beside Pythia", [every(1000, 10), [0, ...doublings, ...every(1000, 143, 1000)]], "log"],
  ];

  it.each(SCHEDULES)("is the one on which checkpoints crowd less: %s", (_, schedules, scale) => {
    for (const unit of ["steps", "tokens"] as const)
      expect(roomierScale(schedules.map(of), unit)).toBe(scale);
  });

  it("is drawn so, as long as nobody chose another", async () => {
    const even = of(every(500, SHAPE.checkpoints));
    const note = (el: Element) => el.querySelector(".ie-axis-note")?.textContent;
    const shown = async (_view: ExplorerModel["_view"]) => {
      const fake = new FakeModel({ ...traits(SHAPE, TOKENS), _series: [even], _view });
      const el = widgetOf(fake)();
      await settle();
      return el;
    };
    expect(note(await shown({}))).toMatch(/linear scale/);
    clearPage();
    expect(note(await shown({ x_scale: "log" }))).toMatch(/log scale/);
  });

  it("of one checkpoint is some axis", () => {
    expect(["log", "linear"]).toContain(roomierScale([of([0])], "steps"));
    expect(["log", "linear"]).toContain(roomierScale([of([0, 7])], "steps"));
  });
});
