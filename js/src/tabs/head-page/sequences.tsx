/** The sequences of a head's page as a list, of which one is open: its tokens, lit by what is pointed at. */
import { useComputed, useSignal, useSignalEffect } from "@preact/signals";
import { useRef } from "preact/hooks";
import { triangleIndex } from "../../kernel/arrays";
import { attended, shadeTokens } from "../../panels/token-shading";
import { quoted, scoreText } from "../../state/text";
import { attentionLut } from "../../ui/color";
import { Status } from "../../ui/status";
import { TokenList } from "../../ui/token-list";
import { TokenText } from "../../ui/token-text";
import type { ViewProps } from "../../ui/view";
import { type Page, type Sequence, sequencesOf } from "./shown";

const INTERVALS = 5;
/** Tokens of an excerpt before the query, and after it. */
const [BEFORE, AFTER] = [5, 3];

interface Props extends ViewProps {
  page: Page;
  /** The row that is open; null for the strongest. */
  open: number | null;
  choose: (row: number | null) => void;
}

export function Sequences({ view, page, open, choose }: Props) {
  const sequences = sequencesOf(page);
  const shown = sequences.some(({ row }) => row === open) ? open : (sequences[0]?.row ?? null);
  return (
    <ol class="ie-sequences" aria-label="Sequences, the strongest first">
      {sequences.map((sequence, nth) => {
        const { row, interval } = sequence;
        return (
          <li key={row}>
            {interval !== sequences[nth - 1]?.interval && <Interval interval={interval} />}
            <button
              type="button"
              class="ie-sequence"
              aria-expanded={row === shown}
              onClick={() => choose(row)}
            >
              <span class="ie-sequence-strength">{scoreText(sequence.strength)}</span>
              <Excerpt sequence={sequence} />
            </button>
            {row === shown && <Open key={row} view={view} page={page} sequence={sequence} />}
          </li>
        );
      })}
    </ol>
  );
}

function Interval({ interval }: { interval: number }) {
  const ends: Record<number, string> = { 1: ", the weakest fifth", [INTERVALS]: ", the strongest fifth" };
  return (
    <p class="ie-note">
      interval {interval}
      {ends[interval]}
    </p>
  );
}

/** Around the query of the strongest cell, with the key where that is near. */
function Excerpt({ sequence: { tokens, query, key } }: { sequence: Sequence }) {
  const from = Math.max(0, query - BEFORE);
  return (
    <span class="ie-sequence-text">
      {key < from && (
        <>
          <TokenAt tokens={tokens} at={key} kind="key" />
          <span> … </span>
        </>
      )}
      {tokens.slice(from, query + AFTER + 1).map((_, nth) => (
        <TokenAt
          key={nth}
          tokens={tokens}
          at={from + nth}
          kind={from + nth === query ? "query" : from + nth === key ? "key" : ""}
        />
      ))}
    </span>
  );
}

function TokenAt({ tokens, at, kind }: { tokens: string[]; at: number; kind: "key" | "query" | "" }) {
  const text = <TokenText text={tokens[at] ?? ""} limit={16} />;
  return kind === "" ? text : <mark class={`ie-sequence-${kind}`}>{text}</mark>;
}

function Open({ view, page, sequence }: ViewProps & { page: Page; sequence: Sequence }) {
  const { store, theme } = view;
  const { tokens, triangle, row } = sequence;
  const list = useRef<HTMLDivElement>(null);
  const [hovered, held] = [useSignal<number | null>(null), useSignal<number | null>(null)];
  /** To begin with, the query with most attention. */
  const query = useComputed(() => hovered.value ?? held.value ?? sequence.query);
  useSignalEffect(() => {
    const options = list.current?.children;
    const colors = attentionLut(store.viewState.value.attention_scale, theme.value);
    const pointed = { query: query.value, key: null, head: null };
    if (options !== undefined) shadeTokens(options, pointed, triangle, colors, theme.value);
  });
  const text = page.texts[row];
  return (
    <div class="ie-sequence-open">
      <TokenList
        list={list}
        tokens={tokens}
        label={`Row ${row}`}
        isSelected={(index) => held.value === index}
        choose={(index) => {
          held.value = held.peek() === index ? null : index;
        }}
        point={(index) => {
          hovered.value = index;
        }}
        leave={
          held.value === null
            ? null
            : () => {
                held.value = null;
              }
        }
      />
      <Said query={query} sequence={sequence} />
      {text !== undefined && !view.onPaper && (
        <button
          type="button"
          class="ie-button ie-hint"
          disabled={!store.connected.value || store.promptRun.value.running}
          onClick={() => store.runPrompt(text, "")}
        >
          Use as prompt
        </button>
      )}
    </div>
  );
}

/** By itself, as it is another with every token that is pointed at, and the list is long. */
function Said({ query: { value: query }, sequence }: { query: { value: number }; sequence: Sequence }) {
  const { tokens, triangle } = sequence;
  const row = triangle.subarray(triangleIndex(query, 0), triangleIndex(query + 1, 0));
  const values = Float32Array.from(row, (value) => value / 255);
  const paid = attended({ query, key: null, head: null }, { values, exact: false, after: "" }, tokens);
  let [from, most] = [-1, 0];
  for (let later = query + 1; later < tokens.length; later++) {
    const value = triangle[triangleIndex(later, query)] ?? 0;
    if (value > most) [from, most] = [later, value];
  }
  const got =
    from < 0
      ? "no later query attends to it"
      : `query ${from} ${quoted(tokens[from] ?? "")} attends ${(most / 255).toFixed(2)} to it`;
  return <Status text={`${paid}; ${got}`} />;
}
