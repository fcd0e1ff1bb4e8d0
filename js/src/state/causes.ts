/**
 * What the kernel knows of causes: ablations and what feeds a head, checkpoint by checkpoint. Asked for
 * only while a tab shows it.
 */
import { effect } from "@preact/signals";
import { take } from "../kernel/arrays";
import { CheckpointCache } from "../kernel/cache";
import { Fetcher, type Want } from "../kernel/fetcher";
import type { Head, SeriesInfo } from "../kernel/model";
import type { Part, Question, RequestError } from "../kernel/requests";
import { headName } from "./heads";
import type { Store } from "./store";

/** Named arrays of one checkpoint, without the checkpoint's own dimension. */
export type Arrays = Record<string, Float32Array>;

const ABLATION = [
  ...["loss", "loss_change", "loss_error", "icl", "icl_change", "icl_error", "control_loss", "control_icl"],
  ...["answer_before", "answer_after", "rank_before", "rank_after"],
];
const GRID = ["loss", "icl", "induction_loss"];
const WIRING = ["composition", "previous_token", "effect", "error", "induction"];

export interface Cause {
  at: (checkpoint: number) => Arrays | null;
  failure: (checkpoint: number) => RequestError | null;
  /** Checkpoints that are known, and that are asked for. */
  known: number;
  wanted: number;
}

export class Causes {
  readonly #store: Store;
  readonly #fetcher: Fetcher<Arrays>;

  constructor(store: Store, abort: AbortSignal) {
    this.#store = store;
    const sizeOf = (arrays: Arrays) =>
      Object.values(arrays).reduce((total, array) => total + array.byteLength, 0);
    this.#fetcher = new Fetcher(store.requests, new CheckpointCache<Arrays>(sizeOf));
    abort.addEventListener(
      "abort",
      effect(() => this.#fetcher.update(this.#wants())),
      { once: true },
    );
  }

  /** Asks once more for what failed. */
  tryAgain(): void {
    this.#fetcher.tryAgain();
  }

  /** The selected heads ablated together. */
  ablation(): Cause {
    const cause = this.#cause(this.#ablationSubject());
    const { cache } = this.#fetcher;
    // Its sentences compare numbers that come one after the other.
    return { ...cause, at: (checkpoint) => cache.whole(this.#ablationSubject(), checkpoint) ?? null };
  }

  /** Every head ablated alone. */
  grid(): Cause {
    return this.#cause(`grid/${this.#store.series.value}/${this.#store.viewState.value.ablation}`);
  }

  wiring(head: Head): Cause {
    return this.#cause(`wiring/${this.#store.series.value}/${headName(head)}`);
  }

  #cause(subject: string): Cause {
    void this.#fetcher.cache.version.value;
    const wanted = this.#checkpoints();
    return {
      at: (checkpoint) => this.#fetcher.cache.get(subject, checkpoint) ?? null,
      failure: (checkpoint) => this.#fetcher.failure(subject, checkpoint),
      known: wanted.length - this.#fetcher.cache.missing(subject, wanted).length,
      wanted: wanted.length,
    };
  }

  #ablationSubject(): string {
    const { series, promptInfo, heads, viewState } = this.#store;
    const { ablation, frozen } = viewState.value;
    const names = heads.value.map(headName).sort().join("+");
    return `ablation/${series.value}/${promptInfo.value?.generation}/${names}/${ablation}/${frozen}`;
  }

  /** All usable checkpoints of a light series, nearest first; of another, the one the slider rests on. */
  #checkpoints(): number[] {
    const { info, checkpoint, settled } = this.#store;
    if (info.value === null) return [];
    const { light, faults, steps } = info.value as SeriesInfo;
    const here = light ? checkpoint.peek() : settled.value;
    return (light ? steps.map((_, index) => index) : [here])
      .filter((index) => faults[index] === undefined)
      .sort((a, b) => Math.abs(a - here) - Math.abs(b - here));
  }

  #wants(): Want<Arrays>[] {
    const { series, heads, viewState, promptInfo, connected, activeHead } = this.#store;
    const { tab, ablation, frozen } = viewState.value;
    if (!connected.value) return [];
    const [number, prompt] = [series.value, promptInfo.value];
    if (tab === "ablation") {
      const each = this.#want("ablation_grid", `grid/${number}/${ablation}`, GRID, (checkpoints) => ({
        kind: "ablation_grid",
        series: number,
        checkpoints,
        how: ablation,
      }));
      if (heads.value.length === 0 || prompt === null || prompt.error !== null) return [each];
      const chosen = heads.value;
      const together = this.#want("ablation", this.#ablationSubject(), ABLATION, (checkpoints) => ({
        kind: "ablation",
        series: number,
        generation: prompt.generation,
        checkpoints,
        heads: chosen,
        how: ablation,
        frozen,
      }));
      return [together, each];
    }
    const head = activeHead.value;
    if (tab !== "wiring" || head === null || head[0] === 0) return [];
    return [
      this.#want("wiring", `wiring/${number}/${headName(head)}`, WIRING, (checkpoints) => ({
        kind: "wiring",
        series: number,
        checkpoints,
        head,
      })),
    ];
  }

  #want(
    lane: string,
    subject: string,
    names: string[],
    question: (checkpoints: number[]) => Question,
  ): Want<Arrays> {
    return {
      lane,
      subject,
      checkpoints: this.#checkpoints(),
      question,
      decode: (part) => decode(part, names),
    };
  }
}

function decode(part: Part, names: string[]): [number, Arrays][] {
  const arrays = names.map((name) => [name, take(part.arrays, name, "float32")] as const);
  return (part.body.checkpoints as number[]).map((checkpoint, i, all) => [
    checkpoint,
    Object.fromEntries(
      arrays.map(([name, { values }]) => {
        const size = values.length / all.length;
        return [name, values.subarray(i * size, (i + 1) * size)];
      }),
    ),
  ]);
}
