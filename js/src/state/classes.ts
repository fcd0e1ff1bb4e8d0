/** What heads are called: the class whose selectivity is largest, where it is large (`head_classes` of the kernels). */
import { computed } from "@preact/signals";
import { CLASS_THRESHOLD, HEAD_CLASSES, type Head } from "../contract.gen";
import type { SeriesInfo } from "../kernel/model";
import type { Store } from "./store";
import { compact } from "./text";

export type HeadClass = (typeof HEAD_CLASSES)[number];

/** Of a head whose six selectivities are known. */
export interface Named {
  /** Null where none is large enough for a name. */
  first: HeadClass | null;
  /** Of the largest, named or not, and of the next. */
  value: number;
  second: HeadClass;
  other: number;
}

/** Values of all heads, one array a class, each [checkpoint, layer, head]. */
type Grids = readonly Float32Array[];

type Source = Pick<Store, "series" | "seriesList" | "shown" | "settled" | "scoreIn" | "gridIn">;

export class Classes {
  readonly #store: Source;
  /** Of each head at the shown checkpoint, layer by layer; none where a series has no selectivities. */
  readonly shown = computed(() => this.#at(this.#store.shown.value));
  /** The same where the slider rests. */
  readonly settled = computed(() => this.#at(this.#store.settled.value));
  /** How many heads each class has at the shown checkpoint, the unnamed last; null where nothing is known there. */
  readonly counts = computed(() => countOf(this.shown.value));

  constructor(store: Source) {
    this.#store = store;
  }

  /** How many heads each class has at every checkpoint of a series, the unnamed last; null where that is not known. */
  countsIn(series: number): (readonly number[] | null)[] | null {
    const [info, grids] = [this.#store.seriesList.value[series], this.#grids(series)];
    if (info === undefined || grids === null) return null;
    const counts = info.steps.map((_, at) => countOf(namedAt(grids, info, at)));
    return counts.some((one) => one !== null) ? counts : null;
  }

  /** Whether a series has no such scores, or not all of them: they are not to come either. */
  lacksScoresIn(series: number): boolean {
    return HEAD_CLASSES.some(({ score }) => this.#store.scoreIn(series, score) === null);
  }

  #at(checkpoint: number): (Named | null)[] {
    const series = this.#store.series.value;
    const [info, grids] = [this.#store.seriesList.value[series], this.#grids(series)];
    return info === undefined || grids === null ? [] : namedAt(grids, info, checkpoint);
  }

  #grids(series: number): Grids | null {
    if (this.lacksScoresIn(series)) return null;
    const grids = HEAD_CLASSES.map(({ score }) => this.#store.gridIn(series, score));
    return grids.every((grid) => grid !== null) ? grids : null;
  }
}

function namedAt(grids: Grids, { layers, heads }: SeriesInfo, checkpoint: number): (Named | null)[] {
  const [size, values] = [layers * heads, new Array<number>(grids.length)];
  return Array.from({ length: size }, (_, head) => {
    for (let i = 0; i < grids.length; i++) values[i] = grids[i]?.[checkpoint * size + head] ?? Number.NaN;
    return named(values);
  });
}

/** Of equal values the first counts as the larger one; null where one is not known. */
export function named(values: readonly number[]): Named | null {
  if (!values.every(Number.isFinite)) return null;
  const order = HEAD_CLASSES.map((_, i) => i).sort((a, b) => at(values, b) - at(values, a) || a - b);
  const [best, next] = order as [number, number];
  const value = at(values, best);
  const first = value >= CLASS_THRESHOLD ? (HEAD_CLASSES[best] ?? null) : null;
  return { first, value, second: HEAD_CLASSES[next] as HeadClass, other: at(values, next) };
}

function at(values: readonly number[], index: number): number {
  return values[index] as number;
}

function countOf(heads: readonly (Named | null)[]): number[] | null {
  const known = heads.filter((head) => head !== null);
  if (known.length === 0) return null;
  const classes: (HeadClass | null)[] = [...HEAD_CLASSES, null];
  return classes.map((one) => known.filter(({ first }) => first === one).length);
}

export function namedIn(names: readonly (Named | null)[], { heads }: SeriesInfo, [layer, head]: Head) {
  return names[layer * heads + head] ?? null;
}

/** "induction 67, then first token 9.6", by selectivity; of an unnamed head, what its largest is. */
export function classText({ first, value, second, other }: Named): string {
  const [best, next] = [selectivityText(value), selectivityText(other)];
  return first === null
    ? `unnamed, no selectivity above ${best}`
    : `${titleOf(first)} ${best}, then ${titleOf(second)} ${next}`;
}

/** No more of it than means something: "85", "9.6". */
function selectivityText(value: number): string {
  return value < 10 ? value.toFixed(1) : compact(Math.round(value));
}

export function titleOf({ title }: HeadClass): string {
  return title.toLowerCase();
}
