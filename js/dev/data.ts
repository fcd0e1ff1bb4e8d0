/** Traits and numbers that look like training: induction heads that form between two checkpoints. */
import type {
  Envelope,
  ExplorerModel,
  MeasureInfo,
  PromptInfo,
  ScoreInfo,
  SeriesInfo,
} from "../src/kernel/model";

export interface Shape {
  layers: number;
  heads: number;
  checkpoints: number;
}

/** A hash to [0, 1): the same arguments give the same "weights". */
export function noise(...keys: number[]): number {
  let h = 2166136261;
  for (const key of keys) h = Math.imul(h ^ (key + 0x9e37), 16777619) >>> 0;
  h = Math.imul(h ^ (h >>> 15), 2246822507) >>> 0;
  return ((h ^ (h >>> 13)) >>> 0) / 2 ** 32;
}

export function seriesInfo(name: string, { layers, heads, checkpoints }: Shape): SeriesInfo {
  const steps = Array.from({ length: checkpoints }, (_, i) =>
    i === 0 ? 0 : Math.round(20 * 150 ** ((i - 1) / Math.max(1, checkpoints - 2))),
  );
  return {
    name,
    labels: steps.map((step) => `step ${step.toLocaleString("en-US")}`),
    steps,
    step_unit: "steps",
    tokens: steps.map((step) => step * 4096),
    tokens_estimated: steps.map(() => false),
    layers,
    heads,
    attending: Array.from({ length: layers }, (_, layer) => layer),
    key_heads: [],
    context: 128,
    left_out: {},
    without_model: null,
    held: [],
    kept_prompts: [],
    light: layers * heads * checkpoints <= 1000,
    measured_unasked: true,
    faults: {},
    findings: [],
  };
}

/** How formed a head's induction is at a checkpoint, 0..1. */
export function formed(
  { layers, checkpoints }: Shape,
  checkpoint: number,
  layer: number,
  head: number,
): number {
  const inductive = layer >= layers / 2 && noise(layer, head, 7) > 0.55;
  const middle = checkpoints * (0.5 + 0.2 * noise(layer, head, 3));
  const rise = 1 / (1 + Math.exp(-(checkpoint - middle) * (22 / checkpoints)));
  return inductive ? (0.3 + 0.55 * noise(layer, head, 5)) * rise : 0.02 * rise;
}

export function envelope(values: Float32Array, shape: number[]): Envelope {
  return { dtype: "float32", shape, data: new DataView(values.buffer) };
}

export function grid(shape: Shape, logit = false): Envelope {
  const { layers, heads, checkpoints } = shape;
  const values = new Float32Array(checkpoints * layers * heads);
  for (let c = 0, i = 0; c < checkpoints; c++) {
    for (let layer = 0; layer < layers; layer++) {
      for (let head = 0; head < heads; head++, i++) {
        const score = 0.012 + formed(shape, c, layer, head) + 0.01 * noise(c, layer, head);
        values[i] = logit ? 9 * score - 3 * noise(layer, head, 11) * (c / checkpoints) : score;
      }
    }
  }
  return envelope(values, [checkpoints, layers, heads]);
}

const score = (name: string, title: string, formula: string, meaning: string): ScoreInfo => ({
  name,
  title,
  group: name.endsWith("_logit") ? "Logits before the softmax" : "Attention",
  formula,
  meaning,
  range: name.endsWith("_logit") ? [null, null] : [0, 1],
  colours: "range",
  chance: name.endsWith("_logit") ? null : 0.0139,
  probe: "BOS, 50 random tokens, the same 50 again; 10 rows",
  source: "Olsson et al. 2022",
  own: false,
  units: "1",
  said: [],
  faults: {},
});

export const SCORES: ScoreInfo[] = [
  score(
    "induction",
    "Induction",
    "mean over q in second copy of A[q, q-P+1]",
    "How much a head attends to the token that followed the current token the last time it appeared.",
  ),
  score(
    "previous_token",
    "Previous token",
    "mean over q ≥ 1 of A[q, q-1]",
    "How much a head attends to the token just before.",
  ),
  score(
    "induction_logit",
    "Induction (logit)",
    "mean over q in second copy of S[q, q-P+1]",
    "The induction cells before the softmax.",
  ),
];

const WORDS = "When Mary and John went to the store , Mary gave a drink to John . "
  .split(" ")
  .filter(Boolean);

export const WEIRD_TOKENS = [
  "<script>alert(1)</script>",
  "\"quote'",
  "\n",
  "\t",
  "\x00",
  "\x1b[31m",
  "שלום",
  "مرحبا",
  "\\xE2\\x82",
  "\u202Eevil",
  "\u200B",
  " ",
  "   indented",
  "a".repeat(80),
  "👩‍👩‍👧",
  "&amp;",
];

export function promptTokens(length: number): string[] {
  return Array.from({ length }, (_, i) => (i === 0 ? "<|bos|>" : ` ${WORDS[(i - 1) % WORDS.length]}`));
}

export function promptInfo(tokens: string[], scrub = true, answer = "", generation = 1): PromptInfo {
  return { generation, tokens, ids: tokens.map((_, i) => i), answer, scrub, error: null };
}

/** The traits of an explorer that has computed everything. */
const MEASURES: MeasureInfo[] = [
  ["loss", "Loss", "mean of L[i]", "checkpoint"] as const,
  ["in_context_learning", "In-context learning", "mean of L[late] − L[early]", "checkpoint"] as const,
  ["copyable_loss", "Loss of copyable tokens", "mean of L[i] where x comes again", "checkpoint"] as const,
  ["other_loss", "Loss of other tokens", "mean of L[i] elsewhere", "checkpoint"] as const,
  ["loss_by_position", "Loss by position", "mean over rows of L[i]", "position"] as const,
].map(([name, title, formula, per]) => ({
  name,
  title,
  formula,
  per,
  on_text: true,
  units: "nat" as const,
  meaning: `What ${title.toLowerCase()} says.`,
  source: "made up",
}));

/** Losses that fall, with a bend where the heads form. */
export function measures({ checkpoints }: Shape, series = 0): ExplorerModel["_measures"] {
  const positions = 100;
  const bend = (at: number) => 1 / (1 + Math.exp(-(at - 0.6 * checkpoints)));
  const each = <T>(make: (checkpoint: number) => T) =>
    Array.from({ length: checkpoints }, (_, at) => make(at));
  return {
    [`${series}/loss`]: floats(
      [checkpoints],
      each((at) => 6 - 3 * (at / checkpoints) - bend(at)),
    ),
    [`${series}/in_context_learning`]: floats(
      [checkpoints],
      each((at) => -0.7 * bend(at)),
    ),
    [`${series}/copyable_loss`]: floats(
      [checkpoints],
      each((at) => 6 - 3 * (at / checkpoints) - 2.5 * bend(at)),
    ),
    [`${series}/other_loss`]: floats(
      [checkpoints],
      each((at) => 6 - 3 * (at / checkpoints)),
    ),
    [`${series}/loss_by_position`]: floats(
      [checkpoints, positions],
      each((at) =>
        Array.from(
          { length: positions },
          (_, i) => 6 - 3 * (at / checkpoints) - bend(at) * Math.log10(i + 1),
        ),
      ).flat(),
    ),
    // A path that goes right, then turns down where the heads form.
    ...Object.fromEntries(
      ["loss_pca", "loss_pca_standardised"].flatMap((name) => [
        [
          `${series}/${name}`,
          floats(
            [checkpoints, 2],
            each((at) => [40 * (1 - at / checkpoints) ** 2 + noise(at, 1, 2), 10 - 20 * bend(at)]).flat(),
          ),
        ],
        [`${series}/${name}_explained`, floats([2], [0.7, 0.1])],
      ]),
    ),
    [`${series}/positions`]: floats(
      [positions],
      Array.from({ length: positions }, (_, i) => i),
    ),
  };
}

function floats(shape: number[], values: number[]): Envelope {
  return { dtype: "float32", shape, data: new DataView(Float32Array.from(values).buffer) };
}

export function traits(shape: Shape, tokens = promptTokens(64), name = "attn-only-2l"): ExplorerModel {
  const best = Math.floor(shape.layers / 2);
  return {
    checkpoint: shape.checkpoints - 1,
    compare: null,
    score: "induction",
    heads: [
      [0, 1],
      [best, 1],
    ],
    series: 0,
    _view: {},
    _picture: "ie-picture-0",
    prompt: tokens.slice(1).join("").trim(),
    answer: "",
    prompts: [],
    _series: [seriesInfo(name, shape)],
    _scores: [SCORES],
    _grids: {
      "0/induction": grid(shape),
      "0/previous_token": grid(shape),
      "0/induction_logit": grid(shape, true),
    },
    _measure_infos: MEASURES,
    _measures: measures(shape),
    _measured_on: ["64 rows of made-up text"],
    _phases: [
      {
        window: {
          from: 2.1e6,
          to: 5.6e6,
          from_interval: [1.7e6, 2.4e6],
          to_interval: [5.1e6, 6.3e6],
        },
        order: [
          {
            curve: "prefix matching L1H2",
            at: 3.1e6,
            interval: [2.8e6, 3.2e6],
            span: [2.3e6, 3.9e6],
            p: [1e-6, 0],
            speaks: false,
            lag: [-0.7e6, -1.1e6, -0.2e6],
          },
          {
            curve: "turn of the path of losses",
            at: 3.5e6,
            interval: [2.9e6, 4.1e6],
            span: null,
            p: null,
            speaks: false,
            lag: [-0.3e6, -1e6, 0.4e6],
          },
          {
            curve: "in-context learning",
            at: 3.8e6,
            interval: [3.3e6, 4.4e6],
            span: [2.1e6, 5.6e6],
            p: [0.01134, 0.00042],
            speaks: true,
            lag: null,
          },
        ],
        formation: { start: 2.6e6, end: 3.6e6, heads: ["L1H2"] },
        tested: true,
        turn: { at: 3.5e6, interval: [2.9e6, 4.1e6], degrees: 62 },
        text: "Found in in-context learning at the 5 % level.",
      },
    ],
    _components_of: "one fit",
    _prompts: [promptInfo(tokens)],
    _told: 0,
    _play: false,
    _behind: 0,
    _status: { state: "ready", label: "", progress: "", done: 0, total: 0, error: null },
  };
}
