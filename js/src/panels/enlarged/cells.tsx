/** The window on the cells: what a pointer does there. */
import { type ReadonlySignal, useComputed, useSignalEffect } from "@preact/signals";
import { useRef } from "preact/hooks";
import { cellIn, drawPart, type Part } from "../../chart/pattern-drawing";
import { moved } from "../../chart/zoom";
import type { Head } from "../../contract.gen";
import type { Row } from "../../state/attention";
import { headName } from "../../state/heads";
import { attentionLut } from "../../ui/color";
import { followDrag, placeIn } from "../../ui/pointing";
import { useLeaving } from "../../ui/use-leaving";
import type { View } from "../../ui/view";
import { CellTip, Crosses } from "./pointed";
import type { Zooming } from "./zooming";

/** A pointer drawn further than this moves the picture, in CSS pixels; less is a click. */
const DRAG = 4;
/** A line of a wheel that turns in lines, in pixels. */
const LINE = 16;
/** By so many pixels a wheel magnifies twice. */
const TWICE = 300;

interface Props {
  view: View;
  head: Head;
  tokens: ReadonlySignal<string[]>;
  triangle: ReadonlySignal<Uint8Array | null>;
  /** Of the pointed query. */
  row: ReadonlySignal<Row | null>;
  zooming: Zooming;
  point: (cell: readonly [query: number, key: number] | null) => void;
}

export function Cells({ view, head, tokens, triangle, row, zooming, point }: Props) {
  const { store, theme, hover } = view;
  const { now, ratio } = zooming;
  const [canvas, layer] = [useRef<HTMLCanvasElement>(null), useRef<HTMLDivElement>(null)];
  const drawn = useRef<{ part: Part; of: unknown[] } | null>(null);
  useSignalEffect(() => {
    const colors = attentionLut(store.viewState.value.attention_scale, theme.value);
    const { side, whole, left, top } = now.value;
    const part = { whole, left, top, width: side, height: side };
    const of = [whole, side, triangle.value, colors];
    const same = drawn.current?.of.every((each, index) => each === of[index]) === true;
    if (canvas.current === null || layer.current === null) return;
    const before = same ? (drawn.current?.part ?? null) : null;
    drawPart(canvas.current, part, tokens.value.length, triangle.value, colors, before);
    drawn.current = { part, of };
    layer.current.style.transform = `translate(${-left / ratio.value}px, ${-top / ratio.value}px)`;
  });

  const leave = () => point(null);
  useLeaving(leave);
  /** Where in the window, in pixels of the screen. */
  const within = (event: MouseEvent, window?: Element): [number, number] => {
    const [x, y] = placeIn(event, window);
    return [x * ratio.peek(), y * ratio.peek()];
  };
  const onPointerMove = (event: PointerEvent) => {
    const [x, y] = within(event).map(Math.floor) as [number, number];
    const { left, top, whole } = now.peek();
    point(cellIn(left + x, top + y, whole, tokens.peek().length, triangle.peek()));
  };
  const onPointerDown = (down: PointerEvent) => {
    const window = down.currentTarget as Element;
    const [from, before] = [within(down), now.peek()];
    let dragged = false;
    followDrag(down, {
      move(event) {
        const [x, y] = within(event, window);
        dragged ||= Math.hypot(x - from[0], y - from[1]) > DRAG * ratio.peek();
        if (dragged) zooming.arrange(moved(before, from[0] - x, from[1] - y));
      },
      drop() {
        if (!dragged) store.lockToken(hover.peek()?.query ?? null);
      },
      cancel() {
        if (dragged) zooming.arrange(before);
      },
    });
  };
  const onWheel = (event: WheelEvent) => {
    event.preventDefault();
    const lines = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? LINE : 1;
    zooming.magnify(2 ** ((-event.deltaY * lines) / TWICE), within(event));
  };
  const side = useComputed(() => `${now.value.side / ratio.value}px`).value;
  return (
    <div
      class="ie-enlarged-window"
      style={{ width: side, height: side }}
      // biome-ignore lint/a11y/noNoninteractiveTabindex: keys move and magnify what is in it
      tabIndex={0}
      role="application"
      aria-label={`Cells of ${headName(head)}`}
    >
      <canvas
        ref={canvas}
        style={{ width: side, height: side }}
        onPointerMove={onPointerMove}
        onPointerDown={onPointerDown}
        onPointerLeave={leave}
        onWheel={onWheel}
      />
      <div class="ie-crosses">
        <div class="ie-crosses-layer" ref={layer}>
          <Crosses view={view} head={head} tokens={tokens} zooming={zooming} />
        </div>
      </div>
      <CellTip view={view} head={head} tokens={tokens} row={row} zooming={zooming} />
    </div>
  );
}
