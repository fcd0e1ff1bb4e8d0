/** What the reader must know and cannot see in the pictures: lost kernel, errors, faults. */
import type { ErrorInfo } from "../model";
import type { ViewProps } from "./view";

export function Alert({ message, hint }: ErrorInfo) {
  return (
    <div class="ie-alert" role="alert">
      <strong>{message}</strong>
      {hint !== "" && <span> {hint}</span>}
    </div>
  );
}

export function Notices({ view }: ViewProps) {
  const { connected, requests, status, grid, info, shown } = view.store;
  const fault = info.value?.faults[shown.value];
  return (
    <div class="ie-notices">
      {!connected.value && (
        <Alert message="Disconnected from the kernel — run the cell again." hint="What is drawn stays." />
      )}
      {connected.value && requests.silent.value && (
        <Alert
          message="The kernel does not answer."
          hint="It may be busy with another cell, or gone: then run this cell again."
        />
      )}
      {status.value?.error && <Alert {...status.value.error} />}
      {grid.value !== null && "message" in grid.value && <Alert {...grid.value} />}
      {fault !== undefined && <Alert message="This checkpoint could not be used." hint={fault} />}
    </div>
  );
}
