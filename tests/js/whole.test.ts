// @vitest-environment happy-dom
import { describe, expect, it } from "vitest";
import { traits } from "../../js/dev/data";
import { FakeModel } from "../../js/dev/fake-model";
import factory from "../../js/src/index";
import type { ExplorerModel } from "../../js/src/model";
import { whole } from "../../js/src/whole";

const state = traits({ layers: 2, heads: 4, checkpoints: 6 });

describe("a state that came without what is large", () => {
  it("is asked for, and drawn as soon as it is there", async () => {
    const { _series, _scores, _grids, _measures, _prompts, _phases, ...small } = state;
    const fake = new FakeModel({ ...small, _behind: 3 } as ExplorerModel);
    const [abort, el] = [new AbortController(), document.createElement("div")];
    const widget = factory();
    widget.initialize({ model: fake.model, signal: abort.signal });
    widget.render({ model: fake.model, el, signal: abort.signal });
    expect(fake.sent).toEqual([{ id: "state", kind: "state" }]);
    expect(el.childElementCount).toBe(0);
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
});
