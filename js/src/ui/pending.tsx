/** Why a cause is not there yet, or never will be. */

import { WAITING } from "../kernel/connection";
import type { RequestError } from "../kernel/requests";
import type { Cause } from "../state/causes";
import type { Store } from "../state/store";
import { sentence } from "../state/text";
import { TryAgain } from "./notices";
import type { ViewProps } from "./view";

/** In words, for the shown checkpoint. */
export function pendingText(store: Store, cause: Cause): string {
  const { info, shown, settled, connection } = store;
  if (info.value?.faults[shown.value] !== undefined) return "This checkpoint could not be used.";
  if (cause.failure(shown.value) !== null) return "This could not be computed.";
  const waiting = WAITING[connection.state.value];
  if (waiting !== WAITING.computing) return waiting;
  if (info.value?.light === false && shown.value !== settled.value) {
    return "Let go of the slider to compute this checkpoint.";
  }
  return `${waiting} ${cause.known} of ${cause.wanted} checkpoints`;
}

/** In the place of a figure of what the kernel computes unasked: why there is nothing to draw. */
export function absentText({ working, connection }: Store, otherwise: string): string {
  const { state } = connection;
  return working.value || state.value === "gone" ? WAITING[state.value] : otherwise;
}

/** "12 of 26 checkpoints" while some are on their way. */
export function progressText(store: Store, { known, wanted }: Cause): string {
  return known > 0 && known < wanted && store.connected.value ? `${known} of ${wanted} checkpoints` : "";
}

/** The same after other words. */
export function Progress({ view, cause }: ViewProps & { cause: Cause }) {
  const text = progressText(view.store, cause);
  return text === "" ? null : <> · {text}</>;
}

/** What went wrong, each thing once. */
export function Failures({ view, errors }: ViewProps & { errors: (RequestError | null)[] }) {
  const known = new Map(errors.filter((error) => error !== null).map((error) => [error.message, error]));
  return (
    <>
      {[...known.values()].map(({ message, hint }) => (
        <p class="ie-alert" role="alert" key={message}>
          {sentence(`${message} ${hint}`)} <TryAgain view={view} />
        </p>
      ))}
    </>
  );
}
