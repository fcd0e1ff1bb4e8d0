/**
 * Keeps a cache filled with what is wanted: asks for the checkpoints that are missing, lets a running
 * request finish when it covers them, and stops requests for subjects nobody wants any more.
 */
import { signal } from "@preact/signals";
import type { CheckpointCache } from "./cache";
import type { Answer, Part, Question, RequestError, Requests } from "./requests";

export interface Want<T> {
  /** What the values are of, in one running request. */
  subject: string;
  /** In the order they should arrive. */
  checkpoints: number[];
  question: (checkpoints: number[]) => Question;
  /** Another request than the one that runs: that one is stopped. */
  anyway?: boolean;
  /** Values by checkpoint in one part of the reply. Throws when the part is not what was asked for. */
  decode: (part: Part) => [number, T][];
}

interface Running {
  checkpoints: Set<number>;
  anyway: boolean;
  answer: Answer;
}

/** Errors by checkpoint. */
type Failures = ReadonlyMap<number, RequestError>;

export class Fetcher<T> {
  readonly cache: CheckpointCache<T>;
  readonly #requests: Requests;
  readonly #running = new Map<string, Running>();
  readonly #failures = signal<ReadonlyMap<string, Failures>>(new Map());
  #subjects = new Set<string>();

  constructor(requests: Requests, cache: CheckpointCache<T>) {
    this.#requests = requests;
    this.cache = cache;
  }

  /** Why this checkpoint of the subject did not come; null when it came or still may. */
  failure(subject: string, checkpoint: number): RequestError | null {
    return this.#failures.value.get(subject)?.get(checkpoint) ?? null;
  }

  /** Forgets what failed; whoever updates by an effect then asks for it once more. */
  tryAgain(): void {
    if (this.#failures.peek().size > 0) this.#failures.value = new Map();
  }

  update(wants: Want<T>[]): void {
    this.#subjects = new Set(wants.map(({ subject }) => subject));
    const anyway = new Map(wants.map((want) => [want.subject, want.anyway ?? false]));
    for (const [subject, running] of this.#running) {
      if (anyway.get(subject) === running.anyway) continue;
      this.#running.delete(subject);
      running.answer.cancel();
    }
    for (const want of wants) this.#fetch(want);
  }

  #fetch(want: Want<T>): void {
    const failed = this.#failures.value.get(want.subject);
    const missing = this.cache.missing(want.subject, want.checkpoints).filter((c) => !failed?.has(c));
    const running = this.#running.get(want.subject);
    if (missing.every((checkpoint) => running?.checkpoints.has(checkpoint))) return;
    const answer = this.#requests.send(want.question(missing), want.subject, (part) =>
      this.cache.add(
        want.subject,
        want.decode(part),
        (subject) => this.#subjects.has(subject),
        (part.body.share ?? 1) === 1,
      ),
    );
    const started = { checkpoints: new Set(missing), anyway: want.anyway ?? false, answer };
    this.#running.set(want.subject, started);
    answer.finished
      .catch((error: RequestError) => this.#fail(want.subject, missing, error))
      .finally(() => {
        if (this.#running.get(want.subject) === started) this.#running.delete(want.subject);
      });
  }

  #fail(subject: string, asked: number[], error: RequestError): void {
    const before = this.#failures.peek();
    const failed = this.cache.missing(subject, asked).map((checkpoint) => [checkpoint, error] as const);
    this.#failures.value = new Map(before).set(subject, new Map([...(before.get(subject) ?? []), ...failed]));
  }
}
