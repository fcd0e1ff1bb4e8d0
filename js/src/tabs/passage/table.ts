/** What the tab saves: the loss of every token of the prompt at every known checkpoint. */
import type { Cell, Table } from "../../export/table";
import { exact, TRAINING, training } from "../../export/tables";
import type { SeriesInfo } from "../../kernel/model";
import { lossesAt } from "../../state/passage";
import type { Store } from "../../state/store";

/** Of these checkpoints and positions; of all where nothing is said. */
export function passageTable(
  store: Store,
  { checkpoints, positions }: { checkpoints?: number[]; positions?: number[] } = {},
): Table {
  const info = store.info.value;
  const tokens = store.promptInfo.value?.tokens ?? [];
  const read = positions ?? tokens.map((_, at) => at).slice(1);
  const rows = (checkpoints ?? info?.steps.map((_, index) => index) ?? []).flatMap((checkpoint) => {
    const losses = lossesAt(store, checkpoint);
    return read.map((at): Cell[] => [
      ...training(info as SeriesInfo, checkpoint),
      ...[at, tokens[at] ?? "", exact(losses?.[at - 1])],
    ]);
  });
  const holds = "A row for each token of the prompt but the first, at each checkpoint: its loss in nats.";
  return { columns: [...TRAINING, "position", "token", "loss"], rows, holds };
}
