/** The chosen score at both handles of the slider, and how it changed from the second to the first. */
import { computed, type ReadonlySignal } from "@preact/signals";
import type { SeriesInfo } from "../kernel/model";

/** What it is read from; the checkpoints are those that are drawn. */
interface Source {
  info: ReadonlySignal<SeriesInfo | null>;
  gridValues: ReadonlySignal<Float32Array | null>;
  shown: ReadonlySignal<number>;
  shownCompare: ReadonlySignal<number | null>;
}

export class Comparison {
  /** One value a head at the checkpoint compared with, layer by layer; null without one. */
  readonly before: ReadonlySignal<Float32Array | null>;
  /** Now less before; null without a second handle. NaN where one of the two is not known. */
  readonly change: ReadonlySignal<Float32Array | null>;
  /** The largest change from the checkpoint compared with to any other, of any head. */
  readonly largest: ReadonlySignal<number>;
  /** The label of the checkpoint compared with; "" without one. */
  readonly label: ReadonlySignal<string>;

  constructor({ info, gridValues, shown, shownCompare }: Source) {
    const at = (checkpoint: number) => {
      const size = (info.value?.layers ?? 0) * (info.value?.heads ?? 0);
      return gridValues.value?.subarray(checkpoint * size, (checkpoint + 1) * size) ?? new Float32Array();
    };
    this.before = computed(() => (shownCompare.value === null ? null : at(shownCompare.value)));
    this.change = computed(() => {
      const before = this.before.value;
      return before === null ? null : at(shown.value).map((now, head) => now - (before[head] ?? Number.NaN));
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
    this.label = computed(() => info.value?.labels[shownCompare.value ?? -1] ?? "");
  }
}
