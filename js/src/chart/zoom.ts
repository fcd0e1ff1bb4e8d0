/** What a square window shows of a square picture of cells: all of it, or a part that is moved and magnified. */
import { cellsIn } from "./pattern-drawing";

/** In whole pixels of the screen: the window's side, the picture's, and where in the picture the window begins. */
export interface Zoom {
  side: number;
  whole: number;
  left: number;
  top: number;
}

export function fitted(side: number): Zoom {
  return { side, whole: side, left: 0, top: 0 };
}

/** Magnified around a pixel of the window, from all of the picture up to `largest` pixels a side. */
export function magnified(
  zoom: Zoom,
  factor: number,
  [x, y]: readonly [number, number],
  largest: number,
): Zoom {
  const { side } = zoom;
  const whole = Math.round(Math.min(Math.max(largest, side), Math.max(side, zoom.whole * factor)));
  const grown = whole / zoom.whole;
  return within({ side, whole, left: (zoom.left + x) * grown - x, top: (zoom.top + y) * grown - y });
}

/** The window moved over the picture, as far as the picture goes. */
export function moved(zoom: Zoom, right: number, down: number): Zoom {
  return within({ ...zoom, left: zoom.left + right, top: zoom.top + down });
}

/** The same part of the picture in a window of another size. */
export function resized({ side: before, whole, left, top }: Zoom, side: number): Zoom {
  const grown = before === 0 ? 0 : side / before;
  return within({
    side,
    whole: Math.max(side, Math.round(whole * grown)),
    left: left * grown,
    top: top * grown,
  });
}

/** Moved no further than it takes to show a cell. */
export function showing(zoom: Zoom, tokens: number, [query, key]: readonly [number, number]): Zoom {
  const cell = zoom.whole / tokens;
  const into = (from: number, at: number) => Math.min(at * cell, Math.max(from, (at + 1) * cell - zoom.side));
  return within({ ...zoom, left: into(zoom.left, key), top: into(zoom.top, query) });
}

/** The tokens along one side that the window shows, first and last. */
export function tokensShown(from: number, { side, whole }: Zoom, tokens: number): [number, number] {
  return [cellsIn(from, whole, tokens)[0], cellsIn(from + side - 1, whole, tokens)[1] - 1];
}

/** Every how many tokens a name has room where each takes `room` pixels. */
export function namedEvery(room: number, { whole }: Zoom, tokens: number): number {
  return Math.max(1, Math.ceil((room * tokens) / whole));
}

function within({ side, whole, left, top }: Zoom): Zoom {
  const inside = (at: number) => Math.round(Math.min(whole - side, Math.max(0, at)));
  return { side, whole, left: inside(left), top: inside(top) };
}
