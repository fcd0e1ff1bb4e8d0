/** What the tab saves: what every part adds to the logit at every known checkpoint. */
import type { Cell, Table } from "../../export/table";
import { exact, headAt, TRAINING, training } from "../../export/tables";
import type { SeriesInfo } from "../../kernel/model";
import type { Result } from "../../state/results";
import type { Store } from "../../state/store";
import type { Attributed } from "./parts";

/** At these checkpoints; at all where nothing is said. */
export function attributionTable(store: Store, result: Result<"attribution">, checkpoints?: number[]): Table {
  const info = store.info.value;
  const rows = (checkpoints ?? info?.steps.map((_, index) => index) ?? []).flatMap((checkpoint) => {
    const found = result.at(checkpoint);
    if (found === null || info === null) return [];
    const target = found.target[0] ?? 0;
    const of = [target, found.tokens[target] ?? ""];
    return everyPart(found, info).map((part): Cell[] => [...training(info, checkpoint), ...of, ...part]);
  });
  const holds =
    "A row for each part at each checkpoint: what it adds to the token's logit. The logit is their sum, less the mean over the vocabulary, which is the last row.";
  return { columns: [...TRAINING, "token_id", "token", "part", "layer", "head", "logits"], rows, holds };
}

function everyPart(found: Attributed, info: SeriesInfo): Cell[][] {
  const ofLayers = (name: string, values: Float32Array) =>
    Array.from(values, (value, layer): Cell[] => [name, layer, null, exact(value)]);
  const whole = (name: string, values: Float32Array): Cell[] => [name, null, null, exact(values[0])];
  return [
    ...Array.from(found.heads, (value, index): Cell[] => ["head", ...headAt(index, info), exact(value)]),
    ...ofLayers("attention bias", found.out_bias),
    ...ofLayers("MLP", found.mlps),
    whole("token embedding", found.embedding),
    whole("position embedding", found.position),
    whole("last biases", found.bias),
    whole("logit", found.logit),
    whole("mean logit", found.mean_logit),
  ];
}
