/** What panels show, as tables: every checkpoint at the precision it came in. Tabs have their own beside them. */
import { type AnalysisKind, ARRAYS, type Head } from "../contract.gen";
import { triangleIndex, triangleSize } from "../kernel/arrays";
import type { SeriesInfo } from "../kernel/model";
import { comparedTokens, type Place, ranksOf } from "../state/compared-tokens";
import { headName } from "../state/heads";
import type { Result } from "../state/results";
import type { Store } from "../state/store";
import { fromOne, quoted } from "../state/text";
import type { Cell, Table } from "./table";

export const TRAINING = ["checkpoint", "step", "tokens", "tokens_estimated"];

export function training(info: SeriesInfo, checkpoint: number): Cell[] {
  const estimated = String(info.tokens_estimated[checkpoint] ?? false);
  return [checkpoint, info.steps[checkpoint] ?? null, info.tokens[checkpoint] ?? null, estimated];
}

/** float32 as the shortest decimal that is the same float32. */
export function exact(value: number | undefined): Cell {
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
  const holds = "A row for each head at each checkpoint.";
  return { columns: [...TRAINING, "layer", "head", ...names], rows, holds };
}

/** The chosen score of every head at both handles of the slider, and its change. */
export function changeTable({ info, scoreInfo, shown, shownCompare, shownScores, comparison }: Store): Table {
  const { steps = [], heads = 1 } = info.peek() ?? {};
  const score = scoreInfo.peek()?.name ?? "";
  const [before, change] = [comparison.before.peek(), comparison.change.peek()];
  const ends = [steps[shownCompare.peek() ?? -1] ?? null, steps[shown.peek()] ?? null];
  return {
    columns: ["layer", "head", "step_before", "step_after", `${score}_before`, `${score}_after`, "change"],
    rows: Array.from(shownScores.peek(), (value, head) => [
      Math.floor(head / heads),
      head % heads,
      ...ends,
      exact(before?.[head]),
      exact(value),
      exact(change?.[head]),
    ]),
    holds: "A row for each head: its score at both checkpoints, and after less before.",
  };
}

/** Attention of a head at a checkpoint by cell of its triangle; null where it is not known. */
type Attention = (head: Head, checkpoint: number) => ((cell: number) => Cell) | null;

/** Patterns of the selected heads as they are drawn: at the shown checkpoint, and at the one compared with. */
export function patternTable(store: Store): Table {
  return patternsShown(store).tableOf((head, checkpoint) => {
    const drawn = store.results.of("patterns", { head }).at(checkpoint)?.patterns;
    return drawn === undefined ? null : (cell) => Number(((drawn[cell] as number) / 255).toFixed(3));
  }, "Attention is a multiple of 1/255 in three decimals: 0.002 more or less.");
}

/** How long the kernel may take. */
const PATIENCE_MS = 60_000;

/** The same as they were computed; null where the kernel does not say all of it in time. */
export async function exactPatternTable(store: Store): Promise<Table | null> {
  const { heads, tokens, checkpoints, tableOf } = patternsShown(store);
  const asked = heads.map(async (head) => {
    const found = await store.results.once("attention", { head, first: 0, last: tokens - 1 }, checkpoints);
    return [headName(head), found] as const;
  });
  const answers = Promise.all(asked).catch(() => null); // why not is said where they are shown
  const tooLate = new Promise<null>((resolve) => setTimeout(() => resolve(null), PATIENCE_MS));
  const known = new Map(await Promise.race([answers, tooLate]));
  const computed: Attention = (head, checkpoint) => {
    const attention = known.get(headName(head))?.get(checkpoint)?.attention;
    return attention?.length === triangleSize(tokens) ? (cell) => exact(attention[cell]) : null;
  };
  const all = heads.every((head) => checkpoints.every((checkpoint) => computed(head, checkpoint) !== null));
  return all ? tableOf(computed, "Attention is float32, as it was computed.") : null;
}

/** What is shown now, and a table of it once its attention is known. */
function patternsShown(store: Store) {
  const [heads, tokens] = [store.heads.peek(), store.promptInfo.peek()?.tokens ?? []];
  const [info, shown, other] = [store.info.peek(), store.shown.peek(), store.shownCompare.peek()];
  const checkpoints = other === null ? [shown] : [other, shown];
  const steps = other === null ? [] : checkpoints.map((checkpoint) => info?.steps[checkpoint] ?? null);
  const compared = ["step_before", "step_after", "attention_before", "attention_after"];
  const columns = ["head", "query", "key", "query_token", "key_token"].concat(
    other === null ? ["attention"] : compared,
  );
  const tableOf = (attention: Attention, precision: string): Table => {
    const rows: Cell[][] = [];
    for (const head of heads) {
      const known = checkpoints.map((checkpoint) => attention(head, checkpoint));
      for (let query = 0; query < tokens.length; query++) {
        for (let key = 0; key <= query; key++) {
          const cell = triangleIndex(query, key);
          const words = [tokens[query] ?? "", tokens[key] ?? ""];
          rows.push([
            headName(head),
            query,
            key,
            ...words,
            ...steps,
            ...known.map((of) => of?.(cell) ?? null),
          ]);
        }
      }
    }
    const holds = `A row for each query and each key up to it, positions from 0, of each selected head. ${precision}`;
    return { columns, rows, holds };
  };
  return { heads, tokens: tokens.length, checkpoints, tableOf };
}

/** The ranked tokens at the shown checkpoint; with a second handle, at both. */
export function predictionTable(store: Store, position: number): Table {
  const other = store.shownCompare.peek();
  return other === null ? rankedTable(store, position) : comparedTable(store, position, other);
}

/** A row for each token ranked at either; its numbers are empty where it was not ranked. */
function comparedTable(store: Store, position: number, other: number): Table {
  const [info, shown] = [store.info.peek(), store.shown.peek()];
  const result = store.results.of("predictions", {});
  const now = result.at(shown);
  const tokens = now === null ? [] : comparedTokens(result.at(other), now, position);
  const side = (checkpoint: number, place: Place | null): Cell[] => [
    info?.steps[checkpoint] ?? null,
    place === null ? null : fromOne(place.rank),
    exact(place?.logit),
    exact(place?.probability),
  ];
  return {
    columns: [
      "id",
      "token",
      ...["before", "after"].flatMap((at) =>
        ["step", "rank", "logit", "probability"].map((name) => `${name}_${at}`),
      ),
    ],
    rows: tokens.map(({ id, token, before, after }) => [
      id,
      token,
      ...side(other, before),
      ...side(shown, after),
    ]),
    holds: `${afterPosition(store, position)} ranked at either checkpoint, ranks from 1; empty where it was not ranked.`,
  };
}

function rankedTable(store: Store, position: number): Table {
  const found = store.results.of("predictions", {}).at(store.shown.peek());
  const count = found === null ? 0 : ranksOf(found);
  const rows = Array.from({ length: count }, (_, rank): Cell[] => {
    const cell = position * count + rank;
    const id = found?.ids[cell] ?? 0;
    return [
      fromOne(rank),
      id,
      found?.tokens[id] ?? "",
      exact(found?.logits[cell]),
      exact(found?.probabilities[cell]),
    ];
  });
  const holds = `${afterPosition(store, position)}, ranks from 1.`;
  return { columns: ["rank", "id", "token", "logit", "probability"], rows, holds };
}

function afterPosition({ promptInfo }: Store, position: number): string {
  return `A row for each next token after position ${position} ${quoted(promptInfo.peek()?.tokens[position] ?? "")}`;
}

/** The arrays with these dims at every checkpoint that is wholly known, a row for each place along them. */
export function analysisTable<A extends AnalysisKind>(store: Store, result: Result<A>, dims: string): Table {
  const info = store.info.peek();
  const along = dims.split(" ").filter(Boolean);
  const names = Object.entries<string>(ARRAYS[result.analysis])
    .filter(([, declared]) => declared === `float32 ${dims}`.trim())
    .map(([name]) => name);
  const rows = (info?.steps ?? []).flatMap((_, checkpoint) => {
    const found = result.whole(checkpoint) as Record<string, ArrayLike<number>> | null;
    const length = found?.[names[0] ?? ""]?.length ?? 0;
    return Array.from({ length }, (_unused, index): Cell[] => [
      ...training(info as SeriesInfo, checkpoint),
      ...placeAlong(along, info as SeriesInfo, index),
      ...names.map((name) => exact(found?.[name]?.[index])),
    ]);
  });
  const holds =
    along.length === 0
      ? "A row for each checkpoint."
      : `A row for each ${along.length < 2 ? along[0] : "head"} at each checkpoint.`;
  return { columns: [...TRAINING, ...along, ...names], rows, holds };
}

/** Along one dim, or along layers and heads. */
function placeAlong(along: string[], { heads }: SeriesInfo, index: number): number[] {
  return along.length < 2 ? along.map(() => index) : [Math.floor(index / heads), index % heads];
}
