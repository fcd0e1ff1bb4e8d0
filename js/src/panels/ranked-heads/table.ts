/** The ranking as a table: every head at the checkpoint that is ranked. */

import type { Head } from "../../contract.gen";
import type { Cell, Table } from "../../export/table";
import { exact } from "../../export/tables";
import type { SeriesInfo } from "../../kernel/model";
import { fromOne } from "../../state/text";
import { type Column, valueAt } from "./row";

export function rankedTable(
  heads: Head[],
  info: SeriesInfo | null,
  at: number,
  columns: (Column | null)[],
): Table {
  const known = columns.filter((column) => column !== null);
  return {
    columns: ["rank", "layer", "head", ...known.map(({ score }) => score.name)],
    rows: heads.map((head, rank): Cell[] => [
      fromOne(rank),
      ...head,
      ...known.map((column) => (info === null ? null : exact(valueAt(column, info, at, head)))),
    ]),
    holds: "A row for each head, ranks from 1, by its score at this checkpoint.",
  };
}
