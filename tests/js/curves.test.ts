// @vitest-environment happy-dom
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { grid, promptTokens, traits } from "../../js/dev/data";
import { FakeModel } from "../../js/dev/fake-model";
import type { Envelope, Request } from "../../js/src/kernel/model";
import { Store } from "../../js/src/state/store";

const [CHECKPOINTS, LAYERS, HEADS] = [6, 2, 4];
const SHAPE = { layers: LAYERS, heads: HEADS, checkpoints: CHECKPOINTS };
const SIZE = LAYERS * HEADS;
const EMPTY = new Float32Array(CHECKPOINTS * SIZE).fill(Number.NaN);
const COMPUTING = {
  state: "computing",
  label: "",
  progress: "0 of 6 checkpoints",
  done: 0,
  total: 6,
  error: null,
} as const;
const TOO_LARGE: Envelope = { dtype: "float32", shape: [CHECKPOINTS, LAYERS, HEADS], data: null };

let fake: FakeModel;
let abort: AbortController;
let store: Store;

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  abort.abort();
  vi.useRealTimers();
});

function begin(grids: Record<string, Envelope>): void {
  fake = new FakeModel({ ...traits(SHAPE, promptTokens(8)), checkpoint: 2, _grids: grids });
  abort = new AbortController();
  store = new Store(fake.model, abort.signal);
}

/** At an offset that no float32 can lie at, as hosts hand them over. */
function unaligned(values: Float32Array): DataView<ArrayBuffer> {
  const bytes = new Uint8Array(values.byteLength + 1);
  bytes.set(new Uint8Array(values.buffer), 1);
  return new DataView(bytes.buffer, 1);
}

const rowsOf = (checkpoints: number[]) =>
  Float32Array.from(checkpoints.flatMap((checkpoint) => Array(SIZE).fill(checkpoint / 10)));

/** The kernel tells of new rows. */
function tell(number: number, checkpoints: number[], names: string[], faults = {}): void {
  const values = names.map(() => rowsOf(checkpoints));
  const bytes = new Float32Array(values.flatMap((one) => [...one]));
  const arrays = names.map((name) => ({
    name,
    dtype: "float32" as const,
    shape: [checkpoints.length, LAYERS, HEADS],
  }));
  const body = { number, series: 0, of: "grids", checkpoints, faults };
  const chunks = names.length > 0 ? 1 : 0;
  fake.reply({ id: "rows", chunk: 0, chunks, done: true, body, arrays }, [new DataView(bytes.buffer)]);
}

type Rows = Extract<Request, { kind: "rows" }>;
const asked = () => fake.sent.filter((request): request is Rows => request.kind === "rows");
const stateAsked = () => fake.sent.filter(({ kind }) => kind === "state").length;

/** The kernel answers the last question for rows, with those of `known`. */
async function answer(known = asked().at(-1)?.checkpoints ?? []): Promise<void> {
  const arrays = [{ name: "rows", dtype: "float32" as const, shape: [known.length, LAYERS, HEADS] }];
  const id = asked().at(-1)?.id ?? "";
  const body = { checkpoints: known };
  const chunks = known.length > 0 ? 1 : 0;
  fake.reply({ id, chunk: 0, chunks, done: true, body, arrays }, [new DataView(rowsOf(known).buffer)]);
  await vi.advanceTimersByTimeAsync(0);
}

const shownAt = (checkpoint: number) => {
  store.moveTo(checkpoint);
  vi.advanceTimersByTime(50);
  return store.shownScores.value[0];
};

describe("rows that the kernel tells of", () => {
  beforeEach(() => {
    begin({ "0/induction": { ...grid(SHAPE), data: unaligned(EMPTY) } });
  });

  it.each([
    ["in a state of nothing but NaN", { ...grid(SHAPE), data: unaligned(EMPTY) }],
    ["in a state that says as much", { ...TOO_LARGE, unknown: true }],
  ])("are drawn, and saved with the notebook: %s", (_, envelope) => {
    begin({ "0/induction": envelope });
    expect(asked()).toHaveLength(0);
    const drawn: unknown[] = [];
    store.gridValues.subscribe((values) => drawn.push(values));
    tell(1, [2, 3], ["induction"]);
    expect(drawn).toHaveLength(2);
    expect([shownAt(3), shownAt(2), shownAt(4)]).toEqual([Math.fround(0.3), Math.fround(0.2), Number.NaN]);
    const saved = fake.get("_grids")["0/induction"]?.data as DataView;
    expect(saved.getFloat32(3 * SIZE * 4, true)).toBeCloseTo(0.3);
    expect(saved.byteLength).toBe(EMPTY.byteLength);
  });

  it("bring the faults of checkpoints", () => {
    tell(1, [1], ["induction"], { 1: "it holds NaN" });
    expect(store.info.value?.faults).toEqual({ 1: "it holds NaN" });
  });

  it("that were missed are asked for, once, with everything else", () => {
    tell(3, [2], ["induction"]);
    expect([stateAsked(), shownAt(2)]).toEqual([1, Math.fround(0.2)]);
    tell(4, [3], ["induction"]);
    expect(stateAsked()).toBe(1);
    fake.receive({ _told: 9 });
    tell(10, [4], ["induction"]);
    expect(stateAsked()).toBe(1);
    tell(12, [5], ["induction"]);
    expect(stateAsked()).toBe(2);
  });

  it("give way to a state that has all", () => {
    tell(1, [2], ["induction"]);
    fake.receive({ _grids: { "0/induction": grid(SHAPE) } });
    expect(store.gridValues.value).toHaveLength(EMPTY.length);
    expect(shownAt(2)).not.toBeCloseTo(0.2);
  });
});

describe("what is too large for the state", () => {
  beforeEach(async () => {
    begin({ "0/induction": TOO_LARGE, "0/previous_token": TOO_LARGE });
    await vi.advanceTimersByTimeAsync(0);
  });

  it("is asked for where someone reads it, row by row", async () => {
    expect(store.shownScores.value).toEqual(new Float32Array(SIZE).fill(Number.NaN));
    await vi.advanceTimersByTimeAsync(0);
    expect(asked()).toHaveLength(1);
    expect(asked()[0]).toMatchObject({ of: "grids", series: 0, name: "induction" });
    expect(asked()[0]?.checkpoints).toEqual([0, 1, 2, 3, 4, 5]);
    expect(store.curves.fetching.value).toBe(true);
    await answer([1, 2, 4]);
    expect(store.curves.fetching.value).toBe(false);
    expect([shownAt(2), shownAt(3)]).toEqual([Math.fround(0.2), Number.NaN]);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(asked()).toHaveLength(1);
    tell(1, [3, 4], []);
    expect(asked().at(-1)?.checkpoints).toEqual([3]);
    expect(asked()).toHaveLength(2);
  });

  it("is never asked for again once it is complete, though other things are computed", async () => {
    void store.grid.value;
    fake.receive({ _status: COMPUTING });
    await vi.advanceTimersByTimeAsync(0);
    await answer();
    tell(1, [1, 2], []);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(asked()).toHaveLength(1);
    expect(stateAsked()).toBe(0);
  });

  it("has one question at a time; what is told meanwhile is asked for next", async () => {
    void store.grid.value;
    await vi.advanceTimersByTimeAsync(0);
    tell(1, [0, 1], []);
    tell(2, [2], []);
    expect(asked()).toHaveLength(1);
    await answer([0]);
    expect(asked()).toHaveLength(2);
    expect(asked()[1]?.checkpoints).toEqual([1, 2]);
  });

  it("says why it did not come, and is asked for anew", async () => {
    void store.grid.value;
    await vi.advanceTimersByTimeAsync(0);
    fake.reply({ id: asked()[0]?.id ?? "", error: { message: "no", hint: "" } });
    await vi.advanceTimersByTimeAsync(0);
    expect(store.grid.value).toMatchObject({ message: "no" });
    store.tryAgain();
    expect(asked()).toHaveLength(2);
    await answer();
    expect(shownAt(5)).toBe(0.5);
  });

  it("is kept where a new state has no room for it either", async () => {
    void store.grid.value;
    await vi.advanceTimersByTimeAsync(0);
    await answer([2]);
    fake.receive({ _grids: { "0/induction": TOO_LARGE } });
    expect(shownAt(2)).toBeCloseTo(0.2);
    expect(asked().at(-1)?.checkpoints).toEqual([0, 1, 3, 4, 5]);
    await answer();
    expect(shownAt(5)).toBe(0.5);
  });

  it("is read in other series, too", async () => {
    fake.receive({
      _series: [...fake.get("_series"), ...fake.get("_series")],
      _grids: { "1/induction": TOO_LARGE },
    });
    void store.gridIn(1, "induction");
    await vi.advanceTimersByTimeAsync(0);
    expect(asked().at(-1)).toMatchObject({ series: 1, name: "induction" });
  });
});
