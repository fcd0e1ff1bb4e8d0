/** What can be asked of a series: everything of a model, and without one what is kept. */
import type { AnalysisKind } from "../contract.gen";
import type { SeriesInfo } from "../kernel/model";

export function answers(info: SeriesInfo | null, analysis: AnalysisKind): boolean {
  return info !== null && (info.without_model === null || info.held.includes(analysis));
}

/** Whether a prompt can be shown. */
export function readsPrompts(info: SeriesInfo | null): boolean {
  return answers(info, "predictions");
}
