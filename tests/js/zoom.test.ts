import { describe, expect, it } from "vitest";
import {
  fitted,
  magnified,
  moved,
  namedEvery,
  resized,
  showing,
  tokensShown,
  type Zoom,
} from "../../js/src/chart/zoom";

const [TOKENS, SIDE, LARGEST] = [4096, 800, 4096 * 48];

/** Where in the picture, from 0 to 1, a pixel of the window is. */
const place = ({ whole, left, top }: Zoom, x: number, y: number) => [(left + x) / whole, (top + y) / whole];

describe("a window on a picture", () => {
  it("begins with all of it, which nothing can move", () => {
    expect(tokensShown(0, fitted(SIDE), TOKENS)).toEqual([0, TOKENS - 1]);
    expect(moved(fitted(SIDE), 50, -50)).toEqual(fitted(SIDE));
  });
  it("is magnified around the pixel that is pointed at", () => {
    let zoom = fitted(SIDE);
    const before = place(zoom, 500, 700);
    for (let step = 0; step < 8; step++) zoom = magnified(zoom, 1.5, [500, 700], LARGEST);
    const after = place(zoom, 500, 700);
    expect(zoom.whole / SIDE).toBeCloseTo(1.5 ** 8, 1);
    for (const at of [0, 1]) expect(after[at]).toBeCloseTo(before[at] as number, 2);
  });
  it("goes no further than from all of it to its largest cells", () => {
    expect(magnified(fitted(SIDE), 1e9, [0, 0], LARGEST).whole).toBe(LARGEST);
    const near = magnified(fitted(SIDE), 20, [799, 799], LARGEST);
    expect(magnified(near, 1e-9, [3, 3], LARGEST)).toEqual(fitted(SIDE));
    // A picture whose cells are that large to begin with.
    expect(magnified(fitted(SIDE), 2, [0, 0], 6 * 48).whole).toBe(SIDE);
  });
  it("stays inside the picture, on whole pixels", () => {
    const near = magnified(fitted(SIDE), 3.21, [400.3, 20.7], LARGEST);
    for (const zoom of [near, moved(near, 1e6, 1e6), moved(near, -1e6, 0.4), resized(near, 333)]) {
      expect([zoom.left, zoom.top, zoom.whole].every(Number.isInteger)).toBe(true);
      expect(zoom.left).toBeGreaterThanOrEqual(0);
      expect(zoom.top).toBeGreaterThanOrEqual(0);
      expect(Math.max(zoom.left, zoom.top) + zoom.side).toBeLessThanOrEqual(zoom.whole);
    }
  });
  it("shows the same part where its size changes", () => {
    const near = magnified(fitted(SIDE), 10, [300, 500], LARGEST);
    const wide = resized(near, 2 * SIDE);
    for (const at of [0, 1]) expect(place(wide, 0, 0)[at]).toBeCloseTo(place(near, 0, 0)[at] as number, 3);
    expect(tokensShown(wide.left, wide, TOKENS)).toEqual(tokensShown(near.left, near, TOKENS));
  });
  it("moves to a cell by no more than it takes", () => {
    const near = magnified(fitted(SIDE), 100, [0, 0], LARGEST);
    const [first, last] = tokensShown(near.top, near, TOKENS);
    expect(showing(near, TOKENS, [first + 1, 0])).toEqual(near);
    const next = showing(near, TOKENS, [last + 3, 2]);
    expect(tokensShown(next.top, next, TOKENS)[1]).toBe(last + 3);
    expect(next.left).toBe(near.left);
  });
});

describe("names along a side", () => {
  it("are all there where they have room, and every nth where not", () => {
    expect(namedEvery(14, { ...fitted(SIDE) }, 57)).toBe(1);
    expect(namedEvery(14, { ...fitted(SIDE) }, 58)).toBe(2);
    expect(namedEvery(14, { ...fitted(SIDE) }, TOKENS)).toBe(Math.ceil(14 / (SIDE / TOKENS)));
  });
});
