/** What the tab saves: where every checkpoint of every series lies in the plane. */
import type { Cell, Table } from "../../export/table";
import { exact, TRAINING, training } from "../../export/tables";
import type { Store } from "../../state/store";

export function componentTable(store: Store, fit: "joint" | "standardised"): Table {
  const name = fit === "joint" ? "loss_pca" : "loss_pca_standardised";
  const rows = store.seriesList.value.flatMap((info, series) => {
    const points = store.measureOf(series, name)?.values;
    return info.steps.map((_, i): Cell[] => [
      info.name,
      ...training(info, i),
      exact(points?.[2 * i]),
      exact(points?.[2 * i + 1]),
    ]);
  });
  const holds = `A row for each checkpoint of each series: principal components of losses, ${fit === "joint" ? "fitted to all series together" : "of each series by itself, standardised"}.`;
  return { columns: ["series", ...TRAINING, "component_1", "component_2"], rows, holds };
}
