/** Why an answer is not there yet, or never will be. */
import type { AnalysisKind } from "../contract.gen";
import { WAITING } from "../kernel/connection";
import type { RequestError } from "../kernel/requests";
import type { Result } from "../state/results";
import type { Store } from "../state/store";
import { sentence, shortened } from "../state/text";
import { ComputeAnyway, StopComputing } from "./anyway";
import { TryAgain } from "./notices";
import type { ViewProps } from "./view";

/** In words, for the shown checkpoint. */
export function pendingText<A extends AnalysisKind>(store: Store, result: Result<A>): string {
  const { info, shown, settled, connection } = store;
  if (info.value?.faults[shown.value] !== undefined) return "This checkpoint could not be used.";
  const failure = result.failure(shown.value);
  if (failure !== null) return failure.anyway ? "Not computed yet." : failedText(failure);
  const waiting = WAITING[connection.state.value];
  if (waiting !== WAITING.computing) return waiting;
  if (info.value?.light === false && shown.value !== settled.value) {
    return "Let go of the slider to compute this checkpoint.";
  }
  return result.wanted === 1 ? waiting : `${waiting} ${result.known} of ${result.wanted} checkpoints`;
}

function failedText({ final }: RequestError): string {
  return final ? "This is not in the copy." : "This could not be computed.";
}

/** In the place of a figure of what the kernel computes unasked: why there is nothing to draw. */
export function absentText({ working, curves, connection }: Store, otherwise: string): string {
  const { state } = connection;
  return working.value || curves.fetching.value || state.value === "gone" ? WAITING[state.value] : otherwise;
}

/** Whether what is not known of the checkpoint where the slider rests may still come. */
export function mayCome({ working, curves, info, settled }: Store): boolean {
  return info.value?.faults[settled.value] === undefined && (working.value || curves.fetching.value);
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
          <Failed key={name} view={view} result={result} error={error} name={name} />
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
        return error && <Failed key={said} view={view} result={result} error={error} />;
      })}
      {of.map((result, index) => (
        <StopComputing key={index} view={view} result={result} />
      ))}
    </>
  );
}

/** Beside what is drawn over training, where that takes long: what it costs, or that it is computed. */
export function Throughout({ view, of }: ViewProps & { of: Result<AnalysisKind> }) {
  const { throughout: result } = of;
  if (!result.isApart) return null;
  const error = result.refusal;
  return (
    <>
      {error && <Failed view={view} result={result} error={error} />}
      <StopComputing view={view} result={result} />
    </>
  );
}

interface FailedProps extends ViewProps {
  result: Result<AnalysisKind>;
  error: RequestError;
  /** Of the series, where it is another. */
  name?: string;
}

/** What could be computed all the same is no failure that a figure has to tell of. */
function Failed({ view, result, error, name }: FailedProps) {
  return (
    <p class={`ie-alert ${error.anyway ? "ie-hint" : ""}`} role="alert">
      {name !== undefined && (
        <>
          <bdi>{shortened(name)}</bdi>:{" "}
        </>
      )}
      {sentence(`${error.message} ${error.hint}`)}{" "}
      {error.anyway ? <ComputeAnyway view={view} result={result} /> : <TryAgain view={view} error={error} />}
    </p>
  );
}
