/** The attention patterns of the selected heads, side by side. */
import { type ReadonlySignal, useComputed, useSignal, useSignalEffect } from "@preact/signals";
import { useRef } from "preact/hooks";
import { AttentionLegend } from "../chart/attention-legend";
import { usePixelRatio } from "../chart/canvas";
import { cellIn, drawPattern, patternVector } from "../chart/pattern-drawing";
import { fitted, namedEvery } from "../chart/zoom";
import type { Head } from "../contract.gen";
import { drawsAs } from "../export/parts";
import { Save } from "../export/save";
import { exactPatternTable, patternTable } from "../export/tables";
import { WAITING } from "../kernel/connection";
import type { ViewState } from "../kernel/model";
import { headName, sameHead } from "../state/heads";
import { sentence } from "../state/text";
import { attentionLut, slotColor } from "../ui/color";
import { ComparedAs } from "../ui/compared-as";
import { TryAgain } from "../ui/notices";
import { useAsks } from "../ui/use-asks";
import { useLeaving } from "../ui/use-leaving";
import { useWidth } from "../ui/use-size";
import type { View, ViewProps } from "../ui/view";
import { Enlarged } from "./enlarged";
import { TokenNames } from "./token-names";

export function Patterns({ view }: ViewProps) {
  const { heads, promptInfo, shownCompare, viewState } = view.store;
  const tokens = promptInfo.value?.tokens.length ?? 0;
  const pairs = shownCompare.value === null ? null : viewState.value.compared_patterns;
  useAsks(view.store, () => heads.value.map((head) => ({ analysis: "patterns", parameters: { head } })));
  return (
    <section class="ie-patterns">
      <div class="ie-caption">
        <span class="ie-heading">Attention patterns</span>
        {pairs !== null && (
          <ComparedAs view={view} label="Patterns stand" choice="compared_patterns" ways={PAIRS} />
        )}
        <AttentionLegend view={view} />
        <Save
          view={view}
          title="Attention patterns"
          about={{ prompt: true }}
          draw={(paper) => <Patterns view={paper} />}
          table={() => patternTable(view.store)}
          exactTable={() => exactPatternTable(view.store)}
        />
      </div>
      {heads.value.length === 0 ? (
        <p class="ie-note">Select a head in the grid to see where it attends; Shift or Ctrl adds more.</p>
      ) : tokens === 0 ? (
        <p class="ie-note">Run a prompt to see where the selected heads attend.</p>
      ) : (
        <div class={layoutOf(heads.value.length, pairs === "beside")}>
          {heads.value.map((head) => (
            <Panel key={headName(head)} view={view} head={head} tokens={tokens} pairs={pairs} />
          ))}
        </div>
      )}
    </section>
  );
}

function layoutOf(heads: number, beside: boolean): string {
  return ["ie-panels", heads === 1 ? "ie-panels-one" : "", beside ? "ie-panels-pairs" : ""].join(" ");
}

/** What a token's name takes across in a figure, in pixels. */
const NAME = 11;

const PAIRS = { beside: "before | after", split: "split at the diagonal" };

interface PanelProps {
  view: View;
  head: Head;
  tokens: number;
  /** How the patterns at both handles stand; null without a second. */
  pairs: ViewState["compared_patterns"] | null;
}

function Panel({ view, head, tokens, pairs }: PanelProps) {
  const { store, theme } = view;
  const name = headName(head);
  const active = store.activeHead.value !== null && sameHead(store.activeHead.value, head);
  const other = useComputed(() => store.shownCompare.value ?? store.shown.value);
  /** The checkpoint whose pattern is enlarged. */
  const large = useSignal<ReadonlySignal<number> | null>(null);
  const enlarge = useRef<HTMLButtonElement>(null);
  const open = () => {
    large.value = store.shown;
  };
  const openOther = () => {
    large.value = other;
  };
  const closed = () => {
    large.value = null;
    enlarge.current?.focus();
  };
  return (
    <div class="ie-panel" style={{ "--ie-slot": slotColor(store.slots.value.get(name) ?? 0, theme.value) }}>
      <button
        type="button"
        class="ie-panel-title"
        aria-pressed={active}
        title={`Let token hover show ${name}`}
        onClick={() => store.activateHead(head)}
      >
        {name}
      </button>
      <button type="button" ref={enlarge} class="ie-enlarge" aria-label={`Enlarge ${name}`} onClick={open}>
        Enlarge
      </button>
      {large.value !== null && <Enlarged view={view} head={head} checkpoint={large.value} closed={closed} />}
      <div class="ie-panel-plots">
        {pairs === "beside" && (
          <Plot view={view} head={head} tokens={tokens} side="before" enlarge={openOther} />
        )}
        <Plot
          view={view}
          head={head}
          tokens={tokens}
          side={pairs === "split" ? "both" : "now"}
          enlarge={open}
        />
      </div>
    </div>
  );
}

interface PlotProps {
  view: View;
  head: Head;
  tokens: number;
  /** Which checkpoint's pattern; of both, the one compared with lies mirrored above the diagonal. */
  side: "now" | "before" | "both";
  enlarge: () => void;
}

function Plot({ view, head, tokens, side, enlarge }: PlotProps) {
  const { info, shown, shownCompare, comparison, promptInfo } = view.store;
  const other = useComputed(() => shownCompare.value ?? shown.value);
  const name = `Attention pattern ${headName(head)}`;
  const nameBefore = `Pattern of ${headName(head)} at ${comparison.label.value}`;
  const checkpoint = side === "before" ? other : shown;
  const [square, width] = useWidth<HTMLDivElement>();
  const zoom = fitted(width.value);
  const every = namedEvery(NAME, zoom, tokens);
  const names = { tokens: promptInfo.value?.tokens ?? [], zoom, ratio: 1, every };
  const named = view.onPaper && width.value > 0;
  return (
    <div class="ie-panel-plot">
      {shownCompare.value !== null && (
        <span class="ie-panel-when">
          {side === "both" && `above ${comparison.label.value}, below `}
          {info.value?.labels[checkpoint.value]}
        </span>
      )}
      <span class="ie-axis ie-axis-query">query</span>
      {named && <TokenNames axis="query" {...names} />}
      <div ref={square} class={`ie-panel-square ${side === "both" ? "ie-panel-both" : ""}`}>
        {side === "both" && (
          <PatternCanvas view={view} head={head} name={nameBefore} checkpoint={other} mirrored />
        )}
        <PatternCanvas
          view={view}
          head={head}
          name={side === "before" ? nameBefore : name}
          checkpoint={checkpoint}
          enlarge={enlarge}
          above={side === "both" ? other : null}
        />
        <Crosshair view={view} head={head} tokens={tokens} />
        <State view={view} head={head} checkpoint={checkpoint} place={side === "both" ? "below" : null} />
        {side === "both" && <State view={view} head={head} checkpoint={other} place="above" />}
      </div>
      {named && <TokenNames axis="key" {...names} />}
      <span class="ie-axis ie-axis-key">
        key{named && every > 1 && ` · of ${every} tokens, one is named`}
      </span>
    </div>
  );
}

interface CanvasProps {
  view: View;
  head: Head;
  /** In words, for whoever does not see it. */
  name: string;
  checkpoint: ReadonlySignal<number>;
  /** Across the diagonal, under another that is pointed at. */
  mirrored?: true;
  /** The checkpoint whose pattern lies mirrored above the diagonal. */
  above?: ReadonlySignal<number> | null;
  enlarge?: () => void;
}

function PatternCanvas({ view, head, name, checkpoint, mirrored, above, enlarge }: CanvasProps) {
  const { store, theme, hover } = view;
  const [canvas, width] = useWidth<HTMLCanvasElement>();
  const ratio = usePixelRatio();
  useSignalEffect(() => {
    const found = store.results.of("patterns", { head }).at(checkpoint.value);
    const n = store.promptInfo.value?.tokens.length ?? 0;
    const colors = attentionLut(store.viewState.value.attention_scale, theme.value);
    if (canvas.current === null) return;
    const [triangle, side] = [found?.patterns ?? null, width.value];
    drawPattern(canvas.current, n, triangle, colors, side * ratio.value, mirrored);
    drawsAs(canvas.current, () => patternVector(n, triangle, colors, side, mirrored));
  });
  const leave = () => {
    hover.value = null;
  };
  useLeaving(leave);
  const onPointerMove = (event: PointerEvent) => {
    const { width: whole } = event.currentTarget as HTMLCanvasElement;
    const box = (event.currentTarget as HTMLElement).getBoundingClientRect();
    const x = Math.floor(((event.clientX - box.left) / box.width) * whole);
    const y = Math.floor(((event.clientY - box.top) / box.height) * whole);
    const n = store.promptInfo.peek()?.tokens.length ?? 0;
    const at = (from: ReadonlySignal<number>) =>
      store.results.of("patterns", { head }).at(from.peek())?.patterns ?? null;
    const below = cellIn(x, y, whole, n, at(checkpoint));
    const cell = below === null && above ? cellIn(y, x, whole, n, at(above)) : below;
    const before = hover.peek();
    if (before?.query === cell?.[0] && before?.key === cell?.[1]) return;
    hover.value = cell === null ? null : { query: cell[0], key: cell[1], head };
  };
  return (
    <canvas
      ref={canvas}
      role="img"
      aria-label={name}
      class={`ie-pattern ${mirrored ? "ie-pattern-mirrored" : ""}`}
      onPointerMove={onPointerMove}
      onPointerLeave={leave}
      onClick={enlarge}
    />
  );
}

/** The row of the pointed query, and the column of the pointed key. */
function Crosshair({ view, head, tokens }: { view: View; head: Head; tokens: number }) {
  const pointed = view.pointed.value;
  if (pointed === null || pointed.query >= tokens) return null;
  const cell = 100 / tokens;
  const own = pointed.head === null || sameHead(pointed.head, head);
  return (
    <>
      <div
        class="ie-cross"
        style={{
          top: `${pointed.query * cell}%`,
          height: `${cell}%`,
          width: `${(pointed.query + 1) * cell}%`,
        }}
      />
      {pointed.key !== null && own && (
        <div
          class="ie-cross"
          style={{
            left: `${pointed.key * cell}%`,
            width: `${cell}%`,
            top: `${pointed.key * cell}%`,
            bottom: 0,
          }}
        />
      )}
    </>
  );
}

interface StateProps extends Pick<CanvasProps, "view" | "head" | "checkpoint"> {
  /** On which side of the diagonal, where the other is another checkpoint's. */
  place: "above" | "below" | null;
}

/** Why the panel is empty, while it is. */
function State({ view, head, checkpoint, place }: StateProps) {
  const { results, connection, info } = view.store;
  const result = results.of("patterns", { head });
  if (result.at(checkpoint.value) !== null) return null;
  const look = `ie-panel-state ${place === null ? "" : `ie-panel-state-${place}`}`;
  const error = result.failure(checkpoint.value);
  if (error !== null) {
    return (
      <div class={look} role="alert">
        {sentence(`${error.message} ${error.hint}`)} <TryAgain view={view} />
      </div>
    );
  }
  const faulty = info.value?.faults[checkpoint.value] !== undefined;
  const text = faulty ? "no usable checkpoint" : WAITING[connection.state.value];
  return <div class={look}>{text}</div>;
}
