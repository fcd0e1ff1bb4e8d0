/** Above whatever is drawn of losses: what they would cost where they are too many, or how far they are. */
import type { Result } from "../state/results";
import { Failures, OtherFailures } from "../ui/pending";
import type { ViewProps } from "../ui/view";

export function LossesState({ view, losses }: ViewProps & { losses: Result<"losses"> }) {
  return (
    <>
      <OtherFailures view={view} of={losses} />
      <Failures view={view} of={[losses]} />
    </>
  );
}
