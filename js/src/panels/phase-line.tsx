/** What was found of the phase change, in words, and what the reader made of it. */
import { precise } from "../state/text";
import { trainingOf } from "../state/training";
import type { ViewProps } from "../ui/view";

export function PhaseLine({ view }: ViewProps) {
  const { store } = view;
  const drawn = store.drawnWindow.value;
  const [phases, found, info] = [
    store.phases.value[store.series.value],
    store.window.value,
    store.info.value,
  ];
  if (info === null) return null;
  return (
    <p class="ie-note ie-phase">
      {found !== null && (
        <span class="ie-phase-window">
          <span class="ie-phase-swatch" aria-hidden="true" /> Phase change {span([found.from, found.to])}{" "}
          {store.unit.value}
        </span>
      )}
      {found?.intervals != null && (
        <>
          {" "}
          (95 %: start {span(found.intervals.from)}, end {span(found.intervals.to)}). {phases?.text}
        </>
      )}
      {drawn !== null && (
        <>
          , drawn by hand ·{" "}
          <button type="button" class="ie-link" onClick={() => store.drawWindow(null)}>
            as found
          </button>
        </>
      )}
      {found === null && phases?.text}
      {found === null && phases?.text && info.steps.length > 1 && (
        <>
          {" "}
          <button
            type="button"
            class="ie-link"
            onClick={() => store.drawWindow(middle(trainingOf(info, store.unit.value)))}
          >
            draw one
          </button>
        </>
      )}
      <Foreign view={view} />
      <Brush view={view} />
    </p>
  );
}

/** A window that was drawn in the other unit, on a page of other series. */
function Foreign({ view }: ViewProps) {
  const { viewState, drawnWindow, unit } = view.store;
  const { window, window_unit } = viewState.value;
  if (window === null || drawnWindow.value !== null) return null;
  return (
    <>
      {" "}
      The window of this view, {span(window)} {window_unit}, is not drawn: training is in {unit.value} here.
    </>
  );
}

/** The checkpoints brushed in a chart. */
function Brush({ view }: ViewProps) {
  const { store } = view;
  const info = store.info.value;
  if (store.viewState.value.brush === null || info === null) return null;
  const [first, last] = store.range.value;
  const xs = trainingOf(info, store.unit.value);
  return (
    <span class="ie-phase-brush">
      {" "}
      {last - first + 1} checkpoints brushed, {span([xs[first] ?? 0, xs[last] ?? 0])} {store.unit.value} ·{" "}
      <button type="button" class="ie-link" onClick={() => store.arrange({ brush: null })}>
        all
      </button>
    </span>
  );
}

/** The middle half of the checkpoints: somewhere to begin to drag. */
function middle(xs: number[]): [number, number] {
  const last = xs.length - 1;
  return [xs[Math.round(last / 4)] ?? 0, xs[Math.round((3 * last) / 4)] ?? 0];
}

function span([from, to]: [number, number]): string {
  return `${precise(from)}–${precise(to)}`;
}
