/**
 * The prompt as tokens. Pointing at one shades the keys it attends to and underlines the queries that
 * attend to it, for the head named above the strip.
 */
import { type ReadonlySignal, useComputed, useSignalEffect } from "@preact/signals";
import { useRef } from "preact/hooks";
import { type Row, rowOf } from "../state/attention";
import { headName } from "../state/heads";
import { patternOf } from "../state/shown-patterns";
import { attentionLut } from "../ui/color";
import { Status } from "../ui/status";
import { TokenList } from "../ui/token-list";
import { useAttention } from "../ui/use-attention";
import type { ViewProps } from "../ui/view";
import { LockedToken } from "./locked-token";
import { TokenArcs } from "./token-arcs";
import { attended, type Before, exactly, shadeTokens } from "./token-shading";

export function Tokens({ view }: ViewProps) {
  const { store, pointed, readHead, theme, hover } = view;
  const { comparison } = store;
  const list = useRef<HTMLDivElement>(null);
  const tokens = useComputed(() => store.promptInfo.value?.tokens ?? []);
  useAttention(view, () => {
    const head = readHead.value;
    if (head === null) return [];
    const there =
      comparison.elsewhere.value && comparison.sameTokens.value ? comparison.counterpart(head) : null;
    const other = comparison.other.value;
    if (there === null || other === null) return [{ head }];
    return [{ head }, { head: there, series: other.series, at: other.checkpoint }];
  });
  /** Null while nothing is pointed at, so that scrubbing leaves the strip alone. */
  const pattern = useComputed(() =>
    pointed.value === null || readHead.value === null
      ? null
      : (patternOf(store, readHead.value).at(store.shown.value)?.patterns ?? null),
  );
  const row = useComputed(() =>
    pointed.value === null || readHead.value === null
      ? null
      : rowOf(store, readHead.value, store.shown.value, pointed.value.query),
  );
  const before = useComputed<Before | null>(() => {
    const [other, head] = [comparison.other.value, readHead.value];
    if (other === null || head === null || pointed.value === null || !comparison.sameTokens.value)
      return null;
    const there = comparison.counterpart(head);
    const row = there && rowOf(store, there, other.checkpoint, pointed.value.query, other.series);
    return { row, label: comparison.labelOf(head), at: comparison.elsewhere.value ? "in" : "at" };
  });
  useSignalEffect(() => {
    void tokens.value;
    const options = list.current?.children;
    const colors = attentionLut(store.viewState.value.attention_scale, theme.value);
    if (options !== undefined) shadeTokens(options, pointed.value, pattern.value, colors, theme.value);
  });

  const point = (index: number | null) => {
    if (index !== (hover.peek()?.query ?? null)) {
      hover.value = index === null ? null : { query: index, key: null, head: null };
    }
  };
  const toggleLock = (index: number) => {
    store.lockToken(store.lock.peek() === index ? null : index);
  };
  const unlock = () => {
    store.lockToken(null);
  };
  if (tokens.value.length === 0) return null;
  return (
    <div class="ie-tokens">
      <div class="ie-caption">
        <span class="ie-heading" role="heading" aria-level={3}>
          Tokens
        </span>
        <span class="ie-note">
          {readHead.value === null
            ? " select a head to see where they attend"
            : ` ${headName(readHead.value)}: shaded where the token attends, underlined what attends to it`}
        </span>
      </div>
      <div class="ie-strip">
        <TokenArcs view={view} list={list} pattern={pattern} />
        <TokenList
          list={list}
          tokens={tokens.value}
          label="Tokens"
          isSelected={(index) => store.lock.value === index}
          choose={toggleLock}
          point={point}
          leave={store.lock.value === null ? null : unlock}
        />
      </div>
      <Said view={view} tokens={tokens} row={row} before={before} />
      <LockedToken view={view} />
    </div>
  );
}

interface SaidProps extends ViewProps {
  tokens: ReadonlySignal<string[]>;
  row: ReadonlySignal<Row | null>;
  before: ReadonlySignal<Before | null>;
}

/** By itself, as it is another with every token that is pointed at, and the strip is long. */
function Said({ view: { pointed }, tokens, row, before }: SaidProps) {
  return (
    <div class="ie-attended">
      <Status text={attended(pointed.value, row.value, tokens.value, before.value)} />
      <span class="ie-note ie-exactly">{exactly(pointed.value, row.value, before.value)}</span>
    </div>
  );
}
