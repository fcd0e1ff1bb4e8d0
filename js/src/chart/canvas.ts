/** A canvas of a size in CSS pixels, with as many pixels as the screen has there. */
import { type ReadonlySignal, useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";

export interface Surface {
  /** Draws in CSS pixels. */
  context: CanvasRenderingContext2D;
  /** Whether it is new: cleared, and without the font it had. */
  fresh: boolean;
  /** A place in CSS pixels, moved to the nearest edge between two pixels of the screen. */
  snap: (at: number) => number;
}

/**
 * The canvas's own size in the layout is set too: left to itself it would be as large as its pixels are many,
 * and no longer lie on what it is drawn for.
 */
export function surfaceOf(
  canvas: HTMLCanvasElement,
  width: number,
  height: number,
  ratio: number,
): Surface | null {
  const context = canvas.getContext("2d");
  if (context === null) return null;
  const [columns, rows] = [Math.round(width * ratio), Math.round(height * ratio)];
  const fresh = canvas.width !== columns || canvas.height !== rows;
  if (fresh) [canvas.width, canvas.height] = [columns, rows];
  [canvas.style.width, canvas.style.height] = [`${width}px`, `${height}px`];
  context.setTransform(columns / width, 0, 0, rows / height, 0, 0);
  return { context, fresh, snap: (at) => Math.round(at * ratio) / ratio };
}

/** Pixels of the screen in one CSS pixel: another when the page is zoomed or its window moves to another screen. */
export function usePixelRatio(): ReadonlySignal<number> {
  const ratio = useSignal(devicePixelRatio);
  useEffect(() => {
    const abort = new AbortController();
    const watch = () => {
      ratio.value = devicePixelRatio;
      // A query asks for one ratio, so the next change needs a new one.
      const query = matchMedia(`(resolution: ${devicePixelRatio}dppx)`);
      query.addEventListener("change", watch, { once: true, signal: abort.signal });
    };
    watch();
    return () => abort.abort();
  }, [ratio]);
  return ratio;
}
