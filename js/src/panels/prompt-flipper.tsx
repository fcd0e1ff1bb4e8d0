/** From prompt to prompt where there are several: the ones next to the shown one, or any by its text. */
import { shortened, visible } from "../state/text";
import type { ViewProps } from "../ui/view";

/** Letters of one in the list, which is as wide as its widest. */
const MOST = 90;

export function PromptFlipper({ view }: ViewProps) {
  const { store } = view;
  const [flips, at] = [store.flips.value, store.flipAt.value];
  if (flips.length < 2) return null;
  const canFlip = store.connected.value;
  const step = (by: -1 | 1, name: string, sign: string) => {
    // Not `disabled`, which would take the focus from who goes through them by keys.
    const isEnd = !canFlip || flips[at + by] === undefined;
    return (
      <button
        type="button"
        class="ie-button ie-flip"
        aria-label={name}
        aria-disabled={isEnd}
        title={name}
        onClick={() => store.flipBy(by)}
      >
        {sign}
      </button>
    );
  };
  return (
    <div class="ie-flipper" role="group" aria-label="Several prompts">
      {step(-1, "Previous prompt", "‹")}
      <select
        class="ie-select"
        aria-label="Prompts"
        disabled={!canFlip}
        value={String(at)}
        onChange={({ currentTarget }) => {
          const chosen = Number(currentTarget.value);
          currentTarget.value = String(at); // until the kernel shows it
          store.flipTo(chosen);
        }}
      >
        {flips.map(([text, answer], index) => (
          <option key={`${text}\n${answer}`} value={index}>
            {visible(shortened(text, MOST))}
            {answer !== "" && ` → ${visible(shortened(answer.trim(), MOST / 3))}`}
          </option>
        ))}
      </select>
      {step(1, "Next prompt", "›")}
      <span class="ie-note" aria-live="polite">
        prompt {at + 1} of {flips.length}
        {!canFlip && "; others need the kernel"}
      </span>
    </div>
  );
}
