/** The harness: /?case=2l&theme=dark&tab=wiring shows the widget over a fake model, with no notebook and no kernel. */
import factory from "../src/index";
import type { ErrorInfo, ExplorerModel } from "../src/kernel/model";
import {
  grid,
  measures,
  promptInfo,
  promptTokens,
  type Shape,
  seriesInfo,
  traits,
  WEIRD_TOKENS,
} from "./data";
import { fakeKernel } from "./fake-kernel";
import { FakeModel } from "./fake-model";

interface Case {
  shape: Shape;
  traits?: (base: ExplorerModel) => Partial<ExplorerModel>;
  silent?: true;
  disconnected?: true;
  refuses?: ErrorInfo;
}

const TWO: Shape = { layers: 2, heads: 4, checkpoints: 26 };

const TWELVE: Shape = { layers: 12, heads: 12, checkpoints: 26 };

/** As of a model by itself, whose name is long. */
function unlabelled(base: ExplorerModel): Partial<ExplorerModel> {
  const name = `model-${"of-a-long-name-".repeat(20)}end`;
  const tokens = base._series[0]?.layers === 1 ? promptTokens(1) : promptTokens(64);
  return {
    checkpoint: 0,
    heads: [[0, 0]],
    _prompts: [promptInfo(tokens)],
    _series: base._series.map((info) => ({ ...info, name, tokens: [null] })),
  };
}

const PROMPTS: ExplorerModel["prompts"] = [
  ["A B C A B", " C"],
  ["When Mary and John went to the store, John gave a drink to", " Mary"],
  [`def of(${"first, second, third, ".repeat(8)}): return of(first,`, ""],
  ["שלום עולם, שלום", ""],
];

const CASES: Record<string, Case> = {
  "2l": {
    shape: TWO,
    traits: () => ({ answer: " Mary", _prompts: [promptInfo(promptTokens(64), true, " Mary")] }),
  },
  prompts: {
    shape: TWO,
    traits: () => ({
      prompts: PROMPTS,
      prompt: "A B C A B",
      answer: " C",
      _prompts: [promptInfo(["<|bos|>", "A", " B", " C", " A", " B"], true, " C")],
    }),
  },
  single: { shape: { ...TWO, checkpoints: 1 }, traits: () => ({ checkpoint: 0 }) },
  model: { shape: { layers: 30, heads: 9, checkpoints: 1 }, traits: unlabelled },
  tiny: { shape: { layers: 1, heads: 1, checkpoints: 1 }, traits: unlabelled },
  broad: { shape: { layers: 80, heads: 128, checkpoints: 1 }, traits: unlabelled },
  twelve: {
    shape: TWELVE,
    traits: (base) => ({
      heads: [[9, 1]],
      _series: base._series.map((info) => ({ ...info, light: true })),
    }),
  },
  played: { shape: TWO, traits: () => ({ _play: true }) },
  first: { shape: TWO, traits: () => ({ heads: [[0, 1]] }) },
  none: { shape: TWO, traits: () => ({ heads: [] }) },
  refused: {
    shape: TWO,
    refuses: {
      message: "pythia-6.9b is too large to ablate heads while you look.",
      hint: "induction_kernels.ablate(model, heads) does it while you wait.",
    },
  },
  large: { shape: { layers: 24, heads: 16, checkpoints: 154 }, traits: () => ({ checkpoint: 120 }) },
  huge: { shape: { layers: 32, heads: 32, checkpoints: 154 }, traits: () => ({ checkpoint: 120 }) },
  logit: { shape: TWO, traits: () => ({ score: "induction_logit" }) },
  // More tokens than a pattern has pixels.
  long: { shape: TWO, traits: () => ({ _prompts: [promptInfo(promptTokens(1933), false)] }) },
  longest: { shape: TWO, traits: () => ({ _prompts: [promptInfo(promptTokens(4096), false)] }) },
  weird: { shape: TWO, traits: () => ({ _prompts: [promptInfo(["<|bos|>", ...WEIRD_TOKENS, " ok"])] }) },
  many: {
    shape: TWO,
    traits: () => ({
      heads: [
        [0, 0],
        [0, 1],
        [1, 0],
        [1, 1],
        [1, 2],
      ],
    }),
  },
  series: {
    shape: TWO,
    traits: (base) => ({
      _series: [
        ...base._series,
        { ...seriesInfo("attn-only-1l", { ...TWO, layers: 1 }), faults: { 3: "truncated" } },
      ],
      _scores: [...base._scores, ...base._scores],
      _prompts: [...base._prompts, promptInfo(promptTokens(20))],
    }),
  },
  // Two of unlike shape, compared.
  compared: {
    shape: TWO,
    traits: (base) => {
      const other: Shape = { ...TWO, layers: 3, heads: 8 };
      return {
        _series: [...base._series, seriesInfo("attn-only-3l", other)],
        _scores: [...base._scores, ...base._scores],
        _grids: { ...base._grids, "1/induction": grid(other), "1/previous_token": grid(other) },
        _prompts: [...base._prompts, ...base._prompts],
        compare: 20,
        _view: { compared_series: 1 },
      };
    },
  },
  // Long, alike and from right to left; the last does not know its tokens.
  names: {
    shape: TWO,
    traits: (base) => {
      const names = [
        "checkpoints/2026-11-02/attn-only-2l-seed-17",
        "checkpoints/2026-11-02/attn-only-2l-seed-17 (2)",
        "\u05e8\u05d9\u05e6\u05d4 \u05e8\u05d0\u05e9\u05d5\u05e0\u05d4",
        "\\u202Eevil",
      ];
      const other = (index: number) => traits(TWO, promptTokens(64), names[index]);
      const infos = names.map((_, i) => other(i)._series[0] as (typeof base._series)[0]);
      return {
        heads: Array.from({ length: 8 }, (_, i) => [i >> 2, i & 3]),
        _series: infos.map((info, i) => (i < 3 ? info : { ...info, tokens: info.tokens.map(() => null) })),
        _scores: names.flatMap(() => base._scores),
        _grids: Object.fromEntries(names.map((_, i) => [`${i}/induction`, base._grids["0/induction"]])),
        _measures: Object.assign({}, ...names.map((_, i) => measures(TWO, i))),
        _measured_on: names.flatMap(() => base._measured_on),
        _phases: names.flatMap(() => base._phases.map((phases) => ({ ...phases, window: null }))),
        _prompts: names.flatMap(() => [promptInfo(["<|bos|>", ...WEIRD_TOKENS, " ok"])]),
      } as Partial<ExplorerModel>;
    },
  },
  faults: {
    shape: TWO,
    traits: (base) => ({
      checkpoint: 9,
      _series: base._series.map((info) => ({
        ...info,
        faults: { 9: "late weights in an early file", 14: "truncated" },
      })),
    }),
  },
  // As pythia-2.8b was published.
  doubtful: {
    shape: { layers: 6, heads: 8, checkpoints: 154 },
    traits: (base) => ({
      checkpoint: 40,
      _series: base._series.map((info) => ({
        ...info,
        faults: { 100: "step75000 has no weights: neither safetensors nor pytorch_model.bin." },
        findings: [
          {
            doubtful: false,
            reason: "is step 20, byte for byte, as it should: the learning rate begins at 0",
            checkpoints: [0, 1],
          },
          {
            doubtful: true,
            reason: "holds the final model (main), byte for byte",
            checkpoints: [...Array.from({ length: 60 }, (_, i) => i + 2), 70, 80, 90, 110, 120, 133],
          },
          {
            doubtful: false,
            reason: "is not the final model (main), which step 20 and 64 others hold instead",
            checkpoints: [153],
          },
        ],
      })),
    }),
  },
  error: {
    shape: TWO,
    traits: () => ({
      _status: {
        state: "failed",
        label: "",
        progress: "",
        done: 0,
        total: 0,
        error: {
          message: "Layer 1 has NaN weights at step 1,300.",
          hint: "Check the file, or leave the checkpoint out.",
        },
      },
      _prompts: [
        {
          ...promptInfo([]),
          error: { message: "The prompt has 212 tokens, but the model takes 128.", hint: "Shorten it." },
        },
      ],
    }),
  },
  loading: {
    shape: TWO,
    silent: true,
    traits: () => ({
      _grids: {},
      _status: {
        state: "computing",
        label: "induction",
        progress: "7 of 26 checkpoints",
        done: 7,
        total: 26,
        error: null,
      },
    }),
  },
  empty: { shape: TWO, traits: () => ({ _series: [], _prompts: [], _grids: {}, heads: [] }) },
  disconnected: { shape: TWO, disconnected: true },
};

declare global {
  interface Window {
    fake: FakeModel;
  }
}

const query = new URLSearchParams(location.search);
const chosen = CASES[query.get("case") ?? "2l"] ?? { shape: TWO };
const theme = query.get("theme");
if (theme !== null) {
  document.body.dataset.jpThemeLight = String(theme !== "dark");
  document.body.style.background = theme === "dark" ? "#16181b" : "#fff";
}

const base = traits(chosen.shape);
const tab = query.get("tab");
const fake = new FakeModel({ ...base, ...chosen.traits?.(base), ...(tab !== null && { _view: { tab } }) });
if (!chosen.silent) fake.kernel = fakeKernel(chosen.shape, 16, chosen.refuses);
window.fake = fake;

const output = document.getElementById("output") ?? document.body;
const widget = factory();
const { signal } = new AbortController();
widget.initialize({ model: fake.model, signal });
for (let i = 0; i < Number(query.get("views") ?? 1); i++) {
  const el = output.appendChild(document.createElement("div"));
  el.classList.toggle("jupyter-widgets-disconnected", chosen.disconnected ?? false);
  widget.render({ model: fake.model, el, signal });
}
