/** Whose logit: what comes next, the likeliest tokens here, or any of the prompt's. */
import type { ReadonlySignal } from "@preact/signals";
import { ranksOf } from "../../state/compared-tokens";
import type { Result } from "../../state/results";
import type { Store } from "../../state/store";
import { quoted } from "../../state/text";
import type { ViewProps } from "../../ui/view";

interface Props extends ViewProps {
  query: number;
  chosen: ReadonlySignal<{ token: number[] }>;
  choose: (token: number | null) => void;
  found: { predictions: Result<"predictions">; attribution: Result<"attribution"> };
}

/** Ids and their texts. */
type Tokens = Map<number, string>;

export function TokenChoice({ view, query, chosen, choose, found }: Props) {
  const { store } = view;
  const [likely, prompt] = [likeliest(store, found.predictions, query), ofPrompt(store)];
  const id = chosen.value.token[0];
  const named = id === undefined || likely.has(id) || prompt.has(id);
  const here = found.attribution.at(store.shown.value);
  return (
    <p class="ie-attribution-choice">
      <label>
        Logit of{" "}
        <select
          class="ie-select"
          aria-label="Logit of"
          value={id === undefined ? "" : String(id)}
          onChange={({ currentTarget: { value } }) => choose(value === "" ? null : Number(value))}
        >
          <option value="">{nextText(store, query)}</option>
          {!named && <option value={String(id)}>{quoted(here?.tokens[String(id)] ?? `#${id}`)}</option>}
          <Group label="Likeliest here" tokens={likely} />
          <Group label="In the prompt" tokens={prompt} />
        </select>
      </label>{" "}
      <span class="ie-note ie-hint">A click on a token of the prompt asks after that one.</span>
    </p>
  );
}

function Group({ label, tokens }: { label: string; tokens: Tokens }) {
  if (tokens.size === 0) return null;
  return (
    <optgroup label={label}>
      {[...tokens].map(([id, text]) => (
        <option key={id} value={String(id)}>
          {quoted(text)}
        </option>
      ))}
    </optgroup>
  );
}

function nextText({ promptInfo }: Store, query: number): string {
  const { tokens = [], answer = "" } = promptInfo.value ?? {};
  const next = tokens[query + 1];
  if (next !== undefined) return `the next token, ${quoted(next)}`;
  return answer === "" ? "the likeliest token" : `the answer, ${quoted(answer)}`;
}

function likeliest(store: Store, result: Result<"predictions">, query: number): Tokens {
  const found = result.at(store.shown.value);
  const count = found === null ? 0 : ranksOf(found);
  const ids = Array.from({ length: count }, (_, rank) => found?.ids[query * count + rank] ?? 0);
  return new Map(ids.map((id) => [id, found?.tokens[String(id)] ?? `#${id}`]));
}

function ofPrompt({ promptInfo }: Store): Tokens {
  const { ids = [], tokens = [] } = promptInfo.value ?? {};
  return new Map(ids.map((id, position) => [id, tokens[position] ?? ""]));
}
