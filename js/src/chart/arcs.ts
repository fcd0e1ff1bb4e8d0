/**
 * Arcs over a strip of tokens that is broken into lines. They run in the gaps between the lines and along the
 * strip's left edge, never through text.
 */
import { triangleIndex } from "../kernel/arrays";

/** Attention below this leaves a token unmarked: most of a row is nearly nothing. */
export const FAINT = 8;
/** As many arcs as can be told apart, of what a token attends to and of what attends to it. */
const [MOST_PAID, MOST_PAYING] = [5, 3];

/** Attention between a held token and another one: paid to it, or by it. */
export interface Link {
  token: number;
  /** From 0 to 1. */
  share: number;
  paid: boolean;
}

/** The strongest of what `held` attends to, and of what attends to it; the strongest first. */
export function strongestLinks(triangle: Uint8Array, tokens: number, held: number): Link[] {
  const to = (token: number) => ({ token, value: triangle[triangleIndex(held, token)] as number });
  const from = (token: number) => ({ token, value: triangle[triangleIndex(token, held)] as number });
  const strongest = (links: { token: number; value: number }[], most: number, paid: boolean) =>
    links
      .filter(({ value }) => value >= FAINT)
      .sort((a, b) => b.value - a.value)
      .slice(0, most)
      .map(({ token, value }) => ({ token, share: value / 255, paid }));
  return [
    ...strongest(
      Array.from({ length: held }, (_, token) => to(token)),
      MOST_PAID,
      true,
    ),
    ...strongest(
      Array.from({ length: tokens - held - 1 }, (_, after) => from(held + 1 + after)),
      MOST_PAYING,
      false,
    ),
  ];
}

/** Of a token in the strip, in CSS pixels. */
export interface Box {
  left: number;
  top: number;
  width: number;
  height: number;
}

/** From one token to another as an SVG path, where lines are `gap` apart and `edge` is free at their left. */
export function arcPath(from: Box, to: Box, gap: number, edge: number): string {
  const [x, goal] = [from.left + from.width / 2, to.left + to.width / 2];
  if (from.top === to.top) {
    // Higher the further it goes, but never as high as the line above.
    const peak = from.top - (4 / 3) * Math.min(gap - 1, 5 + Math.abs(goal - x) / 40);
    return `M${x},${from.top}C${x},${peak} ${goal},${peak} ${goal},${to.top}`;
  }
  const up = to.top < from.top;
  /** From the side that faces the other line. */
  const start = up ? from.top : from.top + from.height;
  const end = up ? to.top + to.height : to.top;
  const [leaving, arriving] = up ? [start - gap / 2, end + gap / 2] : [start + gap / 2, end - gap / 2];
  if (Math.abs(leaving - arriving) < gap / 2)
    return rounded([
      [x, start],
      [x, leaving],
      [goal, leaving],
      [goal, end],
    ]);
  const side = edge / 2;
  return rounded([
    [x, start],
    [x, leaving],
    [side, leaving],
    [side, arriving],
    [goal, arriving],
    [goal, end],
  ]);
}

type Point = readonly [number, number];

/** Straight lines through these points, around the corners in a curve. */
function rounded(points: Point[]): string {
  const [first, ...rest] = points as [Point, ...Point[]];
  let path = `M${first}`;
  rest.forEach((corner, index) => {
    const [before, after] = [points[index] as Point, rest[index + 1]];
    if (after === undefined) path += `L${corner}`;
    else path += `L${towards(corner, before)}Q${corner} ${towards(corner, after)}`;
  });
  return path;
}

/** A little way from a corner to another, at most half. */
function towards([x, y]: Point, [to, down]: Point): Point {
  const far = Math.hypot(to - x, down - y);
  const share = far === 0 ? 0 : Math.min(5, far / 2) / far;
  return [x + (to - x) * share, y + (down - y) * share];
}
