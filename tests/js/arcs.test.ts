import { describe, expect, it } from "vitest";
import { arcPath, type Box, strongestLinks } from "../../js/src/chart/arcs";
import { triangleIndex, triangleSize } from "../../js/src/kernel/arrays";

const [GAP, EDGE, HEIGHT] = [14, 12, 22];
/** The box of a token `at` pixels into a line. */
const box = (line: number, at: number): Box => ({
  left: EDGE + at,
  top: GAP + line * (HEIGHT + GAP),
  width: 30,
  height: HEIGHT,
});

/** The points of a path, its curves cut into pieces. */
function pointsOf(path: string): [number, number][] {
  const points: [number, number][] = [];
  for (const [, kind, numbers] of path.matchAll(/([MLCQ])([^MLCQ]*)/g)) {
    const n = (numbers ?? "").split(/[ ,]/).map(Number);
    const pairs = Array.from(
      { length: n.length / 2 },
      (_, i) => [n[2 * i], n[2 * i + 1]] as [number, number],
    );
    const last = points.at(-1) ?? [0, 0];
    const all = kind === "M" ? pairs : [last, ...pairs];
    for (let step = 0; step <= 20; step++) {
      const t = step / 20;
      let level = all;
      while (level.length > 1) {
        level = level.slice(1).map(([x, y], i) => {
          const [a, b] = level[i] as [number, number];
          return [a + (x - a) * t, b + (y - b) * t];
        });
      }
      points.push(level[0] as [number, number]);
    }
  }
  return points;
}

describe("an arc", () => {
  const lines = 5;
  it.each([
    ["along a line", box(2, 400), box(2, 40)],
    ["along the first line", box(0, 900), box(0, 0)],
    ["to the line above", box(2, 400), box(1, 700)],
    ["over several lines", box(4, 400), box(0, 300)],
    ["down to a later line", box(0, 20), box(3, 300)],
    ["straight up", box(1, 200), box(0, 200)],
  ])("%s ends at both tokens and crosses no line of text", (_, from, to) => {
    const points = pointsOf(arcPath(from, to, GAP, EDGE));
    const ends = [points[0], points.at(-1)] as [number, number][];
    for (const [[x, y], token] of [
      [ends[0], from],
      [ends[1], to],
    ] as [[number, number], Box][]) {
      expect(x).toBeCloseTo(token.left + token.width / 2);
      expect([token.top, token.top + token.height].some((side) => Math.abs(side - y) < 1e-6)).toBe(true);
    }
    for (const [x, y] of points) {
      const through = Array.from({ length: lines }, (_unused, line) => box(line, 0)).some(
        ({ left, top, height }) => x > left && y > top + 1e-6 && y < top + height - 1e-6,
      );
      expect(through, `${x}, ${y}`).toBe(false);
      expect(y).toBeGreaterThanOrEqual(0);
      expect(x).toBeGreaterThanOrEqual(0);
    }
  });
});

describe("the links of a held token", () => {
  const tokens = 40;
  const triangle = new Uint8Array(triangleSize(tokens));
  const set = (query: number, key: number, value: number) => {
    triangle[triangleIndex(query, key)] = value;
  };
  for (let key = 0; key < 20; key++) set(20, key, 3 * key);
  set(20, 20, 255);
  for (let query = 21; query < tokens; query++) set(query, 20, query);
  const links = strongestLinks(triangle, tokens, 20);

  it("are the strongest few that it pays and that pay it, never itself", () => {
    expect(links.filter(({ paid }) => paid).map(({ token }) => token)).toEqual([19, 18, 17, 16, 15]);
    expect(links.filter(({ paid }) => !paid).map(({ token }) => token)).toEqual([39, 38, 37]);
    expect(links[0]?.share).toBeCloseTo(57 / 255);
  });
  it("leave out what is nearly nothing", () => {
    expect(strongestLinks(triangle, tokens, 2)).toEqual([]);
  });
  it("are there for the first and for the last token", () => {
    expect(strongestLinks(triangle, tokens, 0)).toEqual([]);
    set(39, 3, 100);
    expect(strongestLinks(triangle, tokens, 39).map(({ token }) => token)).toEqual([3, 20]);
  });
});
