/** The side of the largest square in an element, in whole CSS pixels, as a signal; 0 until it was laid out. */
import { type ReadonlySignal, useSignal } from "@preact/signals";
import type { RefObject } from "preact";
import { useEffect, useRef } from "preact/hooks";

export function useSquare<E extends HTMLElement>(): [RefObject<E | null>, ReadonlySignal<number>] {
  const ref = useRef<E>(null);
  const side = useSignal(0);
  useEffect(() => {
    if (ref.current === null) return;
    const observer = new ResizeObserver(([entry]) => {
      const { width = 0, height = 0 } = entry?.contentRect ?? {};
      side.value = Math.floor(Math.min(width, height));
    });
    observer.observe(ref.current);
    return () => observer.disconnect();
  }, [side]);
  return [ref, side];
}
