/**
 * What a reader arranges: which tab, which axes, which window. Together with the public traits it is the
 * whole state of the view, which Python saves and restores as `explorer.view`.
 *
 * widget/induction_explorer/view.py checks the same names; a test compares the two.
 */

import type { Unit } from "./training";

export interface ViewState {
  /** Name of the tab that is open. */
  tab: string;
  /** The axis of training in charts. */
  x_scale: "log" | "linear";
  /** The phase change as the reader drew it, on the axis of training; null = as it was found. */
  window: [number, number] | null;
  /** What `window` is in; null = in the unit of whatever page shows it. */
  window_unit: Unit | null;
  /** Checkpoints looked at, first and last, as brushed in a chart; null = all. */
  brush: [number, number] | null;
  /** Options of each tab, by its name: those that were chosen, as the tab reads them. */
  tabs: Record<string, Record<string, unknown>>;
}

const BEGINNING: ViewState = {
  tab: "loss",
  x_scale: "log",
  window: null,
  window_unit: null,
  brush: null,
  tabs: {},
};

export function completeView(known: Partial<ViewState>): ViewState {
  return { ...BEGINNING, ...known };
}
