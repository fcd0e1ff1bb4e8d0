// @vitest-environment happy-dom
import { describe, expect, it } from "vitest";
import { promptInfo, SCORES, seriesInfo, traits } from "../../js/dev/data";
import { fakeKernel } from "../../js/dev/fake-kernel";
import type { ExplorerModel } from "../../js/src/kernel/model";
import { freshPage, one, settle, show, TOKENS } from "./shown";

freshPage();

const ONE = { layers: 3, heads: 4, checkpoints: 1 };
const alone = { ...seriesInfo("tiny-llama", ONE), tokens: [null] };

function model(change: Partial<ExplorerModel> = {}) {
  return show(
    { ...traits(ONE, TOKENS), checkpoint: 0, heads: [[1, 1]], _series: [alone], ...change },
    fakeKernel(ONE, 3),
  );
}

const tabs = (el: Element) => [...el.querySelectorAll("[role=tab]")].map((tab) => tab.textContent);
const words = (el: Element) => el.textContent ?? "";

describe("one checkpoint", () => {
  it("has nothing to move along training, and says how to bring a series", async () => {
    const { el } = await model();
    expect(el.querySelector("input[type=range]")).toBeNull();
    const buttons = [...el.querySelectorAll("button")].map(
      (button) => button.getAttribute("aria-label") ?? button.textContent,
    );
    for (const gone of ["Play", "Pause", "Compare"]) expect(buttons).not.toContain(gone);
    expect(el.querySelector(".ie-curves")).toBeNull();
    expect(words(el)).not.toMatch(/step 0|phase change/i);
    expect(words(one(el, ".ie-one"))).toBe(
      "This is one checkpoint. To watch training: InductionExplorer(CheckpointSeries.from_folder(...))",
    );
    expect(el.querySelector(".ie-ranked-spark")).toBeNull();
  });

  it("is of no step in a table either", async () => {
    const { el } = await model();
    one(el, "button[aria-label^='Table of Induction']").click();
    await settle();
    const caption = words(one(el, "caption"));
    expect(caption).toContain("A row for each head");
    expect(caption).not.toMatch(/step|tokens|In every row/);
  });

  it("says its step where that is known", async () => {
    const { el } = await model({
      _series: [{ ...alone, steps: [300], labels: ["step 300"], tokens: [4e6] }],
    });
    expect(words(one(el, ".ie-one"))).toMatch(/^step 300 · 4.0M tokens/);
  });

  it("has the tabs that say something of it", async () => {
    const { el } = await model();
    expect(tabs(el)).toEqual([
      "Loss",
      "In-context learning",
      "Loss by position",
      "Scatter",
      "Passage",
      "Answer",
      "Attribution",
      "Head on text",
      "Ablation",
      "Wiring",
    ]);
  });

  it("does not count the checkpoints that are computed", async () => {
    const { el } = await show(
      { ...traits(ONE, TOKENS), checkpoint: 0, _series: [alone], _view: { tab: "attribution" } },
      null,
    );
    const panel = words(one(el, "[role=tabpanel]"));
    expect(panel).toContain("computing …");
    expect(panel).not.toContain("of 1 checkpoint");
  });

  it("has its measures as numbers", async () => {
    const { el } = await model({ _view: { tab: "loss" } });
    expect(words(one(el, "[role=tabpanel] dd"))).toMatch(/^\d\.\d{3} nats$/);
    expect(el.querySelector("[role=tabpanel] .ie-chart")).toBeNull();
  });

  it("has the losses of copyable and of other tokens beside each other", async () => {
    const { el } = await model({ _view: { tab: "in_context_learning" } });
    const figure = one(el, "figure[aria-label='Loss of copyable and of other tokens']");
    expect([...figure.querySelectorAll("dt")].map(words)).toEqual(["copyable", "others"]);
    const [copyable, others] = [...figure.querySelectorAll("dd")].map((dd) => Number.parseFloat(words(dd)));
    expect(copyable).toBeLessThan(others ?? 0);
  });

  it.each(["answer", "passage", "scatter", "ablation", "wiring"])(
    "has no word of training in the tab %s",
    async (tab) => {
      const prompt = promptInfo(TOKENS, true, " C");
      const { el } = await model({ _view: { tab }, answer: " C", _prompts: [prompt] });
      const panel = one(el, "[role=tabpanel]");
      expect(words(panel)).not.toMatch(/training|earlier checkpoint|slider/i);
      expect(words(panel).length).toBeGreaterThan(40);
      if (tab === "answer") expect(words(panel)).toMatch(/ranks \d+, with probability/);
    },
  );

  it("keeps what is of training where another series goes on", async () => {
    const long = { ...ONE, checkpoints: 5 };
    const two = [alone, seriesInfo("a series", long)];
    const prompt = promptInfo(TOKENS);
    const { el, fake } = await model({ _series: two, _scores: [SCORES, SCORES], _prompts: [prompt, prompt] });
    expect(tabs(el)).toContain("Every series");
    expect(el.querySelector("input[type=range]")).toBeNull();
    expect(words(one(el, ".ie-others"))).toContain("a series: step");
    fake.receive({ series: 1 });
    await settle();
    expect(el.querySelector("input[type=range]")).not.toBeNull();
    expect(el.querySelector(".ie-curves")).not.toBeNull();
  });
});

describe("a name", () => {
  it("of 300 letters is cut in its middle, and whole to a screen reader and in the tooltip", async () => {
    const name = `begin${"x".repeat(300)}end`;
    const { el } = await model({ _series: [{ ...alone, name }] });
    const title = one(el, "[role=heading]");
    expect(words(title)).toMatch(/^beginx+…x+end$/);
    expect(words(title).length).toBeLessThanOrEqual(60);
    expect([title.getAttribute("aria-label"), title.title]).toEqual([name, name]);
  });
});

describe("sizes", () => {
  it.each([
    [1, 1],
    [80, 128],
  ])(
    "%i by %i heads are ranked, few of them at a time",
    async (layers, heads) => {
      const shape = { layers, heads, checkpoints: 1 };
      const { el } = await show(
        { ...traits(shape, TOKENS), checkpoint: 0, heads: [[0, 0]], _series: [seriesInfo("x", shape)] },
        fakeKernel(shape, 3),
      );
      const rows = [...el.querySelectorAll("[aria-label^='Heads by'] [role=option]")];
      expect(rows.length).toBeLessThan(16);
      expect(rows[0]?.getAttribute("aria-setsize")).toBe(String(layers * heads));
      expect(rows[0]?.getAttribute("aria-label")).toMatch(/^1 L\d+H\d+ induction 0\.\d{3}$/);
    },
    30_000,
  );

  it("a prompt of one token has patterns of one cell", async () => {
    const { el } = await model({ _prompts: [promptInfo(["<|bos|>"])] });
    expect((one(el, ".ie-ranked-pattern canvas") as HTMLCanvasElement).width).toBe(1);
    expect(el.querySelectorAll("[role=alert]")).toHaveLength(0);
  });
});

describe("a cell too small for its number", () => {
  const shape = { layers: 4, heads: 32, checkpoints: 1 };
  const many = () =>
    show(
      { ...traits(shape, TOKENS), checkpoint: 0, heads: [], _series: [seriesInfo("x", shape)] },
      fakeKernel(shape, 3),
    );
  const tip = (el: Element) => el.querySelector(".ie-grid-said")?.textContent ?? "";

  it("has it said while it is pointed at", async () => {
    const { el } = await many();
    const cell = one(el, "[data-head='2,30']");
    expect(tip(el)).toBe("");
    cell.dispatchEvent(new PointerEvent("pointerover", { bubbles: true }));
    await settle();
    const value = cell.getAttribute("aria-label")?.split(" ").at(-1);
    expect(tip(el)).toBe(`L2H30 ${value}`);
    one(el, "[role=grid]").dispatchEvent(new PointerEvent("pointerleave"));
    await settle();
    expect(tip(el)).toBe("");
  });

  it("has it said while it has the focus", async () => {
    const { el } = await many();
    const cell = one(el, "[data-head='1,3']");
    cell.focus();
    await settle();
    expect(tip(el)).toMatch(/^L1H3 0\.\d{3}$/);
    cell.blur();
    await settle();
    expect(tip(el)).toBe("");
  });

  it("is not said twice where it is in the cell", async () => {
    const { el } = await model();
    one(el, "[data-head='2,3']").dispatchEvent(new PointerEvent("pointerover", { bubbles: true }));
    await settle();
    expect(el.querySelector(".ie-cell-hovered")).not.toBeNull();
    expect(tip(el)).toBe("");
  });
});
