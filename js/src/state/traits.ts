/**
 * The traits as signals: those that only the kernel writes follow it; those that the reader sets obey it too, and
 * tell it what was set.
 */
import { batch, computed, type ReadonlySignal, type Signal, signal } from "@preact/signals";
import type { Head } from "../contract.gen";
import type { Connection } from "../kernel/connection";
import { type ExplorerModel, type Model, onChange, type ScoreInfo, type SeriesInfo } from "../kernel/model";
import { Requests } from "../kernel/requests";
import { type Choices, Writer } from "../kernel/writer";
import { Handles } from "./handles";
import { visible } from "./text";

export class Traits {
  readonly seriesList: Signal<ExplorerModel["_series"]>;
  /** What each series measures. */
  readonly scoresOf: ReadonlySignal<ExplorerModel["_scores"]>;
  readonly measureInfos: Signal<ExplorerModel["_measure_infos"]>;
  readonly measuredOn: Signal<ExplorerModel["_measured_on"]>;
  readonly phases: Signal<ExplorerModel["_phases"]>;
  readonly componentsOf: Signal<ExplorerModel["_components_of"]>;
  readonly prompts: Signal<ExplorerModel["_prompts"]>;
  readonly status: Signal<ExplorerModel["_status"]>;
  readonly prompt: Signal<string>;
  readonly answer: Signal<string>;
  /** To flip through; none where there is just one. */
  readonly flips: Signal<ExplorerModel["prompts"]>;

  readonly series: Signal<number>;
  readonly score: Signal<string>;
  readonly heads: Signal<Head[]>;
  /** Whether training is still to be played once, unasked. */
  readonly plays: Signal<boolean>;
  readonly picture: string;
  protected readonly view: Signal<ExplorerModel["_view"]>;
  protected readonly handles: Handles;
  readonly info = computed<SeriesInfo | null>(() => this.seriesList.value[this.series.value] ?? null);

  readonly requests: Requests;
  readonly connection: Connection;
  readonly connected: Signal<boolean>;
  protected readonly writer: Writer;
  readonly #model: Model;

  constructor(model: Model, abort: AbortSignal) {
    this.#model = model;
    this.status = this.#follow("_status", abort);
    const computing = computed(() => this.status.value?.state === "computing");
    this.requests = new Requests(model, computing, abort);
    this.connection = this.requests.connection;
    this.connected = this.connection.connected;
    this.writer = new Writer(model, this.connection, abort);

    this.seriesList = this.#follow("_series", abort);
    const scores = this.#follow("_scores", abort);
    this.scoresOf = computed(() => scores.value.map((each) => each.map(readable)));
    this.measureInfos = this.#follow("_measure_infos", abort);
    this.measuredOn = this.#follow("_measured_on", abort);
    this.phases = this.#follow("_phases", abort);
    this.componentsOf = this.#follow("_components_of", abort);
    this.prompts = this.#follow("_prompts", abort);
    this.prompt = this.#follow("prompt", abort);
    this.answer = this.#follow("answer", abort);
    this.flips = this.#follow("prompts", abort);
    this.series = signal(model.get("series"));
    this.score = signal(model.get("score"));
    this.heads = signal(model.get("heads"));
    this.plays = signal(model.get("_play"));
    this.picture = model.get("_picture") ?? "";
    this.view = signal(model.get("_view"));
    this.handles = new Handles(model, this.writer, this.info, abort);
    this.#obeyKernel();
  }

  /** Where the slider is, what is drawn of that, and where it rests; of its second handle the same. */
  get checkpoint(): ReadonlySignal<number> {
    return this.handles.checkpoint;
  }
  get shown(): ReadonlySignal<number> {
    return this.handles.shown;
  }
  get settled(): ReadonlySignal<number> {
    return this.handles.settled;
  }
  get compare(): ReadonlySignal<number | null> {
    return this.handles.compare;
  }
  get shownCompare(): ReadonlySignal<number | null> {
    return this.handles.shownCompare;
  }
  get settledCompare(): ReadonlySignal<number | null> {
    return this.handles.settledCompare;
  }

  /** A trait that only the kernel writes, as a signal that follows it: also a sign of life. */
  #follow<K extends keyof ExplorerModel>(key: K, abort: AbortSignal): Signal<ExplorerModel[K]> {
    const followed = signal(this.#model.get(key));
    onChange(
      this.#model,
      key,
      (value) => {
        this.connection.heard();
        followed.value = value;
      },
      abort,
    );
    return followed;
  }

  /** Follows what the kernel sets of the traits that both sides write. */
  #obeyKernel(): void {
    const { writer } = this;
    writer.onKernel("series", (index) => {
      // What the hand did was meant for the series before.
      writer.drop("checkpoint", "compare");
      batch(() => {
        this.series.value = index;
        this.handles.obeyKernel();
      });
    });
    const obey = <N extends "score" | "heads" | "_view" | "_play">(name: N, signal: Signal<Choices[N]>) =>
      writer.onKernel(name, (value) => {
        signal.value = value;
      });
    obey("score", this.score);
    obey("heads", this.heads);
    obey("_view", this.view);
    obey("_play", this.plays);
  }
}

/** A score whose words, which may be the reader's own, turn or break no text around them. */
function readable(score: ScoreInfo): ScoreInfo {
  const { title, formula, meaning, group, source, probe, units, said, faults } = score;
  return {
    ...score,
    title: visible(title),
    formula: visible(formula),
    meaning: visible(meaning),
    group: visible(group),
    source: visible(source),
    probe: visible(probe),
    units: visible(units),
    said: said.map(visible),
    faults: Object.fromEntries(Object.entries(faults).map(([index, why]) => [index, visible(why)])),
  };
}
