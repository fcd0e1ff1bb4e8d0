/**
 * What the views need from the kernel beside the traits: patterns of the selected heads, predictions, and
 * grids too large for a trait. Effects ask for what is missing; the views read what is there.
 */
import { effect } from "@preact/signals";
import { take, triangleSize } from "../kernel/arrays";
import { CheckpointCache } from "../kernel/cache";
import { Fetcher, type Want } from "../kernel/fetcher";
import type { ErrorInfo, Head, PromptInfo, SeriesInfo } from "../kernel/model";
import type { Part, RequestError } from "../kernel/requests";
import { headName, sameHead } from "./heads";
import type { Grid, Store } from "./store";

/** Tabs that show the prompt in every series. */
const COMPARING: ReadonlySet<string> = new Set(["passage", "answer"]);
const GRID_PAUSE_MS = 300;
const GRID_POLL_MS = 2000;

/** Predictions after every position of the prompt at one checkpoint; arrays are [position, rank]. */
export interface Predictions {
  k: number;
  ids: Int32Array;
  logits: Float32Array;
  probabilities: Float32Array;
  answerRank: Int32Array;
  answerProbability: Float32Array;
  /** Of what comes next, in nats; NaN after the last token without an answer. */
  losses: Float32Array;
  tokens: Record<string, string>;
}

/** A value, or why there is none: `error` is set when it failed, else it is still on its way. */
export type Reading<T> = { value: T; error: null } | { value: null; error: RequestError | null };

interface Subject {
  series: number;
  info: SeriesInfo;
  prompt: PromptInfo;
}

export class Answers {
  readonly #store: Store;
  readonly #patterns: Fetcher<Uint8Array>;
  readonly #predictions: Fetcher<Predictions>;
  readonly #attended: Fetcher<Float32Array>;
  /** Keys of the grids that are on their way. */
  readonly #gridsAsked = new Set<string>();

  constructor(store: Store, abort: AbortSignal) {
    this.#store = store;
    this.#patterns = new Fetcher(store.requests, new CheckpointCache<Uint8Array>((p) => p.byteLength));
    this.#predictions = new Fetcher(
      store.requests,
      new CheckpointCache<Predictions>((p) => 3 * p.ids.byteLength + 3 * p.answerRank.byteLength),
    );
    this.#attended = new Fetcher(store.requests, new CheckpointCache<Float32Array>((a) => a.byteLength));
    const stops = [
      effect(() => this.#attended.update(this.#wantedAttended())),
      effect(() => this.#patterns.update(this.#wantedPatterns())),
      effect(() => this.#predictions.update(this.#wantedPredictions())),
      effect(() => this.#fetchGrid(store.scoreInfo.value?.name)),
      effect(() => {
        if (store.viewState.value.tab === "scatter") return this.#fetchGrid(store.againstInfo.value?.name);
      }),
    ];
    abort.addEventListener("abort", () => {
      for (const stop of stops) stop();
    });
  }

  /** Asks once more for what failed. */
  tryAgain(): void {
    for (const fetcher of [this.#patterns, this.#predictions, this.#attended]) fetcher.tryAgain();
    for (const [key, grid] of this.#store.fetchedGrids.peek()) {
      const [series = "", score = ""] = key.split("/");
      if ("message" in grid) this.#requestGrid(Number(series), score);
    }
  }

  /** Lower triangle of uint8 attention of `head` at a checkpoint, for the current series and prompt. */
  pattern(head: Head, checkpoint: number): Reading<Uint8Array> {
    return this.#read(this.#patterns, `${this.#key()}/${headName(head)}`, checkpoint);
  }

  /** How much each head attends to a token, layer by layer; null while it is not there. */
  attended(token: number, checkpoint: number): Float32Array | null {
    return this.#read(this.#attended, `${this.#key()}/${token}`, checkpoint).value;
  }

  /** Of the current series, or of another one while a tab that compares them is open. */
  predictions(checkpoint: number, series = this.#store.series.value): Reading<Predictions> {
    return this.#read(this.#predictions, this.#key(series), checkpoint);
  }

  #read<T>(fetcher: Fetcher<T>, subject: string, checkpoint: number): Reading<T> {
    void fetcher.cache.version.value;
    const value = fetcher.cache.get(subject, checkpoint);
    return value === undefined
      ? { value: null, error: fetcher.failure(subject, checkpoint) }
      : { value, error: null };
  }

  #key(series = this.#store.series.value): string {
    return `${series}/${this.#store.prompts.value[series]?.generation}`;
  }

  /** A series and its prompt when they can be asked about, or null. */
  #subject(series = this.#store.series.value): Subject | null {
    const { seriesList, prompts, connected } = this.#store;
    const [info, prompt] = [seriesList.value[series], prompts.value[series]];
    if (!connected.value || info === undefined || prompt === undefined) return null;
    return prompt.error !== null || prompt.tokens.length === 0 ? null : { series, info, prompt };
  }

  /** All usable checkpoints, nearest first, where they are affordable; else those the handles rest on. */
  #checkpoints({ info, prompt }: Subject): number[] {
    const current = prompt.scrub ? this.#store.checkpoint.peek() : this.#store.settled.value;
    const other = prompt.scrub ? null : this.#store.settledCompare.value;
    const wanted = prompt.scrub
      ? info.steps.map((_, index) => index)
      : [...new Set([current, other ?? current])];
    return wanted
      .filter((index) => index < info.steps.length && info.faults[index] === undefined)
      .sort((a, b) => Math.abs(a - current) - Math.abs(b - current));
  }

  #wantedPatterns(): Want<Uint8Array>[] {
    const subject = this.#subject();
    const { preview } = this.#store;
    const selected = this.#store.heads.value;
    const heads =
      preview.value === null || selected.some((head) => sameHead(head, preview.value as Head))
        ? selected
        : [...selected, preview.value];
    if (subject === null) return [];
    const checkpoints = this.#checkpoints(subject);
    const { series, prompt } = subject;
    const size = triangleSize(prompt.tokens.length);
    return heads.map((head) => ({
      lane: `patterns/${headName(head)}`,
      subject: `${this.#key()}/${headName(head)}`,
      checkpoints,
      question: (missing) => ({
        kind: "patterns",
        series,
        generation: prompt.generation,
        head,
        checkpoints: missing,
      }),
      decode: (part) => {
        const { shape, values } = take(part.arrays, "patterns", "uint8");
        if (shape[1] !== size) throw new Error(`patterns of ${shape[1]} cells, not ${size}`);
        return answered(part, prompt).map((checkpoint, i) => [
          checkpoint,
          values.subarray(i * size, (i + 1) * size),
        ]);
      },
    }));
  }

  /** Of the token that is locked. */
  #wantedAttended(): Want<Float32Array>[] {
    const [subject, token] = [this.#subject(), this.#store.lock.value];
    if (subject === null || token === null) return [];
    const { series, prompt } = subject;
    return [
      {
        lane: "attended",
        subject: `${this.#key()}/${token}`,
        checkpoints: this.#checkpoints(subject),
        question: (checkpoints) => ({
          kind: "attended",
          series,
          generation: prompt.generation,
          checkpoints,
          token,
        }),
        decode: (part) => {
          const { values } = take(part.arrays, "attention", "float32");
          const found = answered(part, prompt);
          const size = values.length / Math.max(1, found.length);
          return found.map((checkpoint, i) => [checkpoint, values.subarray(i * size, (i + 1) * size)]);
        },
      },
    ];
  }

  #wantedPredictions(): Want<Predictions>[] {
    const { series: current, seriesList, viewState } = this.#store;
    const all = COMPARING.has(viewState.value.tab) ? seriesList.value.map((_, index) => index) : [];
    const subjects = [current.value, ...all.filter((index) => index !== current.value)].map((series) =>
      this.#subject(series),
    );
    return subjects.flatMap((subject) => {
      if (subject === null) return [];
      const { series, prompt } = subject;
      return {
        lane: `predictions/${series}`,
        subject: this.#key(series),
        checkpoints: this.#checkpoints(subject),
        question: (checkpoints: number[]) => ({
          kind: "predictions" as const,
          series,
          generation: prompt.generation,
          checkpoints,
        }),
        decode: (part: Part) => decodePredictions(part, prompt),
      };
    });
  }

  /**
   * Fetches a grid that is too large for a trait: again and again while it is being computed, and once
   * more when that is over. The pause lets a score that was just chosen arrive by trait first.
   */
  #fetchGrid(score: string | undefined): (() => void) | undefined {
    const { series, grids, working, connected, fetchedGrids } = this.#store;
    const key = `${series.value}/${score}`;
    if (score === undefined || !connected.value || grids.value[key] !== undefined) return;
    const fetch = () => this.#requestGrid(series.peek(), score);
    if (working.value) {
      // Questions would only pile up in a kernel that is busy.
      const poll = () => this.#gridsAsked.has(key) || fetch();
      const timer = setInterval(poll, GRID_POLL_MS);
      return () => clearInterval(timer);
    }
    const held = fetchedGrids.peek().get(key);
    if (held !== undefined && "values" in held && held.values.every(Number.isFinite)) return;
    const timer = setTimeout(fetch, GRID_PAUSE_MS);
    return () => clearTimeout(timer);
  }

  #requestGrid(series: number, score: string): void {
    const { requests, fetchedGrids } = this.#store;
    const key = `${series}/${score}`;
    const keep = (found: Grid | ErrorInfo) => {
      fetchedGrids.value = new Map(fetchedGrids.peek()).set(key, found);
    };
    this.#gridsAsked.add(key);
    requests
      .send({ kind: "grid", series, score }, `grid/${score}`, (part) =>
        keep(take(part.arrays, "grid", "float32")),
      )
      .finished.catch((error: RequestError) => keep({ message: error.message, hint: error.hint }))
      .finally(() => this.#gridsAsked.delete(key));
  }
}

/** The checkpoints a part holds; none when it belongs to an older prompt. */
function answered(part: Part, prompt: PromptInfo): number[] {
  if (part.body.generation !== prompt.generation) return [];
  return part.body.checkpoints as number[];
}

function decodePredictions(part: Part, prompt: PromptInfo): [number, Predictions][] {
  const n = prompt.tokens.length;
  const k = part.body.k as number;
  const tokens = part.body.tokens as Record<string, string>;
  const ids = take(part.arrays, "ids", "int32").values;
  const logits = take(part.arrays, "logits", "float32").values;
  const probabilities = take(part.arrays, "probabilities", "float32").values;
  const answerRank = take(part.arrays, "answer_rank", "int32").values;
  const answerProbability = take(part.arrays, "answer_probability", "float32").values;
  const losses = take(part.arrays, "losses", "float32").values;
  return answered(part, prompt).map((checkpoint, i) => {
    const [ranked, each] = [
      [i * n * k, (i + 1) * n * k],
      [i * n, (i + 1) * n],
    ] as const;
    return [
      checkpoint,
      {
        k,
        ids: ids.subarray(...ranked),
        logits: logits.subarray(...ranked),
        probabilities: probabilities.subarray(...ranked),
        answerRank: answerRank.subarray(...each),
        answerProbability: answerProbability.subarray(...each),
        losses: losses.subarray(...each),
        tokens,
      },
    ];
  });
}
