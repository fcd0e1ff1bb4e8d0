/**
 * A drag, from the press of the primary button to its release. Whatever else ends it calls it off: Escape,
 * another button, a touch that turns into scrolling, another window, an element that is no more.
 */

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

/** Follows the pointer that has just gone down on an element; another button than the primary begins nothing. */
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
