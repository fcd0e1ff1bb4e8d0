// @vitest-environment happy-dom
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { promptTokens, seriesInfo, traits } from "../../js/dev/data";
import { FakeModel } from "../../js/dev/fake-model";
import type { ExplorerModel } from "../../js/src/kernel/model";
import { Store } from "../../js/src/state/store";

const SHAPE = { layers: 2, heads: 4, checkpoints: 26 };
const REST = 150;

let fake: FakeModel;
let abort: AbortController;
let store: Store;

beforeEach(() => {
  vi.useFakeTimers();
  const base = traits(SHAPE, promptTokens(8));
  const other = seriesInfo("other", SHAPE);
  fake = new FakeModel({ ...base, checkpoint: 10, compare: 2, _series: [...base._series, other] });
  abort = new AbortController();
  store = new Store(fake.model, abort.signal);
});
afterEach(() => {
  abort.abort();
  vi.useRealTimers();
});

const rest = () => vi.advanceTimersByTime(REST);
const shown = () => ({
  checkpoint: store.checkpoint.value,
  compare: store.compare.value,
  tab: store.viewState.value.tab,
});
const settled = () => [store.settled.value, store.settledCompare.value];

const BY_HAND: [keyof ExplorerModel, () => void, Partial<ExplorerModel>, object][] = [
  ["checkpoint", () => store.moveTo(3), { checkpoint: 20 }, { checkpoint: 20 }],
  ["compare", () => store.compareTo(3), { compare: 20 }, { compare: 20 }],
  ["compare", () => store.compareTo(3), { compare: null }, { compare: null }],
  ["_view", () => store.arrange({ tab: "wiring" }), { _view: { tab: "scatter" } }, { tab: "scatter" }],
];

describe.each(BY_HAND)("%s", (name, byHand, byKernel, expected) => {
  it("of the kernel is not overwritten by what the hand did just before", () => {
    byHand();
    vi.advanceTimersByTime(REST - 1);
    fake.receive(byKernel);
    vi.advanceTimersByTime(10 * REST);
    expect(shown()).toMatchObject(expected);
    expect(fake.get(name)).toEqual(byKernel[name]);
    expect(fake.saved).toEqual([]);
  });

  it("of the hand is written when it comes after the kernel's", () => {
    fake.receive(byKernel);
    byHand();
    rest();
    expect(fake.saved).toHaveLength(1);
    expect(fake.get(name)).toEqual(fake.saved[0]?.[name]);
    expect(fake.get(name)).not.toEqual(byKernel[name]);
  });

  it("of the hand outlives the kernel's word on something else, and the page's own", () => {
    byHand();
    fake.receive({ prompt: "another", _status: { ...fake.get("_status"), done: 3 } });
    store.chooseScore("previous_token");
    rest();
    expect(fake.saved[0]).toEqual({ score: "previous_token" });
    expect(Object.keys(fake.saved[1] ?? {})).toEqual([name]);
  });
});

it("each kernel's word takes back only its own", () => {
  store.moveTo(3);
  store.compareTo(4);
  fake.receive({ compare: 20 });
  expect(settled()).toEqual([10, 20]);
  rest();
  expect([shown(), settled()]).toEqual([{ checkpoint: 3, compare: 20, tab: "loss" }, [3, 20]]);
  expect(fake.saved).toEqual([{ checkpoint: 3 }]);
});

it("another series from the kernel takes back both handles, which were of the old one", () => {
  store.moveTo(3);
  store.compareTo(4);
  fake.receive({ series: 1 });
  vi.advanceTimersByTime(10 * REST);
  expect(shown()).toMatchObject({ checkpoint: 10, compare: 2 });
  expect(settled()).toEqual([10, 2]);
  expect([fake.saved, fake.get("checkpoint"), fake.get("compare")]).toEqual([[], 10, 2]);
});

it("another series by hand tells all of it at once, and the hand's last move is not told later", () => {
  store.moveTo(3);
  store.compareTo(4);
  const rests: number[] = [];
  store.settled.subscribe((index) => rests.push(index));
  store.chooseSeries(1);
  vi.advanceTimersByTime(10 * REST);
  expect(fake.saved.map(({ series, checkpoint, compare }) => [series, checkpoint, compare])).toEqual([
    [1, 3, 4],
  ]);
  expect(rests).toEqual([10, 3]);
  expect(shown()).toMatchObject({ checkpoint: 3, compare: 4 });
});

it("what waits when the model ends is told to nobody", () => {
  for (const [, byHand] of BY_HAND) byHand();
  abort.abort();
  vi.advanceTimersByTime(10 * REST);
  expect(fake.saved).toEqual([]);
  expect(fake.listenerCount).toBe(0);
});
