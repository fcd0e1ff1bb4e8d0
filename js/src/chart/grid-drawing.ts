/** How large a head grid's cells are, and what is painted into them. */
import type { Head } from "../contract.gen";
import type { SeriesInfo } from "../kernel/model";
import { headName } from "../state/heads";
import { decimals } from "../state/text";
import { cellColors, type Scale, type Theme } from "../ui/color";
import { surfaceOf } from "./canvas";

export const GUTTER = 32;
const MAX_CELL_WIDTH = 110;
const MAX_CELL_HEIGHT = 46;
const MIN_CELL = 8;
const MAX_HEIGHT = 400;
/** Cells narrower than this are as high as they are wide. */
const SQUARE_CELL = 14;
/** Below this a number in a cell would not be read. */
const NUMBER_WIDTH = 32;
const DIGIT_WIDTH = 8;
const NUMBER_HEIGHT = 16;

export interface GridLayout {
  layers: number;
  heads: number;
  /** Of one cell, in CSS pixels. */
  width: number;
  height: number;
}

export function gridLayout(layers: number, heads: number, available: number): GridLayout {
  const width = Math.floor(Math.max(MIN_CELL, Math.min(MAX_CELL_WIDTH, (available - GUTTER) / heads)));
  const wide = Math.max(width * 0.7, Math.min(width, SQUARE_CELL));
  const height = Math.floor(Math.max(MIN_CELL, Math.min(MAX_CELL_HEIGHT, wide, MAX_HEIGHT / layers)));
  return { layers, heads, width, height };
}

export function drawGrid(
  canvas: HTMLCanvasElement,
  { layers, heads, width, height }: GridLayout,
  values: Float32Array,
  scale: Scale | null,
  theme: Theme,
  digits: number,
  ratio: number,
): void {
  const surface = surfaceOf(canvas, heads * width, layers * height, ratio);
  if (surface === null) return;
  const { context, fresh, snap } = surface;
  if (fresh) {
    // Here and not on every frame: a font makes the browser bring all styles up to date.
    context.font = `${Math.min(13, Math.round(height * 0.4 + 2))}px ${getComputedStyle(canvas).fontFamily}`;
    context.textAlign = "center";
    context.textBaseline = "middle";
  }
  context.clearRect(0, 0, heads * width, layers * height);
  const gap = width > 14 ? 1 : 0.5;
  const numbers = width >= NUMBER_WIDTH && height >= NUMBER_HEIGHT;
  const shown = shownDigits(width, digits);
  for (let index = 0; index < layers * heads; index++) {
    const value = values[index] ?? Number.NaN;
    const [x, y] = [(index % heads) * width, Math.floor(index / heads) * height];
    const { fill, ink } =
      scale === null ? cellColors(NOTHING, Number.NaN, theme) : cellColors(scale, value, theme);
    const [left, top] = [snap(x), snap(y)];
    context.fillStyle = fill;
    context.fillRect(left, top, snap(x + width - gap) - left, snap(y + height - gap) - top);
    if (!numbers || !Number.isFinite(value)) continue;
    context.fillStyle = ink;
    context.fillText(decimals(value, shown), x + (width - gap) / 2, y + (height - gap) / 2 + 0.5);
  }
}

/** Two digits where there is no room for more. */
function shownDigits(width: number, digits: number): number {
  return width >= NUMBER_WIDTH + DIGIT_WIDTH * (digits - 2) ? digits : 2;
}

/** The same cells as rectangles and text, for a figure that is saved. */
export function gridVector(
  { layers, heads, width, height }: GridLayout,
  values: Float32Array,
  scale: Scale | null,
  theme: Theme,
  digits: number,
): string {
  const numbers = width >= NUMBER_WIDTH && height >= NUMBER_HEIGHT;
  const shown = shownDigits(width, digits);
  const size = Math.min(13, Math.round(height * 0.4 + 2));
  return Array.from({ length: layers * heads }, (_, index) => {
    const value = values[index] ?? Number.NaN;
    const [x, y] = [(index % heads) * width, Math.floor(index / heads) * height];
    const { fill, ink } = cellColors(scale ?? NOTHING, scale === null ? Number.NaN : value, theme);
    const cell = `<rect x="${x}" y="${y}" width="${width - 1}" height="${height - 1}" fill="${fill}"/>`;
    if (!numbers || !Number.isFinite(value)) return cell;
    const text = decimals(value, shown);
    return `${cell}<text x="${x + width / 2}" y="${y + height / 2}" dy="0.35em" text-anchor="middle" font-size="${size}" fill="${ink}">${text}</text>`;
  }).join("");
}

const NOTHING: Scale = { min: 0, max: 1, kind: "sequential", lut: new Uint32Array(256) };

/** Names the cells: "L1H2 induction 0.397". */
export function nameCells(
  cells: ArrayLike<Element>,
  info: SeriesInfo,
  score: string,
  values: Float32Array,
): void {
  for (let index = 0; index < cells.length; index++) {
    const head: Head = [Math.floor(index / info.heads), index % info.heads];
    const value = values[index] ?? Number.NaN;
    const spoken = Number.isFinite(value) ? value.toFixed(3) : missing(info, head, values);
    cells[index]?.setAttribute("aria-label", `${headName(head)} ${score} ${spoken}`);
  }
}

/** Why a head has no value among the values of all. */
export function missing({ attending }: SeriesInfo, [layer]: Head, values: Float32Array): string {
  if (!attending.includes(layer)) return "no attention";
  return values.some(Number.isFinite) ? "none" : "not computed";
}
