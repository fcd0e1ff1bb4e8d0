/**
 * What the kernel answered, by subject (such as one head's patterns for one prompt) and checkpoint.
 *
 * Subjects that nobody wants any more are kept for as long as they fit, so that going back is instant.
 */
import { type ReadonlySignal, signal } from "@preact/signals";

interface Held<T> {
  value: T;
  /** Otherwise more of it is on its way. */
  whole: boolean;
}

export class CheckpointCache<T> {
  readonly #subjects = new Map<string, Map<number, Held<T>>>();
  readonly #version = signal(0);
  readonly #sizeOf: (value: T) => number;
  readonly #limit: number;
  #bytes = 0;

  constructor(sizeOf: (value: T) => number, limit = 256 * 2 ** 20) {
    this.#sizeOf = sizeOf;
    this.#limit = limit;
  }

  /** Rises with every change: read it to redraw when something arrives. */
  get version(): ReadonlySignal<number> {
    return this.#version;
  }

  get(subject: string, checkpoint: number): T | undefined {
    return this.#subjects.get(subject)?.get(checkpoint)?.value;
  }

  /** The value, unless more of it is on its way. */
  whole(subject: string, checkpoint: number): T | undefined {
    const held = this.#subjects.get(subject)?.get(checkpoint);
    return held?.whole ? held.value : undefined;
  }

  /** Those that are not wholly there. */
  missing(subject: string, checkpoints: number[]): number[] {
    const have = this.#subjects.get(subject);
    return checkpoints.filter((checkpoint) => !have?.get(checkpoint)?.whole);
  }

  /** Adds values; drops the oldest subjects outside `wanted` while too much is held. */
  add(
    subject: string,
    values: Iterable<[number, T]>,
    wanted: (subject: string) => boolean,
    whole = true,
  ): void {
    const held = this.#subjects.get(subject) ?? new Map<number, Held<T>>();
    this.#subjects.set(subject, held);
    for (const [checkpoint, value] of values) {
      if (!held.has(checkpoint)) this.#bytes += this.#sizeOf(value);
      held.set(checkpoint, { value, whole });
    }
    for (const old of this.#subjects.keys()) {
      if (this.#bytes <= this.#limit) break;
      if (old !== subject && !wanted(old)) this.#forget(old);
    }
    this.#version.value += 1;
  }

  /** Drops all that is held of these subjects. */
  drop(of: (subject: string) => boolean): void {
    for (const subject of this.#subjects.keys()) if (of(subject)) this.#forget(subject);
    this.#version.value += 1;
  }

  #forget(subject: string): void {
    for (const { value } of this.#subjects.get(subject)?.values() ?? []) this.#bytes -= this.#sizeOf(value);
    this.#subjects.delete(subject);
  }
}
