/** What the tab saves: the loss of every token of the prompt at every known checkpoint. */
import type { Cell, Table } from "../../export/table";
import { exact, TRAINING, training } from "../../export/tables";
import type { SeriesInfo } from "../../kernel/model";
import { lossesAt } from "../../state/passage";
import type { Store } from "../../state/store";

export function passageTable(store: Store): Table {
  const info = store.info.peek();
  const tokens = store.promptInfo.peek()?.tokens ?? [];
  const rows = (info?.steps ?? []).flatMap((_, checkpoint) => {
    const losses = lossesAt(store, checkpoint);
    return tokens
      .slice(1)
      .map((token, i): Cell[] => [
        ...training(info as SeriesInfo, checkpoint),
        i + 1,
        token,
        exact(losses?.[i]),
      ]);
  });
  const holds = "A row for each token of the prompt but the first, at each checkpoint: its loss in nats.";
  return { columns: [...TRAINING, "position", "token", "loss"], rows, holds };
}
