/** What patterns and the token strip show of attention. */
import { ATTENTION_OF, type AttentionOf as Of } from "../state/shown-patterns";
import type { ViewProps } from "./view";

export function AttentionOf({ view: { store } }: ViewProps) {
  return (
    <select
      class="ie-select"
      aria-label="Patterns show"
      title={ATTENTION_OF[store.viewState.value.attention_of].formula || undefined}
      value={store.viewState.value.attention_of}
      onChange={({ currentTarget }) => store.arrange({ attention_of: currentTarget.value as Of })}
    >
      {Object.entries(ATTENTION_OF).map(([of, { choice }]) => (
        <option key={of} value={of}>
          {choice}
        </option>
      ))}
    </select>
  );
}
