/** What panels show, as tables: every checkpoint at the precision it came in. Tabs have their own beside them. */
import { type AnalysisKind, ARRAYS, type Head } from "../contract.gen";
import { trianglePlace, triangleSize } from "../kernel/arrays";
import type { SeriesInfo } from "../kernel/model";
import { comparedTokens, type Place, ranksOf } from "../state/compared-tokens";
import type { Other } from "../state/comparison";
import { headName } from "../state/heads";
import type { Result } from "../state/results";
import { patternOf, shownAs } from "../state/shown-patterns";
import type { Store } from "../state/store";
import { fromOne, quoted } from "../state/text";
import { type Cell, rowsOf, type Table } from "./table";

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

/** What of a table a panel shows: all of it where nothing is said. */
export interface Shown {
  checkpoints?: number[];
  heads?: Head[];
}

/** At the handles of the slider, as far as both are of the current series. */
export function atHandles({ comparison, shown }: Store): number[] {
  const before = comparison.elsewhere.value ? undefined : comparison.other.value?.checkpoint;
  return before === undefined ? [shown.value] : [before, shown.value];
}

/** Scores of the current series: one or several by name. */
export function scoreTable(store: Store, names: string[], { checkpoints, heads }: Shown = {}): Table {
  const info = store.info.value;
  const grids = names.map((name) => {
    const grid = store.gridOf(name);
    return grid === null || "message" in grid ? null : grid.values;
  });
  const size = (info?.layers ?? 0) * (info?.heads ?? 0);
  const at = checkpoints ?? info?.steps.map((_, index) => index) ?? [];
  const of = heads?.map(([layer, head]) => layer * (info?.heads ?? 0) + head);
  const count = of?.length ?? size;
  const row = (index: number): Cell[] => {
    const [checkpoint, nth] = [at[Math.floor(index / count)] ?? 0, index % count];
    const head = of?.[nth] ?? nth;
    const values = grids.map((grid) => exact(grid?.[checkpoint * size + head]));
    return [...training(info as SeriesInfo, checkpoint), ...headAt(head, info as SeriesInfo), ...values];
  };
  return {
    columns: [...TRAINING, "layer", "head", ...names],
    rows: rowsOf([{ count: at.length * count, row }]),
    holds: "A row for each head at each checkpoint.",
  };
}

/** Of those of a series, layer by layer. */
export function headAt(index: number, { heads }: Pick<SeriesInfo, "heads">): Head {
  return [Math.floor(index / heads), index % heads];
}

/** The chosen score of every head at both handles of the slider, and its change. */
export function changeTable({ info, scoreInfo, shown, shownScores, comparison }: Store): Table {
  const { steps = [], heads = 1 } = info.value ?? {};
  const score = scoreInfo.value?.name ?? "";
  const [before, change] = [comparison.before.value, comparison.change.value];
  const there = beforeOf(comparison);
  const ends = [there.step, steps[shown.value] ?? null];
  return {
    columns: [
      ...["layer", "head", ...there.columns, "step_before", "step_after"],
      ...[`${score}_before`, `${score}_after`, "change"],
    ],
    rows: Array.from(shownScores.value, (value, index) => {
      const head: Head = [Math.floor(index / heads), index % heads];
      const scores = [exact(before?.[index]), exact(value), exact(change?.[index])];
      return [...head, ...there.cells(head), ...ends, ...scores];
    }),
    holds:
      there.series === undefined
        ? "A row for each head: its score at both checkpoints, and after less before."
        : "A row for each head: its score, that of the head of the other series that ranks as high, and the first less that.",
  };
}

/** What is compared with: of another series its name and the head that is compared, in columns of their own. */
function beforeOf(comparison: Store["comparison"]) {
  const other = comparison.other.value;
  const elsewhere = comparison.elsewhere.value ? other : null;
  const counterpart = (head: Head) => comparison.counterpart(head);
  return {
    series: elsewhere?.series,
    checkpoint: other?.checkpoint,
    step: other?.info.steps[other.checkpoint] ?? null,
    head: counterpart,
    columns: elsewhere === null ? [] : ["series_before", "head_before"],
    cells(head: Head): Cell[] {
      const there = counterpart(head);
      return elsewhere === null ? [] : [elsewhere.info.name, there && headName(there)];
    },
  };
}

/** Attention by cell of its triangle, of one side of what is shown; null where it is not known. */
type Attention = (side: Side) => ((cell: number) => Cell) | null;

/** A head's pattern at a checkpoint; of another series where that is compared with. */
export interface Side {
  head: Head;
  series: number | undefined;
  checkpoint: number;
}

/** Patterns of the selected heads as they are drawn: at the shown checkpoint, and of what is compared with; or of one. */
export function patternTable(store: Store, only?: Side, query?: number): Table {
  return patternsShown(store, only, query).tableOf(
    ({ head, series, checkpoint }) => {
      const drawn = patternOf(store, head, series).at(checkpoint)?.patterns;
      return drawn === undefined ? null : (cell) => Number(((drawn[cell] as number) / 255).toFixed(3));
    },
    `${sentenceOf(store)} is a multiple of 1/255 in three decimals: 0.002 more or less.`,
  );
}

/** What is drawn, at the beginning of a sentence. */
function sentenceOf(store: Store): string {
  const { name, formula } = shownAs(store);
  return formula === "" ? "Attention" : `${name[0]?.toUpperCase()}${name.slice(1)}, ${formula},`;
}

/** How long the kernel may take. */
const PATIENCE_MS = 60_000;

/** The same as they were computed; null where the kernel does not say all of it in time. */
export async function exactPatternTable(store: Store, only?: Side): Promise<Table | null> {
  const { tokens, sides, tableOf } = patternsShown(store, only);
  const keyOf = ({ head, series, checkpoint }: Side) => `${headName(head)}/${series}/${checkpoint}`;
  const asked = sides.map(async (side) => {
    const { head, series, checkpoint } = side;
    const parameters = { head, first: 0, last: tokens - 1 };
    const found = await store.results.once("attention", parameters, checkpoint, series);
    return [keyOf(side), found?.attention] as const;
  });
  const answers = Promise.all(asked).catch(() => null); // why not is said where they are shown
  const tooLate = new Promise<null>((resolve) => setTimeout(() => resolve(null), PATIENCE_MS));
  const known = new Map(await Promise.race([answers, tooLate]));
  const computed: Attention = (side) => {
    const attention = known.get(keyOf(side));
    return attention?.length === triangleSize(tokens) ? (cell) => exact(attention[cell]) : null;
  };
  const all = sides.every((side) => computed(side) !== null);
  return all ? tableOf(computed, "Attention is float32, as it was computed.") : null;
}

/** What is shown now, and a table of it once its attention is known; of one query where that is given. */
function patternsShown(store: Store, only?: Side, from?: number) {
  const { comparison } = store;
  const { column } = shownAs(store);
  const tokens = store.promptInfo.value?.tokens ?? [];
  const heads = only === undefined ? store.heads.value : [only.head];
  const [info, shown] = [store.info.value, store.shown.value];
  const there = only === undefined && comparison.sameTokens.value ? beforeOf(comparison) : null;
  const at = there?.checkpoint;
  const compared = there !== null && at !== undefined;
  const sidesOf = (head: Head): (Side | null)[] => {
    const now = only ?? { head, series: undefined, checkpoint: shown };
    if (!compared) return [now];
    const other = there.head(head);
    return [other && { head: other, series: there.series, checkpoint: at }, now];
  };
  const columns = [
    ...["head", ...(compared ? there.columns : []), "query", "key", "query_token", "key_token"],
    ...(compared ? ["step_before", "step_after", `${column}_before`, `${column}_after`] : [column]),
  ];
  const steps = compared ? [there.step, info?.steps[shown] ?? null] : [];
  const [first, count] =
    from === undefined ? [0, triangleSize(tokens.length)] : [triangleSize(from), from + 1];
  const placed = heads.map((head) => ({
    whose: [headName(head), ...(compared ? there.cells(head) : [])],
    sides: sidesOf(head),
  }));
  const tableOf = (attention: Attention, precision: string): Table => {
    const parts = placed.map(({ whose, sides }) => {
      const known = sides.map((side) => side && attention(side));
      const row = (index: number): Cell[] => {
        const cell = first + index;
        const [query, key] = trianglePlace(cell);
        const words = [tokens[query] ?? "", tokens[key] ?? ""];
        return [...whose, query, key, ...words, ...steps, ...known.map((of) => of?.(cell) ?? null)];
      };
      return { count, row };
    });
    const holds = `A row for each query and each key up to it, positions from 0, of each selected head. ${precision}`;
    return { columns, rows: rowsOf(parts), holds };
  };
  const sides = placed.flatMap((one) => one.sides).filter((side) => side !== null);
  return { tokens: tokens.length, sides, tableOf };
}

/** The ranked tokens at the shown checkpoint; with a second handle, at both. */
export function predictionTable(store: Store, position: number): Table {
  const { other, sameTokens } = store.comparison;
  const compared = sameTokens.value ? other.value : null;
  return compared === null ? rankedTable(store, position) : comparedTable(store, position, compared);
}

/** A row for each token ranked at either; its numbers are empty where it was not ranked. */
function comparedTable(store: Store, position: number, other: Other): Table {
  const [info, shown] = [store.info.value, store.shown.value];
  const result = store.results.of("predictions", {});
  const now = result.at(shown);
  const tokens =
    now === null ? [] : comparedTokens(result.in(other.series).at(other.checkpoint), now, position);
  const side = (step: number | undefined, place: Place | null): Cell[] => [
    step ?? null,
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
      ...side(other.info.steps[other.checkpoint], before),
      ...side(info?.steps[shown], after),
    ]),
    holds: `${afterPosition(store, position)} ranked at either checkpoint, ranks from 1; empty where it was not ranked.`,
  };
}

function rankedTable(store: Store, position: number): Table {
  const found = store.results.of("predictions", {}).at(store.shown.value);
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
  return `A row for each next token after position ${position} ${quoted(promptInfo.value?.tokens[position] ?? "")}`;
}

/** The arrays with these dims at every checkpoint that is wholly known, a row for each place along them. */
export function analysisTable<A extends AnalysisKind>(
  store: Store,
  result: Result<A>,
  dims: string,
  { checkpoints }: Shown = {},
): Table {
  const info = store.info.value;
  const along = dims.split(" ").filter(Boolean);
  const names = Object.entries<string>(ARRAYS[result.analysis])
    .filter(([, declared]) => declared === `float32 ${dims}`.trim())
    .map(([name]) => name);
  const rows = (checkpoints ?? info?.steps.map((_, index) => index) ?? []).flatMap((checkpoint) => {
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
function placeAlong(along: string[], info: SeriesInfo, index: number): number[] {
  return along.length < 2 ? along.map(() => index) : headAt(index, info);
}
