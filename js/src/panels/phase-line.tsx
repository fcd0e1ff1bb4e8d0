/** What was found of the phase change: first when and where, in plain words, then what the reader made of it. */
import type { PhaseInfo } from "../kernel/model";
import { precise, sentence } from "../state/text";
import { trainingOf } from "../state/training";
import { More } from "../ui/more";
import type { ViewProps } from "../ui/view";

export function PhaseLine({ view }: ViewProps) {
  const { store } = view;
  const [phases, window, info] = [
    store.phases.value[store.series.value],
    store.window.value,
    store.info.value,
  ];
  if (info === null) return null;
  const drawn = store.drawnWindow.value !== null;
  return (
    <>
      <p class="ie-formation ie-meaning" aria-live="polite">
        {phases !== undefined && inPlainWords(phases, store.unitName.value)}
      </p>
      <p class="ie-note ie-phase">
        {window !== null && (
          <span class="ie-phase-window">
            <span class="ie-phase-swatch" aria-hidden="true" /> Phase change {span([window.from, window.to])}{" "}
            {store.unitName.value}
          </span>
        )}
        {!drawn && window !== null && spokenFor(phases)}
        {drawn && (
          <>
            , drawn by hand
            <span class="ie-hint">
              {" "}
              ·{" "}
              <button type="button" class="ie-link" onClick={() => store.drawWindow(null)}>
                as found
              </button>
            </span>
          </>
        )}
        {window === null && phases?.text && info.steps.length > 1 && (
          <button
            type="button"
            class="ie-link ie-hint"
            onClick={() => store.drawWindow(middle(trainingOf(info, store.unit.value)))}
          >
            Draw a window
          </button>
        )}
        <Foreign view={view} />
        <Brush view={view} />
      </p>
      {phases?.tested && <Test view={view} phases={phases} />}
    </>
  );
}

/** Where nothing could be tested: why. */
function inPlainWords({ tested, formation, window, text }: PhaseInfo, unit: string): string {
  if (!tested) return text;
  if (formation !== null) {
    const { start, end, heads } = formation;
    const form = heads.length === 1 ? "An induction head forms" : "Induction heads form";
    return `${form} between ${precise(start)} and ${precise(end)} ${unit}: ${listed(heads)}.`;
  }
  return window === null
    ? "No abrupt change was found: no induction head forms at once."
    : "The model changes abruptly, but no induction head was seen to form at once.";
}

/** The curve of which the window is. */
function spokenFor(phases: PhaseInfo | undefined): string {
  const speaking = phases?.order.find(({ speaks }) => speaks);
  return speaking === undefined ? "" : `, by ${speaking.curve}`;
}

function Test({ view, phases }: ViewProps & { phases: PhaseInfo }) {
  const intervals = view.store.drawnWindow.value === null ? phases.window : null;
  return (
    <More class="ie-tested" summary="How this was tested">
      {() => (
        <p class="ie-note">
          {intervals !== null &&
            `95 % intervals: start ${span(intervals.from_interval)}, end ${span(intervals.to_interval)}. `}
          {sentence(phases.text)}
        </p>
      )}
    </More>
  );
}

/** "L1H2, L1H0 and L1H3"; of many, the first. */
function listed(heads: string[]): string {
  const [named, more] = [heads.slice(0, NAMED), heads.length - NAMED];
  if (more > 0) return `${named.join(", ")} and ${more} more`;
  return heads.length < 2 ? heads.join("") : `${heads.slice(0, -1).join(", ")} and ${heads.at(-1)}`;
}

const NAMED = 6;

/** A window that was drawn in the other unit, on a page of other series. */
function Foreign({ view }: ViewProps) {
  const { viewState, drawnWindow, unitName } = view.store;
  const { window, window_unit } = viewState.value;
  if (window === null || drawnWindow.value !== null) return null;
  return (
    <>
      {" "}
      The window of this view, {span(window)} {window_unit}, is not drawn: training is in {unitName.value}{" "}
      here.
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
      {last - first + 1} checkpoints brushed, {span([xs[first] ?? 0, xs[last] ?? 0])} {store.unitName.value}
      <span class="ie-hint">
        {" "}
        ·{" "}
        <button type="button" class="ie-link" onClick={() => store.arrange({ brush: null })}>
          all
        </button>
      </span>
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
