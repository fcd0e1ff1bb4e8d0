// @vitest-environment happy-dom
import { describe, expect, it } from "vitest";
import { seriesInfo, traits } from "../../js/dev/data";
import { headPageAt } from "../../js/dev/fake-head-page";
import { fakeKernel } from "../../js/dev/fake-kernel";
import { FakeModel } from "../../js/dev/fake-model";
import { exact } from "../../js/src/export/tables";
import type { ExplorerModel, Request } from "../../js/src/kernel/model";
import { distanceBins, type Page, sequencesOf, tokensOf } from "../../js/src/tabs/head-page/shown";
import { rowsOf, saved } from "./saved";
import { freshPage, one, SHAPE, settle, TOKENS, widgetOf } from "./shown";

let fake: FakeModel;

async function show(change: Partial<ExplorerModel> = {}) {
  fake = new FakeModel({
    ...traits(SHAPE, TOKENS),
    heads: [[1, 1]],
    checkpoint: 20,
    _view: { tab: "head_page" },
    ...change,
  });
  fake.kernel = fakeKernel(SHAPE, 3);
  const el = widgetOf(fake)();
  await settle();
  return { el, panel: one(el, "[role=tabpanel]") };
}

const asked = () =>
  fake.sent.filter((one): one is Extract<Request, { kind: "head_page" }> => one.kind === "head_page");
const listed = (panel: Element) => [...panel.querySelectorAll<HTMLElement>(".ie-sequence")];
const tokensIn = (panel: Element) =>
  [...panel.querySelectorAll<HTMLElement>(".ie-sequence-open [role=option]")] as HTMLElement[];

freshPage();

/** Two sequences of three positions and two slots, the second padded. */
function page(): Page {
  return {
    rows: Int32Array.of(2),
    row: Int32Array.of(7, 4, -1),
    interval: Int32Array.of(5, 3, -1),
    strength: Float32Array.of(0.9, 0.5, Number.NaN),
    ids: Int32Array.of(1, 2, 3, 1, 2, -1, -1, -1, -1),
    keys: Int32Array.of(0, -1, 0, 1, 1, 2, 0, -1, 1, -1, -1, -1, -1, -1, -1, -1, -1, -1),
    attention: Uint8Array.of(255, 0, 200, 55, 230, 25, 255, 0, 128, 0, 0, 0, 0, 0, 0, 0, 0, 0),
    distances: Float32Array.of(0.1, 0.5, 0.2, 0.05, 0.02),
    first: Float32Array.of(0.13),
    from_ids: Int32Array.of(2, 3),
    from_share: Float32Array.of(0.7, 0),
    from_times: Float32Array.of(2, 0),
    at_ids: Int32Array.of(9),
    at_share: Float32Array.of(0.4),
    at_times: Float32Array.of(1.5),
    tokens: { 1: "a", 2: "b", 3: "c" },
    texts: {},
    origin: "",
  };
}

describe("an answer", () => {
  it("is sequences without what is padded", () => {
    const [first, second, ...others] = sequencesOf(page());
    expect(others).toEqual([]);
    expect(first).toMatchObject({ row: 7, interval: 5, tokens: ["a", "b", "c"], query: 2, key: 1 });
    expect([...(first?.triangle ?? [])]).toEqual([255, 200, 55, 0, 230, 25]);
    expect(second).toMatchObject({ row: 4, tokens: ["a", "b"], query: 1, key: 0 });
    expect([...(second?.triangle ?? [])]).toEqual([255, 0, 128]);
  });

  it("has distances in bins that are twice as wide each, with all of the attention", () => {
    const bins = distanceBins(page());
    expect(bins.map(({ from, to }) => [from, to])).toEqual([
      [0, 0],
      [1, 1],
      [2, 3],
      [4, 4],
    ]);
    expect(bins[2]?.share).toBeCloseTo(0.25, 6);
    expect(bins.reduce((sum, { share }) => sum + share, 0)).toBeCloseTo(0.87, 6);
  });

  it("leaves out tokens that get nothing, and names those it does not know", () => {
    expect(tokensOf(page(), "from").map(({ text }) => text)).toEqual(["b"]);
    expect(tokensOf(page(), "at").map(({ text }) => text)).toEqual(["#9"]);
  });
});

describe("the tab", () => {
  it("asks where the slider's handles rest, and nowhere else", async () => {
    const info = { ...seriesInfo("a", SHAPE), light: true };
    await show({ _series: [info], compare: 5 });
    expect(asked().map(({ checkpoints, head }) => [checkpoints, head])).toEqual([
      [
        [20, 5],
        [1, 1],
      ],
    ]);
  });

  it("lists sequences of all five intervals, the strongest first and open", async () => {
    const { panel } = await show();
    const strengths = listed(panel).map((each) => Number.parseFloat(each.textContent ?? ""));
    expect(strengths).toHaveLength(14);
    expect(strengths).toEqual([...strengths].sort((a, b) => b - a));
    const intervals = [...panel.querySelectorAll("ol .ie-note")].map((each) => each.textContent);
    expect(intervals.filter((text) => text?.startsWith("interval"))).toEqual([
      "interval 5, the strongest fifth",
      ...["interval 4", "interval 3", "interval 2"],
      "interval 1, the weakest fifth",
    ]);
    expect(listed(panel).map((each) => each.getAttribute("aria-expanded") === "true")).toEqual([
      true,
      ...Array(13).fill(false),
    ]);
  });

  it("lights what a token attends to, and what attends to it, both by one pointing", async () => {
    const { panel } = await show();
    const tokens = tokensIn(panel);
    tokens[9]?.dispatchEvent(new PointerEvent("pointerover", { bubbles: true }));
    await settle();
    const lit = tokens.flatMap((token, at) => (token.style.backgroundColor === "" ? [] : [at]));
    const paying = tokens.flatMap((token, at) =>
      Number(token.style.getPropertyValue("--ie-pays")) > 0 ? [at] : [],
    );
    expect(lit).toEqual([2, 9]);
    expect(paying).toEqual([9, 16]);
    expect(tokens[9]?.classList.contains("ie-token-query")).toBe(true);
    expect(one(panel, "[role=status]").textContent).toMatch(
      /^query 9 ' word1' attends 0\.\d\d to key 2 ' word2'; query 16 ' word0' attends 0\.\d\d to it$/,
    );
  });

  it("opens another sequence, keeps it in the view, and makes it the prompt", async () => {
    const { panel } = await show();
    listed(panel)[3]?.click();
    await settle();
    expect(listed(panel)[3]?.getAttribute("aria-expanded")).toBe("true");
    expect(panel.querySelectorAll(".ie-sequence-open")).toHaveLength(1);
    expect(fake.model.get("_view").tabs?.head_page).toEqual({ row: [7] });
    one(panel, ".ie-sequence-open .ie-button").click();
    await settle();
    expect(fake.sent.find(({ kind }) => kind === "prompt")).toMatchObject({ text: "the text of row 7" });
  });

  it("shows the second handle's checkpoint beside it", async () => {
    const { panel } = await show({ compare: 5 });
    const pages = [...panel.querySelectorAll("figure section")];
    expect(pages.map((each) => each.getAttribute("aria-label"))).toEqual([
      expect.stringMatching(/^step/),
      expect.stringMatching(/^step/),
    ]);
    const [now, before] = pages.map((each) => Number.parseFloat(listed(each)[0]?.textContent ?? ""));
    expect(now).toBeGreaterThan(before as number);
  });

  it("says what is missing without a head", async () => {
    const { panel } = await show({ heads: [] });
    expect(panel.textContent).toContain("No head is selected");
    expect(asked()).toEqual([]);
  });

  it("saves the cells of what it shows", async () => {
    const { panel } = await show();
    const file = await saved(panel, "L1H1 on text", "CSV");
    const [columns, first] = rowsOf(file);
    const strength = exact(headPageAt(SHAPE, 20, [1, 1]).strength?.[0]);
    expect(columns?.slice(4)).toEqual(
      "row,interval,strength,query,query_token,key,key_token,attention".split(","),
    );
    expect(first?.slice(4, 10)).toEqual(["1", "5", String(strength), "0", " word0", "0"]);
    expect(file.text).toContain("at most the eight keys that get most");
    expect(file.text).toContain("max A[q, k]");
  });
});
