/** What the reader must know and cannot see in the pictures: lost kernel, errors, faults, long work. */
import { useSignal, useSignalEffect } from "@preact/signals";
import type { ErrorInfo } from "../model";
import type { ViewProps } from "./view";

/** Work shorter than this shows no progress bar: a flash would say less than nothing. */
const FLICKER_MS = 200;

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
      <Progress view={view} />
    </div>
  );
}

function Progress({ view }: ViewProps) {
  const { status, connected, working } = view.store;
  const late = useSignal(false);
  useSignalEffect(() => {
    late.value = false;
    if (!working.value) return;
    const timer = setTimeout(() => {
      late.value = true;
    }, FLICKER_MS);
    return () => clearTimeout(timer);
  });
  if (!working.value || !late.value || !connected.value) return null;
  const { label, done, total } = status.value;
  return (
    <div class="ie-progress">
      <div
        class="ie-progress-track"
        role="progressbar"
        aria-label={label}
        aria-valuemin={0}
        aria-valuemax={total}
        aria-valuenow={done}
      >
        <div class="ie-progress-bar" style={{ width: `${total > 0 ? (100 * done) / total : 0}%` }} />
      </div>
      <span class="ie-progress-label">
        {label}
        {total > 0 && ` · ${done} of ${total}`}
      </span>
    </div>
  );
}
