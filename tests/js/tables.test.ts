// @vitest-environment happy-dom
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { promptTokens, traits } from "../../js/dev/data";
import { fakeKernel } from "../../js/dev/fake-kernel";
import { FakeModel } from "../../js/dev/fake-model";
import type { AnalysisKind, AnalysisParameters } from "../../js/src/contract.gen";
import type { Table } from "../../js/src/export/table";
import {
  analysisTable,
  changeTable,
  exact,
  patternTable,
  predictionTable,
  scoreTable,
} from "../../js/src/export/tables";
import { triangleIndex } from "../../js/src/kernel/arrays";
import { Store } from "../../js/src/state/store";

const SHAPE = { layers: 2, heads: 3, checkpoints: 5 };
const TOKENS = promptTokens(6);
const TRAINING = ["checkpoint", "step", "tokens", "tokens_estimated"];

let abort: AbortController;
let fake: FakeModel;
let store: Store;

beforeEach(() => {
  vi.useFakeTimers();
  fake = new FakeModel({
    ...traits(SHAPE, TOKENS),
    checkpoint: 3,
    heads: [
      [0, 1],
      [1, 2],
    ],
  });
  fake.kernel = fakeKernel(SHAPE);
  abort = new AbortController();
  store = new Store(fake.model, abort.signal);
});
afterEach(() => {
  abort.abort();
  vi.useRealTimers();
});

/** Has the kernel answer this everywhere. */
async function known<A extends AnalysisKind>(analysis: A, parameters: AnalysisParameters[A]) {
  store.results.ask(() => [{ analysis, parameters } as never]);
  await vi.advanceTimersByTimeAsync(5000);
  return store.results.of(analysis, parameters);
}

const trainingOf = (checkpoint: number) => {
  const { steps, tokens } = store.info.value ?? { steps: [], tokens: [] };
  return [checkpoint, steps[checkpoint], tokens[checkpoint], "false"];
};
const heads = Array.from({ length: 6 }, (_, head) => [Math.floor(head / 3), head % 3]);
const checkpoints = [0, 1, 2, 3, 4];

/** With all of its rows made. */
const read = (table: Table) => ({ ...table, rows: [...table.rows] });

describe("a table of an analysis", () => {
  it("of every head has a row for each, at every checkpoint", async () => {
    const result = await known("wiring", { head: [1, 2] });
    const { columns, rows, holds } = read(analysisTable(store, result, "layer head"));
    expect(holds).toBe("A row for each head at each checkpoint.");
    const names = ["composition", "previous_token", "effect", "error"] as const;
    expect(columns).toEqual([...TRAINING, "layer", "head", ...names]);
    expect(rows).toEqual(
      checkpoints.flatMap((checkpoint) =>
        heads.map((place, head) => [
          ...trainingOf(checkpoint),
          ...place,
          ...names.map((name) => exact(result.at(checkpoint)?.[name][head])),
        ]),
      ),
    );
    expect(new Set(rows.map((row) => row.at(-1))).size).toBeGreaterThan(2);
  });

  it("of single numbers has one row a checkpoint", async () => {
    const result = await known("ablation", { heads: [[1, 2]], how: "zero", frozen: false });
    const { columns, rows, holds } = read(analysisTable(store, result, ""));
    expect(holds).toBe("A row for each checkpoint.");
    expect(columns.slice(0, 6)).toEqual([...TRAINING, "loss", "loss_change"]);
    expect(columns).not.toContain("control_loss");
    expect(rows.map((row) => row.slice(0, 6))).toEqual(
      checkpoints.map((at) => [
        ...trainingOf(at),
        exact(result.at(at)?.loss[0]),
        exact(result.at(at)?.loss_change[0]),
      ]),
    );
  });

  it("along one dim has a row for each place", async () => {
    const result = await known("ablation", { heads: [[1, 2]], how: "zero", frozen: false });
    const { columns, rows, holds } = read(analysisTable(store, result, "draw"));
    expect(holds).toBe("A row for each draw at each checkpoint.");
    const draws = [...(result.at(2)?.control_loss ?? [])];
    expect(draws.length).toBeGreaterThan(1);
    const controls = ["loss", "in_context_learning", "induction_loss"].map((name) => `control_${name}`);
    expect(columns).toEqual([...TRAINING, "draw", ...controls]);
    expect(rows.filter(([checkpoint]) => checkpoint === 2).map((row) => row.slice(4, 6))).toEqual(
      draws.map((value, draw) => [draw, exact(value)]),
    );
  });

  it("has no row of what is not known", () => {
    const result = store.results.of("wiring", { head: [1, 2] });
    expect(read(analysisTable(store, result, "layer head")).rows).toEqual([]);
  });
});

describe("a table of scores", () => {
  it("has a column each, empty where a score cannot be had", () => {
    const { columns, rows } = read(scoreTable(store, ["induction", "no such score"]));
    expect(columns).toEqual([...TRAINING, "layer", "head", "induction", "no such score"]);
    const grid = store.gridIn(0, "induction");
    expect(rows).toEqual(
      checkpoints.flatMap((checkpoint) =>
        heads.map((place, head) => [
          ...trainingOf(checkpoint),
          ...place,
          exact(grid?.[checkpoint * 6 + head]),
          null,
        ]),
      ),
    );
  });

  it("has no row without a series", () => {
    fake.receive({ _series: [] });
    expect(read(scoreTable(store, ["induction"])).rows).toEqual([]);
  });
});

describe("a table of patterns", () => {
  it("has every pair of a query and a key that it may attend to, of each selected head", async () => {
    const [first, second] = [
      await known("patterns", { head: [0, 1] }),
      await known("patterns", { head: [1, 2] }),
    ];
    const { rows } = read(patternTable(store));
    const expected = [first, second].flatMap((result, which) =>
      TOKENS.flatMap((query, q) =>
        TOKENS.slice(0, q + 1).map((key, k) => [
          ["L0H1", "L1H2"][which],
          ...[q, k, query, key],
          Number(((result.at(3)?.patterns[triangleIndex(q, k)] ?? Number.NaN) / 255).toFixed(3)),
        ]),
      ),
    );
    expect(rows).toEqual(expected);
  });

  it("is empty where a pattern is not known", () => {
    expect(read(patternTable(store)).rows.map((row) => row.at(-1))).toEqual(Array(2 * 21).fill(null));
  });
});

describe("a table of predictions", () => {
  it("has those after one position, by rank", async () => {
    const found = (await known("predictions", {})).at(3);
    const { rows } = read(predictionTable(store, 2));
    expect(rows).toHaveLength(10);
    rows.forEach((row, rank) => {
      const cell = 2 * 10 + rank;
      const id = found?.ids[cell] ?? -1;
      expect(row).toEqual([
        ...[rank + 1, id, found?.tokens[id]],
        exact(found?.logits[cell]),
        exact(found?.probabilities[cell]),
      ]);
    });
    expect(new Set(rows.map(([, id]) => id)).size).toBeGreaterThan(5);
  });

  it("has no row where none is known", () => {
    expect(read(predictionTable(store, 2)).rows).toEqual([]);
  });
});

describe("with a second handle", () => {
  const [THEN, NOW] = [1, 3];
  const step = (checkpoint: number) => store.info.value?.steps[checkpoint];

  beforeEach(async () => {
    store.compareTo(THEN);
    await vi.advanceTimersByTimeAsync(1000);
  });

  it("a table of scores has both and the change, after less before", () => {
    const { columns, rows } = read(changeTable(store));
    const score = store.scoreInfo.value?.name;
    expect(columns).toEqual([
      ...["layer", "head", "step_before", "step_after"],
      ...[`${score}_before`, `${score}_after`, "change"],
    ]);
    const grid = store.gridIn(0, score ?? "") ?? new Float32Array();
    const [before, after] = [THEN, NOW].map((at) => grid.subarray(at * 6, (at + 1) * 6));
    expect(rows.map((row) => row.slice(0, 6))).toEqual(
      heads.map((place, head) => [
        ...[...place, step(THEN), step(NOW)],
        ...[exact(before?.[head]), exact(after?.[head])],
      ]),
    );
    rows.forEach((row, head) => {
      expect(row[6]).toBeCloseTo((after?.[head] ?? 0) - (before?.[head] ?? 0), 6);
    });
    expect(new Set(rows.map((row) => row[6])).size).toBeGreaterThan(2);
  });

  it("a table of patterns has both, one beside the other", async () => {
    const results = [await known("patterns", { head: [0, 1] }), await known("patterns", { head: [1, 2] })];
    const { columns, rows } = read(patternTable(store));
    expect(columns).toEqual([
      ...["head", "query", "key", "query_token", "key_token"],
      ...["step_before", "step_after", "attention_before", "attention_after"],
    ]);
    const at = (which: number, checkpoint: number, q: number, k: number) =>
      Number(
        ((results[which]?.at(checkpoint)?.patterns[triangleIndex(q, k)] ?? Number.NaN) / 255).toFixed(3),
      );
    expect(rows).toEqual(
      ["L0H1", "L1H2"].flatMap((name, which) =>
        TOKENS.flatMap((query, q) =>
          TOKENS.slice(0, q + 1).map((key, k) => [
            ...[name, q, k, query, key, step(THEN), step(NOW)],
            ...[at(which, THEN, q, k), at(which, NOW, q, k)],
          ]),
        ),
      ),
    );
    expect(rows.some((row) => row[7] !== row[8])).toBe(true);
  });

  it("a table of patterns is empty where they are not known", () => {
    for (const row of read(patternTable(store)).rows)
      expect(row.slice(5)).toEqual([step(THEN), step(NOW), null, null]);
  });

  it("a table of predictions has each token at both", async () => {
    const result = await known("predictions", {});
    const { columns, rows } = read(predictionTable(store, 2));
    const side = (name: string) => ["step", "rank", "logit", "probability"].map((one) => `${one}_${name}`);
    expect(columns).toEqual(["id", "token", ...side("before"), ...side("after")]);
    const placed = (checkpoint: number, rank: number) => {
      const found = result.at(checkpoint);
      const cell = 2 * 10 + rank;
      return [step(checkpoint), rank + 1, exact(found?.logits[cell]), exact(found?.probabilities[cell])];
    };
    const ids = Array.from(result.at(NOW)?.ids.subarray(20, 30) ?? []);
    expect(rows).toEqual(
      ids.map((id, rank) => [id, result.at(NOW)?.tokens[id], ...placed(THEN, rank), ...placed(NOW, rank)]),
    );
  });

  it("a table of predictions has no row where the later ones are not known", () => {
    expect(read(predictionTable(store, 2)).rows).toEqual([]);
  });
});

describe("a table names the columns of", () => {
  it("patterns and predictions at one checkpoint", () => {
    expect(read(patternTable(store)).columns).toEqual([
      ...["head", "query", "key", "query_token", "key_token", "attention"],
    ]);
    expect(read(predictionTable(store, 0)).columns).toEqual(["rank", "id", "token", "logit", "probability"]);
  });

  it("no place or score without a series", () => {
    fake.receive({ _series: [], _scores: [[]] });
    expect(read(changeTable(store))).toMatchObject({
      columns: ["layer", "head", "step_before", "step_after", "_before", "_after", "change"],
      rows: [],
    });
  });
});
