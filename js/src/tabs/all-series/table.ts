/** What the tab saves: the chosen score in every series. */
import type { Cell, Table } from "../../export/table";
import { exact, TRAINING, training } from "../../export/tables";
import type { Store } from "../../state/store";

export function allSeriesTable(store: Store): Table {
  const name = store.scoreInfo.peek()?.name ?? "";
  const rows = store.seriesList.peek().flatMap((info, series) => {
    const values = store.gridIn(series, name);
    const size = info.layers * info.heads;
    return info.steps.flatMap((_, checkpoint) =>
      Array.from({ length: size }, (_unused, head): Cell[] => [
        info.name,
        ...training(info, checkpoint),
        Math.floor(head / info.heads),
        head % info.heads,
        exact(values?.[checkpoint * size + head]),
      ]),
    );
  });
  const holds = "A row for each head at each checkpoint of each series.";
  return { columns: ["series", ...TRAINING, "layer", "head", name], rows, holds };
}
