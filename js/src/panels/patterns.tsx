/** The attention patterns of the selected heads, side by side. */
import { type ReadonlySignal, untracked, useComputed, useSignal, useSignalEffect } from "@preact/signals";
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
import type { Ask } from "../state/results";
import { askPattern, isWeighed, patternOf, saysOf } from "../state/shown-patterns";
import { sentence, shortened } from "../state/text";
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
  const { alone, heads, promptInfo, comparison, viewState } = view.store;
  const tokens = promptInfo.value?.tokens.length ?? 0;
  const other = comparison.other.value;
  const unlike = other !== null && !comparison.sameTokens.value;
  const pairs = other === null || unlike ? null : viewState.value.compared_patterns;
  const isOne = heads.value.length === 1 && pairs !== "beside";
  const named = view.onPaper || (isOne && tokens <= MOST_NAMED);
  useAsks(view.store, () => heads.value.map((head) => askPattern(view.store, head)));
  useAsks(view.store, () => {
    const { other, elsewhere, sameTokens } = comparison;
    if (other.value === null || !elsewhere.value || !sameTokens.value) return [];
    const { series, checkpoint: at } = other.value;
    return heads.value.flatMap((head): Ask[] => {
      const there = comparison.counterpart(head);
      return there === null ? [] : [{ ...askPattern(view.store, there), series, at }];
    });
  });
  return (
    <section class="ie-patterns">
      <div class="ie-caption">
        <div class="ie-patterns-head">
          <span class="ie-heading" role="heading" aria-level={3}>
            Attention patterns
          </span>
          {pairs !== null && (
            <ComparedAs view={view} label="Patterns stand" choice="compared_patterns" ways={PAIRS} />
          )}
          <AttentionLegend view={view} />
        </div>
        <Save
          view={view}
          title="Attention patterns"
          about={{ prompt: true, says: saysOf(view.store) }}
          draw={(paper) => <Patterns view={paper} />}
          table={() => patternTable(view.store)}
          shownTable={() => patternTable(view.store, undefined, view.pointed.value?.query)}
          {...(!isWeighed(view.store) && { exactTable: () => exactPatternTable(view.store) })}
          of={heads.value.map((head) => patternOf(view.store, head))}
        />
      </div>
      {unlike && (
        <p class="ie-note">
          <bdi>{shortened(other.info.name)}</bdi> reads this prompt as other tokens, or not at all: its
          patterns are not set beside these.
        </p>
      )}
      {heads.value.length === 0 ? (
        <p class="ie-note">Select a head in the grid to see where it attends; Shift or Ctrl adds more.</p>
      ) : tokens === 0 ? (
        <p class="ie-note">Run a prompt to see where the selected heads attend.</p>
      ) : (
        <div
          class={layoutOf({
            one: heads.value.length === 1,
            pairs: pairs === "beside",
            named,
            large: isOne && alone.value,
          })}
        >
          {heads.value.map((head) => (
            <Panel key={headName(head)} view={view} head={head} tokens={tokens} pairs={pairs} named={named} />
          ))}
        </div>
      )}
    </section>
  );
}

type Layout = Partial<Record<"one" | "pairs" | "named" | "large", boolean>>;

function layoutOf(layout: Layout): string {
  const kinds = Object.entries(layout).flatMap(([kind, is]) => (is ? [`ie-panels-${kind}`] : []));
  return ["ie-panels", ...kinds].join(" ");
}

/** What a token's name takes across, in pixels. */
const NAME = 11;
/** A pattern that stands alone has room for the names of as many tokens; on paper, some are left out. */
const MOST_NAMED = 24;

const PAIRS = { beside: "before | after", split: "split at the diagonal" };

interface PanelProps {
  view: View;
  head: Head;
  tokens: number;
  /** How the patterns at both handles stand; null without a second. */
  pairs: ViewState["compared_patterns"] | null;
  /** Whether the tokens have their names at both sides. */
  named: boolean;
}

function Panel({ view, head, tokens, pairs, named }: PanelProps) {
  const { store, theme } = view;
  const name = headName(head);
  const active = store.activeHead.value !== null && sameHead(store.activeHead.value, head);
  const before = useBefore(view, head);
  /** Which pattern is enlarged. */
  const large = useSignal<"now" | "before" | null>(null);
  const enlarge = useRef<HTMLButtonElement>(null);
  const open = () => {
    large.value = "now";
  };
  const openOther = () => {
    large.value = "before";
  };
  const closed = () => {
    large.value = null;
    enlarge.current?.focus();
  };
  const figure = (side: "now" | "before") => (paper: View) => (
    <div class={layoutOf({ one: true, named: true })}>
      <div class="ie-panel">
        <Plot view={paper} head={head} tokens={tokens} named side={side} enlarge={open} />
      </div>
    </div>
  );
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
      {large.value === "now" && (
        <Enlarged view={view} head={head} checkpoint={store.shown} closed={closed} figure={figure("now")} />
      )}
      {large.value === "before" && before.head !== null && (
        <Enlarged
          view={view}
          head={head}
          checkpoint={before.checkpoint}
          {...(before.series !== undefined && { elsewhere: { head: before.head, series: before.series } })}
          closed={closed}
          figure={figure("before")}
        />
      )}
      <div class="ie-panel-plots">
        {pairs === "beside" && (
          <Plot view={view} head={head} tokens={tokens} named={named} side="before" enlarge={openOther} />
        )}
        <Plot
          view={view}
          head={head}
          tokens={tokens}
          named={named}
          side={pairs === "split" ? "both" : "now"}
          enlarge={open}
        />
      </div>
    </div>
  );
}

/** What the pattern of a head is compared with. */
interface BeforeOf {
  /** Null where another series has no head for it. */
  head: Head | null;
  /** Where it is another one. */
  series: number | undefined;
  checkpoint: ReadonlySignal<number>;
}

function useBefore({ store }: View, head: Head): BeforeOf {
  const { comparison, shown } = store;
  const checkpoint = useComputed(() => comparison.other.value?.checkpoint ?? shown.value);
  const series = comparison.elsewhere.value ? comparison.other.value?.series : undefined;
  return { head: comparison.counterpart(head), series, checkpoint };
}

interface PlotProps {
  view: View;
  head: Head;
  tokens: number;
  named: boolean;
  /** Which checkpoint's pattern; of both, the one compared with lies mirrored above the diagonal. */
  side: "now" | "before" | "both";
  enlarge: () => void;
}

function Plot({ view, head, tokens, named, side, enlarge }: PlotProps) {
  const { info, shown, comparison, promptInfo } = view.store;
  const before = useBefore(view, head);
  const name = `Attention pattern ${headName(head)}`;
  const label = comparison.labelOf(head);
  const nameBefore = comparison.elsewhere.value
    ? `Pattern of ${label}`
    : `Pattern of ${headName(head)} at ${label}`;
  const of = side === "before" ? before : { head, series: undefined, checkpoint: shown };
  const shownLabel = info.value?.labels[shown.value];
  const here = comparison.elsewhere.value ? `${headName(head)} ${shownLabel}` : shownLabel;
  const [square, width] = useWidth<HTMLDivElement>();
  const zoom = fitted(width.value);
  const every = namedEvery(NAME, zoom, tokens);
  const limit = view.onPaper ? 12 : 10; // smaller on paper
  const names = { tokens: promptInfo.value?.tokens ?? [], zoom, ratio: 1, every, limit };
  return (
    <div class="ie-panel-plot">
      {comparison.other.value !== null && comparison.sameTokens.value && (
        <span class="ie-panel-when">
          {side === "both" && `above ${label}, below `}
          {side === "before" ? label : here}
        </span>
      )}
      <span class="ie-axis ie-axis-query" aria-hidden="true">
        query
      </span>
      {named && width.value > 0 && <TokenNames axis="query" {...names} />}
      <div ref={square} class={`ie-panel-square ${side === "both" ? "ie-panel-both" : ""}`}>
        {side === "both" && <PatternCanvas view={view} head={head} name={nameBefore} of={before} mirrored />}
        <PatternCanvas
          view={view}
          head={head}
          name={side === "before" ? nameBefore : name}
          of={of}
          enlarge={enlarge}
          above={side === "both" ? before : null}
        />
        <Crosshair view={view} head={head} tokens={tokens} />
        <State view={view} head={head} of={of} place={side === "both" ? "below" : null} />
        {side === "both" && <State view={view} head={head} of={before} place="above" />}
      </div>
      {named && width.value > 0 && <TokenNames axis="key" {...names} />}
      <span class="ie-axis ie-axis-key" aria-hidden="true">
        key{named && every > 1 && ` · of ${every} tokens, one is named`}
      </span>
    </div>
  );
}

interface CanvasProps {
  view: View;
  /** Whose panel it is. */
  head: Head;
  /** In words, for whoever does not see it. */
  name: string;
  /** Whose pattern. */
  of: BeforeOf;
  /** Across the diagonal, under another that is pointed at. */
  mirrored?: true;
  /** Whose pattern lies mirrored above the diagonal. */
  above?: BeforeOf | null;
  enlarge?: () => void;
}

/** As the signals have it. */
function triangleOf({ store }: View, { head, series, checkpoint }: BeforeOf): Uint8Array | null {
  if (head === null) return null;
  return patternOf(store, head, series).at(checkpoint.value)?.patterns ?? null;
}

function PatternCanvas({ view, head, name, of, mirrored, above, enlarge }: CanvasProps) {
  const { store, theme, hover } = view;
  const [canvas, width] = useWidth<HTMLCanvasElement>();
  const ratio = usePixelRatio();
  const drawn = useSignal(of);
  drawn.value = same(drawn.peek(), of) ? drawn.peek() : of;
  useSignalEffect(() => {
    const triangle = triangleOf(view, drawn.value);
    const n = store.promptInfo.value?.tokens.length ?? 0;
    const colors = attentionLut(store.viewState.value.attention_scale, theme.value);
    if (canvas.current === null) return;
    const side = width.value;
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
    const at = (one: BeforeOf) => untracked(() => triangleOf(view, one));
    const below = cellIn(x, y, whole, n, at(of));
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

function same(one: BeforeOf, other: BeforeOf): boolean {
  return (
    one.head?.join() === other.head?.join() &&
    one.series === other.series &&
    one.checkpoint === other.checkpoint
  );
}

interface StateProps extends Pick<CanvasProps, "view" | "head" | "of"> {
  /** On which side of the diagonal, where the other is another checkpoint's. */
  place: "above" | "below" | null;
}

/** Why the panel is empty, while it is. */
function State({ view, head, of, place }: StateProps) {
  const { connection, seriesList, series } = view.store;
  const { checkpoint, head: whose } = of;
  const look = `ie-panel-state ${place === null ? "" : `ie-panel-state-${place}`}`;
  if (whose === null) return <div class={look}>no head that ranks as low as {headName(head)}</div>;
  const result = patternOf(view.store, whose, of.series);
  if (result.at(checkpoint.value) !== null) return null;
  const error = result.failure(checkpoint.value);
  if (error !== null) {
    return (
      <div class={look} role="alert">
        {sentence(`${error.message} ${error.hint}`)} <TryAgain view={view} error={error} />
      </div>
    );
  }
  const info = seriesList.value[of.series ?? series.value];
  const faulty = info?.faults[checkpoint.value] !== undefined;
  const text = faulty ? "no usable checkpoint" : WAITING[connection.state.value];
  return <div class={look}>{text}</div>;
}
