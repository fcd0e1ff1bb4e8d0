/** What the tab saves: measures of every series; by position where they have one. */
import { type Cell, rowsOf, type Table } from "../../export/table";
import { exact, TRAINING, training } from "../../export/tables";
import type { Store } from "../../state/store";
import { inUnits } from "./figures";

/** At every checkpoint, or of each series at the one that is shown of it. */
export function measureTable(store: Store, names: string[], part: "all" | "shown" = "all"): Table {
  let byPosition = false;
  const shown = store.shownEach.value;
  const parts = store.seriesList.value.map((info, series) => {
    const measures = names.map((name) => store.measureOf(series, name));
    const positions = store.measureOf(series, "positions")?.values ?? new Float32Array();
    const length = measures[0]?.shape[1];
    byPosition ||= length !== undefined;
    const each = length ?? 1;
    const [from, checkpoints] = part === "all" ? [0, info.steps.length] : [shown[series] ?? 0, 1];
    const row = (index: number): Cell[] => {
      const [checkpoint, i] = [from + Math.floor(index / each), index % each];
      const at = length === undefined ? [] : [positions[i] ?? i];
      const values = measures.map((measure) => exact(measure?.values[checkpoint * each + i]));
      return [info.name, ...training(info, checkpoint), ...at, ...values];
    };
    return { count: checkpoints * each, row };
  });
  const first = store.measureInfos.value.find(({ name }) => name === names[0]);
  const units = first === undefined ? "" : inUnits(first, "in ");
  const holds = `A row for each ${byPosition ? "position at each " : ""}checkpoint of each series${units}.`;
  const columns = ["series", ...TRAINING, ...(byPosition ? ["position"] : []), ...names];
  return { columns, rows: rowsOf(parts), holds };
}
