/** A copy's answers are what the kernel would have said of the same; its address says what was arranged. */
import { expect, it } from "vitest";
import { arrangedIn, withArranged } from "../../js/src/copied/address";
import { Answers, type Held, type Said } from "../../js/src/copied/answers";
import { triangleIndex, triangleSize } from "../../js/src/kernel/arrays";
import { completeView } from "../../js/src/state/view-state";
import { TABS } from "../../js/src/tabs";
import { chosenOf } from "../../js/src/tabs/tab";

const TOKENS = 4;
const CELLS = triangleSize(TOKENS);

function bytes(values: ArrayBufferView): DataView {
  return new DataView(values.buffer, values.byteOffset, values.byteLength);
}

/** Of a head at checkpoints 0 and 2: cell c of checkpoint k is 10 head + k + c. */
function patterns(head: number): [Held, DataView] {
  const values = Uint8Array.from(
    { length: 2 * CELLS },
    (_, i) => 10 * head + (i < CELLS ? 0 : 2) + (i % CELLS),
  );
  const held: Held = {
    kind: "patterns",
    series: 0,
    generation: 7,
    parameters: { head: [0, head] },
    checkpoints: [0, 2],
    words: {},
    arrays: [{ name: "patterns", dtype: "uint8", shape: [2, CELLS] }],
  };
  return [held, bytes(values)];
}

function copy(...heads: number[]): Answers {
  const each = heads.map(patterns);
  return new Answers(
    each.map(([held]) => held),
    each.map(([, buffer]) => buffer),
  );
}

const NOTHING: Said = [{}, []];
const asked = { id: "a", kind: "patterns", series: 0, generation: 7 };

it("never gives what is of another prompt", () => {
  const [[content] = NOTHING] = copy(0).to({ ...asked, generation: 8, checkpoints: [0], head: [0, 0] });
  expect(content.error).toMatchObject({ final: true });
  const attended = { id: "a", kind: "attended", series: 0, generation: 8, checkpoints: [0], token: 1 };
  expect(copy(0).to(attended)[0]?.[0].error).toMatchObject({ final: true });
});

it("gives the checkpoints that were asked for, in that order", () => {
  const [[content, [buffer]] = NOTHING, ...more] = copy(0, 1).to({
    ...asked,
    checkpoints: [2, 0],
    head: [0, 1],
  });
  expect(more).toEqual([]);
  expect(content).toMatchObject({
    id: "a",
    chunk: 0,
    chunks: 1,
    done: true,
    body: { checkpoints: [2, 0], share: 1, generation: 7 },
    arrays: [{ name: "patterns", dtype: "uint8", shape: [2, CELLS] }],
  });
  const values = new Uint8Array((buffer as DataView).buffer);
  expect([values[0], values[CELLS]]).toEqual([12, 10]);
});

it("says what it does not hold, after what it does", () => {
  const said = copy(0).to({ ...asked, checkpoints: [0, 1], head: [0, 0] });
  expect(said.map(([content]) => ["done", "error"].filter((key) => key in content))).toEqual([
    ["done"],
    ["error"],
  ]);
  expect(said[0]?.[0].done).toBe(false);
  expect(copy(0).to({ ...asked, checkpoints: [0], head: [0, 5] })[0]?.[0].error).toEqual({
    message: "This copy does not hold the attention pattern of L0H5 at this checkpoint.",
    hint: "The notebook that made it can compute it.",
    final: true,
  });
  expect(copy(0).to({ ...asked, kind: "prompt", checkpoints: [] })[0]?.[0]).toHaveProperty("error");
});

it("reads what attends to a token off the patterns of all heads, or says nothing", () => {
  const about = { ...asked, kind: "attended", checkpoints: [2], token: 1 };
  const [[content, [buffer]] = NOTHING] = copy(0, 1).to(about);
  expect(content?.arrays).toEqual([{ name: "attention", dtype: "float32", shape: [1, 1, 2] }]);
  const attention = new Float32Array((buffer as DataView).buffer);
  for (const head of [0, 1]) {
    const later = [2, 3].map((query) => 10 * head + 2 + triangleIndex(query, 1));
    expect(attention[head]).toBeCloseTo(((later[0] ?? 0) + (later[1] ?? 0)) / 2 / 255, 6);
  }
  const last = copy(0, 1).to({ ...about, token: TOKENS - 1 })[0]?.[1][0] as DataView;
  expect([...new Float32Array(last.buffer)]).toEqual([Number.NaN, Number.NaN]);
  expect(copy(1).to(about)[0]?.[0]).toHaveProperty("error"); // head 0 was left out
  expect(copy(0, 1).to({ ...about, checkpoints: [1] })[0]?.[0]).toHaveProperty("error");
});

it("an address has what is not as it began, and nothing else is taken from one", () => {
  const beginning = { checkpoint: 3, heads: [[0, 1]], _view: {}, _series: [{}] };
  const there = withArranged("", beginning, { checkpoint: 1, heads: [[0, 1]], prompt: "x" });
  expect(arrangedIn(there, beginning)).toEqual({ checkpoint: 1 });
  expect(withArranged(there, beginning, { checkpoint: 3 })).toBe("#");
  const moved = withArranged(there, beginning, { _view: { tab: "scatter" } });
  expect(arrangedIn(moved, beginning)).toEqual({ checkpoint: 1, _view: { tab: "scatter" } });
  for (const wrong of ["", "#", "#L1", "#%7B", "#null", "#7"])
    expect(arrangedIn(wrong, beginning)).toEqual({});
  expect(arrangedIn(`#${encodeURIComponent('{"_status": 1}')}`, beginning)).toEqual({});
});

it("an address has the prompt that is shown, of those that the copy holds", () => {
  const kept_prompts = [
    ["A", " B"],
    ["C", ""],
  ];
  const beginning = { prompt: "A", answer: " B", _view: {}, _series: [{ kept_prompts }] };
  const there = withArranged("", beginning, { prompt: "C", answer: "" });
  expect(arrangedIn(there, beginning)).toEqual({ prompt: "C", answer: "" });
  expect(withArranged(there, beginning, { prompt: "A", answer: " B" })).toBe("#");
  expect(arrangedIn(`#${encodeURIComponent('{"prompt": "gone"}')}`, beginning)).toEqual({});
});

it("an address has all that a reader can arrange, of every tab", () => {
  const beginning = { _view: {}, _series: [{}, {}] };
  const options = Object.fromEntries(TABS.map(({ name, options }) => [name, chosenOf(options)]));
  expect(Object.keys(options).length).toBeGreaterThan(4);
  const view = completeView({ window: [1, 2.5], brush: [0, 3], compared_series: 1, tabs: options }, "log");
  const set = { series: 1, checkpoint: 2, compare: null, score: "induction", heads: [[1, 2]], _view: view };
  expect(arrangedIn(withArranged("", beginning, set), beginning)).toEqual(set);
});

it.each([
  { series: 2 },
  { checkpoint: "x" },
  { checkpoint: -1 },
  { compare: 0.5 },
  { score: 3 },
  { heads: "L" },
  { heads: [[1]] },
  { _view: 3 },
  { _view: { window: [5] } },
  { _view: { tabs: { scatter: 3 } } },
  { _view: { nothing: 1 } },
  { _view: { compared_series: 2 } },
])("what a person wrote into an address, and cannot be, is left out: %j", (wrong) => {
  const hash = `#${encodeURIComponent(JSON.stringify({ ...wrong, score: "score" in wrong ? 3 : "induction" }))}`;
  const found = arrangedIn(hash, { _series: [{}, {}] });
  expect(found).toEqual("score" in wrong ? {} : { score: "induction" });
});
