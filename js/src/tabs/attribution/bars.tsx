/**
 * What adds to the logit, largest first, as bars to both sides of 0 in a table of its numbers. Heads are selected in
 * the grid beside it, where the one that is pointed at is framed.
 */
import { type ReadonlySignal, useComputed } from "@preact/signals";
import type { Head } from "../../contract.gen";
import { changeText, scoreText } from "../../state/text";
import { cellColors, type Scale } from "../../ui/color";
import { useLeaving } from "../../ui/use-leaving";
import type { ViewProps } from "../../ui/view";
import { type Attributed, partsOf } from "./parts";

/** How far along the colours of the grid those of the bars are: their length says how much it is. */
const CLEAR = 0.75;

interface Props extends ViewProps {
  found: ReadonlySignal<Attributed | null>;
  /** The same at all checkpoints, so that a bar grows while the slider moves. */
  scale: ReadonlySignal<Scale>;
}

export function Bars({ view, found, scale }: Props) {
  const { store } = view;
  const parts = useComputed(() =>
    found.value === null ? [] : partsOf(found.value, store.info.value?.heads ?? 1),
  );
  const point = (head: Head | null) => {
    view.hoverHead.value = head;
  };
  const leave = () => point(null);
  useLeaving(leave);
  const logit = found.value?.logit[0] ?? Number.NaN;
  return (
    <table class="ie-numbers ie-attribution-bars" aria-label="What adds to the logit" onPointerLeave={leave}>
      <thead>
        <tr>
          <th scope="col">part</th>
          <th scope="col">logits</th>
          <td aria-hidden="true" />
        </tr>
      </thead>
      <tbody>
        {parts.value.map((part, rank) => (
          // By rank: a frame of scrubbing changes texts, not rows.
          <tr key={rank} onPointerEnter={() => point(part.head)}>
            <th scope="row">{part.name}</th>
            <td>{changeText(part.value)}</td>
            <Bar view={view} value={part.value} scale={scale.value} />
          </tr>
        ))}
      </tbody>
      <tfoot>
        <tr>
          <th scope="row">logit, less the mean</th>
          <td>
            <strong>{scoreText(logit)}</strong>
          </td>
          <Bar view={view} value={logit} scale={scale.value} />
        </tr>
      </tfoot>
    </table>
  );
}

function Bar({ view, value, scale }: ViewProps & { value: number; scale: Scale }) {
  const share = (50 * Math.min(Math.abs(value) || 0, scale.max)) / scale.max;
  const style = {
    insetInlineStart: `${value < 0 ? 50 - share : 50}%`,
    width: `${share}%`,
    background: cellColors(scale, Math.sign(value) * CLEAR * scale.max, view.theme.value).fill,
  };
  return (
    <td class="ie-attribution-bar" aria-hidden="true">
      <span class="ie-attribution-zero" />
      <span class="ie-attribution-fill" style={style} />
    </td>
  );
}
