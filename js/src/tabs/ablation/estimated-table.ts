/** What is saved of estimates: a column of theirs, and another for what was measured. */
import type { Cell, Table } from "../../export/table";
import { exact, headAt, TRAINING, training } from "../../export/tables";
import type { Result } from "../../state/results";
import type { Store } from "../../state/store";

/** At these checkpoints; at all where nothing is said. */
export function estimatedTable(
  store: Store,
  estimate: Result<"patching_estimate">,
  measured: Result<"patching_exact">,
  metric: string,
  checkpoints?: number[],
): Table {
  const info = store.info.value;
  const rows = (checkpoints ?? info?.steps.map((_, index) => index) ?? []).flatMap((checkpoint) => {
    const [found, known] = [estimate.whole(checkpoint), measured.at(checkpoint)];
    if (found === null || info === null) return [];
    return Array.from(found.estimated_change, (value, head): Cell[] => [
      ...training(info, checkpoint),
      ...headAt(head, info),
      metric,
      exact(value),
      exact(known?.exact_change[head]),
    ]);
  });
  const holds =
    "A row for each head at each checkpoint: estimated_change is attribution patching, no ablation; measured_change is the head ablated, empty where it was not.";
  return {
    columns: [...TRAINING, "layer", "head", "metric", "estimated_change", "measured_change"],
    rows,
    holds,
  };
}
