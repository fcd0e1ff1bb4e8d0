/** The prompt, the answer expected after it, and what went wrong with them. */
import { type ReadonlySignal, type Signal, useSignal, useSignalEffect } from "@preact/signals";
import { useRef } from "preact/hooks";
import { sameTokens } from "../state/passage";
import type { Store } from "../state/store";
import { sentence } from "../state/text";
import { Alert } from "../ui/notices";
import type { ViewProps } from "../ui/view";

export function PromptForm({ view }: ViewProps) {
  const { store } = view;
  const text = useDraft(store.prompt, store);
  const answer = useDraft(store.answer, store);
  const { running, error } = store.promptRun.value;
  const problem = error ?? store.promptInfo.value?.error ?? null;
  const idle = store.connected.value && !running;
  const run = () => {
    if (idle) store.runPrompt(text.value, answer.value);
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
    event.preventDefault();
    run();
  };
  return (
    <form
      class="ie-prompt"
      onSubmit={(event) => {
        event.preventDefault();
        run();
      }}
      onKeyDown={onKeyDown}
    >
      <label class="ie-field ie-field-prompt">
        <span class="ie-heading">Prompt</span>
        <textarea
          class="ie-input"
          aria-label="Prompt"
          rows={2}
          spellcheck={false}
          value={text.value}
          onInput={(event) => {
            text.value = event.currentTarget.value;
          }}
        />
      </label>
      <label class="ie-field ie-field-answer">
        <span class="ie-heading">Answer</span>
        <input
          class="ie-input"
          type="text"
          aria-label="Answer"
          placeholder="optional"
          spellcheck={false}
          autocomplete="off"
          value={answer.value}
          onInput={(event) => {
            answer.value = event.currentTarget.value;
          }}
        />
      </label>
      <button type="submit" class="ie-button ie-run" disabled={!idle} title="Ctrl+Enter">
        Run
      </button>
      {problem !== null && <Alert {...problem} />}
      <OtherSeries view={view} />
    </form>
  );
}

/** Which other series cannot run this prompt, and why, or read it as other tokens. */
function OtherSeries({ view }: ViewProps) {
  const { seriesList, series, prompts } = view.store;
  const here = prompts.value[series.value];
  if (here === undefined || here.error !== null) return null;
  return (
    <>
      {seriesList.value.map(({ name }, index) => {
        const there = prompts.value[index];
        if (index === series.value || there === undefined) return null;
        if (there.error !== null) {
          return (
            <p class="ie-note ie-prompt-note" key={name}>
              <bdi>{name}</bdi> cannot run this prompt: {sentence(there.error.message)}
            </p>
          );
        }
        return sameTokens([here, there]) ? null : (
          <p class="ie-note ie-prompt-note" key={name}>
            <bdi>{name}</bdi> reads this prompt as {there.tokens.length} other tokens.
          </p>
        );
      })}
    </>
  );
}

/**
 * What stands in a field: follows the kernel's text, but never takes away what was typed and not run. Where prompts
 * are flipped through, that stays with the prompt it was typed at.
 */
function useDraft(text: ReadonlySignal<string>, { prompt, flips }: Store): Signal<string> {
  const draft = useSignal(text.peek());
  const followed = useRef(draft.peek());
  const of = useRef(prompt.peek());
  const left = useRef(new Map<string, string>());
  useSignalEffect(() => {
    const [before, now, next] = [of.current, prompt.value, text.value];
    const isOne = (wanted: string) => flips.peek().some(([one]) => one === wanted);
    const typed = draft.peek() === followed.current ? null : draft.peek();
    if (now !== before && isOne(before) && isOne(now)) {
      if (typed === null) left.current.delete(before);
      else left.current.set(before, typed);
      draft.value = left.current.get(now) ?? next;
    } else if (typed === null) draft.value = next;
    [followed.current, of.current] = [next, now];
  });
  return draft;
}
