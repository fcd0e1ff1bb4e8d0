/**
 * Scores and measures along training, as far as the kernel has told of them: whole in the state, and row by
 * row while they are computed. What is too large for the state is asked for as soon as someone reads it.
 */
import { batch, computed, type Signal, signal } from "@preact/signals";
import { decodeFloats, type NumberArray, sizeOf, take } from "../kernel/arrays";
import { type Envelope, type ErrorInfo, type ExplorerModel, type Model, onChange } from "../kernel/model";
import type { Part, RequestError, Requests } from "../kernel/requests";
import { askForState } from "../kernel/whole";

export type Grid = NumberArray<Float32Array>;
/** Scores by "series/score", [checkpoint, layer, head]; measures by "series/measure", [checkpoint, ...]. */
export type Kind = "grids" | "measures";

type Arrays = Signal<ReadonlyMap<string, Grid | ErrorInfo>>;

/** An array that the state has no room for. */
interface Large {
  shape: number[];
  /** Checkpoints whose rows are not here, and those among them that the kernel may have by now. */
  missing: Set<number>;
  due: Set<number>;
  wanted: boolean;
  running: boolean;
}

/** The body of a message of rows that nobody asked for. */
interface News {
  number: number;
  series: number;
  of: Kind;
  checkpoints: number[];
  faults: Record<string, string>;
}

export class Curves {
  readonly #model: Model;
  readonly #requests: Requests;
  readonly #seriesList: Signal<ExplorerModel["_series"]>;
  readonly #arrays: Record<Kind, Arrays> = { grids: signal(new Map()), measures: signal(new Map()) };
  readonly #large: Record<Kind, Map<string, Large>> = { grids: new Map(), measures: new Map() };
  readonly #running = signal(0);
  /** Whether rows that were asked for are on their way. */
  readonly fetching = computed(() => this.#running.value > 0);
  /** Number of the last news. */
  #heard = 0;

  constructor(
    model: Model,
    requests: Requests,
    seriesList: Signal<ExplorerModel["_series"]>,
    abort: AbortSignal,
  ) {
    this.#model = model;
    this.#requests = requests;
    this.#seriesList = seriesList;
    for (const of of ["grids", "measures"] as const) {
      this.#absorb(of, model.get(`_${of}`));
      onChange(model, `_${of}`, (state) => this.#absorb(of, state), abort);
    }
    const count = (number: number) => {
      this.#heard = number;
    };
    count(model.get("_told"));
    onChange(model, "_told", count, abort);
    requests.follow("rows", (part) => this.#hear(part));
  }

  /** NaN = not known (yet); null where there is no such array. */
  get(of: Kind, key: string): Grid | ErrorInfo | null {
    const large = this.#large[of].get(key);
    if (large !== undefined && !large.wanted) {
      large.wanted = true;
      queueMicrotask(() => this.#fetch(of, key, large));
    }
    return this.#arrays[of].value.get(key) ?? null;
  }

  /** Asks once more for what did not come. */
  tryAgain(): void {
    for (const of of ["grids", "measures"] as const) {
      for (const [key, large] of this.#large[of]) {
        large.due = new Set(large.missing);
        this.#fetch(of, key, large);
      }
    }
  }

  #absorb(of: Kind, state: Record<string, Envelope>): void {
    const [before, large] = [this.#arrays[of].peek(), this.#large[of]];
    const arrays = new Map<string, Grid | ErrorInfo>();
    for (const [key, envelope] of Object.entries(state)) {
      if (envelope.data === null && !envelope.unknown) {
        const known = large.get(key);
        // Of another shape where checkpoints were added: whose rows these are is not known then.
        const fits = known !== undefined && sizeOf(known.shape) === sizeOf(envelope.shape);
        const one = fits ? known : { ...nothingOf(envelope.shape), wanted: known?.wanted ?? false };
        arrays.set(key, (fits ? before.get(key) : undefined) ?? unknown(envelope.shape));
        one.due = new Set(one.missing);
        large.set(key, one);
      } else {
        large.delete(key);
        arrays.set(key, decode(envelope));
      }
    }
    this.#arrays[of].value = arrays;
    for (const [key, one] of large) this.#fetch(of, key, one);
  }

  #hear({ body, arrays }: Part): void {
    const { number, series, of, checkpoints, faults } = body as unknown as News;
    batch(() => {
      for (const name of arrays.keys()) {
        this.#fill(of, `${series}/${name}`, checkpoints, take(arrays, name, "float32"));
      }
      if (Object.keys(faults).length === 0) return;
      this.#seriesList.value = this.#seriesList
        .peek()
        .map((info, i) => (i === series ? { ...info, faults: { ...info.faults, ...faults } } : info));
    });
    for (const [key, large] of this.#large[of]) {
      if (!key.startsWith(`${series}/`)) continue;
      for (const checkpoint of checkpoints) if (large.missing.has(checkpoint)) large.due.add(checkpoint);
      this.#fetch(of, key, large);
    }
    // Some came before this page listened, or were lost.
    if (number > this.#heard + 1) askForState(this.#model, this.#requests.connection);
    this.#heard = number;
  }

  /** Asks for what is due of a large array; one question at a time. */
  #fetch(of: Kind, key: string, large: Large): void {
    const { wanted, running, due } = large;
    if (!wanted || running || due.size === 0 || !this.#requests.connection.connected.peek()) return;
    const checkpoints = [...due];
    const [series = "", name = ""] = key.split("/");
    due.clear();
    large.running = true;
    this.#running.value += 1;
    const keep = (part: Part) => {
      const known = part.body.checkpoints as number[];
      this.#fill(of, key, known, take(part.arrays, "rows", "float32"));
      for (const checkpoint of known) {
        large.missing.delete(checkpoint);
        large.due.delete(checkpoint);
      }
    };
    this.#requests
      .send({ kind: "rows", series: Number(series), of, name, checkpoints }, `rows/${of}/${key}`, keep)
      .finished.catch(({ message, hint }: RequestError) => this.#put(of, key, { message, hint }))
      .finally(() => {
        large.running = false;
        this.#running.value -= 1;
        this.#fetch(of, key, large);
      });
  }

  #fill(of: Kind, key: string, checkpoints: number[], rows: Grid): void {
    const held = this.#arrays[of].peek().get(key);
    const shape = this.#large[of].get(key)?.shape;
    const grid = held !== undefined && "values" in held ? held : shape && unknown(shape);
    if (grid === undefined) return;
    const size = sizeOf(grid.shape.slice(1));
    checkpoints.forEach((checkpoint, i) => {
      grid.values.set(rows.values.subarray(i * size, (i + 1) * size), checkpoint * size);
    });
    // The same bytes, but another array to whoever compares.
    this.#put(of, key, { shape: grid.shape, values: grid.values.subarray() });
  }

  #put(of: Kind, key: string, found: Grid | ErrorInfo): void {
    this.#arrays[of].value = new Map(this.#arrays[of].peek()).set(key, found);
  }
}

function nothingOf(shape: number[]): Large {
  const missing = new Set(Array(shape[0]).keys());
  return { shape, missing, due: new Set(), wanted: false, running: false };
}

function unknown(shape: number[]): Grid {
  return { shape, values: new Float32Array(sizeOf(shape)).fill(Number.NaN) };
}

function decode(envelope: Envelope): Grid | ErrorInfo {
  try {
    const grid = envelope.data === null ? unknown(envelope.shape) : decodeFloats(envelope);
    // The notebook saves the bytes that the model holds: they are the ones that rows are filled into.
    const { buffer, byteOffset, byteLength } = grid.values;
    envelope.data = new DataView(buffer, byteOffset, byteLength);
    return grid;
  } catch (error) {
    return { message: `These numbers cannot be read: ${(error as Error).message}.`, hint: "" };
  }
}
