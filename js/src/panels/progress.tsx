/** Long work, or what it waits for, at the end of the header's line: coming and going, it moves nothing a reader points at. */
import { useSignal, useSignalEffect } from "@preact/signals";
import { WAITING } from "../kernel/connection";
import type { ViewProps } from "../ui/view";

/** Work shorter than this shows no progress bar: a flash would say less than nothing. */
const FLICKER_MS = 200;

export function Progress({ view }: ViewProps) {
  const { status, connection, working } = view.store;
  const late = useSignal(false);
  useSignalEffect(() => {
    late.value = false;
    if (!working.value) return;
    const timer = setTimeout(() => {
      late.value = true;
    }, FLICKER_MS);
    return () => clearTimeout(timer);
  });
  if (connection.state.value === "busy") {
    return (
      <div class="ie-progress">
        <span class="ie-progress-label">{WAITING.busy}</span>
      </div>
    );
  }
  if (!working.value || !late.value) return null;
  const { label, progress, done, total } = status.value;
  return (
    <div class="ie-progress">
      <div
        class="ie-progress-track"
        role="progressbar"
        aria-label={label}
        aria-valuemin={0}
        aria-valuemax={total}
        aria-valuenow={done}
        aria-valuetext={progress || undefined}
      >
        <div class="ie-progress-bar" style={{ width: `${total > 0 ? (100 * done) / total : 0}%` }} />
      </div>
      <span class="ie-progress-label">
        {label}
        {progress && ` · ${progress}`}
      </span>
    </div>
  );
}
