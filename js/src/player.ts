/** Plays the checkpoints one after the other, on the page's clock alone. */
import { effect, signal } from "@preact/signals";
import type { Store } from "./state";

/** A whole series takes about this long, but no step is too quick or too slow to follow. */
const SERIES_MS = 5000;

export class Player {
  readonly playing = signal(false);
  readonly #store: Store;

  constructor(store: Store, abort: AbortSignal) {
    this.#store = store;
    const stop = effect(() => {
      if (!this.playing.value) return;
      const pause = Math.min(250, Math.max(60, SERIES_MS / this.#last()));
      const timer = setInterval(() => this.#step(), pause);
      return () => clearInterval(timer);
    });
    abort.addEventListener("abort", stop, { once: true });
  }

  /** Starts, from the beginning when at the end; or stops. */
  toggle(): void {
    const { checkpoint } = this.#store;
    if (!this.playing.peek() && checkpoint.peek() >= this.#last()) this.#store.moveTo(0);
    this.playing.value = !this.playing.peek();
  }

  #step(): void {
    const next = this.#store.checkpoint.peek() + 1;
    this.#store.moveTo(next);
    if (next >= this.#last()) this.playing.value = false;
  }

  #last(): number {
    return Math.max(0, (this.#store.info.peek()?.steps.length ?? 1) - 1);
  }
}
