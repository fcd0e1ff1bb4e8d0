/** The whole widget over a fake model, for tests of what a reader sees and does. */
import { afterEach, beforeEach, vi } from "vitest";
import { traits } from "../../js/dev/data";
import { fakeKernel } from "../../js/dev/fake-kernel";
import { FakeModel } from "../../js/dev/fake-model";
import factory from "../../js/src/index";
import type { ExplorerModel } from "../../js/src/kernel/model";

export const SHAPE = { layers: 2, heads: 4, checkpoints: 26 };
export const TOKENS = ["<|bos|>", "A", " B", " C", " A", " B"];
/** Of every element, in pixels: nothing is laid out here. */
export const WIDTH = 600;

class WideObserver {
  readonly #report: ResizeObserverCallback;
  constructor(report: ResizeObserverCallback) {
    this.#report = report;
  }
  observe(): void {
    this.#report([{ contentRect: { width: WIDTH } } as ResizeObserverEntry], this as never);
  }
  disconnect(): void {}
  unobserve(): void {}
}

export interface Shown {
  fake: FakeModel;
  el: HTMLElement;
  /** Takes the view off the page, as closing the output does. */
  close: () => void;
}

let abort: AbortController;

/** To be called once in a test file: the page and its clock are new for every test. */
export function freshPage(): void {
  beforeEach(() => {
    vi.useFakeTimers();
    vi.stubGlobal("ResizeObserver", WideObserver);
    abort = new AbortController();
  });
  afterEach(() => {
    clearPage();
    // What waits for a frame that never comes would wait in the next file too: files share Preact.
    vi.runOnlyPendingTimers();
    vi.restoreAllMocks();
    vi.unstubAllGlobals();
    vi.useRealTimers();
  });
}

/** Closes the widgets on the page, and takes their views away. */
export function clearPage(): void {
  abort.abort();
  abort = new AbortController();
  document.body.replaceChildren();
}

/** Aborted when the page is cleared. */
export function pageSignal(): AbortSignal {
  return abort.signal;
}

/** A widget over a model, and how to add a view of it to the page. */
export function widgetOf(
  { model }: FakeModel,
  make = factory,
): (signal?: AbortSignal, name?: string) => HTMLElement {
  const widget = make();
  widget.initialize({ model, signal: abort.signal });
  return (signal = abort.signal, name = "") => {
    const el = document.body.appendChild(document.createElement("div"));
    el.className = name;
    widget.render({ model, el, signal });
    return el;
  };
}

/**
 * A view of an explorer with one selected head, whose kernel answers unless `kernel` is null; `hostKernel` is
 * what the page around it knows of that kernel.
 */
export async function show(
  change: Partial<ExplorerModel> = {},
  kernel: FakeModel["kernel"] | null = fakeKernel(SHAPE, 3),
  hostKernel?: unknown,
): Promise<Shown> {
  const fake = new FakeModel({ ...traits(SHAPE, TOKENS), heads: [[1, 1]], ...change });
  fake.kernel = kernel ?? undefined;
  fake.widget_manager = { kernel: hostKernel };
  const closing = new AbortController();
  const el = widgetOf(fake)(AbortSignal.any([abort.signal, closing.signal]));
  await settle();
  return { fake, el, close: () => closing.abort() };
}

export async function settle(): Promise<void> {
  await vi.advanceTimersByTimeAsync(1000);
}

export function one(el: Element, selector: string): HTMLElement {
  const found = el.querySelector<HTMLElement>(selector);
  if (found === null) throw new Error(`nothing matches ${selector}`);
  return found;
}
