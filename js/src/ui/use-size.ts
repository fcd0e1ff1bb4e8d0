/** The size of an element in whole CSS pixels, as a signal; 0 until it was laid out. */
import { type ReadonlySignal, useSignal } from "@preact/signals";
import type { RefObject } from "preact";
import { useEffect, useRef } from "preact/hooks";

type Laid<E> = [RefObject<E | null>, ReadonlySignal<number>];

export function useWidth<E extends HTMLElement>(): Laid<E> {
  return useSize<E>(widthOf);
}

/** The side of the largest square in it. */
export function useSquare<E extends HTMLElement>(): Laid<E> {
  return useSize<E>(squareIn);
}

const widthOf = ({ width }: DOMRectReadOnly) => width;
const squareIn = ({ width, height }: DOMRectReadOnly) => Math.min(width, height);

function useSize<E extends HTMLElement>(sizeOf: (box: DOMRectReadOnly) => number): Laid<E> {
  const ref = useRef<E>(null);
  const size = useSignal(0);
  useEffect(() => {
    if (ref.current === null) return;
    const observer = new ResizeObserver(([entry]) => {
      if (entry !== undefined) size.value = Math.floor(sizeOf(entry.contentRect));
    });
    observer.observe(ref.current);
    return () => observer.disconnect();
  }, [size, sizeOf]);
  return [ref, size];
}
