/** Pointers: where they are, what passes over an element, and what is dragged. */
import { useRef } from "preact/hooks";
import type { Head } from "../contract.gen";
import { useLeaving } from "./use-leaving";

/** Where in an element the pointer is, in CSS pixels; by default in the one that listens. */
export function placeIn(
  event: MouseEvent,
  element: Element = event.currentTarget as Element,
): [x: number, y: number] {
  const box = element.getBoundingClientRect();
  return [event.clientX - box.left, event.clientY - box.top];
}

/** The head that an event is on: elements that stand for one say it as data-head="layer,head". */
export function headAt(target: EventTarget | null): Head | null {
  const element = target instanceof Element ? target.closest<HTMLElement | SVGElement>("[data-head]") : null;
  const [layer, head] = element?.dataset.head?.split(",").map(Number) ?? [];
  return layer === undefined || head === undefined ? null : [layer, head];
}

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

export interface Drag {
  move?: (event: PointerEvent) => void;
  /** Let go. */
  drop?: (event: PointerEvent) => void;
  /** Called off: puts back what was before the press. */
  cancel: (event: Event) => void;
}

type PointerType = "pointermove" | "pointerup" | "pointercancel" | "lostpointercapture";

/** Of `PointerEvent.buttons`, when no other button is held. */
const PRIMARY = 1;

/**
 * Follows the pointer that has just gone down on an element, until it is let go; another button than the
 * primary begins nothing. Whatever else ends the drag calls it off: Escape, another button, a touch that
 * turns into scrolling, another window, an element that is no more.
 */
export function followDrag(down: PointerEvent, { move, drop, cancel }: Drag): void {
  if (!down.isPrimary || down.button !== 0) return;
  const over = new AbortController();
  const { signal } = over;
  const callOff = (event: Event) => {
    over.abort();
    cancel(event);
  };
  /** On the window, which hears of everything, of elements that were taken off the page as well. */
  const listen = (type: PointerType, heard: (event: PointerEvent) => void) =>
    window.addEventListener(type, (event) => event.pointerId === down.pointerId && heard(event), {
      capture: true,
      signal,
    });
  listen("pointermove", (event) => (event.buttons === PRIMARY ? move?.(event) : callOff(event)));
  listen("pointerup", (event) => {
    over.abort();
    drop?.(event);
  });
  listen("pointercancel", callOff);
  listen("lostpointercapture", callOff);
  window.addEventListener("contextmenu", callOff, { capture: true, signal });
  window.addEventListener("blur", callOff, { signal });
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key !== "Escape") return;
    // The notebook would leave the cell.
    event.stopPropagation();
    event.preventDefault();
    callOff(event);
  };
  window.addEventListener("keydown", onKeyDown, { capture: true, signal });
  (down.currentTarget as HTMLElement).setPointerCapture(down.pointerId);
}
