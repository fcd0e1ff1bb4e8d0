/** Grids that are too large for a trait, fetched while they are shown. */
import { computed, effect, signal } from "@preact/signals";
import { type NumberArray, take } from "../kernel/arrays";
import type { ErrorInfo } from "../kernel/model";
import type { RequestError } from "../kernel/requests";
import type { Store } from "./store";

/** [checkpoint, layer, head]. */
export type Grid = NumberArray<Float32Array>;

const PAUSE_MS = 300;
const POLL_MS = 2000;

export class Grids {
  /** By "series index/score". */
  readonly found = signal<ReadonlyMap<string, Grid | ErrorInfo>>(new Map());
  readonly #store: Store;
  /** Keys of those that are on their way. */
  readonly #asked = new Set<string>();

  constructor(store: Store, abort: AbortSignal) {
    this.#store = store;
    const chosen = effect(() => this.#fetch(store.scoreInfo.value?.name));
    abort.addEventListener("abort", chosen, { once: true });
  }

  /** Fetches these too, whichever they come to be, until the function given back is called. */
  ask(scores: () => string[]): () => void {
    const asked = computed(() => scores().join());
    return effect(() => {
      const stops = asked.value.split(",").map((score) => this.#fetch(score));
      return () => {
        for (const stop of stops) stop?.();
      };
    });
  }

  /** Asks once more for what failed. */
  tryAgain(): void {
    for (const [key, grid] of this.found.peek()) {
      const [series = "", score = ""] = key.split("/");
      if ("message" in grid) this.#request(Number(series), score);
    }
  }

  /**
   * Again and again while it is being computed, and once more when that is over. The pause lets a score that
   * was just chosen arrive by trait first.
   */
  #fetch(score: string | undefined): (() => void) | undefined {
    const { series, grids, working, connected } = this.#store;
    const key = `${series.value}/${score}`;
    if (score === undefined || !connected.value || grids.value[key] !== undefined) return;
    const fetch = () => this.#request(series.peek(), score);
    if (working.value) {
      // Questions would only pile up in a kernel that is busy.
      const poll = () => this.#asked.has(key) || fetch();
      const timer = setInterval(poll, POLL_MS);
      return () => clearInterval(timer);
    }
    const held = this.found.peek().get(key);
    if (held !== undefined && "values" in held && held.values.every(Number.isFinite)) return;
    const timer = setTimeout(fetch, PAUSE_MS);
    return () => clearTimeout(timer);
  }

  #request(series: number, score: string): void {
    const key = `${series}/${score}`;
    const keep = (grid: Grid | ErrorInfo) => {
      this.found.value = new Map(this.found.peek()).set(key, grid);
    };
    this.#asked.add(key);
    this.#store.requests
      .send({ kind: "grid", series, score }, `grid/${score}`, (part) =>
        keep(take(part.arrays, "grid", "float32")),
      )
      .finished.catch((error: RequestError) => keep({ message: error.message, hint: error.hint }))
      .finally(() => this.#asked.delete(key));
  }
}
