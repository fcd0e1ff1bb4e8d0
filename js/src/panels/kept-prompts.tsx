/** The prompts that a store keeps, to choose from: no model is there to run others. */
import { shortened, visible } from "../state/text";
import { Alert } from "../ui/notices";
import type { ViewProps } from "../ui/view";

/** Letters of one in the list, which is as wide as its widest. */
const MOST = 200;

export function KeptPrompts({ view }: ViewProps) {
  const { store } = view;
  const kept = store.info.value?.kept_prompts ?? [];
  const here = kept.findIndex(
    ([text, answer]) => text === store.prompt.value && answer === store.answer.value,
  );
  const { running, error } = store.promptRun.value;
  const problem = error ?? store.promptInfo.value?.error ?? null;
  return (
    <div class="ie-prompt">
      <label class="ie-field ie-field-prompt">
        <span class="ie-heading">Prompt</span>
        <select
          class="ie-select"
          aria-label="Prompt"
          disabled={running || !store.connected.value}
          value={here}
          onChange={(event) => {
            const [text, answer] = kept[Number(event.currentTarget.value)] ?? ["", ""];
            store.runPrompt(text, answer);
          }}
        >
          {kept.map(([text, answer], index) => (
            <option key={`${text}\n${answer}`} value={index}>
              {visible(shortened(answer ? `${text} → ${answer.trim()}` : text, MOST))}
            </option>
          ))}
        </select>
      </label>
      {problem !== null && <Alert {...problem} />}
    </div>
  );
}
