/** Checkpoints that come while the page is open, as from a run that still trains. */
import { effect, type ReadonlySignal, signal } from "@preact/signals";
import type { SeriesInfo } from "../kernel/model";
import type { Store } from "./store";

/** Calls `fn` with each series in which some came between the ones that were there. */
export function onRenumbering(
  seriesList: ReadonlySignal<SeriesInfo[]>,
  fn: (series: number) => void,
): () => void {
  let before = seriesList.peek();
  return effect(() => {
    const now = seriesList.value;
    for (const [series, info] of now.entries()) {
      if (before[series]?.labels.some((label, index) => label !== info.labels[index])) fn(series);
    }
    before = now;
  });
}

export class Growth {
  /** The series that have more checkpoints than when the page met them. */
  readonly grown = signal<ReadonlySet<number>>(new Set());

  constructor(store: Store, abort: AbortSignal) {
    const stops = [this.#note(store), followEnd(store)];
    for (const stop of stops) abort.addEventListener("abort", stop, { once: true });
  }

  #note({ seriesList }: Store): () => void {
    const first = seriesList.peek().map(({ labels }) => labels.length);
    return effect(() => {
      const more = [...seriesList.value.keys()].filter(
        (series) => (seriesList.value[series]?.labels.length ?? 0) > (first[series] ?? 0),
      );
      if (more.length > this.grown.peek().size) this.grown.value = new Set(more);
    });
  }
}

/** A handle at the last checkpoint goes on to the last of those that come, once it is scored. Anywhere else it stays. */
function followEnd(store: Store): () => void {
  let [series, end] = [store.series.peek(), store.info.peek()?.labels.at(-1)];
  /** Where the handle waits for scores of what comes after it. */
  let waits: string | null = null;
  return effect(() => {
    const [info, grid, here] = [store.info.value, store.gridValues.value, store.checkpoint.value];
    const last = info?.labels.at(-1);
    if (info === null) return;
    if (series !== store.series.value) {
      [series, end, waits] = [store.series.value, last, null];
      return;
    }
    if (last !== end && info.labels[here] === end) waits = info.labels[here] ?? null;
    end = last;
    if (waits === null || info.labels[here] !== waits) {
      waits = null;
      return;
    }
    const newest = newestScored(info, grid);
    if (newest <= here) return;
    waits = newest === info.labels.length - 1 ? null : (info.labels[newest] ?? null);
    store.moveTo(newest);
  });
}

function newestScored(info: SeriesInfo, grid: Float32Array | null): number {
  const size = info.layers * info.heads;
  const isScored = (index: number) =>
    grid !== null &&
    info.faults[index] === undefined &&
    grid.subarray(index * size, (index + 1) * size).some(Number.isFinite);
  let index = info.labels.length - 1;
  while (index > 0 && !isScored(index)) index -= 1;
  return index;
}
