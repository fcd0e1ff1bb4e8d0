/** What a pointer does on a chart along training. */
import type { ReadonlySignal } from "@preact/signals";
import type { Store } from "../state/store";
import { followDrag, placeIn } from "../ui/pointing";
import type { TrainingChart } from "./training-axis";

/** A pointer drawn further than this brushes; less is a click. */
const DRAG = 6;

/** For a press on the chart: a click moves the slider; a drag brushes the checkpoints it passes. */
export function pointAlong(
  store: Store,
  chart: ReadonlySignal<TrainingChart | null>,
): (event: PointerEvent) => void {
  return (down) => {
    const element = down.currentTarget as HTMLElement;
    const within = (event: PointerEvent) => placeIn(event, element)[0];
    const [from, { brush }] = [within(down), store.viewState.peek()];
    let dragged = false;
    followDrag(down, {
      move(event) {
        const drawn = chart.peek();
        const to = within(event);
        dragged ||= Math.abs(to - from) > DRAG;
        if (drawn === null || !dragged) return;
        const ends = [nearest(drawn.x, from), nearest(drawn.x, to)].sort((a, b) => a - b);
        store.arrange({ brush: ends[0] === ends[1] ? null : (ends as [number, number]) });
      },
      drop(event) {
        const drawn = chart.peek();
        if (drawn !== null && !dragged) store.moveTo(nearest(drawn.x, within(event)));
      },
      cancel() {
        if (dragged) store.arrange({ brush });
      },
    });
  };
}

export function nearest(positions: number[], goal: number): number {
  let best = 0;
  positions.forEach((position, index) => {
    if (Math.abs(position - goal) < Math.abs((positions[best] ?? 0) - goal)) best = index;
  });
  return best;
}

/** The point nearest to a goal, none further away than `reach`. */
export function nearestPoint(
  points: ArrayLike<readonly [number, number]>,
  [x, y]: readonly [number, number],
  reach: number,
): number | null {
  let [best, closest]: [number | null, number] = [null, reach ** 2];
  for (let index = 0; index < points.length; index++) {
    const [px, py] = points[index] as readonly [number, number];
    const away = (px - x) ** 2 + (py - y) ** 2;
    if (away < closest) [best, closest] = [index, away];
  }
  return best;
}
