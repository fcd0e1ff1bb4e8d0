/** The window of the phase change: as it was found, or as the reader drew it. */
import type { FoundWindow } from "../kernel/model";

export interface Window {
  /** In the page's unit of training. */
  from: number;
  to: number;
  /** Where each end lies, with the confidence of the interval; null for a window the reader drew. */
  intervals: { from: [number, number]; to: [number, number] } | null;
}

export function windowOf(found: FoundWindow | null, drawn: [number, number] | null): Window | null {
  if (drawn !== null) return { from: drawn[0], to: drawn[1], intervals: null };
  if (found === null) return null;
  return {
    from: found.from,
    to: found.to,
    intervals: { from: found.from_interval, to: found.to_interval },
  };
}

export function isInside(window: Window | null, x: number): boolean {
  return window !== null && x >= window.from && x <= window.to;
}
