// @vitest-environment happy-dom
import { describe, expect, it, vi } from "vitest";
import { traits } from "../../js/dev/data";
import { FakeModel } from "../../js/dev/fake-model";
import factory from "../../js/src/index";
import type { ExplorerModel } from "../../js/src/kernel/model";
import { whole } from "../../js/src/kernel/whole";

const state = traits({ layers: 2, heads: 4, checkpoints: 6 });

/** As the kernel sends it to a page that is loaded again. */
function small(): ExplorerModel {
  const { _series, _scores, _grids, _measures, _prompts, _phases, ...rest } = state;
  return { ...rest, _behind: 3 } as ExplorerModel;
}

function show(fake: FakeModel, lost: boolean): { el: HTMLElement; abort: AbortController } {
  const [abort, el] = [new AbortController(), document.createElement("div")];
  el.classList.toggle("jupyter-widgets-disconnected", lost);
  const widget = factory();
  widget.initialize({ model: fake.model, signal: abort.signal });
  widget.render({ model: fake.model, el, signal: abort.signal });
  return { el, abort };
}

describe("a state that came without what is large", () => {
  it("is asked for, and drawn as soon as it is there", async () => {
    const { _series, _scores, _grids, _measures, _prompts, _phases, ...small } = state;
    const fake = new FakeModel({ ...small, _behind: 3 } as ExplorerModel);
    const [abort, el] = [new AbortController(), document.createElement("div")];
    const widget = factory();
    widget.initialize({ model: fake.model, signal: abort.signal });
    widget.render({ model: fake.model, el, signal: abort.signal });
    expect(fake.sent).toEqual([{ id: "state", kind: "state" }]);
    expect(el.textContent).toContain("fetching");
    fake.receive({ _series, _scores, _grids, _measures, _prompts, _phases });
    fake.receive({ _behind: 0 });
    await new Promise((resolve) => setTimeout(resolve));
    expect(el.querySelector('[role="slider"], input[type="range"]')).not.toBeNull();
    abort.abort();
    expect(fake.listenerCount).toBe(0);
  });

  it("is asked for again when the kernel was found again", () => {
    const fake = new FakeModel(state);
    const abort = new AbortController();
    expect(whole(fake.model, abort.signal)).toBeNull();
    expect(fake.sent).toEqual([]);
    fake.receive({ _behind: 4 });
    expect(fake.sent).toEqual([{ id: "state", kind: "state" }]);
    fake.receive({ _behind: 0 });
    expect(fake.sent).toHaveLength(1);
    abort.abort();
  });

  it("says so where the kernel is gone that had it", () => {
    const fake = new FakeModel(small());
    const { el, abort } = show(fake, true);
    expect(el.querySelector('[role="alert"]')?.textContent).toContain("Disconnected from the kernel before");
    abort.abort();
    expect(el.textContent).toBe("");
    expect(fake.listenerCount).toBe(0);
  });

  it("says so where the host refuses to ask", () => {
    const fake = new FakeModel(small());
    fake.kernel = () => {
      throw new Error("Kernel is disposed");
    };
    const { el, abort } = show(fake, false);
    expect(el.querySelector('[role="alert"]')?.textContent).toContain("Disconnected from the kernel before");
    abort.abort();
  });

  it("is asked for again where the question was lost, and said to be waited for", async () => {
    vi.useFakeTimers();
    try {
      const fake = new FakeModel(small());
      const { el, abort } = show(fake, false);
      await vi.advanceTimersByTimeAsync(3_100);
      expect(fake.sent).toHaveLength(2);
      await vi.advanceTimersByTimeAsync(8_000);
      expect(el.textContent).toContain("does not answer");
      const count = fake.sent.length;
      fake.receive({ ...state, _behind: 0 });
      await vi.advanceTimersByTimeAsync(600_000);
      expect(fake.sent.slice(count).filter(({ kind }) => kind === "state")).toEqual([]);
      abort.abort();
    } finally {
      vi.useRealTimers();
    }
  });

  it("that was saved before the answer, over one that has everything, is drawn without a kernel", () => {
    const { el, abort } = show(new FakeModel({ ...state, _behind: 3 }), true);
    expect(el.querySelector('[role="slider"], input[type="range"]')).not.toBeNull();
    abort.abort();
  });
});
