/**
 * What stands at the second handle of the slider: another checkpoint of the current series, or another series at its
 * checkpoint nearest to there. Heads of another series are matched by score; how the chosen one changed from there.
 */
import { computed, type ReadonlySignal } from "@preact/signals";
import type { Head } from "../contract.gen";
import type { PromptInfo, ScoreInfo, SeriesInfo, ViewState } from "../kernel/model";
import { type Known, type Match, matches } from "./counterparts";
import { headName } from "./heads";
import { isolated, labelText, shortened } from "./text";
import { isAlone, nearestCheckpoint, type Unit } from "./training";

/** What it is read from; the checkpoints are those that are drawn. */
interface Source {
  seriesList: ReadonlySignal<SeriesInfo[]>;
  prompts: ReadonlySignal<PromptInfo[]>;
  series: ReadonlySignal<number>;
  info: ReadonlySignal<SeriesInfo | null>;
  unit: ReadonlySignal<Unit>;
  viewState: ReadonlySignal<ViewState>;
  scoreInfo: ReadonlySignal<ScoreInfo | null>;
  gridValues: ReadonlySignal<Float32Array | null>;
  gridIn: (series: number, score: string) => Float32Array | null;
  shown: ReadonlySignal<number>;
  shownCompare: ReadonlySignal<number | null>;
}

/** A checkpoint of a series. */
export interface Other {
  series: number;
  info: SeriesInfo;
  checkpoint: number;
}

export class Comparison {
  /** What is compared with; null without a second handle. */
  readonly other: ReadonlySignal<Other | null>;
  /** Whether that is another series. */
  readonly elsewhere: ReadonlySignal<boolean>;
  /** Whether both series read the prompt as the same tokens: otherwise nothing is compared token by token. */
  readonly sameTokens: ReadonlySignal<boolean>;
  /** One value a head at what is compared with, layer by layer; null without that. */
  readonly before: ReadonlySignal<Float32Array | null>;
  /** Now less before; null without a second handle. NaN where one of the two is not known. */
  readonly change: ReadonlySignal<Float32Array | null>;
  /** The largest change from what is compared with to any checkpoint, of any head. */
  readonly largest: ReadonlySignal<number>;
  /** What is compared with, in words; "" without that. */
  readonly label: ReadonlySignal<string>;
  readonly #source: Source;
  /** Of each head of the current series, layer by layer, its counterpart in the other; null of the same series. */
  readonly #matches: ReadonlySignal<(Match | null)[] | null>;

  constructor(source: Source) {
    this.#source = source;
    const { seriesList, prompts, series, info, scoreInfo, gridValues, shown } = source;
    this.other = computed(() => otherOf(source));
    this.elsewhere = computed(() => this.other.value !== null && this.other.value.series !== series.value);
    this.sameTokens = computed(() => {
      const [here, there] = [prompts.value[series.value], prompts.value[this.other.value?.series ?? -1]];
      const same = <T>(a: T[], b: T[]) => a.length === b.length && a.every((one, index) => one === b[index]);
      return (
        here === there || (!!here && !!there && same(here.ids, there.ids) && same(here.tokens, there.tokens))
      );
    });
    this.#matches = computed(() => {
      const [other, own] = [this.other.value, info.value];
      if (!this.elsewhere.value || other === null || own === null) return null;
      const known = (index: number): Known => ({
        ...(seriesList.value[index] as SeriesInfo),
        gridOf: (score) => source.gridIn(index, score),
      });
      const heads = Array.from({ length: own.layers * own.heads }, (_, index) => headAt(own, index));
      return matches(heads, scoreInfo.value?.name ?? "", known(series.value), known(other.series));
    });
    this.before = computed(() => this.valuesBefore(scoreInfo.value?.name ?? ""));
    this.change = computed(() => {
      const before = this.before.value;
      if (before === null) return null;
      const size = sizeOf(info.value);
      const now =
        gridValues.value?.subarray(shown.value * size, (shown.value + 1) * size) ?? new Float32Array();
      return now.map((value, head) => value - (before[head] ?? Number.NaN));
    });
    this.largest = computed(() => {
      const [before, values] = [this.before.value, gridValues.value];
      if (before === null || values === null || before.length === 0) return 0;
      let most = 0;
      for (let i = 0; i < values.length; i++) {
        const change = Math.abs((values[i] as number) - (before[i % before.length] as number));
        if (change > most) most = change;
      }
      return most;
    });
    this.label = computed(() => {
      const other = this.other.value;
      if (other === null) return "";
      if (!this.elsewhere.value) return other.info.labels[other.checkpoint] ?? "";
      return [isolated(shortened(other.info.name)), labelText(other.info, other.checkpoint)]
        .filter(Boolean)
        .join(" ");
    });
  }

  /** Any score at what is compared with, one value for each head of the current series; null without that. */
  valuesBefore(score: string): Float32Array | null {
    const [other, own] = [this.other.value, this.#source.info.value];
    if (other === null || own === null) return null;
    const size = sizeOf(other.info);
    const grid = this.#source.gridIn(other.series, score);
    const values =
      grid?.subarray(other.checkpoint * size, (other.checkpoint + 1) * size) ?? new Float32Array();
    const found = this.#matches.value;
    if (found === null) return values;
    return Float32Array.from(found, (match) =>
      match === null ? Number.NaN : (values[indexOf(other.info, match.head)] ?? Number.NaN),
    );
  }

  /** The head that stands for one of the current series; null where the other series has none. */
  counterpart(head: Head): Head | null {
    const [found, own] = [this.#matches.value, this.#source.info.value];
    return found === null || own === null ? head : (found[indexOf(own, head)]?.head ?? null);
  }

  /** What is compared with of one head: "step 100", "L2H5 of attn-only-3l step 100". */
  labelOf(head: Head): string {
    if (!this.elsewhere.value) return this.label.value;
    const there = this.counterpart(head);
    return there === null ? `no head of ${this.label.value}` : `${headName(there)} of ${this.label.value}`;
  }

  /** Which head of the other series a head is compared with, and why; "" of the same series. */
  reason(head: Head, title: (score: string) => string): string {
    const [found, own, other] = [this.#matches.value, this.#source.info.value, this.other.value];
    if (found === null || own === null || other === null) return "";
    const match = found[indexOf(own, head)];
    const name = isolated(shortened(other.info.name));
    if (match == null) return `${name} has no head that ranks as low as ${headName(head)}.`;
    const why =
      match.score === null
        ? "the one in the same place, as long as no score of both is known"
        : `both are number ${match.rank + 1} by the highest ${title(match.score)} that they reach`;
    return `${headName(head)} is compared with ${headName(match.head)} of ${name}: ${why}.`;
  }
}

/** The other series where one was chosen, at its checkpoint nearest to the second handle; a single one's last. */
function otherOf({ seriesList, series, info, unit, viewState, shownCompare }: Source): Other | null {
  const [own, handle] = [info.value, shownCompare.value];
  if (own === null || handle === null) return null;
  const index = viewState.value.compared_series;
  const there = index === null || index === series.value ? undefined : seriesList.value[index];
  if (index === null || there === undefined) return { series: series.value, info: own, checkpoint: handle };
  const checkpoint = isAlone(own)
    ? there.steps.length - 1
    : nearestCheckpoint(own, handle, there, unit.value);
  return { series: index, info: there, checkpoint };
}

function sizeOf(info: SeriesInfo | null): number {
  return (info?.layers ?? 0) * (info?.heads ?? 0);
}

function headAt({ heads }: SeriesInfo, index: number): Head {
  return [Math.floor(index / heads), index % heads];
}

function indexOf({ heads }: SeriesInfo, [layer, head]: Head): number {
  return layer * heads + head;
}
