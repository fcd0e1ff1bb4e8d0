/** Attributions of the fake series, and what its heads write: those that attend by induction write for the token, all else a little. */
import type { Head } from "../src/contract.gen";
import { formed, noise, type Shape } from "./data";
import type { Values } from "./fake-kernel";

/** What the arrays of the reply hold of one checkpoint; all parts sum to the logit. */
export function attributionAt(shape: Shape, checkpoint: number, target: number): Values {
  const some = (...seeds: [number, number]) => 2 * noise(...seeds, 29) - 1;
  const heads = Array.from({ length: shape.layers * shape.heads }, (_, index) => {
    const [layer, head] = [Math.floor(index / shape.heads), index % shape.heads];
    return 8 * formed(shape, checkpoint, layer, head) + 0.3 * some(index, target);
  });
  const layers = Array.from({ length: shape.layers }, (_, layer) => layer);
  const [outBias, mlps] = [3, 5].map((seed) => layers.map((layer) => 0.5 * some(layer + seed, target)));
  const [embedding, position, bias] = [11, 13, 17].map((seed) => some(seed, target)) as [
    number,
    number,
    number,
  ];
  const parts = [...heads, ...(outBias ?? []), ...(mlps ?? []), embedding, position, bias];
  return {
    heads,
    out_bias: outBias ?? [],
    mlps: mlps ?? [],
    embedding: [embedding],
    position: [position],
    bias: [bias],
    logit: [parts.reduce((sum, part) => sum + part, 0)],
    mean_logit: [-1.5],
    cap: [Number.NaN],
    target: [target],
  };
}

/** A head's keys, the latest first, and of each the tokens that it raises and lowers. */
export function headTokensAt(shape: Shape, checkpoint: number, [layer, head]: Head, query: number): Values {
  const keys = Array.from({ length: Math.min(5, query + 1) }, (_, nth) => query - nth);
  const strength = formed(shape, checkpoint, layer, head);
  const of = (value: (key: number, rank: number) => number) =>
    keys.flatMap((key) => [0, 1, 2, 3].map((rank) => value(key, rank)));
  return {
    keys,
    attention: keys.map((_, nth) => (0.3 + 0.6 * strength) * 0.4 ** nth),
    scores: keys.map((_, nth) => 4 - 2 * nth),
    raised: of((key, rank) => (key + rank) % 40),
    raised_by: of((_, rank) => (1 + 8 * strength) / (rank + 1)),
    lowered: of((key, rank) => (key + rank + 20) % 40),
    lowered_by: of((_, rank) => -0.8 / (rank + 1)),
  };
}
