/**
 * One store a model, shared by all views of it: what follows from its traits as signals, and what the reader does
 * as actions.
 *
 * Nothing here waits for the kernel: what the reader does is seen at once, and the trait follows.
 */
import { batch, computed, effect, type ReadonlySignal, signal, untracked } from "@preact/signals";
import type { Head } from "../contract.gen";
import type { ErrorInfo, Model, ScoreInfo, ViewState } from "../kernel/model";
import { RequestError } from "../kernel/requests";
import { Classes } from "./classes";
import { Comparison } from "./comparison";
import { counterparts, type Known } from "./counterparts";
import { Curves, type Grid } from "./curves";
import { Growth } from "./growth";
import { assignSlots, distinctHeads, sameHead, sameHeads } from "./heads";
import { type Window, windowOf } from "./phases";
import { Player } from "./player";
import { Results } from "./results";
import { isAlone, nearestCheckpoint, roomierScale, trainingUnit, unitName } from "./training";
import { Traits } from "./traits";
import { completeView } from "./view-state";

export class Store extends Traits {
  /** Everything the reader arranged that is no trait of its own. */
  readonly viewState: ReadonlySignal<ViewState>;
  /** Token the reader clicked, kept while nothing is hovered. */
  readonly lock = signal<number | null>(null);
  /** Whether the last token is held meanwhile: until the reader locks or unlocks one. */
  readonly holdsLast = signal(true);
  /** Head whose curve the pointer rests on: its pattern is fetched, though it is not selected. */
  readonly preview = signal<Head | null>(null);
  readonly promptRun = signal<{ running: boolean; error: ErrorInfo | null }>({ running: false, error: null });

  /** Whether the kernel works on what nobody need ask for: scores, measures and what is found in them. */
  readonly working = computed(() => this.connected.value && this.status.value?.state === "computing");
  /** Whether the current series is one checkpoint; and whether any of them is more. */
  readonly alone = computed(() => this.info.value !== null && isAlone(this.info.value));
  readonly overTraining = computed(() => !this.seriesList.value.every(isAlone));
  /** Which of the prompts to flip through is shown: as before while its text has come and its answer not yet. */
  readonly flipAt = computed<number>(() => {
    const [text, answer] = [this.prompt.value, this.answer.value];
    const at = this.flips.value.findIndex((one) => one[0] === text && one[1] === answer);
    if (at >= 0) this.#flippedTo = at;
    return this.#flippedTo;
  });
  #flippedTo = 0;
  /** The one that is on its way meanwhile. */
  #flippingTo: number | null = null;
  readonly promptInfo = computed(() => this.prompts.value[this.series.value] ?? null);
  /** Of the current series. */
  readonly scores = computed<ScoreInfo[]>(() => this.scoresOf.value[this.series.value] ?? []);
  readonly scoreInfo = computed(() => scoreIn(this.scores.value, this.score.value));
  /** The series and the score before another series was chosen; null before the first choice. */
  readonly #left = signal<{ series: number; score: string } | null>(null);
  /** The score that was chosen and that the current series lacks, while another stands in for it. */
  readonly missingScore = computed<{ title: string; reason: string } | null>(() => {
    const [left, scores] = [this.#left.value, this.scores.value];
    if (left === null || scores.some(({ name }) => name === left.score)) return null;
    if (this.scoreInfo.value !== scoreIn(scores, left.score)) return null;
    const { title = left.score } = this.scoreIn(left.series, left.score) ?? {};
    return { title, reason: this.info.value?.left_out[title] ?? "" };
  });
  readonly curves: Curves;
  /** [checkpoint, layer, head] of the chosen score; null while the kernel has not sent it. */
  readonly grid: ReadonlySignal<Grid | ErrorInfo | null>;
  readonly gridValues = computed(() => found(this.grid.value)?.values ?? null);
  /** One value a head at the shown checkpoint, layer by layer; empty while there is no grid. */
  readonly shownScores = computed(() => {
    const size = (this.info.value?.layers ?? 0) * (this.info.value?.heads ?? 0);
    const start = this.shown.value * size;
    return this.gridValues.value?.subarray(start, start + size) ?? new Float32Array();
  });
  readonly comparison: Comparison;
  readonly classes = new Classes(this);
  /** Palette slot of each selected head, by name. */
  readonly slots = signal<ReadonlyMap<string, number>>(new Map());
  /** The head that token hover speaks of: the one selected last. */
  readonly activeHead = computed<Head | null>(() => this.heads.value.at(-1) ?? null);

  readonly results: Results;
  readonly player: Player;
  readonly growth: Growth;
  /** Of everything along training that the page shows, whichever series it is of. */
  readonly unit = computed(() => trainingUnit(this.seriesList.value));
  /** The same in a word. */
  readonly unitName = computed(() => unitName(this.seriesList.value, this.unit.value));
  /** The phase change of a series; null = none. */
  readonly windowIn = (series: number): Window | null =>
    windowOf(this.phases.value[series]?.window ?? null, this.drawnWindow.value);
  readonly window = computed(() => this.windowIn(this.series.value));
  /** The window drawn by hand, where it was drawn in the page's unit. */
  readonly drawnWindow = computed(() => {
    const { window, window_unit } = this.viewState.value;
    return window_unit === null || window_unit === this.unit.value ? window : null;
  });
  /** First and last checkpoint looked at. */
  readonly range = computed<[number, number]>(() => {
    const last = (this.info.value?.steps.length ?? 1) - 1;
    const [from, to] = this.viewState.value.brush ?? [0, last];
    return [Math.min(from, last), Math.min(to, last)];
  });
  /** Of each series, the checkpoint nearest to the one shown. */
  readonly shownEach = computed(() => {
    const [info, here] = [this.info.value, this.shown.value];
    return this.seriesList.value.map((other, index) =>
      info === null || index === this.series.value
        ? here
        : nearestCheckpoint(info, here, other, this.unit.value),
    );
  });

  constructor(model: Model, abort: AbortSignal) {
    super(model, abort);
    const scale = computed(() => roomierScale(this.seriesList.value, this.unit.value));
    this.viewState = computed(() => completeView(this.view.value, scale.value));

    this.curves = new Curves(model, this.requests, this.seriesList, abort);
    this.grid = computed(() => this.gridOf(this.scoreInfo.value?.name ?? ""));
    this.comparison = new Comparison(this);
    this.#untilAbort(abort, () => {
      this.slots.value = assignSlots(this.slots.peek(), this.heads.value);
    });
    let before = { series: this.series.peek(), score: this.score.peek() };
    this.#untilAbort(abort, () => {
      const now = { series: this.series.value, score: this.score.value };
      if (now.series !== before.series) this.#left.value = before;
      before = now;
    });
    const prompt = computed(() => `${this.series.value}/${this.promptInfo.value?.generation}`);
    this.#untilAbort(abort, () => {
      void prompt.value;
      this.lock.value = null;
      this.holdsLast.value = true;
      this.promptRun.value = { ...this.promptRun.peek(), error: null };
    });
    this.results = new Results(this, abort);
    this.#untilAbort(abort, () => {
      if (this.connection.returns.value > 0) untracked(() => this.tryAgain());
    });
    this.player = new Player(this, abort);
    this.growth = new Growth(this, abort);
  }

  /** [checkpoint, layer, head] of a score of the current series; null where it does not measure it. */
  readonly gridOf = (score: string): Grid | ErrorInfo | null =>
    this.curves.get("grids", `${this.series.value}/${score}`);

  /** The same of any series; null also where it cannot be had. */
  readonly gridIn = (series: number, score: string): Float32Array | null =>
    found(this.curves.get("grids", `${series}/${score}`))?.values ?? null;

  /** A score as a series measures it; null where it does not. */
  readonly scoreIn = (series: number, score: string): ScoreInfo | null =>
    this.scoresOf.value[series]?.find(({ name }) => name === score) ?? null;

  /** A measure of a series, [checkpoint] or [checkpoint, position]; null while there is none. */
  readonly measureOf = (series: number, name: string): Grid | null =>
    found(this.curves.get("measures", `${series}/${name}`));

  moveTo(index: number, pause = 0): void {
    this.handles.moveTo(index, pause);
  }

  /** Moves the second handle; null takes it away. */
  compareTo(index: number | null): void {
    this.handles.compareTo(index);
  }

  /** Compares with another series, or with another checkpoint of this one; a single one with nothing else. */
  compareSeries(index: number | null): void {
    this.arrange({ compared_series: index });
    if (!this.alone.peek()) return;
    this.compareTo(index === null ? null : 0);
  }

  /** Nothing is played unasked any more, here or on another page. */
  playsNoMore(): void {
    if (!this.plays.peek()) return;
    this.plays.value = false;
    this.writer.now({ _play: false });
  }

  /** Arranges the view; the trait follows when the hand rests. */
  arrange(change: Partial<ViewState>): void {
    this.view.value = { ...this.view.peek(), ...change };
    this.writer.later("_view", this.view.peek());
  }

  /** Chooses options of a tab. */
  arrangeTab(name: string, options: Record<string, unknown>): void {
    const { tabs } = this.viewState.peek();
    this.arrange({ tabs: { ...tabs, [name]: { ...tabs[name], ...options } } });
  }

  /** Opens a tab with these options. */
  openTab(name: string, options: Record<string, unknown>): void {
    this.arrangeTab(name, options);
    this.arrange({ tab: name });
  }

  /** Draws the window by hand; null leaves it as it was found. */
  drawWindow(window: [number, number] | null): void {
    this.arrange({ window, window_unit: window === null ? null : this.unit.peek() });
  }

  chooseScore(name: string): void {
    this.score.value = name;
    this.writer.now({ score: name });
  }

  /** For each selected head, the one of a series that ranks as high. */
  readonly selectedIn = (series: number): (Head | null)[] => {
    const [from, to] = [this.#known(this.series.value), this.#known(series)];
    if (series === this.series.value || from === null || to === null) return this.heads.value;
    return counterparts(this.heads.value, this.score.value, from, to);
  };

  #known(series: number): Known | null {
    const info = this.seriesList.value[series];
    return info === undefined ? null : { ...info, gridOf: (score) => this.gridIn(series, score) };
  }

  /** Another series at its nearest checkpoint, with the heads that rank alike and the score that it has. */
  chooseSeries(index: number): void {
    const [before, after, left] = [this.info.peek(), this.seriesList.peek()[index], this.series.peek()];
    if (after === undefined || index === left) return;
    const unit = this.unit.peek();
    const checkpoint = before === null ? 0 : nearestCheckpoint(before, this.checkpoint.peek(), after, unit);
    const old = this.compare.peek();
    const compare = before === null || old === null ? null : nearestCheckpoint(before, old, after, unit);
    const heads = distinctHeads(untracked(() => this.selectedIn(index)));
    const score = scoreIn(this.scoresOf.peek()[index] ?? [], this.score.peek())?.name ?? this.score.peek();
    batch(() => {
      this.series.value = index;
      this.handles.rest(checkpoint, compare);
      this.heads.value = heads;
      this.score.value = score;
    });
    this.writer.now({ series: index, checkpoint, compare, heads, score });
    const { brush, compared_series } = this.viewState.peek();
    if (brush !== null) this.arrange({ brush: null });
    // What was compared with is what is shown now: the other way around.
    if (compared_series === index) this.arrange({ compared_series: left });
  }

  /** Selects only `head`, or adds or removes it. */
  selectHead(head: Head, extend: boolean): void {
    const before = this.heads.peek();
    const others = before.filter((other) => !sameHead(other, head));
    const next = !extend ? [head] : others.length < before.length ? others : [...before, head];
    if (sameHeads(before, next)) return;
    this.heads.value = next;
    this.writer.now({ heads: next });
  }

  /** Locks a token of the prompt; null unlocks. */
  lockToken(token: number | null): void {
    this.lock.value = token;
    this.holdsLast.value = false;
  }

  /** Makes a selected head the one that token hover speaks of. */
  activateHead(head: Head): void {
    const next = [...this.heads.peek().filter((other) => !sameHead(other, head)), head];
    if (sameHeads(this.heads.peek(), next)) return;
    this.heads.value = next;
    this.writer.now({ heads: next });
  }

  /** Asks the kernel once more for whatever failed; so does its coming back. */
  tryAgain(): void {
    this.results.tryAgain();
    this.curves.tryAgain();
  }

  /** A score of the reader's own, where it failed. */
  scoreAgain(score: string): void {
    const question = { kind: "again", series: this.series.value, score } as const;
    this.requests.send(question, "again", () => {}).finished.catch(() => {}); // the status says what failed
  }

  /** Shows another of the prompts; one that is shown again is answered from what is known of it. */
  async flipTo(index: number): Promise<void> {
    const pair = this.flips.peek()[index];
    if (pair === undefined || !this.connected.peek()) return;
    this.#flippingTo = index;
    await this.runPrompt(...pair);
    if (this.#flippingTo === index) this.#flippingTo = null;
  }

  /** The one before or after: of those that are pressed for quickly, each counts. */
  flipBy(by: -1 | 1): void {
    this.flipTo((this.#flippingTo ?? this.flipAt.peek()) + by);
  }

  async runPrompt(text: string, answer: string): Promise<void> {
    this.promptRun.value = { running: true, error: null };
    try {
      const { finished } = this.requests.send({ kind: "prompt", text, answer }, "prompt", () => {});
      // A prompt that a newer one replaced leaves the word to that.
      if ((await finished) !== "cancelled") this.promptRun.value = { running: false, error: null };
    } catch (error) {
      if (!(error instanceof RequestError)) throw error;
      this.promptRun.value = { running: false, error: { message: error.message, hint: error.hint } };
    }
  }

  #untilAbort(abort: AbortSignal, fn: () => void): void {
    abort.addEventListener("abort", effect(fn), { once: true });
  }
}

function found(read: Grid | ErrorInfo | null): Grid | null {
  return read !== null && "values" in read ? read : null;
}

/** The score of this name where a series has it; else induction, or the first that it has. */
function scoreIn(scores: ScoreInfo[], name: string): ScoreInfo | null {
  const named = (wanted: string) => scores.find((score) => score.name === wanted);
  return named(name) ?? named("induction") ?? scores[0] ?? null;
}
