/**
 * Keeps a cache filled with what is wanted: asks for the checkpoints that are missing, lets a running
 * request finish when it covers them, and stops requests for subjects nobody wants any more.
 */
import { signal } from "@preact/signals";
import type { CheckpointCache } from "./cache";
import type { Answer, Part, Question, RequestError, Requests } from "./requests";

export interface Want<T> {
  /** What the values are of. */
  subject: string;
  /** Names its request: of one subject there may be several, for other checkpoints or less urgent. */
  lane: string;
  /** In the order they should arrive. */
  checkpoints: number[];
  question: (checkpoints: number[]) => Question;
  /** Another request than the one that runs: that one is stopped. */
  anyway?: boolean;
  /** Values by checkpoint in one part of the reply. Throws when the part is not what was asked for. */
  decode: (part: Part) => [number, T][];
}

interface Running {
  subject: string;
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

  /** Why this checkpoint did not come on a lane; null when it came or still may. */
  failure(lane: string, checkpoint: number): RequestError | null {
    return this.#failures.value.get(lane)?.get(checkpoint) ?? null;
  }

  /** What was answered about these subjects is not true of them any more; it is asked for anew. */
  forget(of: (subject: string) => boolean): void {
    this.cache.drop(of);
    for (const [lane, { subject, answer }] of this.#running) {
      if (!of(subject)) continue;
      this.#running.delete(lane);
      answer.cancel();
    }
    this.#failures.value = new Map();
  }

  /** Forgets what failed; whoever updates by an effect then asks for it once more. */
  tryAgain(): void {
    if (this.#failures.peek().size > 0) this.#failures.value = new Map();
  }

  update(wants: Want<T>[]): void {
    this.#subjects = new Set(wants.map(({ subject }) => subject));
    const anyway = new Map(wants.map((want) => [want.lane, want.anyway ?? false]));
    for (const [lane, running] of this.#running) {
      if (anyway.get(lane) === running.anyway) continue;
      this.#running.delete(lane);
      running.answer.cancel();
    }
    for (const want of wants) this.#fetch(want);
  }

  #fetch(want: Want<T>): void {
    const failed = this.#failures.value.get(want.lane);
    const missing = this.cache.missing(want.subject, want.checkpoints).filter((c) => !failed?.has(c));
    const running = this.#running.get(want.lane);
    if (missing.every((checkpoint) => running?.checkpoints.has(checkpoint))) return;
    const answer = this.#requests.send(want.question(missing), want.lane, (part) =>
      this.cache.add(
        want.subject,
        want.decode(part),
        (subject) => this.#subjects.has(subject),
        (part.body.share ?? 1) === 1,
      ),
    );
    const { subject, anyway = false } = want;
    const started = { subject, checkpoints: new Set(missing), anyway, answer };
    this.#running.set(want.lane, started);
    answer.finished
      .catch((error: RequestError) => this.#fail(want, missing, error))
      .finally(() => {
        if (this.#running.get(want.lane) === started) this.#running.delete(want.lane);
      });
  }

  #fail({ subject, lane }: Want<T>, asked: number[], error: RequestError): void {
    const before = this.#failures.peek();
    const failed = this.cache.missing(subject, asked).map((checkpoint) => [checkpoint, error] as const);
    this.#failures.value = new Map(before).set(lane, new Map([...(before.get(lane) ?? []), ...failed]));
  }
}
