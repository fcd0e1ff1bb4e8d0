// @vitest-environment happy-dom
import { describe, expect, it } from "vitest";
import { envelope, SCORES, traits } from "../../js/dev/data";
import { fakeKernel } from "../../js/dev/fake-kernel";
import { FakeModel } from "../../js/dev/fake-model";
import { placeOfMark } from "../../js/src/chart/grid-drawing";
import { HEAD_CLASSES } from "../../js/src/contract.gen";
import type { ExplorerModel, MeasureInfo } from "../../js/src/kernel/model";
import { marksOf } from "../../js/src/panels/class-marks";
import { classText, named } from "../../js/src/state/classes";
import { Store } from "../../js/src/state/store";
import { countTable } from "../../js/src/tabs/measure/counts";
import { freshPage, one, pageSignal, settle, show, TOKENS } from "./shown";

freshPage();

const SHAPE = { layers: 1, heads: 3, checkpoints: 2 };
/** [checkpoint, head] of each class: nothing at first; then an induction head, a sink that copies, and no name. */
const VALUES = [
  [1, 1, 1, 90, 12, 2],
  [1, 1, 1, 2, 3, 1],
  [1, 1, 1, 3, 4, 3],
  [1, 1, 1, 9, 40, 4],
  [1, 1, 1, 1, 1, 5],
  [1, 1, 1, 1, 1, 6],
];

function withClasses(change: Partial<ExplorerModel> = {}): ExplorerModel {
  const base = traits(SHAPE, TOKENS);
  const infos = HEAD_CLASSES.map(({ score, title }) => ({
    ...(SCORES[0] as (typeof SCORES)[number]),
    name: score,
    title,
  }));
  const grids = HEAD_CLASSES.map(({ score }, index) => [
    `0/${score}`,
    envelope(Float32Array.from(VALUES[index] ?? []), [2, 1, 3]),
  ]);
  return {
    ...base,
    _scores: [[...(base._scores[0] ?? []), ...infos]],
    _grids: { ...base._grids, ...Object.fromEntries(grids) },
    checkpoint: 1,
    heads: [[0, 0]],
    ...change,
  };
}

function storeOf(change: Partial<ExplorerModel> = {}): Store {
  return new Store(new FakeModel(withClasses(change)).model, pageSignal());
}

describe("over training", () => {
  it("heads of each class are counted at every checkpoint, the unnamed last", () => {
    const { classes } = storeOf();
    expect(classes.countsIn(0)).toEqual([
      [0, 0, 0, 0, 0, 0, 3],
      [1, 0, 0, 1, 0, 0, 1],
    ]);
    expect(classes.counts.value).toEqual([1, 0, 0, 1, 0, 0, 1]);
  });

  it("the table has them, with gaps where nothing is known", () => {
    const { columns, rows } = countTable(storeOf());
    expect(columns.slice(-7)).toEqual([...HEAD_CLASSES.map(({ name }) => name), "unnamed"]);
    expect([...rows].map((row) => row.slice(-7))).toEqual([
      [0, 0, 0, 0, 0, 0, 3],
      [1, 0, 0, 1, 0, 0, 1],
    ]);
    const plain = new Store(new FakeModel(traits(SHAPE, TOKENS)).model, pageSignal());
    expect(plain.classes.countsIn(0)).toBe(null);
    expect([...countTable(plain).rows][0]?.slice(-7)).toEqual(Array(7).fill(null));
  });
});

describe("where they are not known", () => {
  const COMPUTING = { state: "computing", label: "", progress: "", done: 0, total: 1, error: null } as const;
  const said = async (change: Partial<ExplorerModel>) => {
    const [measure] = traits(SHAPE, TOKENS)._measure_infos;
    const sinks = { ...(measure as MeasureInfo), name: "sink_fraction" };
    const { el } = await show(
      { ...change, _view: { tab: "sink_fraction" }, _measure_infos: [sinks] },
      fakeKernel(SHAPE),
    );
    return one(el, "[aria-label='Heads of each class'] .ie-measures-empty").textContent;
  };

  it("it is said whether they are to come", async () => {
    const { _grids, ...none } = withClasses({ _status: COMPUTING });
    const unknown = Object.fromEntries(
      Object.entries(_grids).filter(([key]) => !key.includes("selectivity")),
    );
    expect(await said({ ...none, _grids: unknown })).toBe("computing …");
    expect(await said({ ...none, _grids: unknown, _status: { ...COMPUTING, state: "ready" } })).toContain(
      "not known",
    );
    expect(await said({ ...traits(SHAPE, TOKENS), _status: COMPUTING })).toContain("not known here");
  });
});

describe("in the grid", () => {
  it("named heads have a letter; one class alone is lit, and the view keeps which", () => {
    const store = storeOf();
    expect(marksOf(store)).toEqual({ letters: ["I", "F", ""], dimmed: [false, false, false] });
    store.arrange({ head_classes: "first" });
    expect(marksOf(store)).toEqual({ letters: ["", "F", ""], dimmed: [true, false, true] });
    store.arrange({ head_classes: "plain" });
    expect(marksOf(store)).toBe(null);
  });

  it("cells keep their names and are described by their class; the reader chooses what is marked", async () => {
    const { el, fake } = await show(withClasses(), fakeKernel(SHAPE));
    const cells = [...el.querySelectorAll("[role=gridcell]")];
    expect(cells[0]?.getAttribute("aria-label")).toMatch(/^L0H0 induction \d\.\d{3}$/);
    expect(cells.map((cell) => cell.getAttribute("aria-description"))).toEqual([
      "induction 90, then first token 9.0",
      "first token 40, then induction 12",
      "unnamed, no selectivity above 6.0",
    ]);
    const row = one(el, "[aria-label^='Heads by'] [role=option]");
    expect(row.getAttribute("aria-description")).toContain("; first token 40, then induction 12");
    const picker = one(el, "select[aria-label='Head classes']") as HTMLSelectElement;
    expect(picker.options[2]?.text).toBe("only induction (1)");
    picker.value = "induction";
    picker.dispatchEvent(new Event("change", { bubbles: true }));
    await settle();
    expect(el.querySelector(".ie-class-of")?.textContent).toBe("L0H0: induction 90, then first token 9.0");
    expect(fake.get("_view")).toMatchObject({ head_classes: "induction" });
  });

  it("nothing of it stands where a series has no selectivities", async () => {
    const { el } = await show(traits(SHAPE, TOKENS), fakeKernel(SHAPE));
    expect(el.querySelector(".ie-classes")).toBe(null);
    expect(el.querySelector("[role=gridcell]")?.hasAttribute("aria-description")).toBe(false);
  });
});

describe("named", () => {
  it.each([
    [[90, 0, 0, 40, 1, 1], "induction", "first"],
    [[1, 1, 1, 29.9, 1, 2], null, "local"],
    [[1, 1, 1, 30, 1, 2], "first", "local"],
    [[0, 1e8, 0, 0, 1e8, 5], "previous", "self"],
    [[0, 31, 0, 0, 32, 33], "local", "self"],
    [[0, 0, 0, 0, 0, 0], null, "previous"],
  ])("calls %j %s, then %s, as head_classes does", (values, first, second) => {
    const found = named(values);
    expect([found?.first?.name ?? null, found?.second.name]).toEqual([first, second]);
  });

  it("names no head of which a number is missing", () => {
    expect(named([90, 0, Number.NaN, 0, 0, 0])).toBe(null);
  });

  it("says the numbers, so that a weak second is not read as a strong one", () => {
    const said = (values: number[]) => classText(named(values) as NonNullable<ReturnType<typeof named>>);
    expect(said([66.9, 0, 0, 9.55, 1, 1])).toBe("induction 67, then first token 9.6");
    expect(said([1, 0, 0, 9.55, 1, 1])).toBe("unnamed, no selectivity above 9.6");
    expect(said([0, 1e8, 0, 0, 0, 0])).toBe("previous token 100M, then induction 0.0");
  });
});

describe("a letter in a cell", () => {
  it("stands in the middle where there is no number, over it where there is one, and nowhere in small cells", () => {
    expect(placeOfMark({ width: 20, height: 14 }, false)).toMatchObject({ x: 10, y: 7, down: 0 });
    expect(placeOfMark({ width: 36, height: 32 }, true)?.down).toBe(4);
    expect(placeOfMark({ width: 36, height: 25 }, true)).toBe(null);
    expect(placeOfMark({ width: 72, height: 25 }, true)).toMatchObject({ y: 12.5, down: 0 });
    expect(placeOfMark({ width: 110, height: 46 }, true)?.down).toBe(0);
    expect(placeOfMark({ width: 20, height: 13 }, false)).toBe(null);
  });
});
