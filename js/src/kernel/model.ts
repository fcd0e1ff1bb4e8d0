/**
 * The widget's state as one type, and the messages beside it.
 *
 * `ExplorerModel` mirrors the synced traits of `induction_explorer.InductionExplorer`;
 * tests/widget/test_model_type.py fails when the two lists of names differ.
 */

import type { AnyModel } from "@anywidget/types";
import type { AnalysisKind, AnalysisParameters, HEAD_CLASSES, Head } from "../contract.gen";

/** One array on the wire: row-major, little-endian. `data` may be a window on a larger buffer. */
export interface Envelope {
  dtype: DType;
  shape: number[];
  /** null where the state has no room for it, whose rows are asked for, and where all of it is `unknown`, NaN. */
  data: DataView | null;
  unknown?: boolean;
}

export type DType = "float32" | "int32" | "uint8";

/** One series: the checkpoints of one model. */
export interface SeriesInfo {
  /** No two series of a page have the same; nothing in it is invisible or turns text around. */
  name: string;
  /** One label a checkpoint, such as "step 1,300". */
  labels: string[];
  steps: number[];
  /** What they count: "steps", or of some suites "parts", "million words". */
  step_unit: string;
  /** Tokens seen; null where the source does not say. */
  tokens: (number | null)[];
  /** Whether they are in proportion to the steps, and not counted. */
  tokens_estimated: boolean[];
  layers: number;
  heads: number;
  /** The layers that have attention; hybrid models have others too. */
  attending: number[];
  /** Heads of keys and values of each layer, 0 where that is not known; none where no heads are known to share them. */
  key_heads: number[];
  /** Longest prompt in tokens. */
  context: number;
  /** What goes on after its name and says what it is, where there is no model to ask; else null. */
  without_model: string | null;
  /** The analyses whose answers are there without one. */
  held: AnalysisKind[];
  /** Prompts and answers of which a store keeps what every checkpoint does with them. */
  kept_prompts: PromptPair[];
  /** Small enough to ask a question of every checkpoint. */
  light: boolean;
  /** Its losses come without being asked for; those of what is too large are asked for as "losses". */
  measured_unasked: boolean;
  /** Scores that are not measured: title to the reason. */
  left_out: Record<string, string>;
  /** Checkpoints that could not be used: index (as text) to the reason. */
  faults: Record<string, string>;
  /** What is known of checkpoints that can be used. */
  findings: Finding[];
}

/** Some checkpoints may not be what their names say, or look like that and are right. */
export interface Finding {
  doubtful: boolean;
  /** What goes on after a checkpoint's label: "holds the final model (main), byte for byte". */
  reason: string;
  checkpoints: number[];
}

/** One score as data: what the picker and its explanation show. */
export interface ScoreInfo {
  name: string;
  title: string;
  /** What the picker puts it under. */
  group: string;
  /** Plain text, e.g. "mean over q in second copy of A[q, q-P+1]". */
  formula: string;
  /** One sentence for a reader who does not know the score. */
  meaning: string;
  /** null = unbounded on that side. */
  range: [number | null, number | null];
  /** They span the range, or the values found where those take up little of it. */
  colours: "range" | "values";
  /** Of attention spread evenly, or a head that does nothing in particular; null where it has no meaning. */
  chance: number | null;
  /** The tokens it is measured on, in words. */
  probe: string;
  source: string;
  /** The reader's, not ours. */
  own: boolean;
  /** Of its values; "1" where they have none. */
  units: string;
  /** What else there is to say of it: how it is matched, what it costs, what it changes. */
  said: string[];
  /** Checkpoints at which it has no numbers: index (as text) to the reason. */
  faults: Record<string, string>;
}

/** One measure as data: a number, or a curve over positions, for every checkpoint. */
export interface MeasureInfo {
  name: string;
  title: string;
  formula: string;
  meaning: string;
  source: string;
  /** What it has a value for at each checkpoint. */
  per: "checkpoint" | "position";
  /** Measured on the text; otherwise on repeated random tokens. */
  on_text: boolean;
  /** Of its values; "1" where they have none. */
  units: "nat" | "1";
}

/** The phase change of a series: where the curve that speaks for the whole model changes. */
export interface FoundWindow {
  /** In the page's unit of training: tokens where every series knows them, else steps. */
  from: number;
  to: number;
  /** 95 % intervals of both ends. */
  from_interval: [number, number];
  to_interval: [number, number];
}

/** A change found in one curve, or the turn of the path of losses; every x in the page's unit. */
export interface DatedChange {
  /** In words: a measure, a score and a head, or the turn. */
  curve: string;
  /** When half of it is done, with its 95 % interval. */
  at: number;
  interval: [number, number];
  /** From a tenth to nine tenths; null for the turn. */
  span: [number, number] | null;
  /** How often noise looks as abrupt, and the standard error of that; null for the turn, which nothing tests. */
  p: [number, number] | null;
  /** Whether the window is this one's. */
  speaks: boolean;
  /** How much later than the one that speaks, and the 95 % interval of that; null where none does. */
  lag: [number, number, number] | null;
}

export interface PhaseInfo {
  window: FoundWindow | null;
  /** The heads that become induction heads, in that order, and from where to where they do. */
  formation: { start: number; end: number; heads: string[] } | null;
  /** There are checkpoints enough to test for a change. */
  tested: boolean;
  /** Everything that changed, in the order in which it did. */
  order: DatedChange[];
  /** Where the path of the per-token losses turns most, with its interval; null for none. */
  turn: { at: number; interval: [number, number]; degrees: number } | null;
  /** In words: what was looked at, and what was found or not; "" until that is known. */
  text: string;
}

export type PromptPair = [text: string, answer: string];

/** The current prompt as one series' tokenizer sees it. */
export interface PromptInfo {
  /** Of this prompt and answer alone, also when they are shown again; replies to requests carry it so that late ones are dropped. */
  generation: number;
  /** Display text a token; control characters are raw, incomplete UTF-8 is written \xE2\x82. */
  tokens: string[];
  ids: number[];
  /** The answer's first token, which is the one that is ranked; "" without an answer. */
  answer: string;
  /** Patterns of every checkpoint are affordable: ask for all of them at once. */
  scrub: boolean;
  /** Why this series cannot run the prompt (no tokenizer, too long, ...); null when it can. */
  error: ErrorInfo | null;
}

export interface ErrorInfo {
  message: string;
  hint: string;
  /** It was not computed only because it takes long: a request that says `anyway` has it computed. */
  anyway?: boolean;
  /** There is no use in asking again, as of a copy for what it does not hold. */
  final?: boolean;
}

export interface Status {
  state: "computing" | "ready" | "failed";
  /** What is being computed, in words; "" when ready. */
  label: string;
  /** How much of it is done, and how long the rest takes, in words: "37 of 162 heads, about 2 minutes left". */
  progress: string;
  /** The same in passes. */
  done: number;
  total: number;
  /** The last thing that went wrong; work may go on beside it. */
  error: ErrorInfo | null;
}

/**
 * What a reader arranges: which tab, which axes, which window. Together with the public traits it is the
 * whole state of the view, which Python saves and restores as `explorer.view`.
 *
 * widget/induction_explorer/view.py checks the same names; a test compares the two.
 */
export interface ViewState {
  /** Name of the tab that is open. */
  tab: string;
  /** The axis of training in charts. */
  x_scale: "log" | "linear";
  /** How attention becomes colour. */
  attention_scale: "linear" | "square root" | "log";
  /** What patterns and the token strip show: attention, or times the size of each key's value, or of what is written of it. */
  attention_of: "attention" | "value" | "output";
  /** What the grid shows where the slider has two handles. */
  compared_scores: "change" | "value";
  /** How the patterns at both handles stand: side by side, or the second's mirrored above the diagonal. */
  compared_patterns: "beside" | "split";
  /** The series that the slider's second handle stands for; null = the one that is shown. */
  compared_series: number | null;
  /** Whether the grid marks the classes of heads, or the class whose heads alone are lit. */
  head_classes: "marked" | "plain" | (typeof HEAD_CLASSES)[number]["name"];
  /** The phase change as the reader drew it, on the axis of training; null = as it was found. */
  window: [number, number] | null;
  /** What `window` is in; null = in the unit of whatever page shows it. */
  window_unit: "tokens" | "steps" | null;
  /** Checkpoints looked at, first and last, as brushed in a chart; null = all. */
  brush: [number, number] | null;
  /** Options of each tab, by its name: those that were chosen, as the tab reads them. */
  tabs: Record<string, Record<string, unknown>>;
}

export interface ExplorerModel {
  // Public: the reader's choices. Written by both sides; the kernel tells every page what came of it.
  checkpoint: number;
  compare: number | null;
  score: string;
  heads: Head[];
  series: number;
  /** What the reader arranged that has no trait of its own; what is missing is as it is to begin with. */
  _view: Partial<ViewState>;
  /** Whether training is still to be played once, unasked. */
  _play: boolean;
  /** The class of the picture that stands for the explorer where none is drawn; a copy has none. */
  _picture: string;
  // Public, written by the kernel alone: JS changes them through a "prompt" request.
  prompt: string;
  answer: string;
  /** Several to flip through, of which the prompt and its answer are one; none where there is just one. */
  prompts: PromptPair[];
  // What the kernel computed.
  _series: SeriesInfo[];
  /** One list a series: what it measures, with its own ranges and baselines. */
  _scores: ScoreInfo[][];
  /** "series/score" -> float32 [checkpoint, layer, head]; NaN = not computed (yet). */
  _grids: Record<string, Envelope>;
  _measure_infos: MeasureInfo[];
  /**
   * "series/measure" -> float32 [checkpoint] or [checkpoint, position], in nats; NaN = not computed (yet).
   * "series/loss_pca" and "series/loss_pca_standardised" -> float32 [checkpoint, 2]: per-token losses in the
   * plane of their principal components; with "_explained", float32 [2]: shares of the variance.
   * "series/positions" -> float32 [position]: which positions, from 0, where they are many.
   */
  _measures: Record<string, Envelope>;
  /** Number of the last message of rows that `_grids`, `_measures` and `_series` know of. */
  _told: number;
  /** One a series: the text measured, in words, or why there are no measures; "" until that is known. */
  _measured_on: string[];
  /** One a series. */
  _phases: PhaseInfo[];
  /** What the components of the losses were fitted to, in words; "" until that is known. */
  _components_of: string;
  /** One a series. */
  _prompts: PromptInfo[];
  _status: Status;
  /** Above 0: the state came without what the kernel computed; a "state" request brings it. */
  _behind: number;
}

/**
 * What JS sends. `id` is unique within the model; the same id comes back on every part of the reply.
 */
export type Request =
  /** Run a new prompt (and the expected answer, "" for none). Reply body {}; then `prompt`, `answer`, `_prompts` have changed. */
  | { id: string; kind: "prompt"; text: string; answer: string }
  /**
   * An analysis, at checkpoints in the order in which they should come. One part a few of them: body
   * {generation, checkpoints} and words, arrays as declared, each after a dim for the checkpoints. `generation`
   * is that of the prompt, for analyses of one. `anyway`: however long it takes; `beside`: after what is not.
   */
  | {
      [A in AnalysisKind]: {
        id: string;
        kind: A;
        series: number;
        generation?: number;
        checkpoints: number[];
        anyway?: boolean;
        beside?: boolean;
      } & AnalysisParameters[A];
    }[AnalysisKind]
  /**
   * Rows of a score's grid or of a measure that `_grids` or `_measures` have no room for. Body {checkpoints}: those
   * asked for that are computed; array "rows" float32 [checkpoints, ...].
   */
  | {
      id: string;
      kind: "rows";
      series: number;
      of: "grids" | "measures";
      name: string;
      checkpoints: number[];
    }
  /** A score of the reader's own, once more where it failed. Reply body {}; then `_scores` and rows follow. */
  | { id: string; kind: "again"; series: number; score: string }
  /** A part of a file that the page cannot hand to its reader, in Base64. Reply body of the last: {path}. */
  | { id: string; kind: "save"; file: string; name: string; part: number; last: boolean; data: string }
  /** A sign of life is asked for. Reply body {waiting: ids of the requests that will still be answered}. */
  | { id: string; kind: "ping" }
  /** Send what the state came without. No reply: the traits follow one by one, `_behind` the last. */
  | { id: string; kind: "state" }
  /** Stop the request with this id. No reply. */
  | { id: string; kind: "cancel" };

/**
 * What the kernel sends back, with exactly one binary buffer when `chunks` > 0.
 * A part is a body and its arrays; its bytes (all arrays one after the other) are cut into `chunks`
 * messages so that none exceeds 1 MiB. Body, arrays and whether the bytes are packed (zlib) come with chunk 0. `done` is set on the last
 * message of the last part. Answers of many passes come in several parts: the body's `share` says how much
 * there is, and what is not is NaN.
 *
 * Without being asked, under the id "rows": what has just been computed of `_grids` or `_measures`. Body {number,
 * series, of, checkpoints, faults}: `number` counts these messages, `faults` is what `SeriesInfo` has more of; arrays
 * by score or measure, float32 [checkpoints, ...].
 */
export type Reply =
  | { id: string; error: ErrorInfo }
  | {
      id: string;
      chunk: number;
      chunks: number;
      done: boolean;
      body?: Record<string, unknown>;
      arrays?: { name: string; dtype: DType; shape: number[] }[];
      packed?: boolean;
    };

export type Model = AnyModel<ExplorerModel>;

/** Calls `fn` on every `event` of the model until `signal` aborts: no other way to listen, so that none can leak. */
export function listen<A extends unknown[]>(
  model: Model,
  event: string,
  fn: (...args: A) => void,
  signal: AbortSignal,
): void {
  if (signal.aborted) return;
  model.on(event, fn);
  signal.addEventListener("abort", () => model.off(event, fn), { once: true });
}

/** Calls `fn` with the trait's value whenever it changes: hosts disagree on what their callbacks receive. */
export function onChange<K extends keyof ExplorerModel>(
  model: Model,
  key: K,
  fn: (value: ExplorerModel[K]) => void,
  signal: AbortSignal,
): void {
  listen(model, `change:${key}`, () => fn(model.get(key)), signal);
}
