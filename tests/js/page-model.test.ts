/** The model of the page without a notebook: what ipywidgets' own does, told by its messages alone. */
import { beforeEach, expect, it, vi } from "vitest";
import { packed, unpacked } from "../../js/src/page/frames";
import { type Message, PageModel } from "../../js/src/page/model";

let sent: [Message, string][];
let model: PageModel;
let heard: string[];

beforeEach(() => {
  sent = [];
  heard = [];
  model = new PageModel((message, mark) => sent.push([message, mark]));
  model.receive(
    { method: "update", state: { checkpoint: 1, score: "induction" }, buffer_paths: [] },
    [],
    null,
  );
  for (const name of ["checkpoint", "score"])
    model.on(`change:${name}`, (value) => heard.push(`${name} ${value}`));
});

const choose = (checkpoint: number): string => {
  model.set("checkpoint", checkpoint);
  model.save_changes();
  return (sent.at(-1) as [Message, string])[1];
};
const echo = (state: Record<string, unknown>, mark: unknown) =>
  model.receive({ method: "echo_update", state, buffer_paths: [] }, [], mark);

it("needs nothing that a page has only where its address is safe", () => {
  vi.stubGlobal("crypto", undefined);
  expect(new PageModel(() => {}).get("checkpoint")).toBeUndefined();
  vi.unstubAllGlobals();
});

it("what was set is sent once, and all of it together", () => {
  model.set("checkpoint", 2);
  model.set("score", "entropy");
  model.save_changes();
  model.save_changes();
  model.set("checkpoint", 2);
  model.save_changes();
  expect(sent.map(([message]) => message)).toEqual([
    { method: "update", state: { checkpoint: 2, score: "entropy" }, buffer_paths: [] },
  ]);
});

it("an answer to what was told before the last is old", () => {
  const [first, second] = [choose(2), choose(3)];
  heard = [];
  echo({ checkpoint: 2 }, first);
  expect([model.get("checkpoint"), heard]).toEqual([3, []]);
  echo({ checkpoint: 3 }, second);
  expect([model.get("checkpoint"), heard]).toEqual([3, []]);
  echo({ checkpoint: 4 }, "of another page");
  expect([model.get("checkpoint"), heard]).toEqual([4, ["checkpoint 4"]]);
});

it("what another page tells while an answer is awaited is older than that", () => {
  const mark = choose(3);
  echo({ checkpoint: 0 }, "of another page");
  expect(model.get("checkpoint")).toBe(3);
  echo({ checkpoint: 3 }, mark);
  expect(model.get("checkpoint")).toBe(3);
});

it("a choice that was refused is taken back", () => {
  const mark = choose(99);
  heard = [];
  echo({ checkpoint: 1 }, mark);
  expect([model.get("checkpoint"), heard]).toEqual([1, ["checkpoint 1"]]);
});

it("what is about to be told is not overwritten by an answer", () => {
  const mark = choose(2);
  model.set("checkpoint", 5);
  echo({ checkpoint: 2 }, mark);
  expect(model.get("checkpoint")).toBe(5);
});

it("what the process sets is set before anyone hears of it", () => {
  const seen: unknown[] = [];
  model.on("change:score", () => seen.push(model.get("checkpoint")));
  const state = { score: "entropy", checkpoint: 7 };
  model.receive({ method: "update", state, buffer_paths: [] }, [], null);
  expect(seen).toEqual([7]);
  expect(sent).toEqual([]);
});

it("buffers are put where they were taken from", () => {
  const bytes = new DataView(new Uint8Array([1, 2, 3]).buffer);
  const state = { grids: { a: { data: null } }, list: [{}, { data: null }] };
  const buffer_paths = [
    ["grids", "a", "data"],
    ["list", 1, "data"],
  ];
  model.receive({ method: "update", state, buffer_paths }, [bytes, bytes], null);
  expect((model.get("grids") as typeof state.grids).a.data).toBe(bytes);
  expect((model.get("list") as { data?: unknown }[])[1]?.data).toBe(bytes);
});

it("a listener that was taken off hears nothing", () => {
  const hear = () => heard.push("off");
  model.on("msg:custom", hear);
  model.off("msg:custom", hear);
  model.receive({ method: "custom", content: {} }, [], null);
  model.off("change:checkpoint");
  model.receive({ method: "update", state: { checkpoint: 8 }, buffer_paths: [] }, [], null);
  expect(heard).toEqual([]);
});

it("a frame says what was packed, in any script", () => {
  const said = { method: "custom", content: { text: "רצה → €" } };
  expect(unpacked(packed(said, "a/1"))).toEqual({ data: said, buffers: [], mark: "a/1" });
});

it("buffers of a frame are windows on it", () => {
  const head = new TextEncoder().encode(JSON.stringify([{}, [2, 0, 1], null]));
  const frame = new Uint8Array([head.length, 0, 0, 0, ...head, 7, 8, 9]);
  const { buffers } = unpacked(frame.buffer);
  expect(buffers.map((one) => [...new Uint8Array(one.buffer, one.byteOffset, one.byteLength)])).toEqual([
    [7, 8],
    [],
    [9],
  ]);
});
