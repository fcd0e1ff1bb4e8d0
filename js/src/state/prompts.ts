/** Which prompts can be shown. */
import type { SeriesInfo } from "../kernel/model";

/** Whether any can: by running it, or as a store keeps it. */
export function readsPrompts(info: SeriesInfo | null): boolean {
  return info !== null && (info.has_model || info.kept_prompts.length > 0);
}
