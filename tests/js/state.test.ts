// @vitest-environment happy-dom
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { promptInfo, promptTokens, seriesInfo, traits } from "../../js/dev/data";
import { fakeKernel } from "../../js/dev/fake-kernel";
import { FakeModel } from "../../js/dev/fake-model";
import type { Head } from "../../js/src/contract.gen";
import { Store } from "../../js/src/state/store";

const SHAPE = { layers: 2, heads: 4, checkpoints: 26 };
const REST = 150;
const FRAME = 20;

let fake: FakeModel;
let abort: AbortController;
let store: Store;

beforeEach(() => {
  vi.useFakeTimers();
  fake = new FakeModel({ ...traits(SHAPE, promptTokens(8)), checkpoint: 10, heads: [[0, 1]] });
  abort = new AbortController();
  store = new Store(fake.model, abort.signal);
});
afterEach(() => {
  abort.abort();
  vi.useRealTimers();
});

describe("the slider", () => {
  it("moves at once, is drawn on the next frame, and reaches the trait when it rests", () => {
    for (const index of [11, 12, 13]) {
      store.moveTo(index);
      vi.advanceTimersByTime(FRAME);
    }
    expect([store.checkpoint.value, store.shown.value]).toEqual([13, 13]);
    expect([fake.get("checkpoint"), fake.saved.length]).toEqual([10, 0]);
    vi.advanceTimersByTime(REST);
    expect(fake.saved).toEqual([{ checkpoint: 13 }]);
    expect(store.settled.value).toBe(13);
  });

  it("draws several moves within a frame once", () => {
    const drawn: number[] = [];
    store.shown.subscribe((index) => drawn.push(index));
    for (const index of [3, 4, 5, 6]) store.moveTo(index);
    vi.advanceTimersByTime(FRAME);
    expect(drawn).toEqual([10, 6]);
  });

  it("follows the trait, which wins over a move that has not been written", () => {
    store.moveTo(3);
    fake.receive({ checkpoint: 20 });
    vi.advanceTimersByTime(REST + FRAME);
    expect([store.checkpoint.value, store.shown.value, store.settled.value]).toEqual([20, 20, 20]);
    expect(fake.saved).toEqual([]);
  });

  it("stays on the series", () => {
    store.moveTo(99);
    expect(store.checkpoint.value).toBe(25);
    fake.receive({ _series: [seriesInfo("short", { ...SHAPE, checkpoints: 3 })] });
    expect(store.checkpoint.value).toBe(2);
  });

  it("moves without a kernel, and writes nothing", () => {
    store.connected.value = false;
    store.moveTo(4);
    vi.advanceTimersByTime(REST + FRAME);
    expect(store.shown.value).toBe(4);
    expect(fake.saved).toEqual([]);
  });
});

describe("heads", () => {
  it("are chosen, added and removed, and written back", () => {
    store.selectHead([1, 1], false);
    store.selectHead([1, 2], true);
    store.selectHead([1, 1], true);
    expect(fake.saved.map(({ heads }) => heads)).toEqual([
      [[1, 1]],
      [
        [1, 1],
        [1, 2],
      ],
      [[1, 2]],
    ]);
  });

  it("keep their colour while others come and go", () => {
    store.selectHead([1, 1], true);
    store.selectHead([1, 2], true);
    store.selectHead([0, 1], true);
    expect(Object.fromEntries(store.slots.value)).toEqual({ L1H1: 1, L1H2: 2 });
    store.selectHead([0, 0], true);
    expect(store.slots.value.get("L0H0")).toBe(0);
  });

  it("follow the trait", () => {
    fake.receive({ heads: [[1, 3]] as Head[] });
    expect(store.activeHead.value).toEqual([1, 3]);
  });
});

describe("several series", () => {
  it("keeps place in tokens and the heads both have", () => {
    const one = seriesInfo("one", { layers: 1, heads: 4, checkpoints: 6 });
    fake.receive({
      _series: [...fake.get("_series"), one],
      heads: [
        [0, 1],
        [1, 1],
      ],
    });
    store.moveTo(25);
    store.chooseSeries(1);
    expect(fake.saved.at(-1)).toEqual({ series: 1, checkpoint: 5, heads: [[0, 1]] });
  });
});

describe("what a view asks for", () => {
  const patternRequests = () => fake.sent.filter((request) => request.kind === "patterns");
  const result = (head: Head) => store.results.of("patterns", { head });
  const pattern = (head: Head, checkpoint: number) => result(head).at(checkpoint)?.patterns;

  beforeEach(() => {
    store.results.ask(() =>
      store.heads.value.map((head) => ({ analysis: "patterns" as const, parameters: { head } })),
    );
  });

  it("asks for all checkpoints of a head once, nearest first, and not again while scrubbing", () => {
    expect(patternRequests()).toHaveLength(1);
    expect(patternRequests()[0]).toMatchObject({ head: [0, 1], generation: 1 });
    expect(patternRequests()[0]?.checkpoints.slice(0, 5)).toEqual([10, 9, 11, 8, 12]);
    expect(patternRequests()[0]?.checkpoints).toHaveLength(26);
    store.moveTo(20);
    vi.advanceTimersByTime(1000);
    expect(patternRequests()).toHaveLength(1);
  });

  it("keeps what came when a head is selected again", () => {
    const kernel = fakeKernel(SHAPE);
    for (const request of [...fake.sent]) kernel(request, fake);
    fake.kernel = kernel;
    vi.advanceTimersByTime(2000);
    expect(pattern([0, 1], 25)).toHaveLength(36);
    store.selectHead([1, 1], false);
    vi.advanceTimersByTime(2000);
    store.selectHead([0, 1], false);
    vi.advanceTimersByTime(2000);
    expect(patternRequests().map(({ head }) => head)).toEqual([
      [0, 1],
      [1, 1],
    ]);
  });

  it("cancels the request of a head that is no longer selected", () => {
    const [first] = patternRequests();
    store.selectHead([1, 1], false);
    expect(fake.sent).toContainEqual({ id: first?.id, kind: "cancel" });
  });

  it("drops what belongs to an older prompt, even under a live id", () => {
    const [first] = patternRequests();
    const data = new DataView(new Uint8Array(36).buffer);
    const arrays = [{ name: "patterns", dtype: "uint8" as const, shape: [1, 36] }];
    const body = { generation: 0, checkpoints: [10] };
    fake.reply({ id: first?.id ?? "", chunk: 0, chunks: 1, done: false, body, arrays }, [data]);
    expect(pattern([0, 1], 10)).toBeUndefined();
    const current = { ...body, generation: 1 };
    fake.reply({ id: first?.id ?? "", chunk: 0, chunks: 1, done: true, body: current, arrays }, [data]);
    expect(pattern([0, 1], 10)).toHaveLength(36);
  });

  it.each([
    ["fewer patterns than checkpoints", [10, 11], [1, 36]],
    ["more patterns than checkpoints", [10], [2, 36]],
    ["patterns of another prompt", [10], [1, 28]],
    ["another number of dims", [10], [36]],
  ])("refuses %s", async (_, checkpoints, shape) => {
    const id = patternRequests()[0]?.id ?? "";
    const data = new DataView(new Uint8Array(shape.reduce((a, b) => a * b)).buffer);
    const arrays = [{ name: "patterns", dtype: "uint8" as const, shape }];
    const body = { generation: 1, checkpoints };
    fake.reply({ id, chunk: 0, chunks: 1, done: true, body, arrays }, [data]);
    await vi.advanceTimersByTimeAsync(1);
    expect(pattern([0, 1], 10)).toBeUndefined();
    expect(result([0, 1]).failure(10)?.message).toContain('cannot be read: array "patterns" is [');
  });

  it("asks anew for a new prompt", () => {
    fake.receive({ _prompts: [{ ...promptInfo(promptTokens(5)), generation: 2 }] });
    expect(patternRequests().at(-1)?.generation).toBe(2);
    expect([result([0, 1]).at(10), result([0, 1]).failure(10)]).toEqual([null, null]);
  });

  it("asks only for where the slider rests when all would cost too much", () => {
    fake.receive({ _prompts: [{ ...promptInfo(promptTokens(8), false), generation: 2 }] });
    expect(patternRequests().at(-1)?.checkpoints).toEqual([10]);
    for (const index of [11, 12, 13]) store.moveTo(index);
    vi.advanceTimersByTime(REST);
    expect(patternRequests().at(-1)?.checkpoints).toEqual([13]);
    expect(patternRequests()).toHaveLength(3);
  });

  it("asks for where the second handle rests, too", () => {
    fake.receive({ _prompts: [{ ...promptInfo(promptTokens(8), false), generation: 2 }] });
    store.compareTo(3);
    vi.advanceTimersByTime(REST);
    expect(patternRequests().at(-1)?.checkpoints).toEqual([10, 3]);
  });

  it("leaves faulty checkpoints out, and says why one failed", async () => {
    const [info] = fake.get("_series");
    fake.receive({
      _series: [{ ...(info as NonNullable<typeof info>), faults: { 10: "truncated" } }],
      heads: [[1, 0]],
    });
    expect(patternRequests().at(-1)?.checkpoints).not.toContain(10);
    fake.reply({ id: patternRequests().at(-1)?.id ?? "", error: { message: "NaN weights", hint: "" } });
    await vi.advanceTimersByTimeAsync(1);
    expect(result([1, 0]).failure(11)?.message).toBe("NaN weights");
  });

  it("asks nothing without a kernel", () => {
    store.connected.value = false;
    const sent = fake.sent.length;
    store.selectHead([1, 3], true);
    expect(fake.sent.slice(sent).filter(({ kind }) => kind !== "cancel")).toEqual([]);
  });
});

describe("a prompt", () => {
  it("shows the kernel's refusal and can be run again", async () => {
    const refused = store.runPrompt("", "");
    fake.reply({ id: fake.sent.at(-1)?.id ?? "", error: { message: "The prompt is empty.", hint: "Type." } });
    await refused;
    expect(store.promptRun.value).toEqual({
      running: false,
      error: { message: "The prompt is empty.", hint: "Type." },
    });
    const run = store.runPrompt("A B", " C");
    expect(fake.sent.at(-1)).toMatchObject({ kind: "prompt", text: "A B", answer: " C" });
    fake.reply({ id: fake.sent.at(-1)?.id ?? "", chunk: 0, chunks: 0, done: true, body: {} });
    await run;
    expect(store.promptRun.value).toEqual({ running: false, error: null });
  });

  it("unlocks the token that was clicked in the last one", () => {
    store.lock.value = 3;
    fake.receive({ _prompts: [{ ...promptInfo(promptTokens(8)), generation: 2 }] });
    expect(store.lock.value).toBeNull();
  });
});

describe("playing", () => {
  it("runs to the end and stops there; from the end it starts over", () => {
    store.moveTo(23);
    store.player.toggle();
    vi.advanceTimersByTime(2000);
    expect([store.checkpoint.value, store.player.playing.value]).toEqual([25, false]);
    store.player.toggle();
    vi.advanceTimersByTime(500);
    expect(store.checkpoint.value).toBeGreaterThan(0);
    expect(store.checkpoint.value).toBeLessThan(5);
  });
});

it("leaves no listener and no timer behind", () => {
  store.moveTo(4);
  store.player.toggle();
  abort.abort();
  expect(fake.listenerCount).toBe(0);
  vi.advanceTimersByTime(5000);
  expect(fake.saved).toEqual([]);
  expect(store.checkpoint.value).toBe(4);
});

it("says that a grid cannot be read instead of drawing nonsense", () => {
  const [grid] = Object.values(fake.get("_grids"));
  fake.receive({ _grids: { "0/induction": { ...(grid as NonNullable<typeof grid>), shape: [1, 2, 4] } } });
  expect(store.grid.value).toMatchObject({ message: expect.stringContaining("cannot be read") });
});
