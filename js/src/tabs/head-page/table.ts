/** What the tab saves: the cells of the sequences that it shows. */

import { type Cell, rowsOf, type Table } from "../../export/table";
import { exact, TRAINING, training } from "../../export/tables";
import { trianglePlace } from "../../kernel/arrays";
import type { Result } from "../../state/results";
import type { Store } from "../../state/store";
import { sequencesOf } from "./shown";

export function pageTable(store: Store, result: Result<"head_page">, checkpoints: number[]): Table {
  const info = store.info.value;
  const parts = checkpoints.flatMap((checkpoint) => {
    const page = result.at(checkpoint);
    if (page === null || info === null) return [];
    return sequencesOf(page).map(({ row: of, interval, strength, tokens, triangle }) => {
      const cells = [...triangle.keys()].filter((cell) => (triangle[cell] ?? 0) > 0);
      const row = (nth: number): Cell[] => {
        const cell = cells[nth] ?? 0;
        const [query, key] = trianglePlace(cell);
        const ends = [query, tokens[query] ?? "", key, tokens[key] ?? ""];
        const attention = Number(((triangle[cell] ?? 0) / 255).toFixed(3));
        return [...training(info, checkpoint), of, interval, exact(strength), ...ends, attention];
      };
      return { count: cells.length, row };
    });
  });
  return {
    columns: [
      ...TRAINING,
      ...["row", "interval", "strength", "query", "query_token", "key", "key_token", "attention"],
    ],
    rows: rowsOf(parts),
    holds:
      "A row for each cell of the sequences that are shown: of each query at most the eight keys that get most, from 0.005 on. Attention is a multiple of 1/255 in three decimals: 0.002 more or less.",
  };
}
