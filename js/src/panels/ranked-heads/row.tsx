/** One head of the ranking. */
import { type ReadonlySignal, useSignalEffect } from "@preact/signals";
import { useRef } from "preact/hooks";
import { drawPattern } from "../../chart/pattern-drawing";
import type { Head } from "../../contract.gen";
import type { ScoreInfo, SeriesInfo } from "../../kernel/model";
import { classText, namedIn } from "../../state/classes";
import { headName, sameHead } from "../../state/heads";
import { readsPrompts } from "../../state/held";
import type { Store } from "../../state/store";
import { scoreText } from "../../state/text";
import { attentionLut, slotColor } from "../../ui/color";
import { mayCome } from "../../ui/pending";
import type { View, ViewProps } from "../../ui/view";
import type { Ranking } from "./list";
import { ROW } from "./rows";
import { Spark, spanOf } from "./spark";

/** A score of all heads at all checkpoints. */
export interface Column {
  score: ScoreInfo;
  /** [checkpoint, layer, head]; empty while it is not there. */
  values: Float32Array;
}

/** Of a pattern beside a head, in CSS pixels. */
const THUMBNAIL = 34;

interface Props extends ViewProps, Ranking {
  /** From 0. */
  row: number;
  isTabStop: boolean;
  /** Pixels of the screen in one CSS pixel. */
  ratio: ReadonlySignal<number>;
}

export function Row({ view, row, isTabStop, ratio, heads, first, second }: Props) {
  const { store, theme } = view;
  const [head, info, column] = [heads.value[row], store.info.value, first.value];
  if (head === undefined || info === null || column === null) return null;
  const name = headName(head);
  const slot = store.slots.value.get(name);
  const hovered = view.hoverHead.value !== null && sameHead(view.hoverHead.value, head);
  const said = (of: Column) => scoreOrComing(store, valueAt(of, info, store.settled.value, head));
  const [value, other] = [said(column), second.value && said(second.value)];
  const named = namedIn(store.classes.settled.value, info, head);
  const described = [
    ...(second.value === null ? [] : [`${second.value.score.name} ${other?.said}`]),
    ...(named === null ? [] : [classText(named)]),
  ];
  return (
    <div
      role="option"
      class={`ie-ranked-row ${hovered ? "ie-ranked-hovered" : ""}`}
      data-row={row}
      aria-label={`${row + 1} ${name} ${column.score.name} ${value.said}`}
      aria-description={described.length === 0 ? undefined : described.join("; ")}
      aria-posinset={row + 1}
      aria-setsize={heads.value.length}
      aria-selected={slot !== undefined}
      tabIndex={isTabStop ? 0 : -1}
      style={{
        transform: `translateY(${row * ROW}px)`,
        ...(slot !== undefined && { "--ie-slot": slotColor(slot, theme.value) }),
      }}
    >
      <span class="ie-ranked-rank">{row + 1}</span>
      <span class="ie-ranked-name">
        {name}
        {named?.first != null && <small title={classText(named)}> {named.first.letter}</small>}
      </span>
      <span class="ie-ranked-value">{value.shown}</span>
      {info.steps.length === 1 && <Bar column={column} value={valueAt(column, info, 0, head)} />}
      {readsPrompts(info) ? <Thumbnail key={name} view={view} head={head} ratio={ratio} /> : <span />}
      <span class="ie-ranked-other">{other?.shown}</span>
      {info.steps.length > 1 && <Spark view={view} head={head} column={column} />}
    </div>
  );
}

/** The head's pattern at the checkpoint that is ranked, where it is there; never another one's. */
function Thumbnail({ view, head, ratio }: { view: View; head: Head; ratio: ReadonlySignal<number> }) {
  const { store, theme } = view;
  const canvas = useRef<HTMLCanvasElement>(null);
  useSignalEffect(() => {
    const tokens = store.promptInfo.value?.tokens.length ?? 0;
    const found = store.results.of("patterns", { head }).at(store.settled.value);
    const colors = attentionLut(store.viewState.value.attention_scale, theme.value);
    if (canvas.current === null) return;
    drawPattern(canvas.current, tokens, found?.patterns ?? null, colors, THUMBNAIL * ratio.value);
  });
  return (
    <span class="ie-ranked-pattern" aria-hidden="true">
      <canvas ref={canvas} />
    </span>
  );
}

/** The value as a length from 0, where there is nothing along training to draw. */
function Bar({ column, value }: { column: Column; value: number }) {
  const [low, high] = spanOf(column);
  const place = (at: number) => (100 * (at - low)) / (high - low);
  const [from, to] = [Math.min(0, value), Math.max(0, value)].map(place) as [number, number];
  const style = { marginLeft: `${from}%`, width: `${to - from}%` };
  return <span class="ie-ranked-bar">{Number.isFinite(value) && <span style={style} />}</span>;
}

/** A score as it is shown and said; of one that may still come, that. */
function scoreOrComing(store: Store, value: number) {
  return Number.isNaN(value) && mayCome(store)
    ? { shown: "…", said: "still being computed" }
    : { shown: scoreText(value), said: scoreText(value) };
}

export function valueAt(
  { values }: Column,
  { layers, heads }: SeriesInfo,
  at: number,
  [layer, head]: Head,
): number {
  return values[(at * layers + layer) * heads + head] ?? Number.NaN;
}
