// @vitest-environment happy-dom
import { signal } from "@preact/signals";
import { describe, expect, it, vi } from "vitest";
import { promptInfo } from "../../js/dev/data";
import { fakeKernel } from "../../js/dev/fake-kernel";
import type { FakeModel } from "../../js/dev/fake-model";
import { Connection, SINCE } from "../../js/src/kernel/connection";
import type { ExplorerModel, Status } from "../../js/src/kernel/model";
import { HostKernel } from "./host-kernel";
import { freshPage, one, SHAPE, settle, show, TOKENS } from "./shown";

freshPage();

const COMPUTING: Status = {
  state: "computing",
  label: "Scoring heads",
  progress: "3 of 26 checkpoints",
  done: 3,
  total: 26,
  error: null,
};
/** Nothing but what the kernel has not sent yet. */
const NOTHING: Partial<ExplorerModel> = { _measures: {}, _measured_on: [""], _components_of: "", _grids: {} };

const TABS: [string, Partial<ExplorerModel>][] = [
  ["loss", { ...NOTHING, _status: COMPUTING }],
  ["loss_pca", { ...NOTHING, _status: COMPUTING }],
  ["scatter", { ...NOTHING, _status: COMPUTING }],
  ["passage", {}],
  ["answer", { answer: " C", _prompts: [promptInfo(TOKENS, true, " C")] }],
  ["ablation", {}],
  ["wiring", {}],
];

async function showTab(tab: string, change: Partial<ExplorerModel>, kernel: FakeModel["kernel"] | null) {
  const host = new HostKernel();
  const shown = await show({ ...change, _view: { tab } }, kernel, host);
  const panel = one(shown.el, "[role=tabpanel]");
  const text = () => [panel.textContent, one(shown.el, ".ie-predictions").textContent].join(" | ");
  return { ...shown, host, text };
}

const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms);
const alerts = (el: HTMLElement) => [...el.querySelectorAll("[role=alert]")].map((a) => a.textContent ?? "");

describe.each(TABS)("the tab %s", (tab, change) => {
  it("computes, waits for a busy kernel, goes on, and ends with the kernel", async () => {
    const { el, fake, host, text } = await showTab(tab, change, null);
    expect(text()).toContain("computing …");
    host.become({ status: "busy" });
    await pass(SINCE.quiet);
    expect(text()).not.toContain("computing …");
    expect(text()).toContain("waiting: the kernel is busy");
    expect(one(el, ".ie-header").textContent).toContain("waiting: the kernel is busy");
    await pass(600_000);
    expect(text()).toContain("waiting: the kernel is busy");
    expect(alerts(el)).toEqual([]);

    host.become({ status: "idle" });
    fake.receive({ _status: { ...fake.get("_status"), done: 4 } });
    await pass(10);
    expect(text()).toContain("computing …");
    host.become({ status: "autorestarting" });
    await pass(SINCE.silent);
    host.become({ status: "idle" });
    await pass(600_000);
    expect(text()).not.toContain("computing …");
    expect(text()).toContain("needs the kernel");
    expect(alerts(el)).toEqual([expect.stringContaining("Disconnected from the kernel")]);
    expect(el.querySelector("[role=progressbar]")).toBeNull();
  });
});

describe("the kernel", () => {
  it("that computes for long is not said not to answer", async () => {
    const { el, fake, text } = await showTab("passage", {}, (request, model) => {
      if (request.kind !== "ping") return;
      const waiting = model.sent.map(({ id }) => id);
      setTimeout(
        () => model.reply({ id: request.id, chunk: 0, chunks: 0, done: true, body: { waiting } }),
        SINCE.silent - SINCE.asked - 1,
      );
    });
    for (let i = 0; i < 60; i++) {
      await pass(1000);
      expect(text()).toContain("computing …");
      expect(alerts(el)).toEqual([]);
    }
    // Nothing was asked for twice.
    const asked = fake.sent
      .filter(({ kind }) => kind === "patterns")
      .map((request) => JSON.stringify({ ...request, id: "" }));
    expect(new Set(asked).size).toBe(asked.length);
  });

  it("that says nothing is said not to answer, and taken at its next word", async () => {
    const { el, fake, text } = await showTab("passage", {}, null);
    await pass(SINCE.silent);
    expect(alerts(el)).toEqual([expect.stringContaining("The kernel does not answer.")]);
    expect(text()).toContain("waiting: the kernel does not answer");
    fake.receive({ _status: COMPUTING });
    await pass(10);
    expect([alerts(el), text()]).toEqual([[], expect.stringContaining("computing …")]);
  });

  it("that was asked nothing need not answer", async () => {
    const { el } = await showTab("passage", {}, fakeKernel(SHAPE, 3));
    await pass(600_000);
    expect(alerts(el)).toEqual([]);
  });

  it("hears of what was lost once the way to it is found again", async () => {
    let reached = false;
    const kernel = fakeKernel(SHAPE, 3);
    const { el, host, text } = await showTab("passage", {}, (request, model) => {
      if (reached) kernel(request, model);
    });
    host.become({ connectionStatus: "connecting" });
    await pass(SINCE.quiet);
    expect(text()).toContain("waiting for the connection to the kernel");
    expect(alerts(el)).toEqual([expect.stringContaining("The connection to the kernel is lost.")]);
    reached = true;
    host.become({ connectionStatus: "connected" });
    await settle();
    await settle();
    expect(alerts(el)).toEqual([]);
    expect(text()).toMatch(/mean \d/);
  });

  it("comes back when the way to it is found, not when a page begins without one", () => {
    const abort = new AbortController();
    const connection = new Connection(signal(true), abort.signal);
    const ask = vi.fn();
    connection.host.value = "connecting";
    connection.whenQuiet(ask);
    expect([connection.returns.value, ask.mock.calls.length]).toEqual([0, 0]);
    for (const word of ["idle", "busy"] as const) {
      connection.host.value = word;
      expect([connection.returns.value, ask.mock.calls.length]).toEqual([1, 1]);
    }
    abort.abort();
  });

  it.each(["dead", "terminating", "restarting", "autorestarting"])(
    "is gone when it is %s",
    async (status) => {
      const { el, host, text } = await showTab("passage", {}, null);
      host.become({ status });
      host.become({ status: "idle" });
      await pass(10);
      expect(alerts(el)).toEqual([expect.stringContaining("Disconnected")]);
      expect(text()).toContain("needs the kernel");
    },
  );

  it("is gone with the host's kernel object", async () => {
    const { el, host } = await showTab("passage", {}, null);
    host.become({ isDisposed: true });
    await pass(10);
    expect(alerts(el)).toEqual([expect.stringContaining("Disconnected")]);
  });

  it("whose answer to a prompt was lost lets it be run again", async () => {
    const kernel = fakeKernel(SHAPE, 3);
    const { el } = await showTab("passage", {}, (request, model) => {
      if (request.kind !== "prompt") kernel(request, model);
    });
    const run = one(el, "button[type=submit]") as HTMLButtonElement;
    run.click();
    await pass(10);
    expect(run.disabled).toBe(true);
    await pass(3 * SINCE.silent);
    expect(run.disabled).toBe(false);
    expect(alerts(el)).toEqual([expect.stringContaining("The kernel's answer was lost.")]);
  });
});

it("what failed is asked for again by a button, and the error goes", async () => {
  let fails = true;
  const works = fakeKernel(SHAPE, 3);
  const refuses = fakeKernel(SHAPE, 3, { message: "Out of memory.", hint: "" });
  const { el, fake } = await showTab("wiring", {}, (request, model) => {
    if (fails && ["patterns", "predictions", "grid"].includes(request.kind)) {
      model.reply({ id: request.id, error: { message: "Out of memory.", hint: "" } });
    } else (fails ? refuses : works)(request, model);
  });
  await settle();
  expect(alerts(el).filter((text) => text.startsWith("Out of memory."))).toHaveLength(3);
  const again = () => [...el.querySelectorAll("button")].filter((b) => b.textContent === "Try again");
  expect(again()).toHaveLength(3);
  const sent = fake.sent.length;
  await pass(60_000);
  expect(fake.sent).toHaveLength(sent);
  fails = false;
  again()[0]?.click();
  await settle();
  await settle();
  expect([alerts(el), again()]).toEqual([[], []]);
  expect(one(el, "[aria-label='Next-token predictions'] tbody").children.length).toBeGreaterThan(1);
});

it("leaves nothing listening to the host's kernel", async () => {
  const { host, close } = await showTab("loss", {}, null);
  expect(host.listeners).toBe(3);
  close();
  expect(host.listeners).toBe(0);
});
