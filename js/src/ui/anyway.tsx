/** What takes long is computed when the reader wants it all the same, and until the reader stops it. */
import { type AnalysisKind, DOING } from "../contract.gen";
import type { Result } from "../state/results";
import type { ViewProps } from "./view";

type Props = ViewProps & { result: Result<AnalysisKind> };

/** Beside what it would cost. */
export function ComputeAnyway({ view, result }: Props) {
  return view.store.connected.value ? (
    <button
      type="button"
      class="ie-link ie-hint"
      onClick={() => {
        result.anyway = true;
      }}
    >
      Compute it all the same
    </button>
  ) : null;
}

/** While it is computed. */
export function StopComputing({ view, result }: Props) {
  return result.anyway && result.isComing && view.store.connected.value ? (
    <p class="ie-note ie-hint">
      {DOING[result.analysis]} takes long.{" "}
      <button
        type="button"
        class="ie-link"
        onClick={() => {
          result.anyway = false;
        }}
      >
        Stop
      </button>
    </p>
  ) : null;
}
