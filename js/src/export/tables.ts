/** What each panel shows, as a table: every checkpoint, every series, at the precision it came in. */
import { type AnalysisKind, ARRAYS } from "../contract.gen";
import { triangleIndex } from "../kernel/arrays";
import type { SeriesInfo } from "../kernel/model";
import { headName } from "../state/heads";
import { lossesAt } from "../state/passage";
import type { Result, Values } from "../state/results";
import type { Store } from "../state/store";
import type { Cell, Table } from "./table";

const TRAINING = ["checkpoint", "step", "tokens", "tokens_estimated"];

function training(info: SeriesInfo, checkpoint: number): Cell[] {
  const estimated = String(info.tokens_estimated[checkpoint] ?? false);
  return [checkpoint, info.steps[checkpoint] ?? null, info.tokens[checkpoint] ?? null, estimated];
}

/** float32 as the shortest decimal that is the same float32. */
function exact(value: number | undefined): Cell {
  if (value === undefined || !Number.isFinite(value)) return null;
  for (let digits = 1; digits < 9; digits++) {
    const short = Number(value.toPrecision(digits));
    if (Math.fround(short) === Math.fround(value)) return short;
  }
  return Number(value.toPrecision(9));
}

/** Scores of the current series: one or several by name. */
export function scoreTable(store: Store, names: string[]): Table {
  const info = store.info.peek();
  const rows: Cell[][] = [];
  const grids = names.map((name) => {
    const grid = store.gridOf(name);
    return grid === null || "message" in grid ? null : grid.values;
  });
  const size = (info?.layers ?? 0) * (info?.heads ?? 0);
  info?.steps.forEach((_, checkpoint) => {
    for (let head = 0; head < size; head++) {
      const values = grids.map((grid) => exact(grid?.[checkpoint * size + head]));
      const place = [Math.floor(head / info.heads), head % info.heads];
      rows.push([...training(info, checkpoint), ...place, ...values]);
    }
  });
  return { columns: [...TRAINING, "layer", "head", ...names], rows };
}

/** The chosen score in every series. */
export function allSeriesTable(store: Store): Table {
  const name = store.scoreInfo.peek()?.name ?? "";
  const rows = store.seriesList.peek().flatMap((info, series) => {
    const values = store.gridIn(series, name);
    const size = info.layers * info.heads;
    return info.steps.flatMap((_, checkpoint) =>
      Array.from({ length: size }, (_unused, head): Cell[] => [
        info.name,
        ...training(info, checkpoint),
        Math.floor(head / info.heads),
        head % info.heads,
        exact(values?.[checkpoint * size + head]),
      ]),
    );
  });
  return { columns: ["series", ...TRAINING, "layer", "head", name], rows };
}

/** A measure of every series; by position where it has one. */
export function measureTable(store: Store, name: string): Table {
  const rows: Cell[][] = [];
  let byPosition = false;
  store.seriesList.peek().forEach((info, series) => {
    const measure = store.measureOf(series, name);
    const positions = store.measureOf(series, "positions")?.values ?? new Float32Array();
    const length = measure?.shape[1];
    byPosition ||= length !== undefined;
    info.steps.forEach((_, checkpoint) => {
      const start = [info.name, ...training(info, checkpoint)];
      if (length === undefined) rows.push([...start, exact(measure?.values[checkpoint])]);
      for (let i = 0; i < (length ?? 0); i++) {
        rows.push([...start, positions[i] ?? i, exact(measure?.values[checkpoint * (length ?? 0) + i])]);
      }
    });
  });
  return { columns: ["series", ...TRAINING, ...(byPosition ? ["position"] : []), name], rows };
}

export function componentTable(store: Store, fit: "joint" | "standardised"): Table {
  const name = fit === "joint" ? "loss_pca" : "loss_pca_standardised";
  const rows = store.seriesList.peek().flatMap((info, series) => {
    const points = store.measureOf(series, name)?.values;
    return info.steps.map((_, i): Cell[] => [
      info.name,
      ...training(info, i),
      exact(points?.[2 * i]),
      exact(points?.[2 * i + 1]),
    ]);
  });
  return { columns: ["series", ...TRAINING, "component_1", "component_2"], rows };
}

/** Patterns of the selected heads at the shown checkpoint, as the wire brings them: n/255. */
export function patternTable(store: Store): Table {
  const tokens = store.promptInfo.peek()?.tokens ?? [];
  const rows: Cell[][] = [];
  for (const head of store.heads.peek()) {
    const triangle = store.results.of("patterns", { head }).at(store.shown.peek())?.patterns;
    for (let query = 0; query < tokens.length; query++) {
      for (let key = 0; key <= query; key++) {
        const attention = triangle?.[triangleIndex(query, key)];
        const words = [tokens[query] ?? "", tokens[key] ?? ""];
        rows.push([headName(head), query, key, ...words, attention === undefined ? null : attention / 255]);
      }
    }
  }
  return { columns: ["head", "query", "key", "query_token", "key_token", "attention"], rows };
}

export function predictionTable(store: Store, position: number): Table {
  const found = store.results.of("predictions", {}).at(store.shown.peek());
  const count = found === null ? 0 : ranksOf(found);
  const rows = Array.from({ length: count }, (_, rank): Cell[] => {
    const cell = position * count + rank;
    const id = found?.ids[cell] ?? 0;
    return [rank, id, found?.tokens[id] ?? "", exact(found?.logits[cell]), exact(found?.probabilities[cell])];
  });
  return { columns: ["rank", "id", "token", "logit", "probability"], rows };
}

/** How many tokens are ranked at every position. */
export function ranksOf({ ids, losses }: Values<"predictions">): number {
  return ids.length / losses.length;
}

/** Loss of every token of the prompt at every known checkpoint. */
export function passageTable(store: Store): Table {
  const info = store.info.peek();
  const tokens = store.promptInfo.peek()?.tokens ?? [];
  const rows = (info?.steps ?? []).flatMap((_, checkpoint) => {
    const losses = lossesAt(store, checkpoint);
    return tokens
      .slice(1)
      .map((token, i): Cell[] => [
        ...training(info as SeriesInfo, checkpoint),
        i + 1,
        token,
        exact(losses?.[i]),
      ]);
  });
  return { columns: [...TRAINING, "position", "token", "loss"], rows };
}

export function answerTable(store: Store, result: Result<"predictions">): Table {
  const rows = store.seriesList.peek().flatMap((info, series) => {
    const last = (store.prompts.peek()[series]?.tokens.length ?? 0) - 1;
    return info.steps.map((_, checkpoint): Cell[] => {
      const found = result.in(series).at(checkpoint);
      const rank = found?.answer_rank[last] ?? -1;
      const known = found !== null && rank >= 0;
      return [
        info.name,
        ...training(info, checkpoint),
        known ? rank : null,
        known ? exact(found.answer_probability[last]) : null,
      ];
    });
  });
  return { columns: ["series", ...TRAINING, "rank", "probability"], rows };
}

/** The arrays with these dims at every checkpoint that is wholly known, a row for each place along them. */
export function analysisTable<A extends AnalysisKind>(
  store: Store,
  result: Result<A>,
  analysis: A,
  dims: string,
): Table {
  const info = store.info.peek();
  const along = dims.split(" ").filter(Boolean);
  const names = Object.entries<string>(ARRAYS[analysis])
    .filter(([, declared]) => declared === `float32 ${dims}`.trim())
    .map(([name]) => name);
  const rows = (info?.steps ?? []).flatMap((_, checkpoint) => {
    const found = result.whole(checkpoint) as Record<string, ArrayLike<number>> | null;
    const length = found?.[names[0] ?? ""]?.length ?? 0;
    return Array.from({ length }, (_unused, index): Cell[] => [
      ...training(info as SeriesInfo, checkpoint),
      ...(along.length > 0 ? placeOf(info as SeriesInfo, index) : []),
      ...names.map((name) => exact(found?.[name]?.[index])),
    ]);
  });
  return { columns: [...TRAINING, ...along, ...names], rows };
}

/** Layer and head. */
function placeOf({ heads }: SeriesInfo, index: number): [number, number] {
  return [Math.floor(index / heads), index % heads];
}
