/** What a reader arranges, as it is before anything was arranged. */
import type { ViewState } from "../kernel/model";

const BEGINNING: ViewState = {
  tab: "loss",
  x_scale: "log",
  attention_scale: "linear",
  compared_scores: "change",
  compared_patterns: "beside",
  compared_series: null,
  window: null,
  window_unit: null,
  brush: null,
  tabs: {},
};

export function completeView(known: Partial<ViewState>): ViewState {
  return { ...BEGINNING, ...known };
}
