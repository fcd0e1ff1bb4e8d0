import { describe, expect, it } from "vitest";
import { promptInfo, promptTokens, seriesInfo } from "../../js/dev/data";
import { ARRAYS } from "../../js/src/contract.gen";
import type { Part } from "../../js/src/kernel/requests";
import { decode } from "../../js/src/state/decode";

const INFO = seriesInfo("run", { layers: 2, heads: 4, checkpoints: 5 });
const PROMPT = { ...promptInfo(promptTokens(3)), generation: 7 };

/** What the kernel sends of these checkpoints: every array with as many numbers as its shape says. */
function part(shapes: Record<string, number[]>, body: object): Part {
  const arrays = Object.entries(shapes).map(([name, shape]) => {
    const size = shape.reduce((a, b) => a * b, 1);
    const dtype = Object.values(ARRAYS)
      .flatMap(Object.entries)
      .find(([one]) => one === name)?.[1];
    const values = dtype?.startsWith("uint8") ? new Uint8Array(size) : new Float32Array(size);
    return [name, { shape, values: values.map((_, i) => i) }];
  });
  return { body, arrays: new Map(arrays as never) } as unknown as Part;
}

describe("an answer by checkpoint", () => {
  const body = { checkpoints: [4, 2], generation: 7 };

  it("has of each array what is the checkpoint's own", () => {
    const found = decode(part({ patterns: [2, 6] }, body), "patterns", INFO, PROMPT);
    expect(found.map(([checkpoint, { patterns }]) => [checkpoint, [...(patterns as Uint8Array)]])).toEqual([
      [4, [0, 1, 2, 3, 4, 5]],
      [2, [6, 7, 8, 9, 10, 11]],
    ]);
  });

  it.each([[[2, 5]], [[1, 6]], [[12]], [[2, 6, 1]]])("is refused in another shape: %j", (shape) => {
    expect(() => decode(part({ patterns: shape }, body), "patterns", INFO, PROMPT)).toThrow(
      `array "patterns" is [${shape}], not [2,6]`,
    );
  });

  it("may be of any size along what is not known before", () => {
    const names = Object.entries<string>(ARRAYS.ablation);
    const shapes = (checkpoints: number, draws: number) =>
      Object.fromEntries(
        names.map(([name, dims]) => [name, dims.endsWith(" draw") ? [checkpoints, draws] : [checkpoints]]),
      );
    for (const draws of [0, 3]) {
      const found = decode(part(shapes(2, draws), body), "ablation", INFO, PROMPT);
      expect(found.map(([, one]) => (one.control_loss as Float32Array).length)).toEqual([draws, draws]);
    }
    const wrong = part({ ...shapes(2, 3), control_loss: [1, 3] }, body);
    expect(() => decode(wrong, "ablation", INFO, PROMPT)).toThrow(
      'array "control_loss" is [1,3], not [2,any]',
    );
  });

  it("is none where it is of an older prompt", () => {
    const old = part({ patterns: [2, 6] }, { ...body, generation: 6 });
    expect(decode(old, "patterns", INFO, PROMPT)).toEqual([]);
    expect(decode(old, "patterns", INFO, undefined)).toEqual([]);
  });
});
