/** What a copy of an explorer holds, as answers to the page's requests: a kernel's replies, found and not computed. */
import type { AnalysisKind, Head } from "../contract.gen";
import { sizeOf, triangleIndex } from "../kernel/arrays";
import type { DType } from "../kernel/model";
import { headName } from "../state/heads";

/** The answers to one question, by checkpoint; written by export/held.py. */
export interface Held {
  kind: string;
  series: number;
  /** Of the prompt that they are of; null of what depends on none. */
  generation: number | null;
  parameters: Record<string, unknown>;
  checkpoints: number[];
  words: Record<string, unknown>;
  arrays: { name: string; dtype: DType; shape: number[] }[];
}

/** A request: of an analysis, its parameters stand beside these. */
export interface Asked extends Record<string, unknown> {
  id: string;
  kind: string;
  series: number;
  checkpoints: number[];
  generation?: number;
}

/** A message to the page, and its buffers. */
export type Said = [content: Record<string, unknown>, buffers: DataView[]];

interface Entry extends Held {
  /** One an array. */
  contents: DataView[];
}

const BYTES: Record<DType, number> = { float32: 4, int32: 4, uint8: 1 };

export class Answers {
  readonly #entries = new Map<string, Entry[]>();

  /** `buffers` hold the arrays of all, in order. */
  constructor(held: Held[], buffers: DataView[]) {
    let at = 0;
    for (const one of held) {
      const contents = buffers.slice(at, at + one.arrays.length);
      at += one.arrays.length;
      const key = `${one.kind}/${one.series}`;
      this.#entries.set(key, [...(this.#entries.get(key) ?? []), { ...one, contents }]);
    }
  }

  to(asked: Asked): Said[] {
    switch (asked.kind) {
      case "ping":
        return [[whole(asked.id, { waiting: [] }, [], true), []]];
      case "cancel":
        return [];
      case "prompt":
        return [refused(asked.id, "A copy has no kernel to run prompts.", "Open the notebook that made it.")];
      case "attended":
        return this.#attended(asked);
      default:
        return this.#found(asked);
    }
  }

  /** Of what is asked for: to this kind of question, of its series and prompt. */
  #of(kind: string, { series, generation }: Asked): Entry[] {
    const all = this.#entries.get(`${kind}/${series}`) ?? [];
    return all.filter((one) => one.generation === null || one.generation === generation);
  }

  #entry(question: Asked): Entry | undefined {
    const { kind, series: _, generation: __, ...asked } = question;
    return this.#of(kind, question).find(({ parameters }) =>
      Object.entries(parameters).every(
        ([name, value]) => JSON.stringify(asked[name]) === JSON.stringify(value),
      ),
    );
  }

  #found(asked: Asked): Said[] {
    const entry = this.#entry(asked);
    const rows = asked.checkpoints.flatMap((one) => {
      const row = entry?.checkpoints.indexOf(one) ?? -1;
      return row < 0 ? [] : [{ one, row }];
    });
    const isWhole = rows.length === new Set(asked.checkpoints).size;
    const said: Said[] = [];
    if (entry !== undefined && rows.length > 0) {
      const arrays = entry.arrays.map(({ name, dtype, shape }) => ({
        name,
        dtype,
        shape: [rows.length, ...shape.slice(1)],
      }));
      const body = {
        checkpoints: rows.map(({ one }) => one),
        share: 1,
        generation: asked.generation,
        ...entry.words,
      };
      const sent = new Uint8Array(
        arrays.reduce((total, { dtype, shape }) => total + BYTES[dtype] * sizeOf(shape), 0),
      );
      let at = 0;
      for (const [i, { dtype, shape }] of arrays.entries()) {
        const size = BYTES[dtype] * sizeOf(shape.slice(1));
        const from = entry.contents[i] as DataView;
        for (const { row } of rows) {
          sent.set(new Uint8Array(from.buffer, from.byteOffset + row * size, size), at);
          at += size;
        }
      }
      said.push([whole(asked.id, body, arrays, isWhole), [new DataView(sent.buffer)]]);
    }
    if (!isWhole)
      said.push(refused(asked.id, `This copy does not hold ${whatOf(asked)} at this checkpoint.`, ELSEWHERE));
    return said;
  }

  /** Read off the patterns of all heads, as analyses/attended.py has it; what is not held is not said. */
  #attended(asked: Asked): Said[] {
    const { checkpoints, token } = asked;
    const entries = this.#of("patterns", asked);
    const first = entries[0];
    const size = first?.arrays[0]?.shape[1] ?? 0;
    const tokens = Math.floor(Math.sqrt(2 * size));
    const heads = entries.map(({ parameters }) => parameters.head as [number, number]);
    const layers = Math.max(...heads.map(([layer]) => layer)) + 1;
    const each = Math.max(...heads.map(([, head]) => head)) + 1;
    const held = checkpoints.filter((one) => entries.every((entry) => entry.checkpoints.includes(one)));
    if (first === undefined || held.length < checkpoints.length || entries.length < layers * each)
      return this.#found(asked);
    const attention = new Float32Array(held.length * layers * each).fill(Number.NaN);
    for (const [at, checkpoint] of held.entries()) {
      for (const [i, { contents, checkpoints: known }] of entries.entries()) {
        const [layer, head] = heads[i] as [number, number];
        const from = contents[0] as DataView;
        const start = known.indexOf(checkpoint) * size;
        let total = 0;
        const [query, later] = [Number(token) + 1, tokens - Number(token) - 1];
        for (let q = query; q < tokens; q++) total += from.getUint8(start + triangleIndex(q, Number(token)));
        if (later > 0) attention[(at * layers + layer) * each + head] = total / later / 255;
      }
    }
    const arrays = [{ name: "attention", dtype: "float32" as const, shape: [held.length, layers, each] }];
    const body = { checkpoints: held, share: 1, generation: asked.generation };
    return [[whole(asked.id, body, arrays, true), [new DataView(attention.buffer)]]];
  }
}

/** A reply of one chunk. */
function whole(id: string, body: Record<string, unknown>, arrays: Held["arrays"], done: boolean) {
  return { id, chunk: 0, chunks: 1, done, body, arrays };
}

function refused(id: string, message: string, hint: string): Said {
  return [{ id, error: { message, hint, final: true } }, []];
}

const ELSEWHERE = "The notebook that made it can compute it.";

/** What is asked for, in words, before the name of a head. */
const WHAT: Record<AnalysisKind, string> = {
  ablation: "the ablation of these heads",
  ablation_grid: "the ablation of each head",
  attended: "how much every head attends to this token",
  attention: "this attention",
  attribution: "what adds to this logit",
  head_page: "what is on text of",
  head_tokens: "what this head writes",
  losses: "losses",
  patching_estimate: "the estimated ablation of each head",
  patching_exact: "the ablation of these heads",
  patterns: "the attention pattern of",
  predictions: "predictions",
  weighed: "the weighed attention of",
  wiring: "what feeds",
};

function whatOf({ kind, head }: Asked): string {
  const name = Array.isArray(head) ? headName(head as Head) : "";
  return `${WHAT[kind as AnalysisKind] ?? "this"} ${name}`.trim();
}
