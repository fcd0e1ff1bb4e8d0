// @vitest-environment happy-dom
import { describe, expect, it } from "vitest";
import { measures, seriesInfo, traits } from "../../js/dev/data";
import type { ExplorerModel } from "../../js/src/kernel/model";
import { cornersOf, scaleOf } from "./drawn";
import { rowsOf, saved } from "./saved";
import { freshPage, one, SHAPE, settle, show as showAny } from "./shown";

/** The components of a checkpoint, as the kernel fitted them. */
function component(name: "loss_pca" | "loss_pca_standardised", checkpoint: number): [number, number] {
  const sent = measures(SHAPE)[`0/${name}`];
  const values = new Float32Array(sent?.data?.buffer as ArrayBuffer);
  return [values[2 * checkpoint] ?? Number.NaN, values[2 * checkpoint + 1] ?? Number.NaN];
}

const show = (change: Partial<ExplorerModel> = {}) => showAny({ _view: { tab: "loss_pca" }, ...change });
const chart = (el: HTMLElement) => one(el, "[role=tabpanel] .ie-chart");
const said = (el: HTMLElement) => one(el, "[role=tabpanel]").textContent ?? "";
/** Where a checkpoint is to be, by the numbers beside the axes. */
function placeIn(el: HTMLElement, checkpoint: number): { x: number; y: number } {
  const [x, y] = component("loss_pca", checkpoint);
  return { x: scaleOf(chart(el), "x").place(x), y: scaleOf(chart(el), "y").place(y) };
}
async function point(el: HTMLElement, kind: string, at: { x: number; y: number }): Promise<void> {
  chart(el).dispatchEvent(new MouseEvent(kind, { bubbles: true, clientX: at.x, clientY: at.y }));
  await settle();
}

/** Both series of a page, the second moved away from the first. */
function two(): Partial<ExplorerModel> {
  const own = traits(SHAPE);
  return {
    _series: [seriesInfo("first", SHAPE), seriesInfo("second", SHAPE)],
    _scores: [...own._scores, ...own._scores],
    _prompts: [...own._prompts, ...own._prompts],
    _measures: { ...measures(SHAPE, 0), ...measures(SHAPE, 1) },
  };
}

freshPage();

describe("the path of losses", () => {
  it("goes through every checkpoint, the first component to the right", async () => {
    const { el } = await show();
    const path = cornersOf(one(chart(el), "g[data-mark=line] path"));
    expect(path).toHaveLength(SHAPE.checkpoints);
    path.forEach((corner, checkpoint) => {
      const wanted = placeIn(el, checkpoint);
      expect(corner.x).toBeCloseTo(wanted.x, 0);
      expect(corner.y).toBeCloseTo(wanted.y, 0);
    });
    const axes = [...chart(el).querySelectorAll("[data-mark$='-axis label']")].map(
      (label) => label.textContent,
    );
    expect(axes).toEqual(["component 1, 70 % of variance", "component 2, 10 % of variance"]);
  });

  it("has the checkpoints of the phase change in colour, and no others", async () => {
    const { el } = await show();
    const [from, to] = [2.1e6, 5.6e6];
    const dots = [...chart(el).querySelectorAll("g[data-mark=dot] circle")];
    const coloured = dots.map((dot) => dot.getAttribute("fill") === "var(--ie-phase)");
    const { tokens } = seriesInfo("", SHAPE);
    expect(coloured).toEqual(tokens.map((at) => at !== null && at >= from && at <= to));
    expect(coloured.filter(Boolean).length).toBeGreaterThan(2);
    expect(coloured.filter((inside) => !inside).length).toBeGreaterThan(2);
  });

  it("says where it turns most", async () => {
    const { el } = await show();
    expect(said(el)).toContain("sharpest turn 62° at 3.5M tokens (95 %: 2.9M–4.1M)");
  });

  it("has a ring around the checkpoint that is shown", async () => {
    const { el, fake } = await show({ checkpoint: 2 });
    for (const checkpoint of [2, 19]) {
      fake.receive({ checkpoint });
      await settle();
      const { transform } = one(chart(el), ".ie-ring").style;
      const [x, y] = (transform.match(/-?[\d.]+(?=px)/g) ?? []).map(Number);
      const wanted = placeIn(el, checkpoint);
      expect(x).toBeCloseTo(wanted.x, 0);
      expect(y).toBeCloseTo(wanted.y, 0);
    }
  });

  it("says the checkpoint that is pointed at, and moves there by a click", async () => {
    const { el, fake } = await show({ checkpoint: 25 });
    const { x, y } = placeIn(el, 4);
    await point(el, "pointermove", { x: x + 5, y: y + 5 });
    expect(one(chart(el), ".ie-tip").textContent).toBe("step 37 · 152k tokens");
    expect(fake.get("checkpoint")).toBe(25);
    await point(el, "click", { x: x + 5, y: y + 5 });
    expect(fake.get("checkpoint")).toBe(4);
    await point(el, "pointermove", { x: x + 200, y: y + 200 });
    expect(chart(el).querySelector(".ie-tip")).toBeNull();
    await point(el, "click", { x: x + 200, y: y + 200 });
    expect(fake.get("checkpoint")).toBe(4);
  });

  it("is drawn of every series by a joint fit, and of this one alone by fits of their own", async () => {
    const { el } = await show(two());
    const names = () =>
      [...chart(el).querySelectorAll("text")]
        .map((text) => text.textContent)
        .filter((n) => /first|second/.test(n ?? ""));
    expect(chart(el).querySelectorAll("g[data-mark=line]")).toHaveLength(2);
    expect(names().sort()).toEqual(["first", "second"]);
    const select = one(el, "[role=tabpanel] select") as HTMLSelectElement;
    select.value = "standardised";
    select.dispatchEvent(new Event("change", { bubbles: true }));
    await settle();
    expect(chart(el).querySelectorAll("g[data-mark=line]")).toHaveLength(1);
    expect(names()).toEqual(["first"]);
    expect(said(el)).toContain("only this series is shown, as axes of different fits cannot be compared");
  });

  it("keeps the names of series whose paths end together apart", async () => {
    const { el } = await show(two());
    const named = [...chart(el).querySelectorAll("text")].filter((t) =>
      /first|second/.test(t.textContent ?? ""),
    );
    const [above, below] = named.map((text) => Number(text.getAttribute("y")));
    expect(Math.abs((above ?? 0) - (below ?? 0))).toBeGreaterThanOrEqual(13);
  });

  it("is saved with both components of every checkpoint, of the fit that is shown", async () => {
    const { el } = await show();
    const [names, ...rows] = rowsOf(await saved(el, "Loss PCA", "CSV"));
    expect(names?.slice(-2)).toEqual(["component_1", "component_2"]);
    expect(rows).toHaveLength(SHAPE.checkpoints);
    rows.forEach((row, checkpoint) => {
      const written = row.slice(-2).map((cell) => Math.fround(Number(cell)));
      expect(written).toEqual(component("loss_pca", checkpoint));
    });
  });

  it("says why it is not there", async () => {
    const { el } = await show({ _measures: {}, _components_of: "Three checkpoints are needed." });
    expect(said(el)).toContain("Three checkpoints are needed.");
  });
});
