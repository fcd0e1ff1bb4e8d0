/**
 * A lower triangle of attention as an image. Where cells are larger than pixels, each pixel shows the cell at its
 * centre; where a pixel holds several cells it shows the largest, so that no thin stripe is lost.
 */
import { triangleIndex } from "../kernel/arrays";
import type { Lut } from "../ui/color";

/** A rectangle of a picture that is `whole` pixels wide and high. */
export interface Part {
  whole: number;
  left: number;
  top: number;
  width: number;
  height: number;
}

/** Draws all of `triangle` (uint8, row by row) into at most `room` pixels a side, which CSS scales up; null draws nothing. Mirrored, keys go down and queries to the right. */
export function drawPattern(
  canvas: HTMLCanvasElement,
  tokens: number,
  triangle: Uint8Array | null,
  table: Lut,
  room: number,
  mirrored = false,
): void {
  const whole = Math.min(tokens, Math.floor(room));
  if (canvas.width !== whole || canvas.height !== whole) [canvas.width, canvas.height] = [whole, whole];
  const context = canvas.getContext("2d");
  if (context === null || whole === 0) return;
  const image = context.createImageData(whole, whole);
  if (triangle !== null) {
    const all = { whole, left: 0, top: 0, width: whole, height: whole };
    const pixels = new Uint32Array(image.data.buffer);
    paint(pixels, all, tokens, triangle, table);
    if (mirrored) mirror(pixels, whole);
  }
  context.putImageData(image, 0, 0);
}

/** More tokens than this are no shapes in a figure but an image. */
const MOST_SHAPES = 160;

/** The same cells as shapes, one for each colour, in `side` CSS pixels; "" where there are none or too many. */
export function patternVector(
  tokens: number,
  triangle: Uint8Array | null,
  table: Lut,
  side: number,
  mirrored = false,
): string {
  if (triangle === null || tokens > MOST_SHAPES) return "";
  const runs = new Map<number, string>();
  for (let query = 0; query < tokens; query++) {
    const row = triangleIndex(query, 0);
    for (let key = 0, start = 0; key <= query; key++) {
      const value = triangle[row + key] as number;
      if (key < query && triangle[row + key + 1] === value) continue;
      const long = key + 1 - start;
      const run = mirrored
        ? `M${query},${start}v${long}h1v-${long}z`
        : `M${start},${query}h${long}v1h-${long}z`;
      runs.set(value, (runs.get(value) ?? "") + run);
      start = key + 1;
    }
  }
  const paths = [...runs].map(
    ([value, path]) => `<path fill="${rgbText(table[value] as number)}" d="${path}"/>`,
  );
  return `<g transform="scale(${side / tokens})" shape-rendering="crispEdges">${paths.join("")}</g>`;
}

function rgbText(pixel: number): string {
  return `rgb(${pixel & 255},${(pixel >>> 8) & 255},${(pixel >>> 16) & 255})`;
}

/** Turns a square picture with nothing above its diagonal into one with nothing below. */
export function mirror(pixels: Uint32Array, side: number): void {
  for (let y = 1; y < side; y++) {
    for (let x = 0; x < y; x++) {
      pixels[x * side + y] = pixels[y * side + x] as number;
      pixels[y * side + x] = 0;
    }
  }
}

/**
 * Draws a part of the picture. Of a part that was drawn `before`, in the same picture and colours, only what has
 * come into sight is painted; the rest is moved.
 */
export function drawPart(
  canvas: HTMLCanvasElement,
  part: Part,
  tokens: number,
  triangle: Uint8Array | null,
  table: Lut,
  before: Part | null,
): void {
  const { whole, left, top, width, height } = part;
  if (canvas.width !== width || canvas.height !== height) [canvas.width, canvas.height] = [width, height];
  const context = canvas.getContext("2d");
  if (context === null || width === 0 || height === 0) return;
  context.globalCompositeOperation = "copy";
  const [right, down] = [left - (before?.left ?? 0), top - (before?.top ?? 0)];
  const kept = before !== null && Math.abs(right) < width && Math.abs(down) < height;
  if (kept) context.drawImage(canvas, -right, -down);
  else context.clearRect(0, 0, width, height);
  if (triangle === null) return;
  /** Left, top, width and height in the canvas. */
  const fresh: [number, number, number, number][] = kept
    ? [
        [right > 0 ? width - right : 0, 0, Math.abs(right), height],
        [0, down > 0 ? height - down : 0, width, Math.abs(down)],
      ]
    : [[0, 0, width, height]];
  for (const [x, y, columns, rows] of fresh) {
    if (columns === 0 || rows === 0) continue;
    const image = context.createImageData(columns, rows);
    const strip = { whole, left: left + x, top: top + y, width: columns, height: rows };
    paint(new Uint32Array(image.data.buffer), strip, tokens, triangle, table);
    context.putImageData(image, x, y);
  }
}

/** The cell that a pixel of a picture shows, as [query, key]; null above the diagonal and outside. */
export function cellIn(
  x: number,
  y: number,
  whole: number,
  tokens: number,
  triangle: Uint8Array | null,
): readonly [query: number, key: number] | null {
  const [[firstQuery, endQuery], [firstKey, endKey]] = [cellsIn(y, whole, tokens), cellsIn(x, whole, tokens)];
  let [found, most]: [readonly [number, number] | null, number] = [null, -1];
  for (let query = firstQuery; query < endQuery; query++) {
    for (let key = firstKey; key < Math.min(endKey, query + 1); key++) {
      const value = triangle?.[triangleIndex(query, key)] ?? 0;
      if (value > most) [found, most] = [[query, key], value];
    }
  }
  return found;
}

/** Row = query, column = key; what lies above the diagonal or outside of the picture is transparent. */
export function paint(
  pixels: Uint32Array,
  { whole, left, top, width, height }: Part,
  tokens: number,
  triangle: Uint8Array,
  table: Lut,
): void {
  const columns = Array.from({ length: width }, (_, x) => cellsIn(left + x, whole, tokens));
  const [firstKey, endKey] = [columns[0]?.[0] ?? 0, columns.at(-1)?.[1] ?? 0];
  /** The largest of each column over the rows of cells in one row of pixels. */
  const largest = new Uint8Array(endKey);
  let above: readonly [number, number] = [-1, -1];
  for (let y = 0; y < height; y++) {
    const queries = cellsIn(top + y, whole, tokens);
    const [firstQuery, endQuery] = queries;
    const [start, end] = [y * width, (y + 1) * width];
    if (firstQuery === above[0] && endQuery === above[1]) {
      pixels.copyWithin(start, start - width, start);
      continue;
    }
    above = queries;
    pixels.fill(0, start, end);
    if (firstQuery === endQuery) continue;
    largest.fill(0, firstKey);
    for (let query = firstQuery; query < endQuery; query++) {
      const row = triangleIndex(query, 0);
      const keys = Math.min(endKey, query + 1);
      for (let key = firstKey; key < keys; key++) {
        const value = triangle[row + key] as number;
        if (value > (largest[key] as number)) largest[key] = value;
      }
    }
    for (let x = 0; x < width; x++) {
      const [from, to] = columns[x] as readonly [number, number];
      if (from >= endQuery) break;
      let most = 0;
      for (let key = from; key < to; key++) most = Math.max(most, largest[key] as number);
      if (to > from) pixels[start + x] = table[most] as number;
    }
  }
}

/** First cell in a pixel along one side, and the one after its last; none for a pixel outside of the picture. */
export function cellsIn(pixel: number, whole: number, tokens: number): readonly [number, number] {
  if (pixel < 0) return [0, 0];
  if (pixel >= whole) return [tokens, tokens];
  if (whole < tokens) {
    return [Math.floor((pixel * tokens) / whole), Math.ceil(((pixel + 1) * tokens) / whole)];
  }
  const cell = Math.floor(((pixel + 0.5) * tokens) / whole);
  return [cell, cell + 1];
}
