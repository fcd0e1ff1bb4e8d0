// @vitest-environment happy-dom
import { describe, expect, it } from "vitest";
import { measures, SCORES, seriesInfo } from "../../js/dev/data";
import { TABS } from "../../js/src/tabs";
import { chosenOf, flag, indices, oneOf, optionsText, text } from "../../js/src/tabs/tab";
import written from "../../widget/induction_explorer/options.gen.json";
import { freshPage, one, SHAPE, settle, show } from "./shown";

freshPage();

const NAMES = ["loss", "in_context_learning", "loss_by_position", ...TABS.map(({ name }) => name)];

describe("a tab", () => {
  it.each(NAMES)("%s keeps what it has drawn when the view around it changes", async (tab) => {
    const two = [seriesInfo("a", SHAPE), seriesInfo("b", SHAPE)];
    const { el, fake } = await show({
      _view: { tab },
      _series: two,
      _scores: [SCORES, SCORES],
      _measures: { ...measures(SHAPE), ...measures(SHAPE, 1) },
    });
    const panel = one(el, "[role=tabpanel]");
    const drawn = panel.firstElementChild;
    expect(drawn).not.toBeNull();
    fake.receive({ _view: { tab, brush: [3, 20] } });
    await settle();
    expect(one(el, "[role=tabpanel]")).toBe(panel);
    expect(panel.firstElementChild).toBe(drawn);
  });

  it("stands in its group, and arrow keys go through the groups as they are read", async () => {
    const { el } = await show();
    const groups = [...el.querySelectorAll(".ie-tab-group")];
    const first = (group: Element) => group.querySelector("[role=tab]")?.textContent;
    expect(groups.map((group) => [group.firstElementChild?.textContent, first(group)])).toEqual([
      ["Over training", "Loss"],
      ["On this prompt", "Passage"],
      ["On text", "Head on text"],
      ["Causes", "Ablation"],
    ]);
    const tabs = [...el.querySelectorAll<HTMLElement>("[role=tab]")];
    tabs[0]?.focus();
    for (const next of [...tabs.slice(1), tabs[0]]) {
      const press = new KeyboardEvent("keydown", { key: "ArrowRight", bubbles: true, cancelable: true });
      document.activeElement?.dispatchEvent(press);
      await settle();
      expect(document.activeElement).toBe(next);
      expect(next?.getAttribute("aria-selected")).toBe("true");
    }
  });

  it("that is not there gives way to the first", async () => {
    const { el } = await show({ _view: { tab: "all_series" } });
    expect(one(el, "[role=tab][aria-selected=true]").textContent).toBe("Loss");
  });
});

describe("the kernel is asked", () => {
  const always = ["patterns", "predictions"];
  it.each([
    ["loss", always],
    ["loss_pca", always],
    ["passage", always],
    ["answer", always],
    ["scatter", always],
    ["attribution", ["attribution", "head_tokens", ...always]],
    ["ablation", ["ablation", "ablation_grid", "patching_estimate", ...always]],
    ["wiring", [...always, "wiring"]],
  ])("for what the tab %s shows, and nothing else", async (tab, kinds) => {
    const { fake } = await show({ _view: { tab } });
    expect([...new Set(fake.sent.map(({ kind }) => kind))].sort()).toEqual(kinds);
  });

  it("for no more than is on the page", async () => {
    const { fake, close } = await show({ _view: { tab: "loss" } });
    close();
    await settle();
    const before = fake.sent.length;
    fake.receive({ _view: { tab: "wiring" }, heads: [[1, 0]] });
    await settle();
    expect(fake.sent).toHaveLength(before);
  });
});

it("every option of a tab is known to the kernel as the tab declares it", () => {
  expect(written, "run `make contract`").toEqual(JSON.parse(optionsText(TABS)));
});

describe("an option", () => {
  const options = { how: oneOf("zero", "mean"), keep: flag(true), tokens: indices(), against: text("x") };
  const first = { how: "zero", keep: true, tokens: [], against: "x" };

  it("is as it was saved", () => {
    const saved = { how: "mean", keep: false, tokens: [4, 7], against: "y" };
    expect(chosenOf(options, saved)).toEqual(saved);
  });

  it("begins anew where it was not saved, or is nothing that the tab knows", () => {
    expect(chosenOf(options)).toEqual(first);
    expect(chosenOf(options, { how: "both", keep: 1, tokens: [1.5, -1], against: null, more: 2 })).toEqual(
      first,
    );
  });
});
