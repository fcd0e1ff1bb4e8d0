/** Over the track: grey marks on checkpoints that may not be what their names say, and why. */
import { type ReadonlySignal, useComputed } from "@preact/signals";
import type { PlacedAxis } from "../chart/plot";
import { nearest } from "../chart/pointing";
import { doubtsText, findingText } from "../state/findings";
import { sentence } from "../state/text";
import { OneLine } from "../ui/one-line";
import type { ViewProps } from "../ui/view";

interface Placed extends ViewProps {
  axis: ReadonlySignal<PlacedAxis | null>;
}

/** How far from a mark it is pointed at, in pixels. */
const REACH = 5;

export function Marks({ view, axis }: Placed) {
  /** Not drawn anew when the slider moves. */
  const marks = useComputed(
    () =>
      axis.value &&
      view.store.info.value?.findings.flatMap(({ doubtful, checkpoints }) =>
        checkpoints.map((index) => (
          <div
            key={`${index} ${doubtful}`}
            class={`ie-mark ${doubtful ? "" : "ie-mark-note"}`}
            style={{ left: `${axis.value?.x[index]}px` }}
          />
        )),
      ),
  );
  return <>{marks.value}</>;
}

/** What is known against the checkpoint that is pointed at; `place` is that of the pointer. */
export function MarkTip({ view, axis, place }: Placed & { place: ReadonlySignal<number | null> }) {
  const info = view.store.info.value;
  const [placed, pointer] = [axis.value, place.value];
  if (info === null || placed === null || pointer === null) return null;
  const index = nearest(placed.x, pointer);
  const x = placed.x[index] ?? 0;
  const said = findingText(info, index);
  if (said === "" || Math.abs(x - pointer) > REACH) return null;
  return (
    <div
      class="ie-mark-tip"
      role="tooltip"
      style={x > placed.right / 2 ? { right: `calc(100% - ${x}px)` } : { left: `${x}px` }}
    >
      {sentence(said)}
    </div>
  );
}

/** What is known against the checkpoints at the handles, or of how many others. */
export function FindingsLine({ view }: ViewProps) {
  const { info, shown, comparison } = view.store;
  const [here, other] = [info.value, comparison.other.value];
  if (here === null || here.findings.length + (other?.info.findings.length ?? 0) === 0) return null;
  const said = [findingText(here, shown.value), other && findingText(other.info, other.checkpoint)];
  const text = [...new Set(said)].filter(Boolean).join(" | ") || doubtsText(here);
  return <OneLine>{sentence(text) || "\xa0"}</OneLine>;
}
