/** What adds to a logit, as the bars show it: what adds much by itself, the rest together. All of it sums to the logit. */
import type { Head } from "../../contract.gen";
import { headName } from "../../state/heads";
import type { Values } from "../../state/results";

export type Attributed = Values<"attribution">;

export interface Part {
  name: string;
  value: number;
  /** Where it is one head. */
  head: Head | null;
}

/** Heads, and MLPs, that stand by themselves; of the others there is one bar each. */
const [HEADS, MLPS] = [8, 6];

/** Largest first; nothing of what adds nothing. */
export function partsOf(found: Attributed, heads: number): Part[] {
  const each = Array.from(found.heads, (value, index): Part => {
    const head: Head = [Math.floor(index / heads), index % heads];
    return { name: headName(head), value, head };
  });
  const mlps = Array.from(found.mlps, (value, layer) => whole(`MLP ${layer}`, value));
  return [
    ...strongest(each, HEADS, "heads"),
    ...strongest(mlps, MLPS, "MLPs"),
    whole("token embedding", found.embedding[0]),
    whole("position embedding", found.position[0]),
    whole("attention biases", sum(found.out_bias)),
    whole("last biases", found.bias[0]),
  ]
    .filter(({ value }) => value !== 0)
    .sort(bySize);
}

function strongest(parts: Part[], count: number, name: string): Part[] {
  const sorted = [...parts].filter(({ value }) => value !== 0).sort(bySize);
  const rest = sorted.slice(count + 1).length === 0 ? [] : sorted.splice(count);
  return [
    ...sorted,
    ...(rest.length === 0
      ? []
      : [whole(`${rest.length} other ${name}`, sum(rest.map(({ value }) => value)))]),
  ];
}

function whole(name: string, value = Number.NaN): Part {
  return { name, value, head: null };
}

function bySize(a: Part, b: Part): number {
  return Math.abs(b.value) - Math.abs(a.value);
}

function sum(values: ArrayLike<number>): number {
  return Array.from(values).reduce((total, value) => total + value, 0);
}
