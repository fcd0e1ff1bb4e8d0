/** Answers the widget's requests the way the kernel does, out of synthetic patterns and predictions. */
import { type AnalysisKind, ARRAYS, type Head } from "../src/contract.gen";
import { sizeOf, triangleIndex, triangleSize } from "../src/kernel/arrays";
import type { DType, ErrorInfo, Reply, Request } from "../src/kernel/model";
import { formed, noise, promptInfo, type Shape } from "./data";
import { attributionAt, headTokensAt } from "./fake-attribution";
import { causesAt, DRAWS } from "./fake-causes";
import { headPageAt, pageSizes } from "./fake-head-page";
import type { FakeModel } from "./fake-model";

const CHECKPOINTS_A_PART = 8;
const K = 10;
const DELAY_MS = 60;
const CAUSES: ReadonlySet<string> = new Set([
  ...["ablation", "ablation_grid"],
  ...["patching_estimate", "patching_exact", "wiring"],
]);

/** Rows of a stochastic triangle, all by default: uniform noise, previous token in early layers, the
 * induction stripe in late ones. */
export function attention(
  shape: Shape,
  checkpoint: number,
  layer: number,
  head: number,
  n: number,
  period: number,
  [first, last] = [0, n - 1],
): Float32Array {
  const before = triangleIndex(first, 0);
  const rows = new Float32Array(triangleIndex(last + 1, 0) - before);
  const row = new Float64Array(last + 1);
  const strength = formed(shape, checkpoint, layer, head);
  const early = layer < shape.layers / 2 ? (0.8 * checkpoint) / shape.checkpoints : 0;
  for (let q = first; q <= last; q++) {
    let sum = 0;
    for (let k = 0; k <= q; k++) sum += row[k] = 0.4 + noise(q, k, layer * 31 + head);
    for (let k = 0; k <= q; k++) {
      const stripe = (k === q - period + 1 ? strength : 0) + (k === q - 1 ? early : 0);
      const rest = 1 - (q >= period ? strength : 0) - (q > 0 ? early : 0);
      rows[triangleIndex(q, k) - before] = Math.min(1, stripe + (Math.max(0, rest) * (row[k] ?? 0)) / sum);
    }
  }
  return rows;
}

/** The same as it is drawn. */
export function pattern(...of: Parameters<typeof attention>): Uint8Array {
  return new Uint8Array(attention(...of).map((value) => Math.round(255 * value)));
}

/** The first token moves nothing, every other one half of what it may. */
export function weighed(
  shape: Shape,
  checkpoint: number,
  { head, by }: { head: Head; by: "value" | "output" },
  n: number,
  period: number,
): Uint8Array {
  const share = by === "value" ? 0.5 : 0.25;
  return pattern(shape, checkpoint, ...head, n, period).map((cell, at) => (isFirst(at) ? 0 : cell * share));
}

/** Whether the key of a cell of the triangle is the first token. */
function isFirst(cell: number): boolean {
  const query = Math.floor((Math.sqrt(8 * cell + 1) - 1) / 2);
  return cell === (query * (query + 1)) / 2;
}

type Asked = Extract<Request, { kind: AnalysisKind }>;
/** The numbers of each array at one checkpoint. */
export type Values = Record<string, ArrayLike<number>>;

/** With `refuses`, questions about causes are answered by this error. */
export function fakeKernel(shape: Shape, period = 16, refuses?: ErrorInfo) {
  const cancelled = new Set<string>();
  const waiting = new Set<string>();
  return (request: Request, model: FakeModel) => {
    if (request.kind === "ping") {
      model.reply({ id: request.id, chunk: 0, chunks: 0, done: true, body: { waiting: [...waiting] } });
      return;
    }
    if (request.kind === "cancel") {
      cancelled.add(request.id);
      waiting.delete(request.id);
      return;
    }
    if (request.kind === "prompt") {
      setTimeout(() => runPrompt(request, model), 4 * DELAY_MS);
      return;
    }
    if (request.kind === "rows" || request.kind === "state" || request.kind === "again") return;
    if (request.kind === "save") {
      const body = { path: `/home/reader/${request.name}` };
      model.reply({ id: request.id, chunk: 0, chunks: 0, done: true, body });
      return;
    }
    if (refuses !== undefined && CAUSES.has(request.kind)) {
      setTimeout(() => model.reply({ id: request.id, error: refuses }), DELAY_MS);
      return;
    }
    waiting.add(request.id);
    const parts: number[][] = [];
    for (let i = 0; i < request.checkpoints.length; i += CHECKPOINTS_A_PART) {
      parts.push(request.checkpoints.slice(i, i + CHECKPOINTS_A_PART));
    }
    parts.forEach((checkpoints, i) => {
      setTimeout(
        () => {
          if (cancelled.has(request.id)) return;
          const done = i === parts.length - 1;
          if (done) waiting.delete(request.id);
          const reply = partOf(shape, { ...request, checkpoints }, model, period);
          const generation = "generation" in request ? request.generation : undefined;
          const body = { generation, checkpoints, ...reply.body };
          const message: Reply = { id: request.id, chunk: 0, chunks: 1, done, body, arrays: reply.arrays };
          model.reply(message, [reply.data]);
        },
        DELAY_MS * (i + 1),
      );
    });
  };
}

function runPrompt(request: Extract<Request, { kind: "prompt" }>, model: FakeModel): void {
  if (request.text.trim() === "") {
    const error = { message: "The prompt is empty.", hint: "Type some text to run it." };
    model.reply({ id: request.id, error });
    return;
  }
  const tokens = ["<|bos|>", ...(request.text.match(/\s*\S+/g) ?? [])];
  const { text, answer } = request;
  const flips = model.get("prompts");
  const at = flips.findIndex((one) => one.join() === [text, answer].join());
  const shown = flips.findIndex((one) => one.join() === [model.get("prompt"), model.get("answer")].join());
  const generation = at < 0 ? (model.get("_prompts")[0]?.generation ?? 0) + 100 : at + 1;
  model.receive({
    prompt: text,
    answer,
    ...(at < 0 && { prompts: flips.map((one, index) => (index === shown ? [text, answer] : one)) }),
    _prompts: [promptInfo(tokens, true, answer, generation)],
  });
  model.reply({ id: request.id, chunk: 0, chunks: 0, done: true, body: {} });
}

/** What the kernel would say of these checkpoints: arrays as declared, each after a dim for the checkpoints. */
function partOf(shape: Shape, request: Asked, model: FakeModel, period: number): FakePart {
  const n = model.get("_prompts")[0]?.tokens.length ?? 0;
  const found = request.checkpoints.map((checkpoint) => valuesAt(shape, request, checkpoint, model, period));
  const sizes: Record<string, number> = {
    ...{ layer: shape.layers, head: shape.heads, query: n, cell: triangleSize(n), rank: K },
    draw: found[0]?.control_loss?.length ?? DRAWS,
    pair: found[0]?.attention?.length ?? 0,
    ...(request.kind === "head_page" && pageSizes(n)),
    ...(request.kind === "head_tokens" && { key: found[0]?.keys?.length ?? 0, rank: 4 }),
  };
  const arrays: FakePart["arrays"] = [];
  const bytes: Uint8Array[] = [];
  for (const [name, declared] of Object.entries<string>(ARRAYS[request.kind])) {
    const [dtype, ...dims] = declared.split(" ") as [DType, ...string[]];
    const one = dims.map((dim) => sizes[dim] ?? 1);
    const size = sizeOf(one);
    const values = new { float32: Float32Array, int32: Int32Array, uint8: Uint8Array }[dtype](
      found.length * size,
    );
    found.forEach((each, i) => {
      // What nobody made up is noise.
      values.set(each[name] ?? Float32Array.from({ length: size }, (_, at) => noise(i, at)), i * size);
    });
    arrays.push({ name, dtype, shape: [found.length, ...one] });
    bytes.push(new Uint8Array(values.buffer));
  }
  const words = {
    ...(WORDED.has(request.kind) && { tokens: WORDS }),
    ...(request.kind === "head_page" && { texts: TEXTS, origin: "a made-up text" }),
  };
  return { body: words, arrays, data: new DataView(concatenated(bytes)) };
}

function concatenated(parts: Uint8Array[]): ArrayBuffer {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let end = 0;
  for (const part of parts) {
    whole.set(part, end);
    end += part.length;
  }
  return whole.buffer;
}

/** Whose answers have ids of tokens. */
const WORDED: ReadonlySet<string> = new Set(["predictions", "attribution", "head_page", "head_tokens"]);
const WORDS = Object.fromEntries(Array.from({ length: 40 }, (_, id) => [id, ` word${id}`]));

/** Of rows as text. */
const TEXTS = Object.fromEntries(Array.from({ length: 40 }, (_, row) => [row, `the text of row ${row}`]));

interface FakePart {
  body: Record<string, unknown>;
  arrays: NonNullable<Extract<Reply, { chunk: number }>["arrays"]>;
  data: DataView;
}

function valuesAt(
  shape: Shape,
  request: Asked,
  checkpoint: number,
  model: FakeModel,
  period: number,
): Partial<Values> {
  const n = model.get("_prompts")[0]?.tokens.length ?? 0;
  const answered = model.get("answer") !== "";
  switch (request.kind) {
    case "attention": {
      const rows: [number, number] = [request.first, request.last];
      return { attention: attention(shape, checkpoint, ...request.head, n, period, rows) };
    }
    case "patterns":
      return { patterns: pattern(shape, checkpoint, ...request.head, n, period) };
    case "weighed":
      return { patterns: weighed(shape, checkpoint, request, n, period) };
    case "predictions":
      return predictionsAt(shape, checkpoint, n, answered);
    case "attribution":
      return attributionAt(shape, checkpoint, request.token ?? (request.query + 1) % 40);
    case "head_page":
      return headPageAt(shape, checkpoint, request.head, n);
    case "head_tokens":
      return headTokensAt(shape, checkpoint, request.head, request.query);
    case "ablation":
    case "ablation_grid":
    case "patching_estimate":
    case "patching_exact":
    case "wiring":
      return causesAt(shape, request, checkpoint, answered);
    default:
      return {};
  }
}

function predictionsAt(shape: Shape, checkpoint: number, n: number, answered: boolean): Values {
  const peak = 0.05 + (0.85 * checkpoint) / shape.checkpoints;
  const each = (of: (position: number) => number) => Array.from({ length: n }, (_, i) => of(i));
  const ranked = (of: (position: number, rank: number) => number) =>
    each((i) => i).flatMap((i) => Array.from({ length: K }, (_, rank) => of(i, rank)));
  const unknown = (position: number) => position === n - 1 && !answered;
  const chance = peak > 0.5 ? peak : 0.01;
  return {
    ids: ranked((position, rank) => (position + rank * 7) % 40),
    logits: ranked((_, rank) => 12 + Math.log(peak * (1 - peak) ** rank)),
    probabilities: ranked((_, rank) => peak * (1 - peak) ** rank),
    answer_rank: each((i) => (unknown(i) ? -1 : peak > 0.5 ? 0 : Math.round(20 * (1 - peak)))),
    answer_probability: each(() => chance),
    losses: each((i) => (unknown(i) ? Number.NaN : -Math.log(chance))),
  };
}
