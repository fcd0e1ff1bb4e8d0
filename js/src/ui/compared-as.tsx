/** With two handles: how what is compared is shown. */
import type { ViewState } from "../kernel/model";
import type { ViewProps } from "./view";

type Choice = "compared_scores" | "compared_patterns";

interface Props<K extends Choice> extends ViewProps {
  label: string;
  choice: K;
  /** Each way, in words. */
  ways: Record<ViewState[K], string>;
}

export function ComparedAs<K extends Choice>({ view, label, choice, ways }: Props<K>) {
  const { store } = view;
  return (
    <select
      class="ie-select ie-compared-as"
      aria-label={label}
      value={store.viewState.value[choice]}
      onChange={({ currentTarget }) => store.arrange({ [choice]: currentTarget.value })}
    >
      {Object.entries<string>(ways).map(([way, words]) => (
        <option key={way} value={way}>
          {words}
        </option>
      ))}
    </select>
  );
}
