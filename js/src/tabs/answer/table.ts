/** What the tab saves: rank and probability of the answer at every known checkpoint of every series. */
import type { Cell, Table } from "../../export/table";
import { exact, TRAINING, training } from "../../export/tables";
import type { Result } from "../../state/results";
import type { Store } from "../../state/store";
import { fromOne } from "../../state/text";

export function answerTable(store: Store, result: Result<"predictions">): Table {
  const rows = store.seriesList.value.flatMap((info, series) => {
    const last = (store.prompts.value[series]?.tokens.length ?? 0) - 1;
    return info.steps.map((_, checkpoint): Cell[] => {
      const found = result.in(series).at(checkpoint);
      const rank = found?.answer_rank[last] ?? -1;
      const known = found !== null && rank >= 0;
      return [
        info.name,
        ...training(info, checkpoint),
        known ? fromOne(rank) : null,
        known ? exact(found.answer_probability[last]) : null,
      ];
    });
  });
  const holds =
    "A row for each checkpoint of each series: rank (from 1) and probability of the answer after the prompt.";
  return { columns: ["series", ...TRAINING, "rank", "probability"], rows, holds };
}
