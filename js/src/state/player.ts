/** Plays the checkpoints, all or those brushed, one after the other, on the page's clock alone. */
import { effect, signal } from "@preact/signals";
import type { Store } from "./store";

/** A whole series takes about this long, but no step is too quick or too slow to follow. */
const SERIES_MS = 5000;

export class Player {
  readonly playing = signal(false);
  readonly #store: Store;

  constructor(store: Store, abort: AbortSignal) {
    this.#store = store;
    const stop = effect(() => {
      if (!this.playing.value) return;
      const [first, last] = this.#store.range.peek();
      const pause = Math.min(250, Math.max(60, SERIES_MS / Math.max(1, last - first)));
      const timer = setInterval(() => this.#step(pause), pause);
      return () => clearInterval(timer);
    });
    abort.addEventListener("abort", stop, { once: true });
  }

  /** Starts, from the beginning when at the end or outside of what is brushed; or stops. */
  toggle(): void {
    const { checkpoint, range } = this.#store;
    const [first, last] = range.peek();
    const here = checkpoint.peek();
    if (!this.playing.peek() && (here < first || here >= last)) this.#store.moveTo(first);
    this.playing.value = !this.playing.peek();
  }

  #step(pause: number): void {
    const next = this.#store.checkpoint.peek() + 1;
    const ends = next >= this.#store.range.peek()[1];
    this.#store.moveTo(next, ends ? 0 : pause);
    if (ends) this.playing.value = false;
  }
}
