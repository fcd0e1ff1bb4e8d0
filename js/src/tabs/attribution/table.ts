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

/** What a head looks at, and what it writes of each key: a row for each token that it raises or lowers. */
export function headTokensTable(store: Store, result: Result<"head_tokens">, checkpoints?: number[]): Table {
  const info = store.info.value;
  const tokens = store.promptInfo.value?.tokens ?? [];
  const rows = (checkpoints ?? info?.steps.map((_, index) => index) ?? []).flatMap((checkpoint) => {
    const found = result.at(checkpoint);
    if (found === null || info === null) return [];
    const ranks = found.raised.length / found.keys.length;
    return Array.from(found.keys).flatMap((key, nth) =>
      (["raised", "lowered"] as const).flatMap((which) =>
        Array.from({ length: ranks }, (_, rank): Cell[] => {
          const [cell, seen] = [nth * ranks + rank, [key, tokens[key] ?? ""]];
          const id = found[which][cell] ?? 0;
          const written = [which, id, found.tokens[id] ?? "", exact(found[`${which}_by`][cell])];
          return [
            ...training(info, checkpoint),
            ...seen,
            exact(found.attention[nth]),
            exact(found.scores[nth]),
            ...written,
          ];
        }),
      ),
    );
  });
  const columns = ["key", "key_token", "attention", "score", "which", "token_id", "token", "logits"];
  const holds =
    "A row for each token that the head raises or lowers most by a key it attends to, at each checkpoint.";
  return { columns: [...TRAINING, ...columns], rows, holds };
}
