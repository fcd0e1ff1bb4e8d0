/** What the tab saves: a measure of every series; by position where it has one. */
import type { Cell, Table } from "../../export/table";
import { exact, TRAINING, training } from "../../export/tables";
import type { Store } from "../../state/store";

export function measureTable(store: Store, name: string): Table {
  const rows: Cell[][] = [];
  let byPosition = false;
  store.seriesList.peek().forEach((info, series) => {
    const measure = store.measureOf(series, name);
    const positions = store.measureOf(series, "positions")?.values ?? new Float32Array();
    const length = measure?.shape[1];
    byPosition ||= length !== undefined;
    info.steps.forEach((_, checkpoint) => {
      const start = [info.name, ...training(info, checkpoint)];
      if (length === undefined) rows.push([...start, exact(measure?.values[checkpoint])]);
      for (let i = 0; i < (length ?? 0); i++) {
        rows.push([...start, positions[i] ?? i, exact(measure?.values[checkpoint * (length ?? 0) + i])]);
      }
    });
  });
  const holds = `A row for each ${byPosition ? "position at each " : ""}checkpoint of each series, in nats.`;
  return { columns: ["series", ...TRAINING, ...(byPosition ? ["position"] : []), name], rows, holds };
}
