// @vitest-environment happy-dom
import { describe, expect, it } from "vitest";
import { promptInfo, promptTokens, SCORES, seriesInfo, traits } from "../../js/dev/data";
import { fakeKernel } from "../../js/dev/fake-kernel";
import { FakeModel } from "../../js/dev/fake-model";
import type { ExplorerModel } from "../../js/src/kernel/model";
import { clearPage, freshPage, SHAPE, settle, widgetOf } from "./shown";

const TABS = [
  ...["loss", "in_context_learning", "loss_by_position", "loss_pca", "all_series"],
  ...["passage", "answer", "scatter", "attribution", "ablation", "wiring"],
];
/**
 * Of a whole page of two series, with a table and a menu for each figure: more would make a reader press Tab for
 * longer than anyone does.
 */
const MOST = 50;

let fake: FakeModel;
let el: HTMLElement;

async function show(tokens: string[], view: ExplorerModel["_view"]): Promise<void> {
  const own = traits(SHAPE, tokens);
  fake = new FakeModel({
    ...own,
    compare: 5,
    answer: " Mary",
    heads: [
      [0, 1],
      [1, 1],
    ],
    _view: view,
    _series: ["one", "two"].map((name) => seriesInfo(name, SHAPE)),
    _scores: [SCORES, SCORES],
    _phases: [...own._phases, ...own._phases],
    _prompts: [promptInfo(tokens, true, " Mary"), promptInfo(tokens, true, " Mary")],
  });
  fake.kernel = fakeKernel(SHAPE, 3);
  el = widgetOf(fake)();
  await settle();
}

const stops = () =>
  [
    ...el.querySelectorAll<HTMLElement>("button, input, select, textarea, summary, a[href], [tabindex]"),
  ].filter((each) => each.tabIndex >= 0 && !each.matches(":disabled"));
const strips = () => [...el.querySelectorAll<HTMLElement>("[role=tabpanel] [role=listbox]")];
const options = (strip: HTMLElement | undefined) => [...(strip?.children ?? [])] as HTMLElement[];
const key = (name: string) =>
  (document.activeElement as HTMLElement).dispatchEvent(
    new KeyboardEvent("keydown", { key: name, bubbles: true, cancelable: true }),
  );

freshPage();

describe("tab stops", () => {
  it.each(TABS)("are few and do not grow with the prompt: %s", async (tab) => {
    const counts = [];
    for (const length of [8, 64]) {
      await show(promptTokens(length), { tab });
      expect(el.querySelector("[role=tab][aria-selected=true]")?.textContent).toBeTruthy();
      counts.push(stops().length);
      clearPage();
    }
    expect(counts[0]).toBe(counts[1]);
    expect(counts[0]).toBeLessThanOrEqual(MOST);
  });
});

describe("a strip of the passage", () => {
  it("is one tab stop, within which keys move", async () => {
    await show(promptTokens(12), { tab: "passage" });
    expect(strips().map((strip) => strip.getAttribute("aria-label"))).toEqual([
      "Loss",
      "Loss compared with",
      "Change of loss",
    ]);
    for (const strip of strips()) {
      expect(options(strip).filter(({ tabIndex }) => tabIndex === 0)).toHaveLength(1);
    }
    const tokens = options(strips()[1]);
    tokens[0]?.focus();
    for (const [name, at] of [
      ["ArrowRight", 1],
      ["ArrowDown", 2],
      ["ArrowLeft", 1],
      ["End", 11],
      ["ArrowRight", 11],
      ["Home", 0],
      ["ArrowUp", 0],
    ] as const) {
      key(name);
      expect(document.activeElement).toBe(tokens[at]);
    }
    await settle();
    expect(tokens.map(({ tabIndex }) => tabIndex)).toEqual(tokens.map((_, i) => (i === 0 ? 0 : -1)));
  });

  it("chooses by Enter, Space and click, but never the first token, and says what it points at", async () => {
    await show(promptTokens(12), { tab: "passage" });
    const tokens = options(strips()[0]);
    tokens[0]?.focus();
    key("Enter");
    tokens[0]?.click();
    expect(fake.get("_view").tabs?.passage?.tokens ?? []).toEqual([]);
    expect(tokens[0]?.getAttribute("aria-disabled")).toBe("true");
    key("ArrowRight");
    key("Enter");
    key("ArrowRight");
    key(" ");
    tokens[4]?.click();
    await settle();
    expect(fake.get("_view").tabs?.passage?.tokens).toEqual([1, 2, 4]);
    expect(el.querySelector("[role=tabpanel] .ie-status")?.textContent).toMatch(/^token 2 ' \w+': /);
    expect(options(strips()[2])[4]?.getAttribute("aria-selected")).toBe("true");
    tokens[4]?.click();
    await settle();
    expect(fake.get("_view").tabs?.passage?.tokens).toEqual([1, 2]);
  });

  it("keeps a tab stop when the prompt becomes shorter", async () => {
    await show(promptTokens(12), { tab: "passage" });
    options(strips()[0])[0]?.focus();
    key("End");
    await settle();
    fake.receive({ _prompts: [promptInfo(promptTokens(5)), promptInfo(promptTokens(5))] });
    await settle();
    const stopsLeft = options(strips()[0]).filter(({ tabIndex }) => tabIndex === 0);
    expect(stopsLeft.map(({ dataset }) => dataset.index)).toEqual(["4"]);
    const main = options(el.querySelector<HTMLElement>("[aria-label=Tokens]") ?? undefined);
    expect(main.filter(({ tabIndex }) => tabIndex === 0)).toHaveLength(1);
  });
});
