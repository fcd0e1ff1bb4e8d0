/** The ranking as a table: every head at the checkpoint that is ranked. */

import type { Head } from "../../contract.gen";
import type { Cell, Table } from "../../export/table";
import { exact } from "../../export/tables";
import type { SeriesInfo } from "../../kernel/model";
import { type Named, namedIn } from "../../state/classes";
import { fromOne } from "../../state/text";
import { type Column, valueAt } from "./row";

export function rankedTable(
  heads: Head[],
  info: SeriesInfo | null,
  at: number,
  columns: (Column | null)[],
  /** What heads are called there; none where that is not known. */
  classes: readonly (Named | null)[],
): Table {
  const known = columns.filter((column) => column !== null);
  const classOf = (head: Head) => {
    const named = info === null ? null : namedIn(classes, info, head);
    return named === null ? null : (named.first?.name ?? "unnamed");
  };
  return {
    columns: [
      "rank",
      "layer",
      "head",
      ...(classes.length > 0 ? ["class"] : []),
      ...known.map(({ score }) => score.name),
    ],
    rows: heads.map((head, rank): Cell[] => [
      fromOne(rank),
      ...head,
      ...(classes.length > 0 ? [classOf(head)] : []),
      ...known.map((column) => (info === null ? null : exact(valueAt(column, info, at, head)))),
    ]),
    holds: "A row for each head, ranks from 1, by its score at this checkpoint.",
  };
}
