/** One pattern, large: token names on both axes, to be magnified and moved, each cell with its number. */
import { type ReadonlySignal, useComputed } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { AttentionLegend } from "../../chart/attention-legend";
import { usePixelRatio } from "../../chart/canvas";
import type { Head } from "../../contract.gen";
import { Save } from "../../export/save";
import { exactPatternTable, patternTable } from "../../export/tables";
import { rowOf } from "../../state/attention";
import { headName } from "../../state/heads";
import { isWeighed, patternOf, saysOf } from "../../state/shown-patterns";
import { checkpointText, isolated, shortened } from "../../state/text";
import { Status } from "../../ui/status";
import { useAttention } from "../../ui/use-attention";
import { useSquare } from "../../ui/use-size";
import type { View } from "../../ui/view";
import { attended } from "../token-shading";
import { Cells } from "./cells";
import { onKey, STEP } from "./keys";
import { Names, useEvery } from "./names";
import { useZooming } from "./zooming";

interface Props {
  view: View;
  head: Head;
  checkpoint: ReadonlySignal<number>;
  /** The head of another series, where that one's pattern is compared with this head's. */
  elsewhere?: { head: Head; series: number };
  closed: () => void;
  /** The same on paper. */
  figure: (paper: View) => ComponentChildren;
}

export function Enlarged({ view, head, checkpoint, elsewhere, closed, figure }: Props) {
  const { store, hover } = view;
  const dialog = useRef<HTMLDialogElement>(null);
  const [stage, side] = useSquare<HTMLDivElement>();
  const { head: whose, series } = elsewhere ?? { head, series: undefined };
  const name = headName(whose);
  const tokens = useComputed(() => store.promptInfo.value?.tokens ?? []);
  const triangle = useComputed(() => patternOf(store, whose, series).at(checkpoint.value)?.patterns ?? null);
  useAttention(view, () => [series === undefined ? { head } : { head: whose, series, at: checkpoint.value }]);
  const row = useComputed(() =>
    view.pointed.value === null
      ? null
      : rowOf(store, whose, checkpoint.value, view.pointed.value.query, series),
  );
  const zooming = useZooming(tokens, side, usePixelRatio());
  const every = useEvery(tokens, zooming);

  useEffect(() => {
    dialog.current?.showModal();
    stage.current?.querySelector<HTMLElement>("[tabindex]")?.focus();
  }, [stage]);
  const close = () => {
    dialog.current?.close(); // until then, nothing beside it takes the focus
    closed();
  };
  const point = (cell: readonly [number, number] | null) => {
    const before = hover.peek();
    if (before?.query === cell?.[0] && before?.key === cell?.[1]) return;
    hover.value = cell === null ? null : { query: cell[0], key: cell[1], head };
  };

  const only = () => ({ head: whose, series, checkpoint: checkpoint.value });
  const info = store.seriesList.value[series ?? store.series.value];
  return (
    <dialog
      ref={dialog}
      class="ie-enlarged"
      aria-label={`Attention pattern ${name}, enlarged`}
      onKeyDown={(event) => onKey(event, { view, tokens, zooming, point, close })}
      onCancel={(event) => {
        event.preventDefault();
        close();
      }}
      onClick={({ target }) => {
        if (target === dialog.current) close(); // beside it
      }}
    >
      <div class="ie-enlarged-body">
        <div class="ie-enlarged-head">
          <span class="ie-heading">{name}</span>
          <span class="ie-note">
            {series !== undefined && `${isolated(shortened(info?.name ?? ""))} `}
            {info !== undefined && checkpointText(info, checkpoint.value)}
          </span>
          <AttentionLegend view={view} />
          <Save
            view={view}
            title={`Pattern of ${name}`}
            about={{ prompt: true, says: saysOf(store) }}
            draw={figure}
            table={() => patternTable(store, only())}
            shownTable={() => patternTable(store, only(), view.pointed.value?.query)}
            {...(!isWeighed(store) && { exactTable: () => exactPatternTable(store, only()) })}
          />
          <span class="ie-enlarged-buttons">
            <Button name="Zoom out" text="−" press={() => zooming.magnify(1 / STEP)} />
            <Button name="Zoom in" text="+" press={() => zooming.magnify(STEP)} />
            <Button name="Show all" text="all" press={zooming.showAll} />
            <Button name="Close" text="×" press={close} />
          </span>
        </div>
        <div class="ie-enlarged-plot">
          <span class="ie-axis ie-axis-query">query</span>
          <Names view={view} axis="query" tokens={tokens} zooming={zooming} />
          <div class="ie-enlarged-stage" ref={stage}>
            <Cells
              view={view}
              head={head}
              tokens={tokens}
              triangle={triangle}
              row={row}
              zooming={zooming}
              point={point}
            />
          </div>
          <Names view={view} axis="key" tokens={tokens} zooming={zooming} />
          <span class="ie-axis ie-axis-key">
            key{every.value > 1 && ` · of ${every.value} tokens, one is named`}
          </span>
        </div>
        <Status text={attended(view.pointed.value, row.value, tokens.value)} />
        <p class="ie-note">
          Wheel, + and − magnify, 0 shows all; drag or arrow keys move; Shift and arrow keys go from cell to
          cell.
        </p>
      </div>
    </dialog>
  );
}

function Button({ name, text, press }: { name: string; text: string; press: () => void }) {
  return (
    <button type="button" class="ie-button" aria-label={name} title={name} onClick={press}>
      {text}
    </button>
  );
}
