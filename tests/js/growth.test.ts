// @vitest-environment happy-dom
/** Checkpoints that come while the page is open. */
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { envelope, grid, promptTokens, seriesInfo, traits } from "../../js/dev/data";
import { fakeKernel } from "../../js/dev/fake-kernel";
import { FakeModel } from "../../js/dev/fake-model";
import type { Envelope, ExplorerModel } from "../../js/src/kernel/model";
import { Store } from "../../js/src/state/store";
import { freshPage, one, settle, show } from "./shown";

const SHAPE = { layers: 2, heads: 4, checkpoints: 6 };
const SIZE = SHAPE.layers * SHAPE.heads;
const STEPS = [0, 1, 2, 4, 8, 16, 32, 64];

function infoOf(steps: number[]) {
  const labels = steps.map((step) => `step ${step}`);
  const unknown = { tokens: steps.map(() => null), tokens_estimated: steps.map(() => false) };
  return { ...seriesInfo("run", SHAPE), labels, steps, ...unknown };
}

/** So many checkpoints, of which these are scored. */
function scored(count: number, known: number[]): Record<string, Envelope> {
  const values = new Float32Array(count * SIZE).fill(Number.NaN);
  for (const index of known) values.fill(0.5, index * SIZE, (index + 1) * SIZE);
  return { "0/induction": envelope(values, [count, SHAPE.layers, SHAPE.heads]) };
}

const upTo = (count: number) => Array.from({ length: count }, (_, index) => index);

let fake: FakeModel;
let abort: AbortController;
let store: Store;

function begin(changed: Partial<ExplorerModel> = {}): void {
  const beginning = { _series: [infoOf(STEPS.slice(0, 6))], _grids: scored(6, upTo(6)), checkpoint: 5 };
  fake = new FakeModel({ ...traits(SHAPE, promptTokens(8)), ...beginning, ...changed });
  abort = new AbortController();
  store = new Store(fake.model, abort.signal);
}

/** There are so many, and these are scored. */
function grow(count: number, known: number[]): void {
  fake.receive({ _series: [infoOf(STEPS.slice(0, count))], _grids: scored(count, known) });
}

describe("the handle", () => {
  beforeEach(() => {
    vi.useFakeTimers();
    begin();
  });
  afterEach(() => {
    abort.abort();
    vi.useRealTimers();
  });

  it("goes on from the last checkpoint to the last that comes, once that is scored", () => {
    grow(8, upTo(6));
    expect(store.checkpoint.value).toBe(5);
    fake.receive({ _grids: scored(8, [...upTo(6), 6]) });
    expect(store.checkpoint.value).toBe(6);
    fake.receive({ _grids: scored(8, upTo(8)) });
    expect(store.checkpoint.value).toBe(7);
    vi.advanceTimersByTime(500);
    expect(fake.saved.at(-1)).toEqual({ checkpoint: 7 });
  });

  it("stays anywhere else, and where the reader moved it meanwhile", () => {
    store.moveTo(3);
    grow(7, upTo(7));
    expect(store.checkpoint.value).toBe(3);
    store.moveTo(6);
    grow(8, upTo(7));
    store.moveTo(2);
    fake.receive({ _grids: scored(8, upTo(8)) });
    expect(store.checkpoint.value).toBe(2);
  });

  it("passes over what could not be used", () => {
    const faulty = { ...infoOf(STEPS), faults: { 7: "It was cut off." } };
    fake.receive({ _series: [faulty], _grids: scored(8, upTo(8)) });
    expect(store.checkpoint.value).toBe(6);
  });

  it("of another series that is chosen stays where it is put", () => {
    fake.receive({ _series: [infoOf(STEPS.slice(0, 6)), { ...infoOf(STEPS), name: "other" }] });
    store.chooseSeries(1);
    expect(store.checkpoint.value).toBe(5);
  });

  it("is where the kernel has put it, whichever it says first: that it moved or that there are more", () => {
    fake.receive({ checkpoint: 7, compare: 6, _series: [infoOf(STEPS)] });
    expect([store.settled.value, store.settledCompare.value]).toEqual([7, 6]);
  });
});

describe("answers", () => {
  beforeEach(() => begin({ checkpoint: 1, heads: [[0, 1]] }));
  afterEach(() => abort.abort());

  const asked = () =>
    fake.sent
      .filter(({ kind }) => kind === "wiring")
      .map((request) => (request as { checkpoints: number[] }).checkpoints);
  const ask = () => store.results.ask(() => [{ analysis: "wiring", parameters: { head: [1, 0] } }]);

  it("stay where checkpoints come behind the others, and are asked for of these alone", async () => {
    fake.kernel = fakeKernel(SHAPE, 8);
    ask();
    await vi.waitFor(() => expect(store.results.of("wiring", { head: [1, 0] }).known).toBe(6));
    fake.kernel = undefined;
    grow(8, upTo(8));
    expect(asked().at(-1)).toEqual([6, 7]);
  });

  it("are asked for anew where some come between: the others have new numbers", async () => {
    fake.kernel = fakeKernel(SHAPE, 8);
    ask();
    await vi.waitFor(() => expect(store.results.of("wiring", { head: [1, 0] }).known).toBe(6));
    fake.kernel = undefined;
    fake.receive({ _series: [infoOf([0, 1, 2, 3, 4, 8, 16])], checkpoint: 1 });
    expect(asked().at(-1)?.sort()).toEqual(upTo(7));
    expect(store.results.of("wiring", { head: [1, 0] }).known).toBe(0);
  });
});

describe("a score that the state has no room for", () => {
  afterEach(() => abort.abort());

  it("is asked for whole where there are more checkpoints", async () => {
    const large = (count: number): Record<string, Envelope> => ({
      "0/induction": { dtype: "float32", shape: [count, SHAPE.layers, SHAPE.heads], data: null },
    });
    begin({ _grids: large(6) });
    void store.grid.value;
    await Promise.resolve();
    fake.receive({ _series: [infoOf(STEPS)], _grids: large(8) });
    expect(store.gridValues.value).toHaveLength(8 * SIZE);
    void store.grid.value;
    await Promise.resolve();
    const rows = fake.sent.filter(({ kind }) => kind === "rows") as { checkpoints: number[] }[];
    expect(rows.at(-1)?.checkpoints).toEqual(upTo(8));
  });
});

describe("the page", () => {
  freshPage();

  it("says that the run goes on, and that the handle follows it at the end", async () => {
    const { fake, el } = await show({ _grids: { "0/induction": grid({ ...SHAPE, checkpoints: 26 }) } });
    expect(one(el, ".ie-now-count").textContent).not.toContain("run");
    const more = seriesInfo("run", { ...SHAPE, checkpoints: 26 });
    const [step, tokens] = [(more.steps.at(-1) ?? 0) * 2, (more.tokens.at(-1) ?? 0) * 2];
    fake.receive({
      checkpoint: 3,
      _series: [
        {
          ...more,
          labels: [...more.labels, `step ${step}`],
          steps: [...more.steps, step],
          tokens: [...more.tokens, tokens],
          tokens_estimated: [...more.tokens_estimated, false],
        },
      ],
    });
    await settle();
    expect(one(el, ".ie-now-count").textContent).toBe("4 of 27 the run goes on");
    fake.receive({ checkpoint: 26 });
    await settle();
    expect(one(el, ".ie-now-count").textContent).toBe("27 of 27 following the run");
  });
});
