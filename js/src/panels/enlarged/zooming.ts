/** The part of the picture that is seen, as the reader magnifies and moves it. */
import { type ReadonlySignal, useComputed, useSignal } from "@preact/signals";
import { fitted, magnified, moved, resized, type Zoom } from "../../chart/zoom";

/** A cell at its largest, in CSS pixels. */
const CELL = 48;

export interface Zooming {
  /** In pixels of the screen. */
  now: ReadonlySignal<Zoom>;
  /** Pixels of the screen in one CSS pixel. */
  ratio: ReadonlySignal<number>;
  arrange: (next: Zoom) => void;
  /** Around a pixel of the window, or its middle. */
  magnify: (factor: number, at?: readonly [number, number]) => void;
  move: (right: number, down: number) => void;
  showAll: () => void;
}

/** Of a picture of these tokens in a window of this side, in CSS pixels. */
export function useZooming(
  tokens: ReadonlySignal<string[]>,
  side: ReadonlySignal<number>,
  ratio: ReadonlySignal<number>,
): Zooming {
  /** As the reader left it; of another prompt, nothing is left. */
  const arranged = useSignal<{ tokens: string[]; zoom: Zoom } | null>(null);
  const now = useComputed(() => {
    const [pixels, last] = [Math.round(side.value * ratio.value), arranged.value];
    return last === null || last.tokens !== tokens.value ? fitted(pixels) : resized(last.zoom, pixels);
  });
  const arrange = (zoom: Zoom) => {
    arranged.value = { tokens: tokens.peek(), zoom };
  };
  return {
    now,
    ratio,
    arrange,
    magnify(factor, at) {
      const zoom = now.peek();
      const largest = tokens.peek().length * CELL * ratio.peek();
      arrange(magnified(zoom, factor, at ?? [zoom.side / 2, zoom.side / 2], largest));
    },
    move: (right, down) => arrange(moved(now.peek(), right, down)),
    showAll() {
      arranged.value = null;
    },
  };
}
