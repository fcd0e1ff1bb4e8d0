/** What a reader arranges, as it is before anything was arranged; the axis of training is what suits its checkpoints. */
import type { ViewState } from "../kernel/model";

const BEGINNING: Omit<ViewState, "x_scale"> = {
  tab: "loss",
  attention_scale: "linear",
  attention_of: "attention",
  compared_scores: "change",
  compared_patterns: "beside",
  compared_series: null,
  head_classes: "marked",
  window: null,
  window_unit: null,
  brush: null,
  tabs: {},
};

export function completeView(known: Partial<ViewState>, x_scale: ViewState["x_scale"]): ViewState {
  return { ...BEGINNING, x_scale, ...known };
}
