import { describe, expect, it } from "vitest";
import {
  decodeFloats,
  splitArrays,
  take,
  triangleIndex,
  triangleSize,
  view,
} from "../../js/src/kernel/arrays";

/** `bytes` as a window that starts `offset` bytes into a larger buffer full of other data. */
function windowed(bytes: Uint8Array, offset: number): DataView {
  const buffer = new Uint8Array(bytes.length + offset + 5).fill(0xee);
  buffer.set(bytes, offset);
  return new DataView(buffer.buffer, offset, bytes.length);
}

const bytesOf = (array: Float32Array | Int32Array | Uint8Array) => new Uint8Array(array.buffer);

describe("view", () => {
  const cases = [
    ["float32", Float32Array.of(0.5, -1, Number.NaN, 3e38)],
    ["int32", Int32Array.of(-1, 0, 2 ** 31 - 1, 7)],
    ["uint8", Uint8Array.of(0, 1, 254, 255)],
  ] as const;
  for (const [dtype, values] of cases) {
    for (const offset of [0, 1, 3, 4, 6]) {
      it(`reads ${dtype} from a window at byte ${offset}`, () => {
        expect([...view(windowed(bytesOf(values), offset), dtype, [2, 2])]).toEqual([...values]);
      });
    }
  }

  it("lays aligned arrays over the bytes without copying", () => {
    const data = windowed(bytesOf(Float32Array.of(1, 2)), 8);
    expect(view(data, "float32", [2]).buffer).toBe(data.buffer);
  });

  it("says what it needed and what came when the size is wrong", () => {
    const data = windowed(new Uint8Array(12), 0);
    expect(() => view(data, "float32", [2, 2])).toThrow(
      "float32 array of shape [2,2] needs 16 bytes, but 12 came",
    );
    expect(() => view(data, "float32", [2.5])).toThrow("impossible shape");
    expect(() => view(data, "float32", [2, -1])).toThrow("impossible shape");
  });

  it("refuses a dtype it does not know", () => {
    expect(() => view(windowed(new Uint8Array(8), 0), "float64" as "float32", [1])).toThrow(
      'dtype "float64"',
    );
  });

  it("decodes empty arrays", () => {
    expect(view(windowed(new Uint8Array(0), 3), "float32", [0, 4])).toHaveLength(0);
  });
});

describe("decodeFloats", () => {
  it("keeps the shape", () => {
    const data = windowed(bytesOf(Float32Array.of(1, 2, 3)), 2);
    expect(decodeFloats({ dtype: "float32", shape: [1, 3], data })).toEqual({
      shape: [1, 3],
      values: Float32Array.of(1, 2, 3),
    });
  });

  it("refuses other dtypes", () => {
    const data = windowed(new Uint8Array(4), 0);
    expect(() => decodeFloats({ dtype: "int32", shape: [1], data })).toThrow("expected float32, got int32");
  });
});

describe("splitArrays", () => {
  const heads = [
    { name: "small", dtype: "uint8", shape: [3] },
    { name: "floats", dtype: "float32", shape: [2] },
  ] as const;
  const bytes = new Uint8Array([...[7, 8, 9], ...bytesOf(Float32Array.of(0.25, -4))]);

  it("cuts arrays that lie one after the other, unaligned ones too", () => {
    const arrays = splitArrays(bytes, structuredClone(heads) as never);
    expect([...take(arrays, "small", "uint8").values]).toEqual([7, 8, 9]);
    expect([...take(arrays, "floats", "float32").values]).toEqual([0.25, -4]);
  });

  it("refuses bytes that are left over or missing", () => {
    expect(() => splitArrays(new Uint8Array(12), structuredClone(heads) as never)).toThrow(
      "its arrays use 11",
    );
    expect(() => splitArrays(bytes.subarray(0, 9), structuredClone(heads) as never)).toThrow("needs 8 bytes");
  });

  it("names the array that is missing or of another kind", () => {
    const arrays = splitArrays(bytes, structuredClone(heads) as never);
    expect(() => take(arrays, "patterns", "uint8")).toThrow('lacks the array "patterns"');
    expect(() => take(arrays, "small", "float32")).toThrow('"small" is not float32');
  });
});

describe("triangle", () => {
  it("numbers the cells of a lower triangle row by row", () => {
    const cells: number[] = [];
    for (let query = 0; query < 5; query++) {
      for (let key = 0; key <= query; key++) cells.push(triangleIndex(query, key));
    }
    expect(cells).toEqual([...cells.keys()]);
    expect(triangleSize(5)).toBe(cells.length);
  });
});
