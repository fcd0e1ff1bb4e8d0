/** Which heads share their key and value: grouped queries, whose heads differ in what they look for alone. */
import type { Head } from "../contract.gen";
import type { SeriesInfo } from "../kernel/model";
import { headName } from "./heads";

type Sharing = Pick<SeriesInfo, "layers" | "heads" | "attending" | "key_heads">;

/** More of them are said as "the others from L0H0 to L0H7". */
const FEW = 4;

/** How many heads of a layer share one key and value; 1 where none do, or where that is not known. */
export function groupSize({ heads, key_heads, attending }: Sharing, layer: number): number {
  const keys = key_heads[layer] ?? 0;
  return keys > 0 && attending.includes(layer) ? heads / keys : 1;
}

/** "shares its key and value with L3H1 and L3H2"; "" of a head that has its own. */
export function sharedText(info: Sharing, [layer, head]: Head): string {
  const size = groupSize(info, layer);
  if (size === 1) return "";
  if (size === info.heads) return "shares its key and value with every head of its layer";
  const first = head - (head % size);
  const nameOf = (index: number) => headName([layer, first + index]);
  if (size > FEW) return `shares its key and value with the others from ${nameOf(0)} to ${nameOf(size - 1)}`;
  const others = Array.from({ length: size }, (_, index) => nameOf(index));
  others.splice(head - first, 1);
  return `shares its key and value with ${others.join(", ").replace(/, ([^,]*)$/, " and $1")}`;
}

/** "3 groups of 3 heads share keys and values", and in which layers where that is not all; "" where none do. */
export function sharingText(info: Sharing): string {
  const layersBySize = new Map<number, number[]>();
  for (const layer of info.attending) {
    const size = groupSize(info, layer);
    layersBySize.set(size, [...(layersBySize.get(size) ?? []), layer]);
  }
  const alike = layersBySize.size === 1;
  return [...layersBySize]
    .filter(([size]) => size > 1)
    .map(([size, layers]) => `${ofGroups(info.heads, size)}${alike ? "" : ` in ${inLayers(layers)}`}`)
    .join("; ");
}

function ofGroups(heads: number, size: number): string {
  return size === heads
    ? `all ${heads} heads of a layer share one key and value (multi-query attention)`
    : `${heads / size} groups of ${size} heads share keys and values`;
}

/** "layers 0, 2 and 5". */
function inLayers(layers: number[]): string {
  const all = layers.join(", ").replace(/, ([^,]*)$/, " and $1");
  return `${layers.length === 1 ? "layer" : "layers"} ${all}`;
}

/** The cells, layer by layer, after which another group begins in the same layer. */
export function groupEnds(info: Sharing): number[] {
  const ends: number[] = [];
  for (let layer = 0; layer < info.layers; layer++) {
    const size = groupSize(info, layer);
    if (size === 1) continue;
    for (let end = size; end < info.heads; end += size) ends.push(layer * info.heads + end - 1);
  }
  return ends;
}
