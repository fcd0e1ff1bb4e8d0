// @vitest-environment happy-dom
import { describe, expect, it } from "vitest";
import { promptInfo, seriesInfo, traits } from "../../js/dev/data";
import type { ExplorerModel } from "../../js/src/kernel/model";
import { cornersOf, scaleOf } from "./drawn";
import { predicting } from "./predicted";
import { rowsOf, saved } from "./saved";
import { freshPage, one, SHAPE, settle, show as showAny, TOKENS } from "./shown";

/** Of the token after a position: falls for all but the third, at a rate of its own. */
const loss = (checkpoint: number, position: number) =>
  position === 2 ? 1 + checkpoint / 10 : 6 - position / 2 - (checkpoint * (position + 1)) / 50;
const LOSSES = TOKENS.length - 1;
const mean = (checkpoint: number) =>
  Array.from({ length: LOSSES }, (_, position) => loss(checkpoint, position)).reduce((a, b) => a + b) /
  LOSSES;

const show = (change: Partial<ExplorerModel> = {}) =>
  showAny(
    { _view: { tab: "passage" }, checkpoint: 20, ...change },
    predicting((checkpoint, position) => ({ loss: loss(checkpoint, position) })),
  );

const strip = (el: HTMLElement, name: string) => one(el, `[role=listbox][aria-label="${name}"]`);
const token = (el: HTMLElement, name: string, index: number) =>
  strip(el, name).querySelectorAll<HTMLElement>("[role=option]")[index] as HTMLElement;
const title = (el: HTMLElement, name: string) =>
  one(strip(el, name).closest(".ie-passage-strip") as Element, ".ie-passage-title").textContent;
const channels = (color: string) => {
  const [r, g, b] = color.startsWith("#")
    ? [1, 3, 5].map((at) => Number.parseInt(color.slice(at, at + 2), 16))
    : (color.match(/\d+/g) ?? []).map(Number);
  return { r: r ?? 0, b: b ?? 0, sum: (r ?? 0) + (g ?? 0) + (b ?? 0) };
};
const ground = (el: HTMLElement, name: string, index: number) =>
  channels(token(el, name, index).style.backgroundColor);

async function point(target: HTMLElement): Promise<void> {
  for (const kind of ["pointerenter", "pointerover", "pointermove"]) {
    target.dispatchEvent(new MouseEvent(kind, { bubbles: true }));
  }
  await settle();
}

freshPage();

describe("the passage", () => {
  it.each([
    ["the shown", { checkpoint: 9, compare: 4 }, "Loss"],
    ["the other", { checkpoint: 4, compare: 9 }, "Loss compared with"],
  ])("says of a failed checkpoint that there is none, not that it comes: %s", async (_, at, name) => {
    const { el } = await show({
      ...at,
      _series: [{ ...seriesInfo("run", SHAPE), faults: { 9: "truncated" } }],
    });
    for (const strip of [name, "Change of loss"]) {
      expect(title(el, strip)).toContain("no usable checkpoint");
      expect(title(el, strip)).not.toContain("computing");
    }
  });

  it("has every token, with its mean loss, at the checkpoint that is shown", async () => {
    const { el, fake } = await show();
    expect([...strip(el, "Loss").querySelectorAll("[role=option]")].map((t) => t.textContent)).toEqual(
      TOKENS,
    );
    expect(title(el, "Loss")).toContain(`mean ${mean(20).toFixed(3)}`);
    expect(title(el, "Loss")).toContain("step 1,056");
    fake.receive({ checkpoint: 3 });
    await settle();
    expect(title(el, "Loss")).toContain(`mean ${mean(3).toFixed(3)}`);
  });

  it("has a stronger colour where the loss is larger, and none on the first token", async () => {
    const { el } = await show({ checkpoint: 0 });
    const order = [1, 2, 3, 4, 5].sort((a, b) => loss(0, a - 1) - loss(0, b - 1));
    const dark = order.map((index) => -ground(el, "Loss", index).sum);
    expect(dark).toEqual([...dark].sort((a, b) => a - b));
    expect(new Set(dark).size).toBe(5);
    expect(token(el, "Loss", 0).style.backgroundColor).toBe("");
  });

  it("says the loss of the token that is pointed at", async () => {
    const { el } = await show();
    await point(token(el, "Loss", 4));
    expect(one(el, ".ie-passage .ie-status").textContent).toBe(
      `token 4 ' A': ${loss(20, 3).toFixed(3)} nats`,
    );
  });

  it("compares two checkpoints: the first minus the second, blue where the loss fell", async () => {
    const { el } = await show({ compare: 5 });
    expect(title(el, "Loss compared with")).toContain(`mean ${mean(5).toFixed(3)}`);
    const change = (mean(20) - mean(5)).toFixed(3).replace("-", "−");
    expect(title(el, "Change of loss")).toContain(`the first minus the second mean ${change}`);
    await point(token(el, "Loss", 5));
    const fell = (loss(20, 4) - loss(5, 4)).toFixed(3).replace("-", "−");
    expect(one(el, ".ie-passage .ie-status").textContent).toBe(
      `token 5 ' B': ${loss(20, 4).toFixed(3)} nats, ${loss(5, 4).toFixed(3)} at the other checkpoint, change ${fell}`,
    );
    const [fallen, risen] = [ground(el, "Change of loss", 5), ground(el, "Change of loss", 3)];
    expect(fallen.b).toBeGreaterThan(fallen.r);
    expect(risen.r).toBeGreaterThan(risen.b);
  });

  it("begins to compare with an earlier checkpoint by its button", async () => {
    const { el, fake } = await show();
    expect(el.querySelector('[aria-label="Change of loss"]')).toBeNull();
    const button = [...el.querySelectorAll("button")].find((b) =>
      b.textContent?.startsWith("Compare with an"),
    );
    button?.click();
    await settle();
    expect(fake.get("compare")).toBe(10);
    expect(strip(el, "Change of loss")).toBeDefined();
  });

  it("asks for a prompt of two tokens or more", async () => {
    const { el } = await show({ _prompts: [promptInfo(["<|bos|>"])] });
    expect(one(el, "[role=tabpanel]").textContent).toContain("Run a prompt of two tokens or more");
  });
});

describe("losses over training", () => {
  const chart = (el: HTMLElement) => one(el, "[role=tabpanel] .ie-chart");
  const names = (el: HTMLElement) =>
    [...chart(el).querySelectorAll("svg > text, g > text")]
      .map((text) => text.textContent ?? "")
      .filter((name) => /^(mean|\d+ )/.test(name));
  /** Heights of the curve of this number, the mean being the first. */
  const heights = (el: HTMLElement, curve: number) =>
    cornersOf(chart(el).querySelectorAll("g[data-mark=line] path")[curve] as Element).map(({ y }) => y);

  it("are those of the tokens whose loss falls most, with the mean", async () => {
    const { el } = await show();
    const y = scaleOf(chart(el), "y");
    const fallen = [2, 4, 5]; // positions 1, 3 and 4: by 1, 2 and 2.5 nats
    expect(names(el).sort()).toEqual(["2  B", "4  A", "5  B", "mean"]);
    heights(el, 0).forEach((at, checkpoint) => void expect(at).toBeCloseTo(y.place(mean(checkpoint)), 1));
    fallen.forEach((each, curve) => {
      const found = heights(el, curve + 1);
      expect(found).toHaveLength(SHAPE.checkpoints);
      found.forEach((at, checkpoint) => void expect(at).toBeCloseTo(y.place(loss(checkpoint, each - 1)), 1));
    });
  });

  it("are those of the tokens that are clicked, until the choice is given back", async () => {
    const { el } = await show();
    token(el, "Loss", 3).click();
    token(el, "Loss", 1).click();
    await settle();
    expect(names(el).sort()).toEqual(["1 A", "3  C", "mean"]);
    const y = scaleOf(chart(el), "y");
    heights(el, 2).forEach((at, checkpoint) => void expect(at).toBeCloseTo(y.place(loss(checkpoint, 2)), 1));
    token(el, "Loss", 1).click();
    await settle();
    expect(names(el).sort()).toEqual(["3  C", "mean"]);
    [...el.querySelectorAll("button")].find((b) => b.textContent === "choose for me")?.click();
    await settle();
    expect(names(el)).toHaveLength(4);
  });

  it("are saved with the training of each checkpoint: step, then tokens", async () => {
    const { el } = await show();
    const [names, ...rows] = rowsOf(await saved(el, "Passage", "CSV"));
    expect(names).toEqual([
      ...["checkpoint", "step", "tokens", "tokens_estimated", "position", "token", "loss"],
    ]);
    const { steps, tokens } = seriesInfo("", SHAPE);
    expect(rows).toHaveLength(SHAPE.checkpoints * LOSSES);
    const [checkpoint, position] = [20, 4];
    const row = rows[checkpoint * LOSSES + position - 1];
    expect(row?.slice(0, 6)).toEqual(["20", String(steps[20]), String(tokens[20]), "false", "4", " A"]);
    expect(Number(row?.[6])).toBeCloseTo(loss(20, 3), 6);
  });

  it("are means a character where series read the prompt as different tokens", async () => {
    const info = seriesInfo("other", SHAPE);
    const { el } = await show({
      _series: [seriesInfo("own", SHAPE), info],
      _scores: [...traits(SHAPE)._scores, ...traits(SHAPE)._scores],
      _prompts: [promptInfo(TOKENS), promptInfo(["<|bos|>", "AB", " CA", " B"])],
    });
    expect(one(el, "[role=tabpanel]").textContent).toContain(
      "the series read the prompt as different tokens, so only tokens of this one are drawn, and means are per character",
    );
    const y = scaleOf(chart(el), "y");
    const characters = TOKENS.slice(1).join("").length;
    heights(el, 0).forEach((at, checkpoint) => {
      expect(at).toBeCloseTo(y.place((LOSSES * mean(checkpoint)) / characters), 1);
    });
  });
});
