/** What a pointer does on a chart. */
import type { ReadonlySignal } from "@preact/signals";
import { useRef } from "preact/hooks";
import type { Store } from "../state/store";
import { followDrag } from "../ui/drag";
import { useLeaving } from "../ui/use-leaving";
import type { TrainingChart } from "./training-axis";

/** A pointer drawn further than this brushes; less is a click. */
const DRAG = 6;

export interface Hover {
  /** In CSS pixels from the corner of the element, at most once a frame. */
  move: (x: number, y: number) => void;
  /** The pointer has gone, or the element has. */
  leave: () => void;
}

/** What an element hears of a pointer that passes over it. */
export function useHover({ move, leave }: Hover) {
  const frame = useRef(0);
  const gone = () => {
    cancelAnimationFrame(frame.current);
    leave();
  };
  useLeaving(gone);
  return {
    onPointerMove(event: PointerEvent) {
      const [x, y] = placeIn(event);
      cancelAnimationFrame(frame.current);
      frame.current = requestAnimationFrame(() => move(x, y));
    },
    onPointerLeave: gone,
    onPointerCancel: gone,
  };
}

/** Where in the element that listens the pointer is, in CSS pixels. */
export function placeIn(event: MouseEvent): [number, number] {
  const box = (event.currentTarget as HTMLElement).getBoundingClientRect();
  return [event.clientX - box.left, event.clientY - box.top];
}

/** For a press on the chart: a click moves the slider; a drag brushes the checkpoints it passes. */
export function pointAlong(
  store: Store,
  chart: ReadonlySignal<TrainingChart | null>,
): (event: PointerEvent) => void {
  return (down) => {
    const element = down.currentTarget as HTMLElement;
    /** Where in the chart the pointer is, in CSS pixels. */
    const within = (event: PointerEvent) => event.clientX - element.getBoundingClientRect().left;
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
