/**
 * The slider's two handles. `checkpoint` is set at once, `shown` follows on the next animation frame (everything
 * drawn reads `shown`), and the trait follows when the movement rests: then it is `settled`. Of the second handle
 * the same, or null without one.
 */
import { batch, computed, effect, type ReadonlySignal, type Signal, signal } from "@preact/signals";
import type { Model, SeriesInfo } from "../kernel/model";
import type { Writer } from "../kernel/writer";

export class Handles {
  /** Where the slider is; always a checkpoint of the current series. */
  readonly checkpoint: ReadonlySignal<number>;
  /** The checkpoint that is drawn: `checkpoint`, once a frame. */
  readonly shown: Signal<number>;
  /** The checkpoint the movement came to rest on, as the kernel knows it. */
  readonly settled: ReadonlySignal<number>;
  readonly compare: ReadonlySignal<number | null>;
  readonly shownCompare: Signal<number | null>;
  readonly settledCompare: ReadonlySignal<number | null>;
  readonly #model: Model;
  readonly #writer: Writer;
  readonly #info: ReadonlySignal<SeriesInfo | null>;
  readonly #position: Signal<number>;
  readonly #other: Signal<number | null>;
  readonly #rest: Signal<number>;
  readonly #otherRest: Signal<number | null>;

  constructor(model: Model, writer: Writer, info: ReadonlySignal<SeriesInfo | null>, abort: AbortSignal) {
    this.#model = model;
    this.#writer = writer;
    this.#info = info;
    this.#position = signal(model.get("checkpoint"));
    this.#other = signal(model.get("compare"));
    this.#rest = signal(this.#position.peek());
    this.#otherRest = signal(this.#other.peek());
    // Within what is there when they are read: a series may grow with the message that moves them.
    const within = (at: ReadonlySignal<number>) => computed(() => clamp(at.value, info.value));
    const withinOrNone = (at: ReadonlySignal<number | null>) =>
      computed(() => (at.value === null ? null : clamp(at.value, info.value)));
    this.checkpoint = within(this.#position);
    this.settled = within(this.#rest);
    this.compare = withinOrNone(this.#other);
    this.settledCompare = withinOrNone(this.#otherRest);
    this.shown = signal(this.checkpoint.peek());
    this.shownCompare = signal(this.compare.peek());
    writer.onKernel("checkpoint", () => this.#place());
    writer.onKernel("compare", () => this.#placeOther());
    this.#oncePerFrame(abort);
  }

  /** One step of a movement whose next comes within `pause` milliseconds, if any does. */
  moveTo(index: number, pause = 0): void {
    const target = clamp(index, this.#info.peek());
    if (target === this.checkpoint.peek()) return;
    this.#position.value = target;
    const rested = () => {
      this.#rest.value = target;
    };
    this.#writer.later("checkpoint", target, rested, pause);
  }

  /** Moves the second handle; null takes it away. */
  compareTo(index: number | null): void {
    const target = index === null ? null : clamp(index, this.#info.peek());
    if (target === this.compare.peek()) return;
    this.#other.value = target;
    this.#writer.later("compare", target, () => {
      this.#otherRest.value = target;
    });
  }

  /** Both are here and rest; whoever puts them there tells the kernel. */
  rest(checkpoint: number, compare: number | null): void {
    batch(() => {
      this.#position.value = checkpoint;
      this.#rest.value = checkpoint;
      this.#other.value = compare;
      this.#otherRest.value = compare;
    });
  }

  /** Both are where the kernel has them. */
  obeyKernel(): void {
    this.#place();
    this.#placeOther();
  }

  #place(): void {
    batch(() => {
      this.#position.value = this.#model.get("checkpoint");
      this.#rest.value = this.#position.peek();
    });
  }

  #placeOther(): void {
    batch(() => {
      this.#other.value = this.#model.get("compare");
      this.#otherRest.value = this.#other.peek();
    });
  }

  #oncePerFrame(abort: AbortSignal): void {
    let frame = 0;
    const stop = effect(() => {
      const [here, other] = [this.checkpoint.value, this.compare.value];
      if ((here === this.shown.peek() && other === this.shownCompare.peek()) || frame !== 0) return;
      frame = requestAnimationFrame(() => {
        frame = 0;
        batch(() => {
          this.shown.value = this.checkpoint.peek();
          this.shownCompare.value = this.compare.peek();
        });
      });
    });
    abort.addEventListener("abort", stop, { once: true });
    abort.addEventListener("abort", () => cancelAnimationFrame(frame), { once: true });
  }
}

function clamp(index: number, info: SeriesInfo | null): number {
  return Math.max(0, Math.min(index, (info?.steps.length ?? 1) - 1));
}
