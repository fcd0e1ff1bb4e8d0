import { describe, expect, it } from "vitest";
import { noise } from "../../js/dev/data";
import { cellsIn, mirror, type Part, paint, patternVector } from "../../js/src/chart/pattern-drawing";
import { triangleIndex, triangleSize } from "../../js/src/kernel/arrays";

/** Tells every value: what is painted is read back as the attention it stands for. */
const TABLE = Uint32Array.from({ length: 256 }, (_, value) => value + 1);

function painted(tokens: number, triangle: Uint8Array, part: Part): number[] {
  // What a pixel held before does not shine through.
  const pixels = new Uint32Array(part.width * part.height).fill(999);
  paint(pixels, part, tokens, triangle, TABLE);
  return [...pixels];
}

const all = (whole: number): Part => ({ whole, left: 0, top: 0, width: whole, height: whole });

function random(tokens: number, seed: number): Uint8Array {
  return Uint8Array.from({ length: triangleSize(tokens) }, (_, i) => 256 * noise(i, seed) ** 4);
}

/** The picture by its definition: each pixel shows the largest of the cells that it overlaps. */
function overlapped(tokens: number, triangle: Uint8Array, whole: number): number[] {
  const pixels = new Array(whole * whole).fill(0);
  for (let query = 0; query < tokens; query++) {
    for (let key = 0; key <= query; key++) {
      const [value, side] = [triangle[triangleIndex(query, key)] as number, whole / tokens];
      for (let y = Math.floor(query * side); y < (query + 1) * side; y++) {
        for (let x = Math.floor(key * side); x < (key + 1) * side; x++) {
          pixels[y * whole + x] = Math.max(pixels[y * whole + x], value + 1);
        }
      }
    }
  }
  return pixels;
}

describe("a pattern with more cells than pixels", () => {
  it.each([
    [64, 32],
    [60, 25],
    [97, 96],
    [211, 40],
    [128, 1],
  ])("of %i tokens in %i pixels shows the largest cell of every pixel", (tokens, whole) => {
    const triangle = random(tokens, whole);
    expect(painted(tokens, triangle, all(whole))).toEqual(overlapped(tokens, triangle, whole));
  });

  it("keeps a stripe of one cell's width at 1,933 tokens", () => {
    const [tokens, whole] = [1933, 400];
    const triangle = new Uint8Array(triangleSize(tokens));
    for (let query = 900; query < tokens; query++) triangle[triangleIndex(query, query - 899)] = 255;
    const pixels = painted(tokens, triangle, all(whole));
    for (let y = Math.ceil((900 * whole) / tokens); y < whole; y++) {
      const row = pixels.slice(y * whole, (y + 1) * whole);
      const lit = row.flatMap((value, x) => (value === 256 ? [x] : []));
      expect(lit.length).toBeGreaterThan(0);
      for (const x of lit) expect(Math.abs(x - (y - (899 * whole) / tokens))).toBeLessThan(1.5);
    }
  });
});

describe("a pattern with fewer cells than pixels", () => {
  it.each([
    [6, 6],
    [6, 40],
    [7, 10],
  ])("of %i tokens in %i pixels shows the cell at every pixel's centre", (tokens, whole) => {
    const triangle = random(tokens, whole);
    const cell = (at: number) => Math.floor(((at + 0.5) * tokens) / whole);
    const expected = Array.from({ length: whole * whole }, (_, index) => {
      const [query, key] = [cell(Math.floor(index / whole)), cell(index % whole)];
      return key > query ? 0 : (triangle[triangleIndex(query, key)] as number) + 1;
    });
    expect(painted(tokens, triangle, all(whole))).toEqual(expected);
  });
});

describe("a part of a picture", () => {
  it.each([
    [50, 20],
    [50, 130],
  ])(
    "is what the whole shows there, and nothing beyond its edges (%i tokens, %i pixels)",
    (tokens, whole) => {
      const triangle = random(tokens, whole);
      const full = painted(tokens, triangle, all(whole));
      for (const [left, top] of [
        [0, 0],
        [3, 11],
        [-4, 5],
        [9, -6],
        [whole - 7, whole - 5],
        [whole + 2, 0],
      ] as const) {
        const [width, height] = [14, 12];
        const expected = Array.from({ length: width * height }, (_, index) => {
          const [x, y] = [left + (index % width), top + Math.floor(index / width)];
          return x < 0 || y < 0 || x >= whole || y >= whole ? 0 : full[y * whole + x];
        });
        expect(painted(tokens, triangle, { whole, left, top, width, height })).toEqual(expected);
      }
    },
  );
});

it("every cell is in some pixel, whatever the sizes", () => {
  for (let tokens = 1; tokens < 60; tokens++) {
    for (let whole = 1; whole < 60; whole++) {
      const seen = new Set<number>();
      for (let pixel = 0; pixel < whole; pixel++) {
        const [from, to] = cellsIn(pixel, whole, tokens);
        for (let cell = from; cell < to; cell++) seen.add(cell);
      }
      expect([...seen].sort((a, b) => a - b)).toEqual(Array.from({ length: tokens }, (_, cell) => cell));
    }
  }
});

describe("a mirrored pattern", () => {
  it.each([1, 2, 7])(
    "of %i tokens has its queries to the right, and nothing below the diagonal",
    (tokens) => {
      const triangle = random(tokens, tokens);
      const pixels = Uint32Array.from(painted(tokens, triangle, all(tokens)));
      mirror(pixels, tokens);
      for (let row = 0; row < tokens; row++) {
        for (let column = 0; column < tokens; column++) {
          const value = column < row ? 0 : (triangle[triangleIndex(column, row)] as number) + 1;
          expect(pixels[row * tokens + column]).toBe(value);
        }
      }
    },
  );
});

describe("a pattern as shapes", () => {
  /** The cells that the shapes cover, as "left,top colour". */
  function cellsOf(xml: string): string[] {
    return [...xml.matchAll(/<path fill="([^"]+)" d="([^"]+)"/g)].flatMap(([, fill, d]) =>
      [...(d ?? "").matchAll(/M(\d+),(\d+)(?:h(\d+)v1h-\3z|v(\d+)h1v-\4z)/g)].flatMap(
        ([, x, y, wide, high]) =>
          Array.from({ length: Number(wide ?? high) }, (_, i) =>
            wide === undefined ? `${x},${Number(y) + i} ${fill}` : `${Number(x) + i},${y} ${fill}`,
          ),
      ),
    );
  }
  const triangle = Uint8Array.from([255, 7, 7, 0, 0, 9, 3, 3, 3, 3]); // four tokens
  const colours = Uint32Array.from({ length: 256 }, (_, i) => i | (2 << 8) | (3 << 16));

  it.each([false, true])("covers each cell of the triangle once, in its colour; mirrored: %s", (mirrored) => {
    const xml = patternVector(4, triangle, colours, 100, mirrored);
    const expected = [0, 1, 2, 3].flatMap((query) =>
      Array.from({ length: query + 1 }, (_, key) => {
        const value = triangle[(query * (query + 1)) / 2 + key];
        return `${mirrored ? `${query},${key}` : `${key},${query}`} rgb(${value},2,3)`;
      }),
    );
    expect(cellsOf(xml).sort()).toEqual(expected.sort());
    expect(xml).toContain("scale(25)");
  });

  it("is none without a pattern, or with more cells than are worth it", () => {
    expect(patternVector(4, null, colours, 100)).toBe("");
    expect(patternVector(400, new Uint8Array(80_200), colours, 100)).toBe("");
  });
});
