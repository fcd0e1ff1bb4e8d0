/** What the reader must know and cannot see in the pictures: lost kernel, errors, faults. */
import type { ComponentChildren } from "preact";
import type { ConnectionState } from "../kernel/connection";
import type { ErrorInfo } from "../kernel/model";
import { sentence } from "../state/text";
import type { ViewProps } from "./view";

export function Alert({ message, hint, children }: ErrorInfo & { children?: ComponentChildren }) {
  return (
    <div class="ie-alert" role="alert">
      <strong>{sentence(message)}</strong>
      {hint !== "" && <span> {sentence(hint)}</span>}
      {children !== undefined && <span> {children}</span>}
    </div>
  );
}

/** Beside what went wrong, unless that is final: asks for all of it once more. */
export function TryAgain({ view, error }: ViewProps & { error: ErrorInfo }) {
  const { store } = view;
  return store.connected.value && !error.final ? (
    <button type="button" class="ie-link ie-hint" onClick={() => store.tryAgain()}>
      Try again
    </button>
  ) : null;
}

/** What there is to say of the kernel beyond the panels' own words. */
const KERNEL: Partial<Record<ConnectionState, ErrorInfo>> = {
  connecting: { message: "The connection to the kernel is lost.", hint: "The notebook is looking for it." },
  silent: {
    message: "The kernel does not answer.",
    hint: "It may be busy with another cell, or gone: then run this cell again.",
  },
};

export function Notices({ view }: ViewProps) {
  const { connection, status, grid, info, shown, comparison } = view.store;
  const kernel =
    connection.state.value === "gone"
      ? { message: connection.farewell, hint: "What is drawn stays." }
      : KERNEL[connection.state.value];
  const fault = info.value?.faults[shown.value];
  const compared = comparison.other.value;
  const other = compared?.info.faults[compared.checkpoint];
  return (
    <div class="ie-notices">
      {kernel !== undefined && <Alert {...kernel} />}
      {status.value?.error && <Alert {...status.value.error} />}
      {grid.value !== null && "message" in grid.value && (
        <Alert {...grid.value}>
          <TryAgain view={view} error={grid.value} />
        </Alert>
      )}
      {fault !== undefined && <Alert message="This checkpoint could not be used." hint={fault} />}
      {other !== undefined && (comparison.elsewhere.value || compared?.checkpoint !== shown.value) && (
        <Alert
          message={`The checkpoint compared with, ${comparison.label.value}, could not be used.`}
          hint={other}
        />
      )}
    </div>
  );
}
