/**
 * Tells the kernel what the reader chose: at once, or when the hand rests. What the kernel sets while a choice
 * still waits is the later word, so that choice is dropped.
 */
import type { Connection } from "./connection";
import { type ExplorerModel, type Model, onChange } from "./model";

const REST_MS = 150;

/** The traits that the page writes. */
export type Choices = Pick<
  ExplorerModel,
  "checkpoint" | "compare" | "score" | "heads" | "series" | "_view" | "_play"
>;
type Name = keyof Choices;

export class Writer {
  readonly #model: Model;
  readonly #connection: Connection;
  readonly #abort: AbortSignal;
  /** What waits for the hand to rest, and what to do then besides telling. */
  readonly #waiting = new Map<Name, { choice: Partial<Choices>; rested: () => void }>();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #writing = false;

  constructor(model: Model, connection: Connection, abort: AbortSignal) {
    this.#model = model;
    this.#connection = connection;
    this.#abort = abort;
    abort.addEventListener("abort", () => clearTimeout(this.#timer), { once: true });
  }

  /** Tells these at once; what waits under the same names is never told. */
  now(choices: Partial<Choices>): void {
    this.drop(...(Object.keys(choices) as Name[]));
    this.#write(choices);
  }

  /**
   * Tells this once nothing more was chosen for a moment, after the `pause` in which more is to come; `rested` is
   * called then, kernel or not.
   */
  later<N extends Name>(name: N, value: Choices[N], rested = () => {}, pause = 0): void {
    this.#waiting.set(name, { choice: { [name]: value }, rested });
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#rest(), pause + REST_MS);
  }

  /** Forgets what waits under these names. */
  drop(...names: Name[]): void {
    for (const name of names) this.#waiting.delete(name);
  }

  /** Calls `fn` when the kernel, and not this page, has set a trait. */
  onKernel<N extends Name>(name: N, fn: (value: Choices[N]) => void): void {
    const heard = (value: Choices[N]) => {
      if (this.#writing) return;
      this.drop(name);
      this.#connection.heard();
      fn(value);
    };
    onChange(this.#model, name, heard, this.#abort);
  }

  #rest(): void {
    const rested = [...this.#waiting.values()];
    this.#waiting.clear();
    if (rested.length === 0) return;
    for (const { rested: tell } of rested) tell();
    this.#write(Object.assign({}, ...rested.map(({ choice }) => choice)));
  }

  #write(choices: Partial<Choices>): void {
    if (!this.#connection.connected.peek()) return;
    this.#writing = true;
    try {
      for (const [name, value] of Object.entries(choices)) this.#model.set(name as Name, value);
    } finally {
      this.#writing = false;
    }
    this.#model.save_changes();
  }
}
