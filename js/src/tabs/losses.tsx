/** Above whatever is drawn of losses: what they would cost where they are too many, or how far they are. */
import type { Result } from "../state/results";
import type { Store } from "../state/store";
import { absentText, Failures, OtherFailures, pendingText } from "../ui/pending";
import type { ViewProps } from "../ui/view";

export function LossesState({ view, losses }: ViewProps & { losses: Result<"losses"> }) {
  return (
    <>
      <OtherFailures view={view} of={losses} />
      <Failures view={view} of={[losses]} />
    </>
  );
}

/** In the place of what is drawn of them, as long as there are none. */
export function absentLosses(store: Store, losses: Result<"losses">, otherwise: string): string {
  const asked = store.info.value?.measured_unasked === false && losses.known < losses.wanted;
  return asked ? pendingText(store, losses) : absentText(store, otherwise);
}
