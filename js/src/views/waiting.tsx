/** In the place of the widget while the kernel has not sent what it computed. */
import type { ReadonlySignal } from "@preact/signals";
import { render } from "preact";
import type { Theme } from "../color";
import { type Connection, WAITING } from "../connection";
import { watchKernel, watchTheme } from "../host";
import type { Model } from "../model";
import { Alert } from "./notices";

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
