// @vitest-environment happy-dom
import { describe, expect, it } from "vitest";
import { grid, SCORES, traits } from "../../js/dev/data";
import type { ExplorerModel } from "../../js/src/kernel/model";
import { cornersOf, placeOf, scaleOf } from "./drawn";
import { rowsOf, saved } from "./saved";
import { freshPage, one, SHAPE, settle, show as showAny } from "./shown";

const SIZE = SHAPE.layers * SHAPE.heads;
/** Of a head at a checkpoint: a number no other has. */
const across = (checkpoint: number, head: number) => (head + 1) / 10 + checkpoint / 1000;
const upwards = (checkpoint: number, head: number) => ((head * 5) % SIZE) / 10 - checkpoint / 500;

function scores(of: (checkpoint: number, head: number) => number) {
  const shape = [SHAPE.checkpoints, SHAPE.layers, SHAPE.heads];
  const values = Float32Array.from({ length: SHAPE.checkpoints * SIZE }, (_, i) =>
    of(Math.floor(i / SIZE), i % SIZE),
  );
  return { dtype: "float32" as const, shape, data: new DataView(values.buffer) };
}

const GRIDS = { "0/previous_token": scores(across), "0/induction": scores(upwards) };

async function show(change: Partial<ExplorerModel> = {}) {
  const shown = await showAny({ _view: { tab: "scatter" }, _grids: GRIDS, ...change });
  return { ...shown, chart: one(shown.el, "[role=tabpanel] .ie-chart") };
}

/** The dots as they are drawn, those of the selected heads after the others. */
async function dots(el: HTMLElement): Promise<{ x: number; y: number; r: number; fill: string }[]> {
  const { text } = await saved(el, "Scatter", "SVG");
  const circles = text.matchAll(/<circle cx="([^"]+)" cy="([^"]+)" r="([^"]+)" fill="([^"]+)"/g);
  return [...circles].map(([, x, y, r, fill]) => ({
    x: Number(x),
    y: Number(y),
    r: Number(r),
    fill: fill ?? "",
  }));
}

function point(chart: HTMLElement, kind: string, at: { x: number; y: number }, init: MouseEventInit = {}) {
  chart.dispatchEvent(new MouseEvent(kind, { bubbles: true, clientX: at.x, clientY: at.y, ...init }));
}

freshPage();

describe("with a second handle", () => {
  const THEN = 4;
  /** From the start of each arrow's line to its point. */
  async function arrows(el: HTMLElement) {
    const { text } = await saved(el, "Scatter", "SVG");
    const found = text.matchAll(
      /<path d="M([-\d.]+),([-\d.]+)L[^"]*" stroke="([^"]+)"[^>]*\/><polygon points="([-\d.]+),([-\d.]+) /g,
    );
    return [...found].map(([, x, y, stroke, toX, toY]) => ({
      from: { x: Number(x), y: Number(y) },
      to: { x: Number(toX), y: Number(toY) },
      stroke,
    }));
  }

  it("every head has an arrow from where it was to its dot", async () => {
    const { el, chart } = await show({ checkpoint: 25, compare: THEN });
    const [x, y] = [scaleOf(chart, "x"), scaleOf(chart, "y")];
    const [found, places] = [await arrows(el), await dots(el)];
    expect(found).toHaveLength(SIZE + 1);
    for (let head = 0; head < SIZE; head++) {
      const [arrow, dot] = [found[head], places[head]];
      expect(arrow?.from.x).toBeCloseTo(x.place(across(THEN, head)), 1);
      expect(arrow?.from.y).toBeCloseTo(y.place(upwards(THEN, head)), 1);
      const away = Math.hypot((arrow?.to.x ?? 0) - (dot?.x ?? 0), (arrow?.to.y ?? 0) - (dot?.y ?? 0));
      expect(away).toBeCloseTo(dot?.r ?? 0, 1);
    }
    expect(found.at(-1)?.stroke).toBe(places.at(-1)?.fill);
    expect(one(el, "[role=tabpanel]").textContent).toContain("Arrows go from step 37 to step 3,000.");
  });

  it("there is none from what is not known, and none without the handle", async () => {
    const gone = scores((checkpoint, head) =>
      checkpoint === THEN && head === 2 ? Number.NaN : across(checkpoint, head),
    );
    const { el, fake } = await show({
      checkpoint: 25,
      compare: THEN,
      heads: [],
      _grids: { ...GRIDS, "0/previous_token": gone },
    });
    expect(await arrows(el)).toHaveLength(SIZE - 1);
    fake.receive({ compare: null });
    await settle();
    expect(await arrows(el)).toEqual([]);
  });

  it("the head that is pointed at has both values", async () => {
    const { el, chart } = await show({ checkpoint: 25, compare: THEN });
    point(chart, "pointermove", (await dots(el))[3] as never);
    await settle();
    expect(one(el, "[role=tabpanel] .ie-tip").textContent).toContain(
      `Previous token ${across(THEN, 3).toFixed(3)} → ${across(25, 3).toFixed(3)}, Induction`,
    );
  });
});

describe("the scatter", () => {
  it.each([25, 4])("has every head's dot where its two scores say, at checkpoint %i", async (checkpoint) => {
    const { el, chart } = await show({ checkpoint });
    const [x, y] = [scaleOf(chart, "x"), scaleOf(chart, "y")];
    const found = await dots(el);
    expect(found).toHaveLength(SIZE + 1);
    for (let head = 0; head < SIZE; head++) {
      expect(found[head]?.x).toBeCloseTo(x.place(across(checkpoint, head)), 1);
      expect(found[head]?.y).toBeCloseTo(y.place(upwards(checkpoint, head)), 1);
    }
    const axes = [...chart.querySelectorAll("[data-mark$='-axis label']")].map((label) => label.textContent);
    expect(axes).toEqual(["Previous token", "Induction"]);
  });

  it("draws the selected heads once more, larger, in the colour of their names", async () => {
    const { el, chart } = await show({ heads: [[1, 2]] });
    const found = await dots(el);
    const [own, again] = [found[6], found.at(-1)];
    expect([again?.x, again?.y]).toEqual([own?.x, own?.y]);
    expect(again?.r).toBeGreaterThan(own?.r ?? 0);
    const name = one(chart, ".ie-name text");
    expect(name.textContent).toBe("L1H2");
    expect(name.getAttribute("fill")).toBe(again?.fill);
    expect(again?.fill).not.toBe(own?.fill);
    expect(Math.abs(Number(name.getAttribute("x")) - (again?.x ?? 0))).toBeCloseTo(10, 3);
    expect(Number(name.getAttribute("y"))).toBeCloseTo(again?.y ?? 0, 3);
  });

  it("says the head that is pointed at and both of its scores", async () => {
    const { el, chart } = await show({ checkpoint: 4 });
    const [, , head] = await dots(el);
    point(chart, "pointermove", { x: (head?.x ?? 0) + 3, y: (head?.y ?? 0) - 3 });
    await settle();
    expect(one(chart, ".ie-tip").textContent).toBe("L0H2 Previous token 0.304, Induction 0.192");
    point(chart, "pointermove", { x: 0, y: 0 }); // far from all of them
    await settle();
    expect(chart.querySelector(".ie-tip")).toBeNull();
  });

  it("means the nearest of several dots within reach", async () => {
    const crowded = (_: number, head: number) => (head === 0 ? 1 : 0.1 + head / 1000);
    const level = (_: number, head: number) => (head === 0 ? 1 : 0.1);
    const { el, chart } = await show({
      _grids: { "0/previous_token": scores(crowded), "0/induction": scores(level) },
    });
    const found = await dots(el);
    expect((found[7]?.x ?? 0) - (found[1]?.x ?? 0)).toBeLessThan(20);
    for (const head of [1, 3, 6]) {
      const { x, y } = found[head] ?? { x: 0, y: 0 };
      point(chart, "pointermove", { x, y: y + 1 });
      await settle();
      expect(one(chart, ".ie-tip strong").textContent).toBe(`L${Math.floor(head / 4)}H${head % 4}`);
    }
  });

  it("selects the head that is clicked, and adds one with Shift", async () => {
    const { el, chart, fake } = await show({ heads: [[1, 1]] });
    const found = await dots(el);
    point(chart, "click", found[2] ?? { x: 0, y: 0 });
    await settle();
    expect(fake.get("heads")).toEqual([[0, 2]]);
    point(chart, "click", found[7] ?? { x: 0, y: 0 }, { shiftKey: true });
    await settle();
    expect(fake.get("heads")).toEqual([
      [0, 2],
      [1, 3],
    ]);
    point(chart, "click", { x: 0, y: 0 });
    await settle();
    expect(fake.get("heads")).toHaveLength(2);
  });

  it("leaves each head's trail through all checkpoints, unless it is not to", async () => {
    const { el, chart } = await show({ heads: [[1, 2]] });
    const [x, y] = [scaleOf(chart, "x"), scaleOf(chart, "y")];
    const trail = [...chart.querySelectorAll("g[data-mark=line] path")].at(-1);
    const corners = trail === undefined ? [] : cornersOf(trail);
    expect(corners).toHaveLength(SHAPE.checkpoints);
    corners.forEach((corner, checkpoint) => {
      expect(corner.x).toBeCloseTo(x.place(across(checkpoint, 6)), 1);
      expect(corner.y).toBeCloseTo(y.place(upwards(checkpoint, 6)), 1);
    });
    one(el, "[role=tabpanel] input[type=checkbox]").click();
    await settle();
    expect(one(el, "[role=tabpanel] .ie-chart").querySelector("g[data-mark=line]")).toBeNull();
  });

  it("marks the chance of both scores", async () => {
    const { chart } = await show();
    const [x, y] = [scaleOf(chart, "x"), scaleOf(chart, "y")];
    const lines = [...chart.querySelectorAll("g[data-mark=rule] line")];
    const [upright, level] = [lines[0], lines[1]];
    expect(Number(upright?.getAttribute("x1"))).toBeCloseTo(x.place(0.0139), 1);
    expect(Number(level?.getAttribute("y1"))).toBeCloseTo(y.place(0.0139), 1);
  });

  it("compares with the score that is chosen, and saves the two that are shown", async () => {
    const { el, chart } = await show({ _grids: { ...GRIDS, "0/induction_logit": grid(SHAPE, true) } });
    const marks = [...chart.querySelectorAll("[data-mark='x-axis tick label'] text")].map(placeOf);
    const select = one(el, "select[aria-label=Against]") as HTMLSelectElement;
    select.value = "induction_logit";
    select.dispatchEvent(new Event("change", { bubbles: true }));
    await settle();
    const now = one(el, "[role=tabpanel] .ie-chart");
    expect(one(now, "[data-mark='x-axis label']").textContent).toBe("Induction (logit)");
    expect([...now.querySelectorAll("[data-mark='x-axis tick label'] text")].map(placeOf)).not.toEqual(marks);
    const [names] = rowsOf(await saved(el, "Scatter", "CSV"));
    expect(names?.slice(-2)).toEqual(["induction_logit", "induction"]);
  });

  it("says how many heads have no value, and draws the others", async () => {
    const without = (c: number, head: number) => (head < 3 ? Number.NaN : across(c, head));
    const { el, fake } = await show({ _grids: { ...GRIDS, "0/previous_token": scores(without) } });
    expect(await dots(el)).toHaveLength(SIZE - 3 + 1);
    const { textContent } = one(el, "[role=tabpanel]");
    expect(textContent).toContain("3 of 8 heads have no value of one of the two.");
    const computing = {
      state: "computing",
      label: "",
      progress: "",
      done: 0,
      total: 1,
      error: null,
    } as const;
    fake.receive({ _status: computing });
    await settle();
    expect(one(el, "[role=tabpanel]").textContent).toContain("no value of one of the two yet.");
  });

  it("says which score it shows where the series lacks the one that was chosen", async () => {
    const { _series } = traits(SHAPE);
    const lacking = SCORES.filter(({ name }) => name !== "previous_token");
    const { el } = await showAny({
      _view: { tab: "scatter" },
      _series: [..._series, ..._series],
      _scores: [lacking, SCORES],
      _prompts: [...traits(SHAPE)._prompts, ...traits(SHAPE)._prompts],
      _grids: { "0/induction": scores(upwards) },
    });
    expect(one(el, "[role=tabpanel]").textContent).toContain(
      "Previous token is not measured in this series, so Induction (logit) is shown.",
    );
  });
});
