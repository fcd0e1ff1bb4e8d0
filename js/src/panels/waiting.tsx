/** In the place of the widget while the kernel has not sent what it computed. */
import type { ReadonlySignal } from "@preact/signals";
import { render } from "preact";
import { type Connection, WAITING } from "../kernel/connection";
import type { Model } from "../kernel/model";
import type { Theme } from "../ui/color";
import { watchKernel, watchTheme } from "../ui/host";
import { Alert } from "../ui/notices";

export function mountWaiting(
  model: Model,
  connection: Connection,
  el: HTMLElement,
  abort: AbortSignal,
): void {
  if (abort.aborted) return;
  watchKernel(model, el, connection, abort);
  render(<Waiting connection={connection} theme={watchTheme(abort)} />, el);
  abort.addEventListener("abort", () => render(null, el), { once: true });
}

function Waiting({ connection, theme }: { connection: Connection; theme: ReadonlySignal<Theme> }) {
  const state = connection.state.value;
  return (
    <div class="ie" data-theme={theme.value}>
      {state === "gone" ? (
        <Alert
          message="Disconnected from the kernel before its results had arrived."
          hint="Run the cell again."
        />
      ) : (
        <p class="ie-note">{state === "computing" ? "fetching what was computed …" : WAITING[state]}</p>
      )}
    </div>
  );
}
