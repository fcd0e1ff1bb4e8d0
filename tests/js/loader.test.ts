import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import loader from "../../js/src/kernel/loader";

const made = { initialize: vi.fn(), render: vi.fn() };
const carrier = { get: () => "v1" };
const page = globalThis as { [key: symbol]: unknown };
const KEY = Symbol.for("induction-explorer");

type Listener = (message: unknown) => void;
const listeners = new Set<Listener>();
const send = vi.fn();

const props = (get_model: (id: string) => Promise<unknown>, signal = new AbortController().signal) => {
  const model = {
    get: () => "IPY_MODEL_carrier",
    widget_manager: { get_model },
    on: (_: string, listener: Listener) => listeners.add(listener),
    off: (_: string, listener: Listener) => listeners.delete(listener),
    send,
  };
  return { model, signal, el: {} } as never;
};

beforeEach(() => {
  vi.useFakeTimers();
  vi.resetAllMocks();
  page[KEY] = new Map([["v1", Promise.resolve(() => made)]]);
});
afterEach(() => {
  vi.useRealTimers();
  delete page[KEY];
});

describe("the loader", () => {
  it("finds the module where the page has it already, and is what it is", async () => {
    const asked: string[] = [];
    const both = props(async (id) => {
      asked.push(id);
      return carrier;
    });
    const widget = loader();
    expect(widget.initialize(both)).toBeUndefined();
    await widget.render(both);
    expect(asked).toEqual(["carrier"]);
    expect(made.initialize).toHaveBeenCalledExactlyOnceWith(both);
    expect(made.render).toHaveBeenCalledExactlyOnceWith(both);
  });

  it("waits for a carrier that comes after its explorers", async () => {
    let tries = 0;
    const late = props(async () => {
      if (++tries < 4) throw new Error("widget model not found");
      return carrier;
    });
    const widget = loader();
    widget.initialize(late);
    const shown = widget.render(late);
    await vi.runAllTimersAsync();
    await shown;
    expect(made.render).toHaveBeenCalledOnce();
  });

  it("asks the kernel where the page was never told of the carrier", async () => {
    const young = props(() => Promise.reject(new Error("widget model not found")));
    send.mockImplementation(() => {
      for (const hear of [...listeners]) hear({ id: "rows", version: "v2" });
      for (const hear of [...listeners]) hear({ id: "module", version: "v1", code: "", styles: "" });
    });
    const widget = loader();
    widget.initialize(young);
    const shown = widget.render(young);
    await vi.runAllTimersAsync();
    await shown;
    expect(send).toHaveBeenCalledExactlyOnceWith({ kind: "module" });
    expect(made.render).toHaveBeenCalledOnce();
    expect(listeners.size).toBe(0);
  });

  it("says in the view that there is none, and starts nothing that was closed meanwhile", async () => {
    const never = props(() => Promise.reject(new Error("widget model not found")));
    const lost = loader();
    lost.initialize(never);
    const said = expect(lost.render(never)).rejects.toThrow("widget model not found");
    await vi.runAllTimersAsync();
    await said;

    const abort = new AbortController();
    const closed = props(async () => carrier, abort.signal);
    const widget = loader();
    widget.initialize(closed);
    abort.abort();
    await widget.render(closed);
    expect(made.initialize).not.toHaveBeenCalled();
    expect(made.render).not.toHaveBeenCalled();
  });
});
