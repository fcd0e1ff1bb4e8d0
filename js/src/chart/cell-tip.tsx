/** The number of the cell that is pointed at or has the focus, where cells have no room for theirs. */
import type { ReadonlySignal } from "@preact/signals";
import type { Head } from "../contract.gen";
import type { SeriesInfo } from "../kernel/model";
import { classText, type Named } from "../state/classes";
import { headName } from "../state/heads";
import { sharedText } from "../state/shared-keys";
import { changeText, scoreText } from "../state/text";
import type { GridLayout } from "./grid-drawing";
import { Tip } from "./tip";

interface Props {
  layout: GridLayout;
  /** One a head, layer by layer. */
  values: ReadonlySignal<Float32Array>;
  head: ReadonlySignal<Head | null>;
  info: SeriesInfo | null;
  /** Whether gains have a plus. */
  signed: boolean;
  /** Of each head. */
  names?: ReadonlySignal<readonly (Named | null)[]> | undefined;
}

export function CellTip({ layout: { heads, width, height }, values, head, info, signed, names }: Props) {
  if (head.value === null) return null;
  const [row, column] = head.value;
  const value = values.value[row * heads + column] ?? Number.NaN;
  const named = names?.value[row * heads + column];
  const shared = info === null ? "" : sharedText(info, head.value);
  return (
    <div class="ie-grid-said" aria-hidden="true">
      <Tip
        x={(column + 0.5) * width}
        y={(row + 0.5) * height}
        width={heads * width}
        reach={width / 2}
        name={headName(head.value)}
      >
        {" "}
        {signed ? changeText(value) : scoreText(value)}
        {named?.first != null && ` · ${classText(named)}`}
        {shared !== "" && ` · ${shared}`}
      </Tip>
    </div>
  );
}
