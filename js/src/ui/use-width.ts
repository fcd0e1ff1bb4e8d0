/** The width of an element in CSS pixels, as a signal; 0 until it was laid out. */
import { type ReadonlySignal, useSignal } from "@preact/signals";
import type { RefObject } from "preact";
import { useEffect, useRef } from "preact/hooks";

export function useWidth<E extends HTMLElement>(): [RefObject<E | null>, ReadonlySignal<number>] {
  const ref = useRef<E>(null);
  const width = useSignal(0);
  useEffect(() => {
    if (ref.current === null) return;
    const observer = new ResizeObserver(([entry]) => {
      width.value = Math.floor(entry?.contentRect.width ?? 0);
    });
    observer.observe(ref.current);
    return () => observer.disconnect();
  }, [width]);
  return [ref, width];
}
