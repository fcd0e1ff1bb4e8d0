/** Why an answer is not there yet, or never will be. */
import type { AnalysisKind } from "../contract.gen";
import { WAITING } from "../kernel/connection";
import type { Result } from "../state/results";
import type { Store } from "../state/store";
import { sentence } from "../state/text";
import { ComputeAnyway, StopComputing } from "./anyway";
import { TryAgain } from "./notices";
import type { ViewProps } from "./view";

/** In words, for the shown checkpoint. */
export function pendingText<A extends AnalysisKind>(store: Store, result: Result<A>): string {
  const { info, shown, settled, connection } = store;
  if (info.value?.faults[shown.value] !== undefined) return "This checkpoint could not be used.";
  if (result.failure(shown.value) !== null) return "This could not be computed.";
  const waiting = WAITING[connection.state.value];
  if (waiting !== WAITING.computing) return waiting;
  if (info.value?.light === false && shown.value !== settled.value) {
    return "Let go of the slider to compute this checkpoint.";
  }
  return `${waiting} ${result.known} of ${result.wanted} checkpoints`;
}

/** In the place of a figure of what the kernel computes unasked: why there is nothing to draw. */
export function absentText({ working, curves, connection }: Store, otherwise: string): string {
  const { state } = connection;
  return working.value || curves.fetching.value || state.value === "gone" ? WAITING[state.value] : otherwise;
}

/** "12 of 26 checkpoints" while some are on their way. */
export function progressText<A extends AnalysisKind>(store: Store, result: Result<A>): string {
  const { known, wanted } = result;
  return known > 0 && known < wanted && store.connected.value ? `${known} of ${wanted} checkpoints` : "";
}

/** The same after other words. */
export function Progress<A extends AnalysisKind>({ view, result }: ViewProps & { result: Result<A> }) {
  const text = progressText(view.store, result);
  return text === "" ? null : <> · {text}</>;
}

/** What went wrong in the other series, each at the checkpoint nearest to the shown one. */
export function OtherFailures({ view, of }: ViewProps & { of: Result<AnalysisKind> }) {
  const { seriesList, series, shownEach } = view.store;
  return (
    <>
      {seriesList.value.map(({ name }, index) => {
        const result = of.in(index);
        const error = result.failure(shownEach.value[index] ?? 0) ?? result.refusal;
        return index === series.value || error === null ? null : (
          <p class="ie-alert" role="alert" key={name}>
            <bdi>{name}</bdi>: {sentence(`${error.message} ${error.hint}`)}{" "}
            {error.anyway ? <ComputeAnyway view={view} result={result} /> : <TryAgain view={view} />}
          </p>
        );
      })}
    </>
  );
}

/** What went wrong at the shown checkpoint, or what takes long at others, each thing once. */
export function Failures({ view, of }: ViewProps & { of: Result<AnalysisKind>[] }) {
  const { shown } = view.store;
  const errorOf = (result: Result<AnalysisKind>) => result.failure(shown.value) ?? result.refusal;
  const known = new Map(of.map((result) => [errorOf(result)?.message, result]));
  return (
    <>
      {[...known].map(([said, result]) => {
        const error = errorOf(result);
        return error === null ? null : (
          <p class="ie-alert" role="alert" key={said}>
            {sentence(`${error.message} ${error.hint}`)}{" "}
            {error.anyway ? <ComputeAnyway view={view} result={result} /> : <TryAgain view={view} />}
          </p>
        );
      })}
      {of.map((result, index) => (
        <StopComputing key={index} view={view} result={result} />
      ))}
    </>
  );
}
