/**
 * A handle of the slider: the browser's own range input, for the keyboard and for whoever does not see it, and over
 * its place on the axis a thumb, since the browser's would stand at equal steps.
 */
import type { PlacedAxis } from "../chart/plot";
import { nearest } from "../chart/pointing";
import type { SeriesInfo } from "../kernel/model";
import { saidOf } from "../state/findings";
import { checkpointText, sentence } from "../state/text";
import { followDrag, placeIn } from "../ui/pointing";

interface Props {
  name: "Checkpoint" | "Compare with";
  info: SeriesInfo;
  axis: PlacedAxis;
  index: number;
  move: (index: number) => void;
}

/** How far around its place a handle takes the pointer. */
const REACH = 12;

export function Handle({ name, info, axis: { left, right, x }, index, move }: Props) {
  const first = name === "Checkpoint";
  const at = x[index] ?? left;
  // Along all of the track; the second only around its thumb.
  const [from, to] = first ? [left, right] : [at, at];
  const onPointerDown = (down: PointerEvent) => {
    if (!down.isPrimary || down.button !== 0) return;
    const input = down.currentTarget as HTMLInputElement;
    const follow = (event: PointerEvent) => move(nearest(x, placeIn(event, input.parentElement ?? input)[0]));
    input.focus();
    followDrag(down, { move: follow, cancel: () => move(index) });
    follow(down);
  };
  return (
    <>
      <input
        type="range"
        class={`ie-range ${first ? "" : "ie-range-second"}`}
        aria-label={name}
        aria-valuetext={sentence(
          [checkpointText(info, index), saidOf(info, index)].filter(Boolean).join(" · "),
        )}
        min={0}
        max={info.labels.length - 1}
        step={1}
        value={index}
        style={{ left: `${from - REACH}px`, width: `${to - from + 2 * REACH}px` }}
        onPointerDown={onPointerDown}
        // The browser would move its own, unseen thumb.
        onMouseDown={(event) => event.preventDefault()}
        onTouchStart={(event) => event.preventDefault()}
        onInput={({ currentTarget }) => move(Number(currentTarget.value))}
      />
      <div
        class={`ie-thumb ${first ? "" : "ie-thumb-second"}`}
        style={{ transform: `translateX(${at}px)` }}
      />
    </>
  );
}
