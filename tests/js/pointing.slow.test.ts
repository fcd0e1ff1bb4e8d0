// @vitest-environment happy-dom
import { describe, expect, it } from "vitest";
import type { ExplorerModel } from "../../js/src/kernel/model";
import { freshPage, one, settle, show } from "./shown";

freshPage();

const LEFT = { button: 0, buttons: 1 };
const RIGHT = { button: 2, buttons: 2 };
const MIDDLE = { button: 1, buttons: 4 };

/** A pointer over an element; `at` is where it is, in pixels from the left. */
function pointer(target: EventTarget, type: string, at: number, init: PointerEventInit = {}): void {
  const event = { bubbles: true, pointerId: 1, isPrimary: true, clientX: at, clientY: 40, ...init };
  target.dispatchEvent(new PointerEvent(type, event));
}

/** Pressed at `from`, drawn to `to`, and not let go. */
function draw(target: EventTarget, from: number, to: number, button = LEFT): void {
  pointer(target, "pointerdown", from, button);
  pointer(target, "pointermove", (from + to) / 2, { buttons: button.buttons });
  pointer(target, "pointermove", to, { buttons: button.buttons });
}

const pressEscape = () => new KeyboardEvent("keydown", { key: "Escape", bubbles: true, cancelable: true });

/** Every way in which a drag is called off. */
const CALLED_OFF: [string, (target: HTMLElement) => void][] = [
  ["pointercancel", (target) => pointer(target, "pointercancel", 300)],
  ["a lost capture", (target) => pointer(target, "lostpointercapture", 300, { buttons: 1 })],
  ["Escape", () => document.body.dispatchEvent(pressEscape())],
  ["another window", () => window.dispatchEvent(new Event("blur"))],
  ["a release that went unseen", (target) => pointer(target, "pointermove", 310, { buttons: 0 })],
  ["a second button", (target) => pointer(target, "pointermove", 310, { button: 2, buttons: 3 })],
  [
    "the context menu",
    (target) => target.dispatchEvent(new MouseEvent("contextmenu", { bubbles: true, buttons: 3 })),
  ],
];

/** Whatever the pointer does after that is no drag any more. */
function goOn(target: EventTarget): void {
  pointer(target, "pointermove", 420, { buttons: 1 });
  pointer(target, "pointermove", 450, { buttons: 1 });
  pointer(target, "pointerup", 450);
}

const chosenOf = ({ checkpoint, compare, _view, heads }: ExplorerModel) => ({
  checkpoint,
  compare,
  heads,
  brush: _view.brush ?? null,
  window: _view.window ?? null,
});
const CHARTS: [string, Partial<ExplorerModel>, string][] = [
  ["the heads' curves", {}, ".ie-curves .ie-chart"],
  ["a measure", {}, "[role=tabpanel] .ie-chart"],
  ["the plane of losses", { _view: { tab: "loss_pca" } }, "[role=tabpanel] .ie-chart"],
  ["the scatter", { _view: { tab: "scatter" } }, "[role=tabpanel] .ie-chart"],
  ["the wiring", { _view: { tab: "wiring" } }, "[role=tabpanel] .ie-wiring-graph [data-head]"],
  ["an end of the window", {}, ".ie-curves .ie-window-end"],
];

describe.each(CHARTS)("%s", (_, change, selector) => {
  it.each([
    ["right", RIGHT],
    ["middle", MIDDLE],
  ])("has no use for the %s button", async (_name, button) => {
    const { fake, el } = await show({ ...change, checkpoint: 10 });
    const chart = one(el, selector);
    const before = chosenOf(traitsOf(fake));
    // Where each of the charts has something: every few pixels, clicked and drawn.
    for (let at = 0; at < 600; at += 10) {
      pointer(chart, "pointerdown", at, button);
      pointer(chart, "pointerup", at, { ...button, buttons: 0 });
      chart.dispatchEvent(new MouseEvent("auxclick", { bubbles: true, clientX: at, ...button }));
    }
    draw(chart, 100, 300, button);
    pointer(chart, "pointerup", 300, { ...button, buttons: 0 });
    await settle();
    expect(chosenOf(traitsOf(fake))).toEqual(before);
  });

  it.each(CALLED_OFF)("is as before once %s has called a drag off", async (_name, callOff) => {
    const { fake, el } = await show({ ...change, _view: { ...change._view, brush: [3, 20] } });
    const chart = one(el, selector);
    const before = chosenOf(traitsOf(fake));
    draw(chart, 100, 300);
    callOff(chart);
    goOn(chart);
    await settle();
    expect(chosenOf(traitsOf(fake))).toEqual(before);
  });
});

function traitsOf(fake: { get: <K extends keyof ExplorerModel>(key: K) => ExplorerModel[K] }): ExplorerModel {
  const names = ["checkpoint", "compare", "heads", "_view"] as const;
  return Object.fromEntries(names.map((name) => [name, fake.get(name)])) as unknown as ExplorerModel;
}

describe("the primary button", () => {
  it("still clicks, brushes and moves an end of the window", async () => {
    const { fake, el } = await show();
    const chart = one(el, ".ie-curves .ie-chart");
    pointer(chart, "pointerdown", 200, LEFT);
    pointer(chart, "pointerup", 200);
    await settle();
    expect(fake.get("checkpoint")).toBeLessThan(20);
    draw(chart, 100, 300);
    pointer(chart, "pointerup", 300);
    await settle();
    const [first, last] = fake.get("_view").brush ?? [0, 0];
    expect(last).toBeGreaterThan(first);
    const end = one(el, "[aria-label='Window start']");
    draw(end, 200, 150);
    pointer(end, "pointerup", 150);
    await settle();
    expect(fake.get("_view").window).not.toBeNull();
    expect(fake.get("_view").brush).toEqual([first, last]);
  });

  it("of a second finger begins nothing", async () => {
    const { fake, el } = await show();
    const chart = one(el, ".ie-curves .ie-chart");
    pointer(chart, "pointerdown", 100, { ...LEFT, pointerId: 2, isPrimary: false });
    pointer(chart, "pointermove", 300, { buttons: 1, pointerId: 2, isPrimary: false });
    pointer(chart, "pointerup", 300, { pointerId: 2, isPrimary: false });
    await settle();
    expect(fake.saved).toEqual([]);
  });
});

describe("the slider", () => {
  const sliderOf = (el: HTMLElement) => one(el, "input[type=range]") as HTMLInputElement;

  it.each(CALLED_OFF)("goes back once %s has called a drag off", async (_, callOff) => {
    const { fake, el } = await show({ checkpoint: 10 });
    const slider = sliderOf(el);
    draw(slider, 100, 300);
    await settle();
    expect(slider.value).not.toBe("10");
    callOff(slider);
    goOn(slider);
    await settle();
    expect([slider.value, fake.get("checkpoint")]).toEqual(["10", 10]);
    slider.value = "7";
    slider.dispatchEvent(new Event("input", { bubbles: true }));
    await settle();
    expect(fake.get("checkpoint")).toBe(7);
  });

  it("is where it was dragged to on its chart's axis, and Escape after that is the notebook's", async () => {
    const { fake, el } = await show({ checkpoint: 10 });
    const slider = sliderOf(el);
    draw(slider, 100, 300);
    pointer(slider, "pointerup", 300);
    let reached = 0;
    document.body.addEventListener("keydown", () => (reached += 1), { once: true });
    document.body.dispatchEvent(pressEscape());
    await settle();
    const dragged = fake.get("checkpoint");
    expect([slider.value, reached]).toEqual([String(dragged), 1]);
    const chart = one(el, ".ie-curves .ie-chart");
    pointer(chart, "pointerdown", 300, LEFT);
    pointer(chart, "pointerup", 300);
    await settle();
    expect(fake.get("checkpoint")).toBe(dragged);
  });

  it("is left alone by the browser, whose thumb stands elsewhere", async () => {
    const { el } = await show({ checkpoint: 10 });
    for (const event of [
      new MouseEvent("mousedown", { bubbles: true, cancelable: true }),
      new TouchEvent("touchstart", { bubbles: true, cancelable: true }),
    ]) {
      sliderOf(el).dispatchEvent(event);
      expect(event.defaultPrevented).toBe(true);
    }
  });
});

it("a drag that ends with its view leaves nothing behind", async () => {
  const { fake, el, close } = await show({ _view: { brush: [3, 20] } });
  draw(one(el, ".ie-curves .ie-chart"), 100, 300);
  close();
  pointer(document, "lostpointercapture", 0);
  const event = pressEscape();
  document.body.dispatchEvent(event);
  await settle();
  expect(event.defaultPrevented).toBe(false);
  expect(fake.get("_view").brush).toEqual([3, 20]);
});

describe("what is said of the curve that is pointed at", () => {
  const TIP = "[role=tabpanel] .ie-tip";
  /** Points at the value of the slider's checkpoint in the chart of the loss. */
  async function pointAtLoss() {
    const shown = await show({ checkpoint: 10 });
    const chart = one(shown.el, "[role=tabpanel] .ie-chart");
    const [, x, y] =
      /translate\(([\d.]+)px, ([\d.]+)px/.exec(one(shown.el, ".ie-measure-mark").style.transform) ?? [];
    pointer(chart, "pointermove", Number(x), { clientY: Number(y) });
    await settle();
    return { ...shown, chart };
  }

  it("is its name, value and checkpoint, in every chart along training", async () => {
    const { el } = await pointAtLoss();
    expect(one(el, TIP).textContent).toMatch(/^attn-only-2l [\d.]+ · [\d.]+k tokens$/);
    expect(one(el, TIP).textContent).toContain(one(el, ".ie-measure-value").textContent);
  });

  it.each(["pointerleave", "pointercancel"])("goes with the pointer: %s", async (type) => {
    const { el, chart } = await pointAtLoss();
    pointer(chart, type, 200);
    await settle();
    expect(el.querySelector(TIP)).toBeNull();
  });

  it("is nothing where no curve is near", async () => {
    const { el, chart } = await pointAtLoss();
    pointer(chart, "pointermove", 60, { clientY: 238 });
    await settle();
    expect(el.querySelector(TIP)).toBeNull();
  });
});
