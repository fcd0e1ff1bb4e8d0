/** How large a head grid's cells are, and what is painted into them. */
import type { Head } from "../contract.gen";
import type { SeriesInfo } from "../kernel/model";
import { classText, type Named } from "../state/classes";
import { headName } from "../state/heads";
import { sharedText } from "../state/shared-keys";
import { changeText, decimals, signed as withSign } from "../state/text";
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
/** So high are cells with numbers, where there is room: a letter has its place over the number. */
const LETTERED_CELL = 34;

export interface GridLayout {
  layers: number;
  heads: number;
  /** Of one cell, in CSS pixels. */
  width: number;
  height: number;
  /** Whether the cells, none too small to be clicked, are wider together than there is room for. */
  overflows: boolean;
}

export function gridLayout(layers: number, heads: number, available: number): GridLayout {
  const width = Math.floor(Math.max(MIN_CELL, Math.min(MAX_CELL_WIDTH, (available - GUTTER) / heads)));
  const lettered = width >= NUMBER_WIDTH && layers * LETTERED_CELL <= MAX_HEIGHT;
  const wide = Math.max(width * 0.7, Math.min(width, SQUARE_CELL), lettered ? LETTERED_CELL : 0);
  const height = Math.floor(Math.max(MIN_CELL, Math.min(MAX_CELL_HEIGHT, wide, MAX_HEIGHT / layers)));
  return { layers, heads, width, height, overflows: heads * width + GUTTER > available };
}

/** Of every cell, layer by layer. */
export interface Marks {
  /** "" where there is none. */
  letters: string[];
  dimmed: boolean[];
}

export interface GridLook {
  scale: Scale | null;
  theme: Theme;
  /** Decimals of the numbers in cells that have room for them. */
  digits: number;
  /** Whether gains have a plus. */
  signed: boolean;
  marks?: Marks | null;
  /** Cells, layer by layer, behind which a rule stands: other heads than the next ones share their keys. */
  ends?: readonly number[];
}

/** Of a rule between groups of heads, as of notes. */
const RULE: Record<Theme, string> = { light: "#666b73", dark: "#9aa0aa" };

/** Below this a letter in a cell would not be read. */
const MARK_ROOM = 14;
/** Below this a letter over a number would run into it, or into the frame of a selected head. */
const ROOM_OVER = 32;
/** Cells that are lower have their number further down, under the letter. */
const HIGH_CELL = 40;
/** Below this a letter beside a number would run into it. */
const ROOM_BESIDE = 72;
/** Than numbers, letters beside them. */
const SMALLER = 0.8;
const DIMMED = 0.25;

/**
 * Where a letter stands in a cell: in the corner over a number, which moves down, or beside it; alone in the middle;
 * null = nowhere.
 */
export function placeOfMark({ width, height }: Pick<GridLayout, "width" | "height">, numbered: boolean) {
  if (Math.min(width, height) < MARK_ROOM) return null;
  if (!numbered) return { x: width / 2, y: height / 2, down: 0, scale: 1 };
  const isOver = height >= ROOM_OVER;
  if (!isOver && width < ROOM_BESIDE) return null;
  return {
    x: 10,
    y: isOver ? 9 : height / 2,
    down: isOver ? Math.max(0, (HIGH_CELL - height) / 2) : 0,
    scale: SMALLER,
  };
}

export function drawGrid(
  canvas: HTMLCanvasElement,
  { layers, heads, width, height }: GridLayout,
  values: Float32Array,
  { scale, theme, digits, signed, marks = null, ends = [] }: GridLook,
  ratio: number,
): void {
  const surface = surfaceOf(canvas, heads * width, layers * height, ratio);
  if (surface === null) return;
  const { context, fresh, snap } = surface;
  if (fresh) {
    // Here and not on every frame: a font makes the browser bring all styles up to date.
    context.font = `${numberSize({ width, height })}px ${getComputedStyle(canvas).fontFamily}`;
    context.textAlign = "center";
    context.textBaseline = "middle";
  }
  context.clearRect(0, 0, heads * width, layers * height);
  const gap = width > 14 ? 1 : 0.5;
  const write = numberIn({ width, height }, digits, signed);
  const place = marks === null ? null : placeOfMark({ width, height }, write !== null);
  for (let index = 0; index < layers * heads; index++) {
    const value = values[index] ?? Number.NaN;
    const [x, y] = [(index % heads) * width, Math.floor(index / heads) * height];
    const { fill, ink } =
      scale === null ? cellColors(NOTHING, Number.NaN, theme) : cellColors(scale, value, theme);
    const [left, top] = [snap(x), snap(y)];
    context.globalAlpha = marks?.dimmed[index] === true ? DIMMED : 1;
    context.fillStyle = fill;
    context.fillRect(left, top, snap(x + width - gap) - left, snap(y + height - gap) - top);
    if (write === null || !Number.isFinite(value)) continue;
    context.fillStyle = ink;
    context.fillText(write(value), x + (width - gap) / 2, y + (height - gap) / 2 + 0.5 + (place?.down ?? 0));
  }
  context.globalAlpha = 1;
  context.fillStyle = RULE[theme];
  for (const end of ends) {
    const [right, top] = [((end % heads) + 1) * width, Math.floor(end / heads) * height];
    context.fillRect(snap(right - 1), snap(top), 1, snap(top + height) - snap(top));
  }
  if (marks === null || place === null) return;
  for (let index = 0; index < layers * heads; index++) {
    const letter = marks.letters[index] ?? "";
    if (letter === "") continue;
    const [x, y] = [(index % heads) * width, Math.floor(index / heads) * height];
    context.fillStyle = cellColors(scale ?? NOTHING, values[index] ?? Number.NaN, theme).ink;
    // Scaled, because a second font would make the browser bring all styles up to date.
    context.save();
    context.translate(x + place.x, y + place.y);
    context.scale(place.scale, place.scale);
    context.fillText(letter, 0, 0);
    context.restore();
  }
}

/** So that two digits leave room for a frame around them. */
function numberSize({ width, height }: Pick<GridLayout, "width" | "height">): number {
  return Math.min(13, Math.round(height * 0.4 + 2), Math.floor((width - 8) / 2.3));
}

/** How a number is written into a cell, with two digits where there is no room for more; null where there is none. */
export function numberIn(
  { width, height }: Pick<GridLayout, "width" | "height">,
  digits: number,
  signed: boolean,
): Writing | null {
  const room = width - (signed ? DIGIT_WIDTH : 0);
  if (room < NUMBER_WIDTH || height < NUMBER_HEIGHT) return null;
  const shown = room >= NUMBER_WIDTH + DIGIT_WIDTH * (digits - 2) ? digits : 2;
  return (value) => (signed ? withSign(value, shown) : decimals(value, shown));
}

type Writing = (value: number) => string;

/** The same cells as rectangles and text, for a figure that is saved. */
export function gridVector(
  { layers, heads, width, height }: GridLayout,
  values: Float32Array,
  { scale, theme, digits, signed, marks = null, ends = [] }: GridLook,
): string {
  const write = numberIn({ width, height }, digits, signed);
  const size = numberSize({ width, height });
  const place = marks === null ? null : placeOfMark({ width, height }, write !== null);
  const cells = Array.from({ length: layers * heads }, (_, index) => {
    const value = values[index] ?? Number.NaN;
    const [x, y] = [(index % heads) * width, Math.floor(index / heads) * height];
    const { fill, ink } = cellColors(scale ?? NOTHING, scale === null ? Number.NaN : value, theme);
    const text = (right: number, down: number, said: string, of = 1) =>
      `<text x="${x + right}" y="${y + down}" dy="0.35em" text-anchor="middle" font-size="${of * size}" fill="${ink}">${said}</text>`;
    const letter = marks?.letters[index] ?? "";
    const parts = [
      `<rect x="${x}" y="${y}" width="${width - 1}" height="${height - 1}" fill="${fill}"/>`,
      write === null || !Number.isFinite(value)
        ? ""
        : text(width / 2, height / 2 + (place?.down ?? 0), write(value)),
      letter === "" || place === null ? "" : text(place.x, place.y, letter, place.scale),
    ].join("");
    return marks?.dimmed[index] === true ? `<g opacity="${DIMMED}">${parts}</g>` : parts;
  });
  const rules = ends.map((end) => {
    const [right, top] = [((end % heads) + 1) * width, Math.floor(end / heads) * height];
    return `<rect x="${right - 1}" y="${top}" width="1" height="${height}" fill="${RULE[theme]}"/>`;
  });
  return [...cells, ...rules].join("");
}

const NOTHING: Scale = { min: 0, max: 1, kind: "sequential", lut: new Uint32Array(256) };

/** Names the cells: "L1H2 induction 0.397", and " change +0.312 from step 100" where they are compared. */
export function nameCells(
  cells: ArrayLike<Element>,
  info: SeriesInfo,
  score: string,
  values: Float32Array,
  compared: Compared | null,
  names: readonly (Named | null)[] = [],
): void {
  for (let index = 0; index < cells.length; index++) {
    const head: Head = [Math.floor(index / info.heads), index % info.heads];
    const [value, change] = [values[index] ?? Number.NaN, compared?.change[index] ?? Number.NaN];
    const spoken = Number.isFinite(value) ? value.toFixed(3) : missing(info, head, values);
    const from = compared === null ? "" : ` change ${changeText(change)} from ${compared.labelOf(head)}`;
    cells[index]?.setAttribute("aria-label", `${headName(head)} ${score} ${spoken}${from}`);
    const named = names[index] ?? null;
    const described = [named === null ? "" : classText(named), sharedText(info, head)].filter(Boolean);
    if (described.length === 0) cells[index]?.removeAttribute("aria-description");
    else cells[index]?.setAttribute("aria-description", described.join("; "));
  }
}

/** How values changed, and since when. */
export interface Compared {
  change: Float32Array;
  /** What a head is compared with. */
  labelOf: (head: Head) => string;
}

/** Why a head has no value among the values of all. */
export function missing({ attending }: SeriesInfo, [layer]: Head, values: Float32Array): string {
  if (!attending.includes(layer)) return "no attention";
  return values.some(Number.isFinite) ? "none" : "not computed";
}
