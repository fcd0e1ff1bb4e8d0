/** What the axis of training is, and the switch between its two scales. */
import { whichEstimated, whySteps } from "../state/training";
import type { ViewProps } from "../ui/view";

/** `right`: pixels from where the axis ends to the edge. */
export function AxisNote({ view, right }: ViewProps & { right: number }) {
  const { info, viewState, unit, unitName, seriesList } = view.store;
  if (info.value === null) return null;
  const scale = viewState.value.x_scale;
  const other = scale === "log" ? "linear" : "log";
  return (
    <div class="ie-axis-note" style={{ marginRight: `${right}px` }}>
      {unit.value === "tokens"
        ? `tokens seen${whichEstimated(seriesList.value)}`
        : `${unitName.value === "steps" ? "training steps" : unitName.value}, for ${whySteps(seriesList.value)}`}
      , {scale} scale
      <span class="ie-hint">
        {" "}
        ·{" "}
        <button type="button" class="ie-link" onClick={() => view.store.arrange({ x_scale: other })}>
          {other}
        </button>
      </span>
    </div>
  );
}
