// @vitest-environment happy-dom
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { promptInfo, promptTokens, seriesInfo, traits } from "../../js/dev/data";
import { FakeModel } from "../../js/dev/fake-model";
import type { Head } from "../../js/src/contract.gen";
import type { ExplorerModel } from "../../js/src/kernel/model";
import { isInside, windowOf } from "../../js/src/state/phases";
import { Store } from "../../js/src/state/store";

const SHAPE = { layers: 2, heads: 4, checkpoints: 26 };
const REST = 200;

let fake: FakeModel;
let abort: AbortController;
let store: Store;

function begin(changed: Partial<ExplorerModel> = {}): void {
  fake = new FakeModel({ ...traits(SHAPE, promptTokens(8)), checkpoint: 10, heads: [[0, 1]], ...changed });
  abort = new AbortController();
  store = new Store(fake.model, abort.signal);
}

beforeEach(() => {
  vi.useFakeTimers();
  begin();
});
afterEach(() => {
  abort.abort();
  vi.useRealTimers();
});

/** What was told to the kernel, once the hand rests. */
function told(): Partial<ExplorerModel>[] {
  vi.advanceTimersByTime(REST);
  return fake.saved;
}

describe("the second handle", () => {
  it("moves like the first, and goes away", () => {
    store.compareTo(3);
    expect([store.compare.value, store.settledCompare.value]).toEqual([3, null]);
    expect(told()).toEqual([{ compare: 3 }]);
    expect([store.shownCompare.value, store.settledCompare.value]).toEqual([3, 3]);
    store.compareTo(null);
    expect(told()).toEqual([{ compare: 3 }, { compare: null }]);
    expect([store.compare.value, store.shownCompare.value, store.settledCompare.value]).toEqual([
      null,
      null,
      null,
    ]);
  });

  it("stays on the series", () => {
    store.compareTo(99);
    expect(store.compare.value).toBe(25);
    store.compareTo(-4);
    expect(store.compare.value).toBe(0);
  });

  it("follows the kernel, which wins over a move that has not been told", () => {
    store.compareTo(3);
    fake.receive({ compare: 20 });
    expect(told()).toEqual([]);
    expect([store.compare.value, store.shownCompare.value, store.settledCompare.value]).toEqual([20, 20, 20]);
  });
});

describe("what changes nothing", () => {
  it("is not told to the kernel", () => {
    store.moveTo(10);
    store.compareTo(null);
    store.selectHead([0, 1], false);
    store.activateHead([0, 1]);
    expect(told()).toEqual([]);
  });
});

describe("heads", () => {
  const pair: Head[] = [
    [0, 1],
    [1, 1],
  ];

  it("are told apart by layer and by number", () => {
    begin({ heads: pair });
    store.selectHead([1, 1], true);
    expect(store.heads.value).toEqual([[0, 1]]);
    store.selectHead([0, 2], true);
    expect(store.heads.value).toEqual([
      [0, 1],
      [0, 2],
    ]);
  });

  it("of which one is spoken of keep the others, and it is the last", () => {
    begin({ heads: pair });
    store.activateHead([0, 1]);
    expect(fake.saved).toEqual([
      {
        heads: [
          [1, 1],
          [0, 1],
        ],
      },
    ]);
    expect(store.activeHead.value).toEqual([0, 1]);
  });

  it("of which the one in the middle is spoken of change their order alone", () => {
    begin({ heads: [0, 1, 2].map((head): Head => [1, head]) });
    store.activateHead([1, 1]);
    expect(store.heads.value).toEqual([0, 2, 1].map((head) => [1, head]));
    expect(told()).toEqual([{ heads: [0, 2, 1].map((head) => [1, head]) }]);
  });

  it("that are none leave none to speak of", () => {
    store.selectHead([0, 1], true);
    expect([store.heads.value, store.activeHead.value]).toEqual([[], null]);
  });
});

describe("another series", () => {
  const small = seriesInfo("small", { layers: 1, heads: 2, checkpoints: 6 });

  const beginWith = (changed: Partial<ExplorerModel> = {}) => {
    const { _series, _scores } = traits(SHAPE, promptTokens(8));
    const [scores = []] = _scores;
    begin({ _series: [..._series, small], _scores: [scores, scores.slice(0, 1)], ...changed });
  };

  it("has both handles at its nearest checkpoints, at rest", () => {
    beginWith({ checkpoint: 25, compare: 0 });
    store.chooseSeries(1);
    expect([store.series.value, store.checkpoint.value, store.compare.value]).toEqual([1, 5, 0]);
    expect([store.settled.value, store.settledCompare.value]).toEqual([5, 0]);
    expect(told()[0]).toMatchObject({ series: 1, checkpoint: 5 });
    expect(told()).toHaveLength(1);
  });

  it("keeps those selected heads that it has, and no second handle where there was none", () => {
    const heads: Head[] = [
      [0, 1],
      [0, 2],
      [1, 0],
    ];
    beginWith({ heads });
    store.chooseSeries(1);
    expect(store.heads.value).toEqual([[0, 1]]);
    expect(store.compare.value).toBeNull();
  });

  it("shows the score that was chosen, or else one that it has, and says which is missing", () => {
    beginWith();
    const [kept, lacking] = store.scores.value;
    store.chooseScore(lacking?.name ?? "");
    expect(store.missingScore.value).toBeNull();
    store.chooseSeries(1);
    expect(store.score.value).toBe(kept?.name);
    expect(store.missingScore.value).toEqual({ title: lacking?.title, reason: "" });
    store.chooseSeries(0);
    expect(store.missingScore.value).toBeNull();
  });

  it("that does not exist changes nothing", () => {
    store.chooseSeries(1);
    expect(store.series.value).toBe(0);
    expect(told()).toEqual([]);
  });

  it("takes back what was brushed, if anything was", () => {
    beginWith();
    store.arrange({ brush: [3, 8] });
    store.chooseSeries(1);
    expect(store.viewState.value.brush).toBeNull();
    expect(told().at(-1)).toMatchObject({ _view: { brush: null } });
  });

  it("from the kernel drops moves of both handles that were of the old one", () => {
    beginWith({ compare: 4 });
    store.moveTo(12);
    store.compareTo(7);
    fake.receive({ series: 1, checkpoint: 2, compare: 3 });
    expect(told()).toEqual([]);
    expect([store.checkpoint.value, store.settled.value]).toEqual([2, 2]);
    expect([store.compare.value, store.settledCompare.value]).toEqual([3, 3]);
  });
});

describe("the view", () => {
  it("keeps all that was arranged before, tab by tab", () => {
    store.arrange({ x_scale: "linear" });
    store.arrangeTab("scatter", { x: "induction" });
    store.arrangeTab("scatter", { y: "loss" });
    store.openTab("answer", { kind: "rank" });
    expect(store.viewState.value).toMatchObject({
      tab: "answer",
      x_scale: "linear",
      brush: null,
      tabs: { scatter: { x: "induction", y: "loss" }, answer: { kind: "rank" } },
    });
    expect(told()).toMatchObject([{ _view: { tab: "answer", x_scale: "linear" } }]);
  });

  it("looks at what is brushed, as far as the series goes", () => {
    expect(store.range.value).toEqual([0, 25]);
    store.arrange({ brush: [3, 8] });
    expect(store.range.value).toEqual([3, 8]);
    store.arrange({ brush: [30, 40] });
    expect(store.range.value).toEqual([25, 25]);
  });

  it("has the window in the unit in which it was drawn, or the one that was found", () => {
    const found = {
      from: 1e6,
      to: 2e6,
      from_interval: [5e5, 1.5e6] as [number, number],
      to_interval: [1.5e6, 2.5e6] as [number, number],
    };
    expect(windowOf(null, null)).toBeNull();
    expect(windowOf(found, null)).toEqual({
      from: 1e6,
      to: 2e6,
      intervals: { from: [5e5, 1.5e6], to: [1.5e6, 2.5e6] },
    });
    store.drawWindow([3e6, 4e6]);
    expect(store.window.value).toEqual({ from: 3e6, to: 4e6, intervals: null });
    expect(store.viewState.value.window_unit).toBe("tokens");
    store.drawWindow(null);
    expect(store.viewState.value).toMatchObject({ window: null, window_unit: null });
    fake.receive({ _view: { ...store.viewState.value, window: [3, 4], window_unit: "steps" } });
    expect(store.drawnWindow.value).toBeNull();
  });

  it.each([
    [1, true],
    [1.5, true],
    [2, true],
    [0.9, false],
    [2.1, false],
  ])("has %d inside of a window from 1 to 2: %s", (x, inside) => {
    expect(isInside({ from: 1, to: 2, intervals: null }, x)).toBe(inside);
    expect(isInside(null, x)).toBe(false);
  });
});

describe("playing", () => {
  const visited = (milliseconds: number) => {
    const seen: number[] = [];
    const stop = store.checkpoint.subscribe((index) => void seen.push(index));
    vi.advanceTimersByTime(milliseconds);
    stop();
    return seen;
  };

  it("goes through what is brushed, one after the other, and no further", () => {
    store.arrange({ brush: [3, 6] });
    store.player.toggle(); // from outside
    expect(visited(5000)).toEqual([3, 4, 5, 6]);
    expect(store.player.playing.value).toBe(false);
    store.player.toggle(); // from the end
    expect(visited(5000)).toEqual([3, 4, 5, 6]);
    store.moveTo(1);
    store.player.toggle(); // from before the beginning
    expect(visited(5000)).toEqual([3, 4, 5, 6]);
  });

  it("goes on from where it is, and stops where it is", () => {
    store.arrange({ brush: [3, 20] });
    store.player.toggle();
    expect(visited(2 * 250 + 10)).toEqual([10, 11, 12]);
    store.player.toggle();
    expect(visited(5000)).toEqual([12]);
    expect(store.player.playing.value).toBe(false);
  });

  it.each([4, 26, 500])("of %d checkpoints is one movement, which rests where it ends", (checkpoints) => {
    begin({ _series: [seriesInfo("one", { ...SHAPE, checkpoints })], checkpoint: 0 });
    const rests: number[] = [];
    store.settled.subscribe((index) => void rests.push(index));
    store.player.toggle();
    vi.advanceTimersByTime(60_000);
    expect(rests).toEqual([0, checkpoints - 1]);
    expect(fake.saved.map(({ checkpoint }) => checkpoint)).toEqual([checkpoints - 1]);
  });

  it.each([
    [4, 250],
    [26, 200],
    [51, 100],
    [500, 60],
  ])("of %d checkpoints takes %d ms a step", (checkpoints, pause) => {
    begin({ _series: [seriesInfo("one", { ...SHAPE, checkpoints })], checkpoint: 0 });
    store.player.toggle();
    vi.advanceTimersByTime(pause - 1);
    expect(store.checkpoint.value).toBe(0);
    vi.advanceTimersByTime(2);
    expect(store.checkpoint.value).toBe(1);
  });
});

describe("a prompt that is run", () => {
  it("is running until it is answered, and says so of the newest only", async () => {
    const old = store.runPrompt("A", "");
    expect(store.promptRun.value).toEqual({ running: true, error: null });
    const newer = store.runPrompt("A B", "");
    await old;
    expect(store.promptRun.value.running).toBe(true);
    fake.reply({ id: fake.sent.at(-1)?.id ?? "", chunk: 0, chunks: 0, done: true, body: {} });
    await newer;
    expect(store.promptRun.value).toEqual({ running: false, error: null });
  });

  it("whose error was shown is forgotten with the prompt, not with its waiting", async () => {
    const refused = store.runPrompt("", "");
    fake.reply({ id: fake.sent.at(-1)?.id ?? "", error: { message: "No.", hint: "" } });
    await refused;
    expect(store.promptRun.value.error?.message).toBe("No.");
    fake.receive({ _prompts: [{ ...promptInfo(promptTokens(4)), generation: 2 }] });
    expect(store.promptRun.value).toEqual({ running: false, error: null });
  });
});

describe("the score", () => {
  it("is the chosen one, or else induction, or else the first that there is", () => {
    begin({ _scores: traits(SHAPE)._scores.map((scores) => scores.toReversed()) });
    const names = store.scores.value.map(({ name }) => name);
    expect(names[0]).not.toBe("induction");
    for (const name of names) {
      store.chooseScore(name);
      expect(store.scoreInfo.value?.name).toBe(name);
    }
    store.chooseScore("no such score");
    expect(store.scoreInfo.value?.name).toBe("induction");
    const others = store.scores.value.filter(({ name }) => name !== "induction");
    fake.receive({ _scores: [others] });
    expect(store.scoreInfo.value?.name).toBe(names[0]);
  });
});

describe("training that plays by itself", () => {
  it("does so once, on whichever page", () => {
    begin({ _play: true });
    expect(store.plays.value).toBe(true);
    store.playsNoMore();
    store.playsNoMore();
    expect(store.plays.value).toBe(false);
    expect(fake.saved).toEqual([{ _play: false }]);
  });

  it("is none of the kernel's business where it does not", () => {
    store.playsNoMore();
    expect(fake.saved).toEqual([]);
  });
});

describe("an answer", () => {
  const WIRING = { analysis: "wiring" as const, parameters: { head: [1, 2] as Head } };
  const asked = () => fake.sent.filter(({ kind }) => kind === "wiring");

  it("that takes long is asked for all the same, and not so again once that is taken back", () => {
    const result = store.results.of("wiring", WIRING.parameters);
    store.results.ask(() => [WIRING]);
    expect(asked()).toHaveLength(1);
    expect(asked()[0]).not.toHaveProperty("anyway");
    expect([result.asked, result.anyway, result.known]).toEqual([true, false, 0]);
    result.anyway = true;
    expect(asked()).toHaveLength(2);
    expect(asked()[1]).toMatchObject({ anyway: true });
    expect([result.anyway, result.in(1).anyway]).toEqual([true, false]);
    expect(fake.sent).toContainEqual({ id: asked()[0]?.id, kind: "cancel" });
    result.anyway = false;
    expect(result.anyway).toBe(false);
    expect(asked().at(-1)).not.toHaveProperty("anyway");
  });

  it("is asked for as long as anyone wants it", () => {
    const stop = store.results.ask(() => [WIRING]);
    const [first] = asked();
    stop();
    expect(fake.sent.at(-1)).toEqual({ id: first?.id, kind: "cancel" });
    store.moveTo(12);
    vi.advanceTimersByTime(REST);
    expect(asked()).toHaveLength(1);
  });

  it("wanted at every checkpoint comes though the reader looks away, or at another series", () => {
    const large = [seriesInfo("a", SHAPE), seriesInfo("b", SHAPE)].map((info) => ({ ...info, light: false }));
    const { _prompts } = traits(SHAPE, promptTokens(8));
    begin({ _series: large, _prompts: [..._prompts, ..._prompts] });
    const everywhere = { ...WIRING, throughout: true };
    const look = () => store.results.ask(() => [everywhere]);
    const away = look();
    store.results.of("wiring", WIRING.parameters).throughout.anyway = true;
    const insisted = asked().at(-1);
    expect(insisted).toMatchObject({ series: 0, anyway: true });
    away();
    store.chooseSeries(1);
    vi.advanceTimersByTime(REST);
    expect(fake.sent).not.toContainEqual({ id: insisted?.id, kind: "cancel" });
    expect(asked().at(-1)).toBe(insisted);
  });

  it("wanted where the slider rests is not asked for where nobody looks", () => {
    fake.receive({ _series: store.seriesList.value.map((info) => ({ ...info, light: false })) });
    const away = store.results.ask(() => [WIRING]);
    store.results.of("wiring", WIRING.parameters).anyway = true;
    const count = asked().length;
    away();
    store.moveTo(20);
    vi.advanceTimersByTime(REST);
    expect(asked()).toHaveLength(count);
    expect(fake.sent.at(-1)).toEqual({ id: asked().at(-1)?.id, kind: "cancel" });
  });

  it("on a prompt is asked for only where there is one that the model can run", () => {
    const patterns = { analysis: "patterns" as const, parameters: { head: [0, 1] as Head } };
    const info = promptInfo(promptTokens(8));
    const error = { message: "Too long.", hint: "" };
    begin({ _prompts: [] });
    store.results.ask(() => [patterns]);
    for (const none of [
      { ...info, tokens: [] },
      { ...info, error },
    ]) {
      fake.receive({ _prompts: [none as never] });
      expect(fake.sent.filter(({ kind }) => kind === "patterns")).toEqual([]);
    }
    fake.receive({ _prompts: [info] });
    expect(fake.sent.filter(({ kind }) => kind === "patterns")).toHaveLength(1);
  });

  it("that takes one pass is wanted at both handles, unless seen small, as far as the series goes", () => {
    fake.receive({ _prompts: [promptInfo(promptTokens(8), false)] });
    store.compareTo(3);
    vi.advanceTimersByTime(REST);
    const patterns = { analysis: "patterns" as const, parameters: { head: [0, 1] as Head } };
    const wanted = (ask: object) => store.results.checkpoints({ ...patterns, ...ask });
    expect(wanted({})).toEqual([10, 3]);
    expect(wanted({ beside: true })).toEqual([10]);
    expect(wanted({ throughout: true })).toHaveLength(26);
    const short = { ...store.seriesList.value[0], ...seriesInfo("short", { ...SHAPE, checkpoints: 10 }) };
    fake.receive({ _series: [seriesInfo("long", SHAPE), short] });
    expect(wanted({ series: 1 })).toEqual([3]);
  });

  it("is wanted at every checkpoint of a light series, and else where the slider rests", () => {
    const { length } = store.info.value?.steps ?? [];
    expect(store.results.of("wiring", WIRING.parameters).wanted).toBe(length);
    fake.receive({ _series: store.seriesList.value.map((info) => ({ ...info, light: false })) });
    expect(store.results.of("wiring", WIRING.parameters).wanted).toBe(1);
    store.compareTo(3); // of the second handle, too, only what a pass answers
    vi.advanceTimersByTime(REST);
    expect(store.results.of("wiring", WIRING.parameters).wanted).toBe(1);
  });
});
