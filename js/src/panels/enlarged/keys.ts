/** What keys do to the enlarged pattern. */
import type { ReadonlySignal } from "@preact/signals";
import { showing } from "../../chart/zoom";
import type { View } from "../../ui/view";
import type { Zooming } from "./zooming";

/** How much nearer or further a key or a button brings the picture. */
export const STEP = 1.5;
/** How far an arrow moves it, in parts of the window. */
const PAN = 1 / 8;

const WAYS: Record<string, readonly [right: number, down: number]> = {
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
  ArrowUp: [0, -1],
  ArrowDown: [0, 1],
};

interface Bound {
  view: View;
  tokens: ReadonlySignal<string[]>;
  zooming: Zooming;
  point: (cell: readonly [query: number, key: number]) => void;
  close: () => void;
}

export function onKey(event: KeyboardEvent, { view, tokens, zooming, point, close }: Bound): void {
  const way = WAYS[event.key];
  const [{ side }, count] = [zooming.now.peek(), tokens.peek().length];
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === "Escape") close();
  else if (event.key === "+" || event.key === "=") zooming.magnify(STEP);
  else if (event.key === "-" || event.key === "_") zooming.magnify(1 / STEP);
  else if (event.key === "0") zooming.showAll();
  else if (way === undefined || event.target instanceof HTMLSelectElement) return;
  else if (event.shiftKey) {
    const cell = beside(view.pointed.peek(), way, count);
    zooming.arrange(showing(zooming.now.peek(), count, cell));
    point(cell);
  } else zooming.move(way[0] * side * PAN, way[1] * side * PAN);
  event.preventDefault();
}

/** The next cell that way which is in the triangle; the last query and the first key to begin with. */
function beside(
  from: { query: number; key: number | null } | null,
  [right, down]: readonly [number, number],
  tokens: number,
): [query: number, key: number] {
  if (from === null) return [tokens - 1, 0];
  const query = Math.min(tokens - 1, Math.max(0, from.query + down));
  return [query, Math.min(query, Math.max(0, (from.key ?? 0) + right))];
}
