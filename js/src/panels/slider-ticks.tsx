/** Under the track: a tick a checkpoint, some with where it is, the phase change and what is brushed. */
import { type ReadonlySignal, useComputed } from "@preact/signals";
import type { PlacedAxis } from "../chart/plot";
import { ABOUT, compact } from "../state/text";
import { trainingOf } from "../state/training";
import type { ViewProps } from "../ui/view";

/** From one label to the next, and of the last one with its unit, in pixels. */
const [APART, LAST] = [84, 130];

export function Ticks({ view, axis }: ViewProps & { axis: ReadonlySignal<PlacedAxis | null> }) {
  const { info, unit, unitName } = view.store;
  /** Not drawn anew when the slider moves. */
  const ticks = useComputed(() => {
    if (info.value === null || axis.value === null) return null;
    const { faults, tokens_estimated: estimated, steps } = info.value;
    const xs = trainingOf(info.value, unit.value);
    const places = axis.value.x;
    const labelled = labelledAt(places);
    return steps.map((step, index) => (
      <span
        key={step}
        class={`ie-tick ${faults[index] === undefined ? "" : "ie-tick-fault"}`}
        style={{ left: `${places[index]}px` }}
      >
        {labelled.has(index) && (
          <span class="ie-tick-label" aria-hidden="true">
            {unit.value === "tokens" && estimated[index] && ABOUT}
            {compact(xs[index] ?? 0)}
            {index === steps.length - 1 && <span class="ie-tick-unit"> {unitName.value}</span>}
          </span>
        )}
      </span>
    ));
  });
  return <>{ticks.value}</>;
}

/** The last, and from the first on whichever have room beside those before them. */
export function labelledAt(places: number[]): Set<number> {
  const end = places.length - 1;
  const found = new Set([end]);
  let free = Number.NEGATIVE_INFINITY;
  places.forEach((place, index) => {
    if (place < free || place > (places[end] ?? 0) - LAST) return;
    found.add(index);
    free = place + APART;
  });
  return found;
}

export function WindowOnTrack({ view, axis }: ViewProps & { axis: PlacedAxis }) {
  const { window, viewState, range } = view.store;
  const found = window.value;
  const [first, last] = range.value;
  const { left, right, x, at } = axis;
  const inside = (place: number) => Math.max(left, Math.min(right, place));
  return (
    <>
      {found !== null && (
        <Span name="ie-track-window" from={inside(at(found.from))} to={inside(at(found.to))} />
      )}
      {viewState.value.brush !== null && (
        <Span name="ie-track-brush" from={x[first] ?? left} to={x[last] ?? right} />
      )}
    </>
  );
}

function Span({ name, from, to }: { name: string; from: number; to: number }) {
  return <div class={name} style={{ left: `${from}px`, width: `${Math.max(3, to - from)}px` }} />;
}
