/** In the place of what is computed by a model, where a series was opened without one. */
import { shortened } from "../state/text";
import type { ViewProps } from "./view";

export function NeedsModel({ view, what }: ViewProps & { what: string }) {
  const { info } = view.store;
  return (
    <p class="ie-note ie-needs-model">
      {what} a model: <code>InductionExplorer(series)</code>. <bdi>{shortened(info.value?.name ?? "")}</bdi>{" "}
      {info.value?.without_model}
    </p>
  );
}
