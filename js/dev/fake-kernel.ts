/** Answers the widget's requests the way the kernel does, out of synthetic patterns and predictions. */
import { triangleIndex, triangleSize } from "../src/kernel/arrays";
import type { ErrorInfo, Reply, Request } from "../src/kernel/model";
import { formed, noise, promptInfo, type Shape } from "./data";
import { causesAt, type Values } from "./fake-causes";
import type { FakeModel } from "./fake-model";

const CHECKPOINTS_A_PART = 8;
const K = 10;
const DELAY_MS = 60;
const CAUSES: ReadonlySet<string> = new Set(["ablation", "ablation_grid", "wiring"]);

/** A row-stochastic triangle: uniform noise, previous token in early layers, the induction stripe in late ones. */
export function pattern(
  shape: Shape,
  checkpoint: number,
  layer: number,
  head: number,
  n: number,
  period: number,
) {
  const triangle = new Uint8Array(triangleSize(n));
  const strength = formed(shape, checkpoint, layer, head);
  const early = layer < shape.layers / 2 ? (0.8 * checkpoint) / shape.checkpoints : 0;
  for (let q = 0; q < n; q++) {
    const row = Array.from({ length: q + 1 }, (_, k) => 0.4 + noise(q, k, layer * 31 + head));
    const sum = row.reduce((a, b) => a + b, 0);
    for (let k = 0; k <= q; k++) {
      const stripe = (k === q - period + 1 ? strength : 0) + (k === q - 1 ? early : 0);
      const rest = 1 - (q >= period ? strength : 0) - (q > 0 ? early : 0);
      triangle[triangleIndex(q, k)] = Math.round(
        255 * Math.min(1, stripe + (Math.max(0, rest) * (row[k] ?? 0)) / sum),
      );
    }
  }
  return triangle;
}

type Asked = Exclude<Request, { kind: "cancel" | "ping" | "prompt" | "grid" | "attended" | "state" }>;

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
    if (request.kind === "grid" || request.kind === "attended" || request.kind === "state") return;
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
  const generation = (model.get("_prompts")[0]?.generation ?? 0) + 1;
  model.receive({
    prompt: request.text,
    answer: request.answer,
    _prompts: [{ ...promptInfo(tokens, true, request.answer), generation }],
  });
  model.reply({ id: request.id, chunk: 0, chunks: 0, done: true, body: {} });
}

function partOf(shape: Shape, request: Asked, model: FakeModel, period: number): FakePart {
  const n = model.get("_prompts")[0]?.tokens.length ?? 0;
  const answered = model.get("answer") !== "";
  switch (request.kind) {
    case "patterns":
      return patternsPart(shape, request.checkpoints, request.head, n, period);
    case "predictions":
      return predictionsPart(shape, request.checkpoints, n, answered);
    default:
      return causePart(
        request.checkpoints.map((checkpoint) => causesAt(shape, request, checkpoint, answered)),
      );
  }
}

function causePart(found: Values[]): FakePart {
  const names = Object.keys(found[0] ?? {});
  const numbers = names.flatMap((name) => found.flatMap((one) => one[name]?.values ?? []));
  const arrays = names.map((name) => ({
    name,
    dtype: "float32" as const,
    shape: [found.length, ...(found[0]?.[name]?.shape ?? [])],
  }));
  return { body: {}, arrays, data: new DataView(Float32Array.from(numbers).buffer) };
}

interface FakePart {
  body: Record<string, unknown>;
  arrays: NonNullable<Extract<Reply, { chunk: number }>["arrays"]>;
  data: DataView;
}

function patternsPart(
  shape: Shape,
  checkpoints: number[],
  [layer, head]: [number, number],
  n: number,
  period: number,
): FakePart {
  const size = triangleSize(n);
  const bytes = new Uint8Array(checkpoints.length * size);
  checkpoints.forEach((checkpoint, i) => {
    bytes.set(pattern(shape, checkpoint, layer, head, n, period), i * size);
  });
  const arrays: FakePart["arrays"] = [
    { name: "patterns", dtype: "uint8", shape: [checkpoints.length, size] },
  ];
  return { body: {}, arrays, data: new DataView(bytes.buffer) };
}

function predictionsPart(shape: Shape, checkpoints: number[], n: number, answered: boolean): FakePart {
  const c = checkpoints.length;
  const ids = new Int32Array(c * n * K);
  const logits = new Float32Array(c * n * K);
  const probabilities = new Float32Array(c * n * K);
  const ranks = new Int32Array(c * n);
  const chances = new Float32Array(c * n);
  for (let i = 0; i < c * n; i++) {
    const peak = 0.05 + (0.85 * (checkpoints[Math.floor(i / n)] ?? 0)) / shape.checkpoints;
    for (let r = 0; r < K; r++) {
      ids[i * K + r] = (i + r * 7) % 40;
      probabilities[i * K + r] = peak * (1 - peak) ** r;
      logits[i * K + r] = 12 + Math.log(probabilities[i * K + r] ?? 1);
    }
    const last = i % n === n - 1;
    ranks[i] = last && !answered ? -1 : peak > 0.5 ? 0 : Math.round(20 * (1 - peak));
    chances[i] = peak > 0.5 ? peak : 0.01;
  }
  const each = (name: string, dtype: "int32" | "float32", ...inner: number[]) => ({
    name,
    dtype,
    shape: [c, ...inner],
  });
  const losses = chances.map((p, i) => (i % n === n - 1 && !answered ? Number.NaN : -Math.log(p)));
  const parts = [ids, logits, probabilities, ranks, chances, losses];
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.byteLength, 0));
  parts.reduce((offset, part) => {
    bytes.set(new Uint8Array(part.buffer), offset);
    return offset + part.byteLength;
  }, 0);
  return {
    body: { k: K, tokens: Object.fromEntries(Array.from({ length: 40 }, (_, id) => [id, ` word${id}`])) },
    arrays: [
      each("ids", "int32", n, K),
      each("logits", "float32", n, K),
      each("probabilities", "float32", n, K),
      each("answer_rank", "int32", n),
      each("answer_probability", "float32", n),
      each("losses", "float32", n),
    ],
    data: new DataView(bytes.buffer),
  };
}
