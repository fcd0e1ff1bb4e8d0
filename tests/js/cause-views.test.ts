// @vitest-environment happy-dom
import { describe, expect, it, vi } from "vitest";
import { promptInfo, seriesInfo, traits } from "../../js/dev/data";
import { fakeKernel } from "../../js/dev/fake-kernel";
import { FakeModel } from "../../js/dev/fake-model";
import { ARRAYS } from "../../js/src/contract.gen";
import type { ErrorInfo, ExplorerModel, Request } from "../../js/src/kernel/model";
import { freshPage, one, SHAPE, settle, TOKENS, widgetOf } from "./shown";

let fake: FakeModel;

async function show(tab: string, change: Partial<ExplorerModel> = {}, refuses?: ErrorInfo) {
  fake = new FakeModel({ ...traits(SHAPE, TOKENS), heads: [[1, 1]], _view: { tab }, ...change });
  fake.kernel = fakeKernel(SHAPE, 3, refuses);
  const el = widgetOf(fake)();
  await settle();
  return one(el, "[role=tabpanel]");
}

const all = (el: Element, selector: string) => [...el.querySelectorAll<HTMLElement>(selector)];
const asked = <K extends Request["kind"]>(kind: K) =>
  fake.sent.filter((request): request is Extract<Request, { kind: K }> => request.kind === kind);
const choose = (select: HTMLElement, value: string) => {
  (select as HTMLSelectElement).value = value;
  select.dispatchEvent(new Event("change", { bubbles: true }));
};

/** One number of each array, not known yet. */
const NOTHING_KNOWN = Object.fromEntries(Object.keys(ARRAYS.ablation).map((name) => [name, [Number.NaN]]));
const shapeOf = (name: string) => (name.startsWith("control_") ? [1, 1] : [1]);

freshPage();

describe("random heads", () => {
  it("are spoken of where there are any to draw", async () => {
    const some = await show("ablation", { heads: [[1, 1]] });
    expect(some.textContent).toContain("mean and range of 20 draws");
    expect(some.textContent).toContain("grey: the range of random heads");
    const all = Array.from({ length: 8 }, (_, i): [number, number] => [i >> 2, i & 3]);
    const none = await show("ablation", { heads: all });
    expect(none.textContent).toContain("too few other heads to compare with");
    expect(none.textContent).not.toMatch(/0 draws|range of random heads/);
  });
});

describe("causes", () => {
  it("are asked for only while a tab shows them, the nearest checkpoint first", async () => {
    await show("loss", { checkpoint: 10 });
    expect([...asked("ablation"), ...asked("ablation_grid"), ...asked("wiring")]).toEqual([]);
    fake.receive({ _view: { tab: "wiring" } });
    await settle();
    expect(asked("wiring")).toHaveLength(1);
    expect(asked("wiring")[0]).toMatchObject({ head: [1, 1], series: 0 });
    expect(asked("wiring")[0]?.checkpoints.slice(0, 3).sort()).toEqual([10, 11, 9]);
    expect(asked("wiring")[0]?.checkpoints).toHaveLength(26);
    fake.receive({ _view: { tab: "ablation" } });
    await settle();
    expect(asked("ablation")[0]).toMatchObject({
      heads: [[1, 1]],
      how: "zero",
      frozen: false,
      generation: 1,
    });
    expect(asked("ablation_grid")).toHaveLength(1);
  });

  it("of a heavy series are asked for where the slider rests; each head's nowhere else", async () => {
    const _series = [{ ...seriesInfo("big", SHAPE), light: false }];
    const panel = await show("ablation", { checkpoint: 10, _series });
    expect(asked("ablation")[0]?.checkpoints).toEqual([10]);
    expect(asked("ablation_grid").map(({ checkpoints }) => checkpoints)).toEqual([[10]]);
    const slider = one(document.body, "input[type=range]") as HTMLInputElement;
    slider.value = "12";
    slider.dispatchEvent(new Event("input", { bubbles: true }));
    await vi.advanceTimersByTimeAsync(50);
    expect(panel.textContent).toContain("Let go of the slider");
    await settle();
    expect(asked("ablation_grid").at(-1)?.checkpoints).toEqual([12]);
    expect(panel.textContent).toContain("random draws");
  });
});

describe("the ablation tab", () => {
  const effects = (panel: Element) => all(one(panel, "[aria-label='Ablation effects']"), "[role=gridcell]");

  it("names every head's effect and selects by click", async () => {
    const panel = await show("ablation");
    const named = effects(panel).map((cell) => cell.getAttribute("aria-label"));
    expect(named).toHaveLength(8);
    expect(named[6]).toMatch(/^L1H2 loss change -?0\.\d{3}$/);
    choose(one(panel, "[aria-label='Change of']"), "in_context_learning");
    await settle();
    expect(effects(panel)[6]?.getAttribute("aria-label")).toMatch(/^L1H2 in-context learning change /);
    effects(panel)[3]?.dispatchEvent(new MouseEvent("click", { bubbles: true, shiftKey: true }));
    await settle();
    expect(fake.get("heads")).toEqual([
      [1, 1],
      [0, 3],
    ]);
    expect(asked("ablation").at(-1)?.heads).toEqual([
      [0, 3],
      [1, 1],
    ]);
  });

  it("compares with random heads in words, and says when there are few of them", async () => {
    const panel = await show("ablation", { answer: " B", _prompts: [promptInfo(TOKENS, true, " B")] });
    expect(panel.textContent).toMatch(/Loss rises by 0\.\d{3}: larger than all 20 random draws\./);
    expect(panel.textContent).toContain("only 3 such sets of other heads: the 20 draws repeat them");
    expect(panel.textContent).toMatch(/The answer ' B': probability 0\.\d\d → 0\.\d\d, rank \d+ → \d+/);
    expect(panel.textContent).toContain("Effects do not add up");
    const through = one(panel, "[aria-label='Ablation through training']");
    expect(through.textContent).toContain("Change of loss through training");
    expect(panel.textContent).not.toContain("computing …");
  });

  it("estimates every head, says that it does, and measures the largest beside that", async () => {
    const panel = await show("ablation");
    const figure = one(panel, "[aria-label='Estimated ablations']");
    const cells = all(one(figure, "[aria-label='Attribution patching estimates']"), "[role=gridcell]");
    expect(cells.map((cell) => cell.getAttribute("aria-label"))[6]).toMatch(
      /^L1H2 estimated induction loss change -?\d\.\d{3}$/,
    );
    expect(figure.textContent).toContain("no head is ablated");
    expect(asked("patching_estimate")[0]).toMatchObject({ how: "zero", metric: "second_copy_loss" });
    expect(asked("patching_exact")).toEqual([]);
    choose(one(figure, "[aria-label='Ablate exactly']"), "five");
    await settle();
    expect(asked("patching_exact").at(-1)).toMatchObject({ top: 5, metric: "second_copy_loss" });
    expect(figure.textContent).toMatch(/The 5 heads that were ablated: estimated and measured changes/);
    choose(one(figure, "[aria-label='Ablate exactly']"), "all");
    choose(one(figure, "[aria-label='Estimated change of']"), "answer_logit");
    choose(one(panel, "[aria-label='Replace by']"), "mean");
    await settle();
    expect(asked("patching_exact").at(-1)).toMatchObject({ top: null, metric: "answer_logit", how: "mean" });
    expect(figure.textContent).toContain("The 8 heads that were ablated");
  });

  it("shows what is there already, and its sentence once random heads are there too", async () => {
    fake = new FakeModel({ ...traits(SHAPE, TOKENS), heads: [[1, 1]], _view: { tab: "ablation" } });
    const known = { induction_loss: [2.5], induction_loss_change: [1.25], induction_loss_error: [0.1] };
    const draws = [[Number.NaN], [0.5]];
    let panel = document.body as Element;
    for (const control_induction_loss of draws) {
      const works = fakeKernel(SHAPE, 3);
      fake.kernel = (request, model) => {
        if (request.kind !== "ablation") return works(request, model);
        const arrays = Object.entries({ ...NOTHING_KNOWN, ...known, control_induction_loss });
        const values = Float32Array.from(arrays.flatMap(([, numbers]) => numbers));
        const named = arrays.map(([name]) => ({ name, dtype: "float32" as const, shape: shapeOf(name) }));
        const body = {
          checkpoints: request.checkpoints.slice(0, 1),
          generation: request.generation,
          share: 0.5,
        };
        const data = [new DataView(values.buffer)];
        model.reply({ id: request.id, chunk: 0, chunks: 1, done: false, body, arrays: named }, data);
      };
      panel = one(widgetOf(fake)(), "[role=tabpanel]");
      await settle();
      const rows = all(panel, "[aria-label='Ablation of the selected heads'] tbody tr");
      const texts = rows.map(({ textContent }) => textContent);
      expect(texts[0]).toBe("Loss………");
      expect(texts[2]).toContain("Loss on repeated tokens2.500+1.250 ± 0.100");
      const said = "Loss on repeated tokens rises by 1.250: larger than all 1 random draws.";
      expect(panel.textContent?.includes(said)).toBe(control_induction_loss === draws[1]);
      expect(panel.textContent).not.toMatch(/Loss (rises|falls|does)|not measured/);
    }
  });

  it("asks again when the ablation changes, and writes the choice down", async () => {
    const panel = await show("ablation");
    choose(one(panel, "[aria-label='Replace by']"), "resample");
    one(panel, "input[type=checkbox]").click();
    await settle();
    expect(asked("ablation").at(-1)).toMatchObject({ how: "resample", frozen: true });
    expect(asked("ablation_grid").at(-1)).toMatchObject({ how: "resample" });
    expect(fake.get("_view")).toMatchObject({ tabs: { ablation: { how: "resample", frozen: true } } });
    expect(panel.textContent).toContain("Here later heads always attend anew.");
  });

  it("without a selected head says so, and follows one selected later", async () => {
    const panel = await show("ablation", { heads: [] });
    expect(panel.textContent).toContain("No head is selected.");
    expect(panel.querySelector("[aria-label='Ablation through training']")).toBeNull();
    effects(panel)[4]?.click();
    await settle();
    expect(panel.textContent).toContain("random draws");
    expect(panel.querySelector("figure svg")).not.toBeNull();
  });

  it("says why it has nothing to show", async () => {
    const error = { message: "It is too large.", hint: "Take a smaller one." };
    const refused = await show("ablation", {}, error);
    expect(all(refused, "[role=alert]").map(({ textContent }) => textContent)).toEqual([
      "It is too large. Take a smaller one. Try again",
    ]);
    const faulty = await show("ablation", {
      checkpoint: 9,
      _series: [{ ...seriesInfo("a", SHAPE), faults: { 9: "truncated" } }],
    });
    expect(faulty.textContent).toContain("This checkpoint could not be used.");
    expect(asked("ablation")[0]?.checkpoints).not.toContain(9);
    const silent = await show("ablation", { _prompts: [{ ...promptInfo([]), error }] });
    expect(silent.textContent).toContain("This needs a prompt that runs.");
    expect(effects(silent)[0]?.getAttribute("aria-label")).toMatch(/loss change -?0\.\d/);
  });
});

describe("the wiring tab", () => {
  const picture = (panel: Element) => one(panel, "svg[role=img]");

  it("draws the heads of earlier layers, and lists them by effect", async () => {
    const panel = await show("wiring");
    expect(picture(panel).getAttribute("aria-label")).toMatch(/^L1H1, induction 0\.\d{3}: ablating /);
    expect(all(panel, ".ie-wiring-nodes > g").map((node) => node.dataset.head)).toEqual([
      "0,0",
      "0,1",
      "0,2",
      "0,3",
    ]);
    const rows = all(panel, "[aria-label='Heads that feed it'] tbody tr");
    const effects = rows.map((row) => Number(one(row, "strong").textContent?.replace("−", "-")));
    expect(effects.map(Math.abs)).toEqual(effects.map(Math.abs).sort((a, b) => b - a));
  });

  it("changes attributes while the slider moves, never elements", async () => {
    const panel = await show("wiring");
    const [before, nodes, edges] = [
      picture(panel).getAttribute("aria-label"),
      all(panel, ".ie-wiring-nodes circle"),
      all(panel, ".ie-wiring-edges path"),
    ];
    fake.receive({ checkpoint: 2 });
    await settle();
    expect(picture(panel).getAttribute("aria-label")).not.toBe(before);
    expect(all(panel, ".ie-wiring-nodes circle")).toEqual(nodes);
    expect(all(panel, ".ie-wiring-edges path").every((path, i) => path === edges[i])).toBe(true);
  });

  it("keeps the head that is drawn when a feeder is selected in addition", async () => {
    const panel = await show("wiring");
    one(panel, "tbody button").click();
    await settle();
    expect(fake.get("heads")).toHaveLength(2);
    expect(fake.get("heads").at(-1)).toEqual([1, 1]);
    expect(picture(panel).getAttribute("aria-label")).toContain("L1H1");
    const feeder = one(panel, "[data-head='0,2']");
    feeder.dispatchEvent(new PointerEvent("pointerover", { bubbles: true }));
    await settle();
    expect(one(panel, ".ie-tip").textContent).toContain("L0H2 effect");
    expect(all(document.body, ".ie-cell-hovered").map(({ dataset }) => dataset.head)).toEqual(["0,2"]);
    feeder.dispatchEvent(new MouseEvent("click", { bubbles: true }));
    await settle();
    expect(fake.get("heads")).toContainEqual([0, 2]);
    expect(fake.get("heads").at(-1)).toEqual([1, 1]);
  });

  it("of the first layer, of no head and of a refused one say so", async () => {
    expect((await show("wiring", { heads: [[0, 1]] })).textContent).toContain("no earlier head can feed it");
    expect(asked("wiring")).toEqual([]);
    expect((await show("wiring", { heads: [] })).textContent).toContain("No head is selected");
    const refused = await show("wiring", {}, { message: "Too large.", hint: "" });
    expect(one(refused, "[role=alert]").textContent).toBe("Too large.  Try again");
    expect(refused.querySelector("svg")).toBeNull();
  });
});
