// @vitest-environment happy-dom
import { describe, expect, it, vi } from "vitest";
import { promptInfo, seriesInfo } from "../../js/dev/data";
import { fakeKernel } from "../../js/dev/fake-kernel";
import { freshPage, one, SHAPE, type Shown, settle, show, TOKENS } from "./shown";

freshPage();

/** A pointer that comes to rest on an element, and is told nothing when that is taken away. */
function rest(target: Element, at: [number, number] = [0, 0]): void {
  const init = { bubbles: true, clientX: at[0], clientY: at[1] };
  for (const type of ["pointerover", "pointermove"]) target.dispatchEvent(new PointerEvent(type, init));
  target.dispatchEvent(new PointerEvent("pointerenter", { ...init, bubbles: false }));
}

const lit = ({ el }: Shown) => el.querySelectorAll(".ie-cell-hovered").length;
const status = ({ el }: Shown) => one(el, "[role=status]").textContent;

/** Over the first of a chart's heads: every place is tried until the grid lights up. */
async function find(shown: Shown, chart: Element): Promise<void> {
  for (let x = 0; x < 600; x += 10) {
    for (let y = 0; y < 300; y += 10) {
      rest(chart, [x, y]);
      await vi.advanceTimersByTimeAsync(17);
      if (lit(shown) > 0) return;
    }
  }
  throw new Error("no head was found");
}

describe("a head that is pointed at is forgotten with what it was pointed at in:", () => {
  it.each([
    ["scatter", ".ie-chart"],
    ["wiring", "[data-head='0,2']"],
    ["wiring", "tbody tr"],
    ["ablation", "[data-head='0,2']"],
  ])("the tab %s, %s", async (tab, selector) => {
    const shown = await show({ _view: { tab } });
    const target = one(shown.el, `[role=tabpanel] ${selector}`);
    if (tab === "scatter") await find(shown, target);
    else rest(target);
    await settle();
    expect(lit(shown)).toBeGreaterThan(0);
    shown.fake.receive({ _view: { tab: "loss" } });
    await settle();
    expect(lit(shown)).toBe(0);
  });

  it("the grid of another series", async () => {
    const small = { ...SHAPE, heads: 3 };
    const shown = await show();
    const { fake, el } = shown;
    fake.receive({ _series: [...fake.get("_series"), seriesInfo("small", small)] });
    await settle();
    rest(one(el, "[role=gridcell]"));
    await settle();
    expect(lit(shown)).toBe(1);
    fake.receive({ series: 1 });
    await settle();
    expect(lit(shown)).toBe(0);
  });

  it("the curves, whose patterns are fetched no more", async () => {
    const shown = await show({ heads: [] });
    const { fake, el } = shown;
    const asked = () => fake.sent.filter(({ kind }) => kind === "patterns").length;
    const before = asked();
    await find(shown, one(el, ".ie-curves .ie-chart"));
    await settle();
    expect(asked()).toBe(before + 1);
    fake.receive({ _grids: {} });
    await settle();
    fake.receive({ _prompts: [{ ...promptInfo(TOKENS), generation: 2 }] });
    await settle();
    expect([lit(shown), asked()]).toEqual([0, before + 1]);
  });
});

it("the head in the place that is pointed at of the ranking is another when the slider moves", async () => {
  const shown = await show({ checkpoint: 25 });
  rest(one(shown.el, "[aria-label^='Heads by'] [role=option]:nth-child(5)"));
  const seen = new Set<string>();
  for (let checkpoint = 25; checkpoint >= 0; checkpoint--) {
    shown.fake.receive({ checkpoint });
    await settle();
    const [, named = ""] = one(shown.el, "[aria-posinset='5']").getAttribute("aria-label")?.split(" ") ?? [];
    expect(one(shown.el, ".ie-cell-hovered").getAttribute("aria-label")).toMatch(new RegExp(`^${named} `));
    seen.add(named);
  }
  expect(seen.size).toBeGreaterThan(1);
});

it("the head in the row that is pointed at is another when the slider moves", async () => {
  const shown = await show({ checkpoint: 25, heads: [[1, 2]], _view: { tab: "wiring" } });
  const row = one(shown.el, "[role=tabpanel] tbody tr");
  rest(row);
  const seen = new Set<string>();
  for (let checkpoint = 25; checkpoint >= 0; checkpoint--) {
    shown.fake.receive({ checkpoint });
    await settle();
    const named = one(row, "button").textContent ?? "";
    expect(one(shown.el, ".ie-cell-hovered").getAttribute("aria-label")).toMatch(new RegExp(`^${named} `));
    seen.add(named);
  }
  expect(seen.size).toBeGreaterThan(1);
});

describe("a token that is pointed at is forgotten", () => {
  it("with the pattern it was pointed at in", async () => {
    const shown = await show();
    const canvas = one(shown.el, "[role=img]");
    vi.spyOn(canvas, "getBoundingClientRect").mockReturnValue(new DOMRect(0, 0, 60, 60));
    rest(canvas, [5, 35]);
    await settle();
    expect(status(shown)).toContain("query 3");
    shown.fake.receive({ heads: [[0, 0]] });
    await settle();
    expect(status(shown)).toContain("query 5");
  });

  it("with the strip of tokens", async () => {
    const shown = await show();
    rest(one(shown.el, "[aria-label=Tokens] [role=option]:nth-child(4)"));
    await settle();
    expect(status(shown)).toContain("query 3");
    shown.fake.receive({ _prompts: [{ ...promptInfo([]), generation: 2 }] });
    await settle();
    shown.fake.receive({ _prompts: [{ ...promptInfo(TOKENS), generation: 3 }] });
    await settle();
    expect(status(shown)).toContain("query 5");
  });

  it("with the second strip of the passage", async () => {
    const shown = await show({ compare: 3, _view: { tab: "passage" } });
    const panel = one(shown.el, "[role=tabpanel]");
    rest(one(panel, "[aria-label='Change of loss'] [role=option]:nth-child(4)"));
    await settle();
    expect(one(panel, ".ie-status").textContent).toContain("token 3");
    shown.fake.receive({ compare: null });
    await settle();
    expect(one(panel, ".ie-status").textContent).toBe("");
  });
});

it("the refusal of a prompt goes when another prompt runs, whoever ran it", async () => {
  const { fake, el } = await show({}, (request, model) => {
    const refusal = { message: "The prompt is too long.", hint: "" };
    if (request.kind === "prompt") model.reply({ id: request.id, error: refusal });
    else fakeKernel(SHAPE, 3)(request, model);
  });
  one(el, "button[type=submit]").click();
  await settle();
  expect(one(el, "form [role=alert]").textContent).toContain("The prompt is too long.");
  fake.receive({ prompt: "A B", _prompts: [{ ...promptInfo(["A", " B"]), generation: 2 }] });
  await settle();
  expect(el.querySelector("[role=alert]")).toBeNull();
});

it("a menu that the focus leaves is closed", async () => {
  const { el } = await show();
  const button = one(el, "[aria-label='Save Attention patterns']");
  button.click();
  await settle();
  const item = one(el, "[role=menuitem]");
  item.dispatchEvent(new FocusEvent("focusout", { bubbles: true, relatedTarget: button }));
  await settle();
  expect(el.querySelectorAll("[role=menu]")).toHaveLength(1);
  item.dispatchEvent(new FocusEvent("focusout", { bubbles: true, relatedTarget: one(el, "textarea") }));
  await settle();
  expect(el.querySelectorAll("[role=menu]")).toHaveLength(0);
});

it("why a panel could not be saved goes when the reader goes on", async () => {
  vi.spyOn(URL, "createObjectURL").mockImplementation(() => {
    throw new Error("the disk is full");
  });
  const { el } = await show();
  const button = one(el, "[aria-label='Save Attention patterns']");
  button.click();
  await settle();
  one(el, "[role=menuitem]:last-child").click();
  await settle();
  expect(one(el, ".ie-patterns [role=alert]").textContent).toContain("the disk is full");
  button.click();
  await settle();
  expect(el.querySelector(".ie-patterns [role=alert]")).toBeNull();
});
