/** Names in charts, of curves and dots: kept apart, and inside of the chart. */

/** Of names in charts, in pixels: their size, from one to the next, from the end of a curve, to the edge. */
export const FONT_SIZE = 11;
const [GAP, AWAY, EDGE] = [13, 7, 2];
/** A letter in an unknown font, as a share of its size; of East Asian scripts and pictures, more. */
const [LETTER, WIDE] = [0.62, 1.3];

export interface Label {
  name: string;
  /** What is named: the end of a curve, or a dot. */
  x: number;
  y: number;
  color: string;
  bold: boolean;
}

export interface Box {
  left: number;
  right: number;
  top: number;
  bottom: number;
}

/** Where dots are drawn. */
export type Dots = readonly (readonly [x: number, y: number])[];

/** A name where it is written: `y` is its middle, `x` the side that is turned to what it names. */
export interface Placed extends Label {
  anchor: "start" | "end";
  /** The name, cut where it has to be. */
  text: string;
  /** Of what is named. */
  of: { x: number; y: number };
}

/**
 * Names beside what they name, apart from each other and inside of the box; where there is a choice, over as few
 * as can be of the `dots` that are drawn.
 */
export function placeNames(labels: Label[], box: Box, away = AWAY, dots: Dots = []): Placed[] {
  const ends = dots.length === 0 && new Set(labels.map(({ x }) => x)).size < 2;
  return ends ? besideOneLine(labels, box, away) : besideTheirDots(labels, box, away, dots);
}

/** Of curves that end together: a column of names, in the order of the ends. */
function besideOneLine(labels: Label[], box: Box, away: number): Placed[] {
  const wanted = labels.map(({ y }) => y);
  const heights = spread(wanted, GAP, box.top, box.bottom);
  return labels.map((label, i) => ({
    ...beside(label, box, away, label.x < (box.left + box.right) / 2),
    y: heights[i] as number,
  }));
}

/** Each at the best free place to the right or left of its dot: near it, on the side with more room. */
function besideTheirDots(labels: Label[], box: Box, away: number, dots: Dots): Placed[] {
  const width = measure();
  const taken: Box[] = [];
  const rows = Math.ceil((box.bottom - box.top) / GAP);
  const shifts = Array.from({ length: 2 * rows + 1 }, (_, i) => GAP * (i - rows));
  /** In pixels that it would rather be further off than there. */
  const costOf = (own: Box, cut: boolean, narrow: boolean) => {
    const covered = dots.filter((dot) => isIn(own, dot)).length;
    const over = taken.some((other) => overlap(own, other));
    return GAP * (1.5 * Number(narrow) + 2 * covered + rows * (3 * Number(cut) + 9 * Number(over)));
  };
  return [...labels]
    .sort((a, b) => a.y - b.y)
    .map((label) => {
      const leftHalf = label.x < (box.left + box.right) / 2;
      const places = [leftHalf, !leftHalf].flatMap((right) => {
        const placed = beside(label, box, away, !right);
        const [long, cut] = [width(placed.text), placed.text !== label.name];
        const left = right ? placed.x : placed.x - long;
        return shifts.map((shift) => {
          const y = Math.max(box.top, Math.min(box.bottom, label.y + shift));
          const own = { left: left - 1, right: left + long + 1, top: y - GAP / 2, bottom: y + GAP / 2 };
          const cost = Math.abs(shift) + costOf(own, cut, right !== leftHalf);
          return { placed: { ...placed, y }, own, cost };
        });
      });
      const best = places.reduce((a, b) => (b.cost < a.cost ? b : a));
      taken.push(best.own);
      return best.placed;
    });
}

function isIn({ left, right, top, bottom }: Box, [x, y]: Dots[0]): boolean {
  return x > left && x < right && y > top && y < bottom;
}

export function overlap(a: Box, b: Box): boolean {
  return a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;
}

function beside(label: Label, box: Box, away: number, left: boolean): Placed {
  const x = label.x + (left ? -away : away);
  const text = fitted(label.name, left ? x - box.left : box.right - x);
  return { ...label, x, anchor: left ? "end" : "start", text, of: { x: label.x, y: label.y } };
}

/**
 * Moves positions as little as can be until neighbours are `gap` apart and all are between `low` and `high`,
 * in the order they were in; where so many have no room, they are closer.
 */
export function spread(wanted: number[], gap: number, low: number, high: number): number[] {
  const apart = Math.min(gap, (high - low) / Math.max(1, wanted.length - 1));
  const order = wanted.map((_, index) => index).sort((a, b) => (wanted[a] ?? 0) - (wanted[b] ?? 0));
  // Less the gaps before it, each position only has to be no lower than the one before: where it is, both
  // go to their mean (isotonic regression by pooling).
  const pools: { mean: number; count: number }[] = [];
  order.forEach((index, rank) => {
    let pool = { mean: (wanted[index] ?? 0) - rank * apart, count: 1 };
    for (let last = pools.at(-1); last !== undefined && last.mean > pool.mean; last = pools.at(-1)) {
      const count = last.count + pool.count;
      pool = { mean: (last.mean * last.count + pool.mean * pool.count) / count, count };
      pools.pop();
    }
    pools.push(pool);
  });
  const highest = high - (wanted.length - 1) * apart;
  const placed = [...wanted];
  pools
    .flatMap(({ mean, count }) => Array<number>(count).fill(Math.max(low, Math.min(highest, mean))))
    .forEach((position, rank) => {
      placed[order[rank] as number] = position + rank * apart;
    });
  return placed;
}

/** Pixels that a name takes beside the end of a curve, with those between. */
export function roomFor(name: string): number {
  return AWAY + Math.ceil(measure()(name)) + EDGE;
}

/** A name no wider than `room` pixels, cut in its middle where it has to be: runs often differ at the end. */
export function fitted(name: string, room: number): string {
  const width = measure();
  const letters = Array.from(name);
  let shown = name;
  for (let kept = letters.length - 1; kept >= 0 && width(shown) > room; kept--) {
    const end = letters.length - Math.floor(kept / 2);
    shown = [...letters.slice(0, Math.ceil(kept / 2)), "…", ...letters.slice(end)].join("");
  }
  return shown;
}

/** The width of bold text in the widget's font; guessed where it cannot be measured, as in a shadow root. */
function measure(): (text: string) => number {
  const context = document.createElement("canvas").getContext("2d");
  const widget = document.querySelector(".ie");
  if (context === null || widget === null) {
    return (text) =>
      Array.from(text).reduce(
        (sum, char) => sum + FONT_SIZE * ((char.codePointAt(0) ?? 0) < 0x1100 ? LETTER : WIDE),
        0,
      );
  }
  context.font = `600 ${FONT_SIZE}px ${getComputedStyle(widget).fontFamily}`;
  return (text) => context.measureText(text).width;
}
