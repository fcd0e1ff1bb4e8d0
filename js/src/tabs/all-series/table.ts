/** What the tab saves: the chosen score in every series. */
import { type Cell, rowsOf, type Table } from "../../export/table";
import { exact, headAt, TRAINING, training } from "../../export/tables";
import type { Store } from "../../state/store";

/** At every checkpoint, or of each series at the one that is shown of it. */
export function allSeriesTable(store: Store, part: "all" | "shown" = "all"): Table {
  const name = store.scoreInfo.value?.name ?? "";
  const shown = store.shownEach.value;
  const parts = store.seriesList.value.map((info, series) => {
    const values = store.gridIn(series, name);
    const size = info.layers * info.heads;
    const [from, checkpoints] = part === "all" ? [0, info.steps.length] : [shown[series] ?? 0, 1];
    const row = (index: number): Cell[] => {
      const [checkpoint, head] = [from + Math.floor(index / size), index % size];
      const value = exact(values?.[checkpoint * size + head]);
      return [info.name, ...training(info, checkpoint), ...headAt(head, info), value];
    };
    return { count: checkpoints * size, row };
  });
  const holds = "A row for each head at each checkpoint of each series.";
  return { columns: ["series", ...TRAINING, "layer", "head", name], rows: rowsOf(parts), holds };
}
