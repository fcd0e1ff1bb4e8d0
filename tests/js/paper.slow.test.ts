// @vitest-environment happy-dom
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { promptInfo, promptTokens, seriesInfo, traits } from "../../js/dev/data";
import { fakeKernel } from "../../js/dev/fake-kernel";
import type { FakeModel } from "../../js/dev/fake-model";
import { plotOverPositions } from "../../js/src/chart/plot";
import type { Request } from "../../js/src/kernel/model";
import { rowsOf, saved } from "./saved";
import { freshPage, one, SHAPE, settle, show, TOKENS } from "./shown";

/** Words for whoever can press, point or scrub. */
const INTERACTIVE =
  /\b(Save|Enlarge|clicks?|Point at|Drag|slider|choose for me|chosen above|as found|How this was tested|Which came first|Draw a window|Compare with)\b|scale ·/i;

freshPage();

/** Nothing is laid out here: whatever is there stands in one place. */
beforeEach(() => {
  const box = new DOMRect(0, 0, 50, 10);
  vi.spyOn(Element.prototype, "getBoundingClientRect").mockReturnValue(box);
  vi.spyOn(Range.prototype, "getClientRects").mockReturnValue([box] as unknown as DOMRectList);
});
afterEach(() => vi.restoreAllMocks());

async function wordsOf(el: HTMLElement, title: string): Promise<string[]> {
  const { text } = await saved(el, title, "SVG");
  const holder = document.createElement("div");
  holder.innerHTML = text;
  return [...holder.querySelectorAll("text")].map((line) => line.textContent ?? "");
}

const titles = (el: HTMLElement) =>
  [...el.querySelectorAll(".ie-save-button")].map((button) =>
    (button.getAttribute("aria-label") ?? "").replace(/^Save /, ""),
  );

describe("a saved figure", () => {
  const TABS = ["loss", "loss_by_position", "loss_pca", "scatter", "passage", "answer", "ablation", "wiring"];
  const ABOVE = ["Induction at this checkpoint", "Induction of every head"].concat([
    "Attention patterns",
    "Next-token predictions",
  ]);

  async function check(el: HTMLElement, title: string): Promise<void> {
    const words = await wordsOf(el, title);
    expect(words.filter((text) => INTERACTIVE.test(text))).toEqual([]);
    const all = words.join(" ");
    expect(all).toMatch(/attn-only-2l/);
    expect(all).toMatch(/step 3,000 · 12\.3M tokens/);
    expect(el.querySelector(".ie-paper")).toBeNull();
  }

  it.each(ABOVE)(
    "says its model and checkpoint, and nothing to press: %s",
    async (title) => {
      await check((await show()).el, title);
    },
    20_000,
  );

  it.each([true, false])("offers nothing to compute, and tells of what failed: %s", async (anyway) => {
    const works = fakeKernel(SHAPE, 3);
    const refuses = (request: Request, model: FakeModel) =>
      request.kind === "wiring" && request.checkpoints.includes(15)
        ? model.reply({ id: request.id, error: { message: "133 passes.", hint: "", anyway } })
        : works(request, model);
    const heavy = [{ ...seriesInfo("attn-only-2l", SHAPE), light: false }];
    const traits = { heads: [[1, 2] as [number, number]], _view: { tab: "wiring" }, _series: heavy };
    const { el, fake } = await show({ ...traits, checkpoint: 10 }, refuses);
    fake.receive({ checkpoint: 15 });
    await settle();
    const words = (await wordsOf(el, "Wiring")).join(" ");
    expect(words).toContain(anyway ? "Not computed yet." : "133 passes.");
    expect(words).not.toMatch(anyway ? /133 passes|all the same/ : /Try again/);
  });

  it.each(TABS)(
    "says so too in the tab %s",
    async (tab) => {
      const { el } = await show({
        answer: " Mary",
        _view: { tab },
        _prompts: [promptInfo(TOKENS, true, " Mary")],
      });
      await settle();
      const there = titles(el).filter((title) => !ABOVE.includes(title));
      expect(there).not.toEqual([]);
      for (const title of there) await check(el, title);
    },
    20_000,
  );

  it.each([
    ["loss", "Induction of every head", ["Induction"]],
    ["loss", "Loss", ["Loss, nats"]],
    ["all_series", "Every series", ["Induction"]],
    ["passage", "Token losses over training", ["loss, nats"]],
    ["answer", "Answer rank", ["rank"]],
    ["answer", "Answer probability", ["probability"]],
    ["ablation", "Ablation through training", ["change of loss, nats"]],
  ])("names the y axis, which on the page needs no name: %s, %s", async (tab, title, names) => {
    const one = traits(SHAPE, TOKENS);
    const { el } = await show({
      answer: " Mary",
      _view: { tab },
      _prompts: [promptInfo(TOKENS, true, " Mary"), promptInfo(TOKENS, true, " Mary")],
      _series: ["one", "two"].map((name) => seriesInfo(name, SHAPE)),
      _scores: [...one._scores, ...one._scores],
    });
    await settle();
    const labelled = () =>
      [...el.querySelectorAll("[data-mark='y-axis label']")].map((label) => label.textContent);
    expect(labelled()).toEqual([]);
    const words = await wordsOf(el, title);
    for (const name of names) expect(words).toContain(name);
  });

  it("names the y axis over positions too", () => {
    const drawn = (name: string | null) => plotOverPositions([[5, 4, 3]], [0, 1, 2], 400, name);
    expect(drawn("Loss, nats").element.textContent).toContain("Loss, nats");
    expect(drawn("Loss, nats").y(5)).toBeGreaterThan(drawn(null).y(5)); // it has room
  });

  it("says the score with its formula, chance, inputs and source", async () => {
    const { el } = await show();
    for (const [title, drawn] of [
      ["Induction at this checkpoint", ""],
      ["Induction of every head", " (dashed)"],
    ] as const) {
      expect(await wordsOf(el, title)).toContain(
        `Induction: mean over q in second copy of A[q, q-P+1]; chance 0.014${drawn}; on BOS, 50 random tokens, the same 50 again; 10 rows; Olsson et al. 2022.`,
      );
    }
  });

  it("of what is compared says both checkpoints", async () => {
    const { el } = await show({ compare: 4 });
    const all = (await wordsOf(el, "Attention patterns")).join(" ");
    expect(all).toMatch(/attn-only-2l · step [\d,]+ · [\d.]+.? tokens → step 3,000 · 12\.3M tokens\./);
  });

  it("of every series says each, at the checkpoint that is shown of it", async () => {
    const base = traits(SHAPE, TOKENS);
    const { el } = await show({
      _series: [...base._series, seriesInfo("the other", SHAPE)],
      _scores: [...base._scores, ...base._scores],
      _prompts: [...base._prompts, ...base._prompts],
      _view: { tab: "all_series" },
    });
    const all = (await wordsOf(el, "Every series")).join(" ");
    expect(all).toMatch(/attn-only-2l, 26 checkpoints from step 0 to step 3,000; marked: step 3,000/);
    expect(all).toMatch(/the other, 26 checkpoints from step 0 to step 3,000; marked: step 3,000/);
    expect((await wordsOf(el, "Induction of every head")).join(" ")).not.toContain("the other");
  });

  it("is light where the page is dark", async () => {
    document.body.dataset.jpThemeLight = "false";
    const { el } = await show();
    const { text } = await saved(el, "Induction at this checkpoint", "SVG");
    expect(one(el, ".ie").dataset.theme).toBe("dark");
    expect(text).toContain("rgb(244,245,246)"); // nothing, on paper
    expect(text).not.toContain("rgb(36,40,46)");
    delete document.body.dataset.jpThemeLight;
  });

  it("cuts a long name in its middle, which the table has whole; and so does the file's name", async () => {
    const name = `/runs/${"long ".repeat(60)}end`;
    const { el } = await show({ _series: [seriesInfo(name, SHAPE)] });
    const words = (await wordsOf(el, "Loss")).join(" ");
    expect(words).toMatch(/\/runs\/long .*….*long end,/);
    expect(words).not.toContain(name);
    const file = await saved(el, "Loss", "CSV");
    expect(file.name.length).toBeLessThan(120);
    expect(file.name).toMatch(/^runs-long-.*long-end-loss-step-3000\.csv$/);
    expect(rowsOf(file)[1]?.[0]).toBe(name);
    expect(file.text.split("\r\n")[0]).toContain(name);
  });

  it.each(["", "../../etc/passwd", "a/b\\c:d", "."])(
    "can be named after a model that is named %j",
    async (name) => {
      const { el } = await show({ _series: [seriesInfo(name, SHAPE)] });
      const file = await saved(el, "Loss", "CSV");
      expect(file.name).toMatch(/^[\p{L}\p{N}-]+\.csv$/u);
      expect(file.name).toMatch(/loss-step-3000\.csv$/);
      const first = (await wordsOf(el, "Loss")).find((text) => text.includes("checkpoints from"));
      expect(first).toBe(
        `${name === "" ? "model without a name" : name}, 26 checkpoints from step 0 to step 3,000; marked: step 3,000 · 12.3M tokens.`,
      );
    },
  );

  it("is of the token that is held, without the cross that marks it on the page", async () => {
    const { el } = await show();
    one(el, "[role=listbox][aria-label=Tokens] [role=option]:nth-of-type(3)").click();
    await settle();
    expect((await wordsOf(el, "Next-token predictions")).join(" ")).toContain("after position 2");
    expect(el.querySelector(".ie-cross")).not.toBeNull();
    const { text } = await saved(el, "Attention patterns", "SVG");
    expect(text).not.toContain("ie-cross");
  });

  it("has shapes for the cells of a pattern, in the colours that the page has", async () => {
    const { el } = await show();
    const { text } = await saved(el, "Attention patterns", "SVG");
    expect(text).not.toContain("<image");
    expect(text).toMatch(/<g transform="scale\([\d.]+\)" shape-rendering="crispEdges"><path fill="rgb/);
  });

  it("of a prompt of one token has the one cell, and a table of one row", async () => {
    const { el } = await show({ _prompts: [promptInfo(promptTokens(1))] });
    const words = (await wordsOf(el, "Attention patterns")).join(" ");
    expect(words).toContain("Prompt, 1 token: <|bos|>");
    const rows = rowsOf(await saved(el, "Attention patterns", "CSV"));
    expect(rows).toEqual([
      ["head", "query", "key", "query_token", "key_token", "attention"],
      ["L1H1", "0", "0", "<|bos|>", "<|bos|>", "1"],
    ]);
  });
});

describe("a saved table", () => {
  it.each([
    [
      "Attention patterns",
      /A row for each query and each key .*float32, as it was computed\. attn-only-2l · step 3,000/,
    ],
    ["Induction of every head", /A row for each head at each checkpoint\. attn-only-2l, 26 checkpoints/],
    [
      "Next-token predictions",
      /A row for each next token after position 5 ' B', ranks from 1\. attn-only-2l/,
    ],
    ["Loss", /A row for each checkpoint of each series, in nats\. attn-only-2l/],
  ])("says above the columns what its rows are: %s", async (title, says) => {
    const { el } = await show();
    const [first, second] = (await saved(el, title, "CSV")).text.split("\r\n");
    expect(first).toMatch(/^# /);
    expect(first?.slice(2)).toMatch(says);
    expect(second).not.toContain("#");
  });
});
