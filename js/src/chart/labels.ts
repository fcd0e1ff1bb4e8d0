/** Names at the ends of curves: kept apart, and inside of the chart. */

/** Of names in charts, in pixels: their size, from one to the next, and from the end of a curve. */
const [FONT_SIZE, GAP] = [11, 13];
export const AWAY = 7;
/** A letter in an unknown font, as a share of its size; of East Asian scripts and pictures, more. */
const [LETTER, WIDE] = [0.62, 1.3];

export interface Label {
  name: string;
  /** The end of the curve. */
  x: number;
  y: number;
  color: string;
  bold: boolean;
}

interface Box {
  left: number;
  right: number;
  top: number;
  bottom: number;
}

/** Writes names beside their ends, each on the side with more room, apart from each other and inside of the box. */
export function writeNames(plot: Element, labels: Label[], box: Box, away = AWAY): void {
  const isLeft = ({ x }: Label) => x < (box.left + box.right) / 2;
  for (const left of [true, false]) {
    const side = labels.filter((label) => isLeft(label) === left);
    const wanted = side.map(({ y }) => y);
    spread(wanted, GAP, box.top, box.bottom).forEach((y, i) => {
      const label = side[i] as Label;
      const room = (left ? label.x - box.left : box.right - label.x) - away;
      plot.append(nameAt({ ...label, x: label.x + (left ? -away : away), y }, left ? "end" : "start", room));
    });
  }
}

function nameAt({ name, x, y, color, bold }: Label, anchor: "start" | "end", room: number): SVGTextElement {
  const text = document.createElementNS("http://www.w3.org/2000/svg", "text");
  const look = {
    x,
    y,
    dy: "0.32em",
    "text-anchor": anchor,
    fill: color,
    stroke: "var(--ie-ground)",
    "stroke-width": 3,
    "paint-order": "stroke",
    "font-size": FONT_SIZE,
    "font-weight": bold ? 600 : 400,
  };
  for (const [attribute, value] of Object.entries(look)) text.setAttribute(attribute, String(value));
  text.textContent = fitted(name, room);
  if (text.textContent !== name) {
    const whole = document.createElementNS("http://www.w3.org/2000/svg", "title");
    whole.textContent = name;
    text.append(whole);
  }
  return text;
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
  return AWAY + Math.ceil(measure()(name));
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
