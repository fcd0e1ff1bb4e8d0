/** Parts of the kernel's answers as values by checkpoint, whose shapes are checked. */
import { type AnalysisKind, ARRAYS, OF_PROMPT } from "../contract.gen";
import { sizeOf, take, triangleSize } from "../kernel/arrays";
import type { DType, PromptInfo, SeriesInfo } from "../kernel/model";
import type { Part } from "../kernel/requests";

/** Arrays of one checkpoint by name, and words. */
export type Found = Record<string, unknown>;

/** The analyses whose answers belong to one prompt. */
export const ofPrompt: ReadonlySet<AnalysisKind> = new Set(OF_PROMPT);

export function bytesOf(found: Found): number {
  return Object.values(found).reduce(
    (total: number, one) => total + (ArrayBuffer.isView(one) ? one.byteLength : 0),
    0,
  );
}

/** Values by checkpoint; none when they belong to an older prompt. Throws when a shape is not as declared. */
export function decode(
  part: Part,
  analysis: AnalysisKind,
  info: SeriesInfo,
  prompt: PromptInfo | undefined,
): [number, Found][] {
  const { generation, checkpoints, share: _, ...words } = part.body;
  if (ofPrompt.has(analysis) && generation !== prompt?.generation) return [];
  const tokens = prompt?.tokens.length ?? 0;
  const sizes: Record<string, number> = {
    layer: info.layers,
    head: info.heads,
    query: tokens,
    cell: triangleSize(tokens),
  };
  const found = (checkpoints as number[]).map((checkpoint): [number, Found] => [checkpoint, { ...words }]);
  for (const [name, declared] of Object.entries<string>(ARRAYS[analysis])) {
    const [dtype, ...dims] = declared.split(" ");
    const { shape, values } = take(part.arrays, name, dtype as DType);
    const expected = [found.length, ...dims.map((dim) => sizes[dim])];
    if (
      shape.length !== expected.length ||
      expected.some((size, i) => size !== undefined && size !== shape[i])
    )
      throw new Error(`array "${name}" is [${shape}], not [${expected.map((size) => size ?? "any")}]`);
    const size = sizeOf(shape.slice(1));
    for (const [i, [, one]] of found.entries()) one[name] = values.subarray(i * size, (i + 1) * size);
  }
  return found;
}
