/** One pattern, large: token names on both axes, to be magnified and moved, each cell with its number. */
import { type ReadonlySignal, useComputed, useSignal, useSignalEffect } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { AttentionLegend } from "../chart/attention-legend";
import { usePixelRatio } from "../chart/canvas";
import { cellIn, drawPart, type Part } from "../chart/pattern-drawing";
import { Tip } from "../chart/tip";
import {
  fitted,
  magnified,
  moved,
  namedEvery,
  resized,
  showing,
  tokensShown,
  type Zoom,
} from "../chart/zoom";
import type { Head } from "../contract.gen";
import { triangleIndex } from "../kernel/arrays";
import { headName, sameHead } from "../state/heads";
import { checkpointText, quoted } from "../state/text";
import { attentionLut } from "../ui/color";
import { followDrag } from "../ui/pointing";
import { TokenText } from "../ui/token-text";
import { useLeaving } from "../ui/use-leaving";
import { useSquare } from "../ui/use-size";
import type { View } from "../ui/view";
import { attended } from "./token-shading";

/** In CSS pixels: a cell at its largest, and what a token's name takes across. */
const CELL = 48;
const NAME = 14;
/** Of a key or a button. */
const STEP = 1.5;
/** Of a key, in parts of the window. */
const PAN = 1 / 8;
/** A pointer drawn further than this moves the picture; less is a click. */
const DRAG = 4;

interface Props {
  view: View;
  head: Head;
  checkpoint: ReadonlySignal<number>;
  closed: () => void;
}

export function Enlarged({ view, head, checkpoint, closed }: Props) {
  const { store, theme, hover } = view;
  const [dialog, canvas] = [useRef<HTMLDialogElement>(null), useRef<HTMLCanvasElement>(null)];
  const [stage, side] = useSquare<HTMLDivElement>();
  const ratio = usePixelRatio();
  const name = headName(head);
  const tokens = useComputed(() => store.promptInfo.value?.tokens ?? []);
  const triangle = useComputed(
    () => store.results.of("patterns", { head }).at(checkpoint.value)?.patterns ?? null,
  );
  const colors = useComputed(() => attentionLut(store.viewState.value.attention_scale, theme.value));
  /** As the reader left it; of another prompt, nothing is left. */
  const arranged = useSignal<{ tokens: string[]; zoom: Zoom } | null>(null);
  const zoom = useComputed(() => {
    const [pixels, last] = [Math.round(side.value * ratio.value), arranged.value];
    return last === null || last.tokens !== tokens.value ? fitted(pixels) : resized(last.zoom, pixels);
  });
  const arrange = (next: Zoom) => {
    arranged.value = { tokens: tokens.peek(), zoom: next };
  };
  const magnify = (factor: number, at?: readonly [number, number]) => {
    const now = zoom.peek();
    const largest = tokens.peek().length * CELL * ratio.peek();
    arrange(magnified(now, factor, at ?? [now.side / 2, now.side / 2], largest));
  };

  useEffect(() => {
    dialog.current?.showModal();
    stage.current?.querySelector<HTMLElement>("[tabindex]")?.focus();
  }, [stage]);
  const drawn = useRef<{ part: Part; of: unknown[] } | null>(null);
  useSignalEffect(() => {
    const { side, whole, left, top } = zoom.value;
    const part = { whole, left, top, width: side, height: side };
    const of = [whole, side, triangle.value, colors.value];
    const same = drawn.current?.of.every((each, index) => each === of[index]) === true;
    if (canvas.current === null) return;
    const before = same ? (drawn.current?.part ?? null) : null;
    drawPart(canvas.current, part, tokens.value.length, triangle.value, colors.value, before);
    drawn.current = { part, of };
  });

  const close = () => {
    dialog.current?.close(); // until then, nothing beside it takes the focus
    closed();
  };
  const leave = () => {
    hover.value = null;
  };
  useLeaving(leave);
  /** Where in the window, in pixels of the screen. */
  const within = ({ clientX, clientY }: MouseEvent): [number, number] => {
    const box = canvas.current?.getBoundingClientRect();
    return [(clientX - (box?.left ?? 0)) * ratio.peek(), (clientY - (box?.top ?? 0)) * ratio.peek()];
  };
  const point = (cell: readonly [number, number] | null) => {
    const before = hover.peek();
    if (before?.query === cell?.[0] && before?.key === cell?.[1]) return;
    hover.value = cell === null ? null : { query: cell[0], key: cell[1], head };
  };
  const onPointerMove = (event: PointerEvent) => {
    const [x, y] = within(event).map(Math.floor) as [number, number];
    const { left, top, whole } = zoom.peek();
    point(cellIn(left + x, top + y, whole, tokens.peek().length, triangle.peek()));
  };
  const onPointerDown = (down: PointerEvent) => {
    const [from, before] = [within(down), zoom.peek()];
    let dragged = false;
    followDrag(down, {
      move(event) {
        const [x, y] = within(event);
        dragged ||= Math.hypot(x - from[0], y - from[1]) > DRAG * ratio.peek();
        if (dragged) arrange(moved(before, from[0] - x, from[1] - y));
      },
      drop() {
        if (!dragged) store.lockToken(hover.peek()?.query ?? null);
      },
      cancel() {
        if (dragged) arrange(before);
      },
    });
  };
  const onWheel = (event: WheelEvent) => {
    event.preventDefault();
    const lines = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? 16 : 1;
    magnify(2 ** ((-event.deltaY * lines) / 300), within(event));
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const way = WAYS[event.key];
    const { side } = zoom.peek();
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "Escape") close();
    else if (event.key === "+" || event.key === "=") magnify(STEP);
    else if (event.key === "-" || event.key === "_") magnify(1 / STEP);
    else if (event.key === "0") arranged.value = null;
    else if (way === undefined || event.target instanceof HTMLSelectElement) return;
    else if (event.shiftKey) {
      const cell = beside(view.pointed.peek(), way, tokens.peek().length);
      arrange(showing(zoom.peek(), tokens.peek().length, cell));
      point(cell);
    } else arrange(moved(zoom.peek(), way[0] * side * PAN, way[1] * side * PAN));
    event.preventDefault();
  };

  const info = store.info.value;
  const every = namedEvery(NAME * ratio.value, zoom.value, tokens.value.length);
  const css = { width: `${side.value}px`, height: `${side.value}px` };
  return (
    <dialog
      ref={dialog}
      class="ie-enlarged"
      aria-label={`Attention pattern ${name}, enlarged`}
      onKeyDown={onKeyDown}
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
          <span class="ie-note">{info !== null && checkpointText(info, checkpoint.value)}</span>
          <AttentionLegend view={view} />
          <span class="ie-enlarged-buttons">
            <Button name="Zoom out" text="−" press={() => magnify(1 / STEP)} />
            <Button name="Zoom in" text="+" press={() => magnify(STEP)} />
            <Button name="Show all" text="all" press={() => (arranged.value = null)} />
            <Button name="Close" text="×" press={close} />
          </span>
        </div>
        <div class="ie-enlarged-plot">
          <span class="ie-axis ie-axis-query">query</span>
          <Names axis="query" tokens={tokens.value} zoom={zoom.value} ratio={ratio.value} every={every} />
          <div class="ie-enlarged-stage" ref={stage}>
            <div
              class="ie-enlarged-window"
              style={css}
              // biome-ignore lint/a11y/noNoninteractiveTabindex: keys move and magnify what is in it
              tabIndex={0}
              role="application"
              aria-label={`Cells of ${name}`}
            >
              <canvas
                ref={canvas}
                style={css}
                onPointerMove={onPointerMove}
                onPointerDown={onPointerDown}
                onPointerLeave={leave}
                onWheel={onWheel}
              />
              <Pointed
                view={view}
                head={head}
                zoom={zoom.value}
                ratio={ratio.value}
                triangle={triangle.value}
              />
            </div>
          </div>
          <Names axis="key" tokens={tokens.value} zoom={zoom.value} ratio={ratio.value} every={every} />
          <span class="ie-axis ie-axis-key">key{every > 1 && ` · of ${every} tokens, one is named`}</span>
        </div>
        <div class="ie-status" role="status">
          {attended(view.pointed.value, triangle.value, tokens.value)}
        </div>
        <p class="ie-note">
          Wheel, + and − magnify, 0 shows all; drag or arrow keys move; Shift and arrow keys go from cell to
          cell.
        </p>
      </div>
    </dialog>
  );
}

const WAYS: Record<string, readonly [right: number, down: number]> = {
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
  ArrowUp: [0, -1],
  ArrowDown: [0, 1],
};

/** The next cell that way which is in the triangle; the last query and the first key to begin with. */
function beside(
  from: { query: number; key: number | null } | null,
  [right, down]: readonly [number, number],
  tokens: number,
): [query: number, key: number] {
  if (from === null) return [tokens - 1, 0];
  const query = Math.min(tokens - 1, Math.max(0, from.query + down));
  return [query, Math.min(query, Math.max(0, (from.key ?? 0) + right))];
}

function Button({ name, text, press }: { name: string; text: string; press: () => void }) {
  return (
    <button type="button" class="ie-button" aria-label={name} title={name} onClick={press}>
      {text}
    </button>
  );
}

interface NamesProps {
  axis: "query" | "key";
  tokens: string[];
  zoom: Zoom;
  ratio: number;
  every: number;
}

/** Names of the tokens along one side, each, or every nth where there is no room. */
export function Names({ axis, tokens, zoom, ratio, every }: NamesProps) {
  const from = axis === "query" ? zoom.top : zoom.left;
  const [first, last] = tokensShown(from, zoom, tokens.length);
  const cell = zoom.whole / tokens.length;
  const named = tokens
    .slice(first, last + 1)
    .map((text, index) => ({ text, index: first + index, at: ((first + index + 0.5) * cell - from) / ratio }))
    .filter(({ index, at }) => index % every === 0 && at >= 0 && at * ratio <= zoom.side);
  return (
    <div class={`ie-names ie-names-${axis}`} aria-hidden="true" data-every={every}>
      {named.map(({ text, index, at }) => (
        <span key={index} class="ie-name" style={{ [axis === "query" ? "top" : "left"]: `${at}px` }}>
          <TokenText text={text} limit={12} />
        </span>
      ))}
    </div>
  );
}

interface PointedProps {
  view: View;
  head: Head;
  zoom: Zoom;
  ratio: number;
  triangle: Uint8Array | null;
}

/** The row and the column of the pointed cell, and what it says. */
function Pointed({ view, head, zoom, ratio, triangle }: PointedProps) {
  const [pointed, tokens] = [view.pointed.value, view.store.promptInfo.value?.tokens ?? []];
  if (pointed === null || pointed.query >= tokens.length) return null;
  const [side, cell] = [zoom.side / ratio, zoom.whole / ratio / tokens.length];
  const [top, left] = [
    pointed.query * cell - zoom.top / ratio,
    (pointed.key ?? 0) * cell - zoom.left / ratio,
  ];
  const own = pointed.key !== null && (pointed.head === null || sameHead(pointed.head, head));
  const value =
    own && pointed.key !== null ? triangle?.[triangleIndex(pointed.query, pointed.key)] : undefined;
  return (
    <>
      <div class="ie-crosses">
        <div class="ie-cross" style={{ top: `${top}px`, height: `${cell}px`, width: `${side}px` }} />
        {own && <div class="ie-cross" style={{ left: `${left}px`, width: `${cell}px`, top: 0, bottom: 0 }} />}
      </div>
      {value !== undefined && (
        <Tip
          x={left + cell / 2}
          y={Math.min(side - 24, Math.max(24, top + cell / 2))}
          width={side}
          reach={cell / 2}
          name={(value / 255).toFixed(3)}
        >
          <span class="ie-tip-at"> ± 0.002</span>
          <br />
          {pointed.query} {quoted(tokens[pointed.query] ?? "", 14)} → {pointed.key}{" "}
          {quoted(tokens[pointed.key ?? 0] ?? "", 14)}
        </Tip>
      )}
    </>
  );
}
