/**
 * What the kernel answered, analysis by analysis and checkpoint by checkpoint: the one place where arrays are
 * asked for. Views say what they show (`ask`), for as long as they show it, and read what is there (`of`).
 */
import { batch, computed, effect, type ReadonlySignal, signal, untracked } from "@preact/signals";
import { type AnalysisArrays, type AnalysisKind, type AnalysisParameters, ONE_PASS } from "../contract.gen";
import { CheckpointCache } from "../kernel/cache";
import { Fetcher, type Want } from "../kernel/fetcher";
import type { PromptInfo } from "../kernel/model";
import type { Question, RequestError } from "../kernel/requests";
import { bytesOf, decode, type Found, ofPrompt } from "./decode";
import { onRenumbering } from "./growth";
import type { Store } from "./store";

/** An analysis with its parameters, of a series or else of the current one. */
export interface Ask<A extends AnalysisKind = AnalysisKind> {
  analysis: A;
  parameters: AnalysisParameters[A];
  series?: number;
  /** Seen small, beside what is shown: wanted only where the slider rests, and after that. */
  beside?: boolean;
  /** Wanted only where the slider's handles rest, and after what is shown. */
  resting?: boolean;
  /** Of another series: wanted at this checkpoint, where not every one is affordable. */
  at?: number;
  /** Wanted at every checkpoint, whatever is affordable: of what is not, the kernel says what it costs. */
  throughout?: boolean;
}

/** The named arrays of one checkpoint, and the words beside them. */
export type Values<A extends AnalysisKind> = AnalysisArrays[A] & Words<A>;
type Words<A> = A extends "head_page"
  ? { tokens: Record<string, string>; texts: Record<string, string>; origin: string }
  : A extends "predictions" | "attribution" | "head_tokens"
    ? { tokens: Record<string, string> }
    : unknown;

/** Answers to one question that may change; everything read of it is read through signals. */
export class Result<A extends AnalysisKind> {
  readonly analysis: A;
  readonly #results: Results;
  readonly #ask: () => Ask<A> | null;

  constructor(results: Results, analysis: A, ask: () => Ask<A> | null) {
    this.analysis = analysis;
    this.#results = results;
    this.#ask = ask;
  }

  /** Whether there is a question. */
  get asked(): boolean {
    return this.#ask() !== null;
  }

  at(checkpoint: number): Values<A> | null {
    const ask = this.#ask();
    return ask === null ? null : this.#results.read(ask, checkpoint);
  }

  /** The same, unless more of it is on its way. */
  whole(checkpoint: number): Values<A> | null {
    const ask = this.#ask();
    return ask === null ? null : this.#results.read(ask, checkpoint, "whole");
  }

  /** Why this checkpoint did not come; null when it came or still may. */
  failure(checkpoint: number): RequestError | null {
    const ask = this.#ask();
    return ask === null ? null : this.#results.failure(ask, checkpoint);
  }

  /**
   * Why some checkpoint is computed only when the reader wants it all the same; of what is wanted throughout
   * also why one failed. Null where none is missing for that.
   */
  get refusal(): RequestError | null {
    const ask = this.#ask();
    return ask === null ? null : this.#results.refusal(ask);
  }

  /** Checkpoints that are asked for, and that are known. */
  get wanted(): number {
    const ask = this.#ask();
    return ask === null ? 0 : this.#results.checkpoints(ask).length;
  }

  get known(): number {
    const ask = this.#ask();
    return ask === null ? 0 : this.#results.known(ask);
  }

  /** Whether it is computed however long it takes. */
  get anyway(): boolean {
    const ask = this.#ask();
    return ask !== null && this.#results.isAnyway(ask);
  }

  /** Whether something is missing that may still come. */
  get isComing(): boolean {
    const ask = this.#ask();
    return ask !== null && this.#results.isComing(ask);
  }

  /** Whether every checkpoint is asked for by itself, apart from where the slider rests. */
  get isApart(): boolean {
    const ask = this.#ask();
    return ask !== null && this.#results.isApart(ask);
  }

  set anyway(wanted: boolean) {
    const ask = this.#ask();
    if (ask !== null) this.#results.setAnyway(ask, wanted);
  }

  /** The same of another series. */
  in(series: number): Result<A> {
    return new Result(this.#results, this.analysis, () => {
      const ask = this.#ask();
      return ask === null ? null : { ...ask, series };
    });
  }

  /** The same at every checkpoint, for what is drawn over training. */
  get throughout(): Result<A> {
    return new Result(this.#results, this.analysis, () => {
      const ask = this.#ask();
      return ask === null ? null : { ...ask, throughout: true };
    });
  }
}

export class Results {
  readonly #store: Store;
  readonly #fetcher: Fetcher<Found>;
  readonly #asking = signal<readonly ReadonlySignal<Ask[]>[]>([]);
  /** What is computed however long it takes, by lane. */
  readonly #anyway = signal<ReadonlyMap<string, Ask>>(new Map());

  constructor(store: Store, abort: AbortSignal) {
    this.#store = store;
    this.#fetcher = new Fetcher(store.requests, new CheckpointCache<Found>(bytesOf));
    const stops = [
      effect(() => this.#fetcher.update(this.#wants())),
      onRenumbering(store.seriesList, (series) => this.#forget(series)),
    ];
    for (const stop of stops) abort.addEventListener("abort", stop, { once: true });
  }

  /** Its checkpoints have other numbers now. */
  #forget(series: number): void {
    this.#fetcher.forget((subject) => subject.split("/")[1] === String(series));
  }

  /** Asks for this, whatever it comes to be, until the function given back is called. */
  ask(asks: () => Ask[]): () => void {
    const asked = computed(asks);
    this.#asking.value = [...this.#asking.peek(), asked];
    return () => {
      this.#asking.value = this.#asking.peek().filter((other) => other !== asked);
    };
  }

  of<A extends AnalysisKind>(analysis: A, parameters: AnalysisParameters[A], series?: number): Result<A> {
    const ask = { analysis, parameters, ...(series !== undefined && { series }) };
    return new Result(this, analysis, () => ask);
  }

  /** Asks once more for what failed. */
  tryAgain(): void {
    this.#fetcher.tryAgain();
  }

  /** Asks once, at one checkpoint; null where nothing comes of it. Rejects with RequestError. */
  async once<A extends AnalysisKind>(
    analysis: A,
    parameters: AnalysisParameters[A],
    checkpoint: number,
    series = this.#store.series.peek(),
  ): Promise<Values<A> | null> {
    const want = untracked(() => this.#want({ analysis, parameters, series }));
    if (want === null) return null;
    let found: Found | null = null;
    const { finished } = this.#store.requests.send(
      want.question([checkpoint]),
      `once/${want.lane}/${checkpoint}`,
      (part) => {
        found = new Map(want.decode(part)).get(checkpoint) ?? null;
      },
    );
    await finished;
    return found as Values<A> | null;
  }

  isAnyway(ask: Ask): boolean {
    return this.#anyway.value.has(this.#lane(ask));
  }

  setAnyway(ask: Ask, wanted: boolean): void {
    const lane = this.#lane(ask);
    const others = new Map(this.#anyway.peek());
    others.delete(lane);
    const of = { ...ask, series: ask.series ?? this.#store.series.peek() };
    batch(() => {
      this.#anyway.value = wanted ? others.set(lane, of) : others;
      this.tryAgain();
    });
  }

  read<A extends AnalysisKind>(
    ask: Ask<A>,
    checkpoint: number,
    how: "get" | "whole" = "get",
  ): Values<A> | null {
    const { cache } = this.#fetcher;
    void cache.version.value;
    return (cache[how](this.#subject(ask), checkpoint) as Values<A> | undefined) ?? null;
  }

  failure(ask: Ask, checkpoint: number): RequestError | null {
    return this.#fetcher.failure(this.#lane(ask), checkpoint);
  }

  refusal(ask: Ask): RequestError | null {
    const failures = this.#missing(ask).flatMap((checkpoint) => this.failure(ask, checkpoint) ?? []);
    return failures.find(({ anyway }) => anyway) ?? (ask.throughout ? failures[0] : null) ?? null;
  }

  isComing(ask: Ask): boolean {
    return this.#missing(ask).some((checkpoint) => this.failure(ask, checkpoint) === null);
  }

  isApart(ask: Ask): boolean {
    return ask.throughout === true && !this.#isWhole(ask);
  }

  known(ask: Ask): number {
    return this.checkpoints(ask).length - this.#missing(ask).length;
  }

  #missing(ask: Ask): number[] {
    const { cache } = this.#fetcher;
    void cache.version.value;
    return cache.missing(this.#subject(ask), this.checkpoints(ask));
  }

  /** Whether all checkpoints are asked for at once: they are affordable, or of losses, which are one whole. */
  #isWhole({ analysis, series = this.#store.series.value, beside, resting }: Ask): boolean {
    const [info, prompt] = [this.#store.seriesList.value[series], this.#store.prompts.value[series]];
    if (beside || resting || info === undefined) return false;
    if (info.steps.length === 1) return true;
    return onePass.has(analysis) ? prompt?.scrub === true : info.light || analysis === "losses";
  }

  /**
   * All usable checkpoints, nearest first, where they are affordable or wanted throughout; else where the
   * slider rests, and where its second handle does of what only takes a pass or is shown there alone.
   */
  checkpoints(ask: Ask): number[] {
    const { analysis, series = this.#store.series.value, beside = false, resting = false, at } = ask;
    const { seriesList, checkpoint, settled, settledCompare } = this.#store;
    const info = seriesList.value[series];
    if (info === undefined) return [];
    const both = onePass.has(analysis) || resting;
    const every = ask.throughout || this.#isWhole(ask);
    const here = at ?? (every ? checkpoint.peek() : settled.value);
    const there = every || beside || !both || at !== undefined ? null : settledCompare.value;
    const wanted = every ? info.steps.map((_, index) => index) : [...new Set([here, there ?? here])];
    return wanted
      .filter((index) => index < info.steps.length && info.faults[index] === undefined)
      .sort((a, b) => Math.abs(a - here) - Math.abs(b - here));
  }

  /** What tells one answer from another. */
  #subject({ analysis, parameters, series = this.#store.series.value }: Ask): string {
    const generation = ofPrompt.has(analysis) ? this.#store.prompts.value[series]?.generation : "";
    return [analysis, series, generation, JSON.stringify(parameters)].join("/");
  }

  /** What one request brings. Where every checkpoint takes long, the one that the slider is on comes first. */
  #lane(ask: Ask): string {
    return `${this.#subject(ask)}${this.isApart(ask) ? "/throughout" : ""}${ask.beside ? "/beside" : ""}`;
  }

  /** What is shown, and what the reader wants at every checkpoint and looks away from meanwhile. */
  #wants(): Want<Found>[] {
    const asked = this.#asking.value.flatMap((asked) => asked.value);
    const large = new Set(asked.flatMap((ask) => (ask.beside ? [] : this.#subject(ask))));
    const shown = asked.filter((ask) => !ask.beside || !large.has(this.#subject(ask)));
    const every = (ask: Ask) => ask.throughout === true || this.#isWhole(ask);
    const isShown = ({ analysis }: Ask) => shown.some((ask) => ask.analysis === analysis && every(ask));
    const awaited = [...this.#anyway.value].flatMap(([lane, ask]) =>
      every(ask) && lane === this.#lane(ask) && !isShown(ask) ? [ask] : [],
    );
    const wants = [...shown, ...awaited].flatMap((ask) => this.#want(ask) ?? []);
    return [...new Map(wants.map((want) => [want.lane, want])).values()];
  }

  /** Null while it cannot be asked about. */
  #want(ask: Ask): Want<Found> | null {
    const { analysis, parameters, series = this.#store.series.value } = ask;
    const { seriesList, prompts, connected } = this.#store;
    const [info, prompt] = [seriesList.value[series], prompts.value[series]];
    if (!connected.value || info === undefined) return null;
    if (ofPrompt.has(analysis) && !runs(prompt)) return null;
    if (analysis === "losses" && info.measured_unasked) return null;
    const about = ofPrompt.has(analysis) ? { series, generation: prompt?.generation } : { series };
    const anyway = this.isAnyway(ask) || this.isAnyway({ ...ask, throughout: true });
    const how = { ...(anyway && { anyway }), ...((ask.beside || ask.resting) && { beside: true }) };
    return {
      subject: this.#subject(ask),
      lane: this.#lane(ask),
      checkpoints: this.checkpoints(ask),
      anyway,
      question: (checkpoints) =>
        ({ kind: analysis, ...about, checkpoints, ...how, ...parameters }) as Question,
      decode: (part) => decode(part, analysis, info, prompt),
    };
  }
}

const onePass: ReadonlySet<AnalysisKind> = new Set(ONE_PASS);

function runs(prompt: PromptInfo | undefined): boolean {
  return prompt !== undefined && prompt.error === null && prompt.tokens.length > 0;
}
