/** The chosen score of every head over training; the rule marks the shown checkpoint. */
import { type ReadonlySignal, useComputed, useSignal, useSignalEffect } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { AxisNote } from "../chart/axis-note";
import { curveOf, type Ground, plotEmphasis, plotGround } from "../chart/curves-plot";
import { drawPattern } from "../chart/pattern-drawing";
import { nearest, pointAlong } from "../chart/pointing";
import { Tip } from "../chart/tip";
import { Bands, WindowHandles } from "../chart/window-band";
import type { Head } from "../contract.gen";
import { Save } from "../export/save";
import { scoreTable } from "../export/tables";
import { headName } from "../state/heads";
import { scoreText } from "../state/text";
import { attentionLut, slotColor } from "../ui/color";
import { absentText } from "../ui/pending";
import { useAsks } from "../ui/use-asks";
import { useLeaving } from "../ui/use-leaving";
import { useWidth } from "../ui/use-width";
import type { View, ViewProps } from "../ui/view";
import { ChangeOrder } from "./change-order";
import { PhaseLine } from "./phase-line";

/** A pointer further away than this from every curve points at none. */
const REACH = 40;
const PREVIEW_MS = 120;
/** Side of the picture in the tip, in CSS pixels. */
const PREVIEW = 96;

export function Curves({ view }: ViewProps) {
  const { store } = view;
  const [ref, width] = useWidth<HTMLElement>();
  const ground = useComputed<Ground | null>(() => {
    const [info, score, values] = [store.info.value, store.scoreInfo.value, store.gridValues.value];
    if (info === null || score === null || values === null || width.value === 0) return null;
    const type = store.viewState.value.x_scale;
    return plotGround(info, score, values, { width: width.value, type, unit: store.unit.value });
  });
  const drawn = ground.value;
  return (
    <figure class="ie-curves" ref={ref}>
      <figcaption class="ie-caption">
        <span class="ie-heading">{store.scoreInfo.value?.title} of every head</span>
        <span class="ie-note"> over training</span>
        <Save
          view={view}
          title={`${store.scoreInfo.value?.title} of every head`}
          table={() => scoreTable(store, [store.scoreInfo.peek()?.name ?? ""])}
        />
      </figcaption>
      {drawn === null ? (
        <p class="ie-note ie-curves-empty">{absentText(store, "No values of this score yet.")}</p>
      ) : (
        <>
          <Chart view={view} ground={ground} />
          <AxisNote view={view} />
        </>
      )}
      <PhaseLine view={view} />
      <ChangeOrder view={view} />
    </figure>
  );
}

function Chart({ view, ground }: { view: View; ground: ReadonlySignal<Ground | null> }) {
  const { store, theme } = view;
  const [base, over] = [useRef<HTMLDivElement>(null), useRef<HTMLDivElement>(null)];
  const [now, then] = [useRef<SVGSVGElement>(null), useRef<SVGSVGElement>(null)];
  const pointerFrame = useRef(0);
  const at = useSignal<number | null>(null);
  useAsks(store, () => {
    const head = store.preview.value;
    return head === null ? [] : [{ analysis: "patterns", parameters: { head } }];
  });

  useSignalEffect(() => {
    if (ground.value !== null) base.current?.replaceChildren(ground.value.element);
  });
  useSignalEffect(() => {
    const [info, values] = [store.info.value, store.gridValues.value];
    if (ground.value === null || info === null || values === null) return;
    const heads = store.heads.value.map((head) => ({
      name: headName(head),
      color: slotColor(store.slots.value.get(headName(head)) ?? 0, theme.value),
      curve: curveOf(values, info, head),
    }));
    over.current?.replaceChildren(plotEmphasis(ground.value, heads, store.scoreInfo.value?.chance ?? null));
  });
  useSignalEffect(() => {
    const x = ground.value?.x[store.shown.value];
    if (x !== undefined) now.current?.setAttribute("transform", `translate(${x},0)`);
  });
  useSignalEffect(() => {
    const x = ground.value?.x[store.shownCompare.value ?? -1];
    then.current?.setAttribute("display", x === undefined ? "none" : "inline");
    if (x !== undefined) then.current?.setAttribute("transform", `translate(${x},0)`);
  });

  const resting = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);
  /** A pattern is worth fetching only where the pointer rests. */
  const preview = (head: Head | null) => {
    clearTimeout(resting.current);
    resting.current = setTimeout(() => {
      store.preview.value = head;
    }, PREVIEW_MS);
  };
  const onPointerMove = (event: PointerEvent) => {
    const [x, y] = within(event);
    cancelAnimationFrame(pointerFrame.current);
    pointerFrame.current = requestAnimationFrame(() => {
      const drawn = ground.peek();
      if (drawn === null) return;
      at.value = nearest(drawn.x, x);
      view.hoverHead.value = headNear(view, drawn, at.value, y);
      preview(view.hoverHead.value);
    });
  };
  const onPointerLeave = () => {
    cancelAnimationFrame(pointerFrame.current);
    at.value = null;
    view.hoverHead.value = null;
    preview(null);
  };
  useLeaving(() => {
    onPointerLeave();
    clearTimeout(resting.current);
    store.preview.value = null;
  });
  const drawn = ground.value;
  if (drawn === null) return null;
  return (
    <div
      class="ie-chart"
      role="presentation"
      style={{ height: `${drawn.height}px` }}
      // The slider is the way to do this by keyboard.
      onPointerDown={pointAlong(store, ground)}
      onPointerMove={onPointerMove}
      onPointerLeave={onPointerLeave}
    >
      <Bands view={view} chart={drawn} />
      <div ref={base} class="ie-chart-layer" />
      <div ref={over} class="ie-chart-layer" />
      <svg class="ie-chart-layer" width={drawn.width} height={drawn.height} aria-hidden="true">
        <g ref={then} display="none">
          <line class="ie-rule ie-rule-second" y1={drawn.top - 6} y2={drawn.bottom} />
        </g>
        <g ref={now}>
          <line class="ie-rule" y1={drawn.top - 6} y2={drawn.bottom} />
        </g>
        <Dots view={view} ground={drawn} />
      </svg>
      <Hovered view={view} ground={drawn} at={at} />
      <WindowHandles view={view} chart={drawn} />
    </div>
  );
}

/** The selected heads' values at the shown checkpoint. */
function Dots({ view, ground }: { view: View; ground: Ground }) {
  const { heads, slots, shownScores, info, shown } = view.store;
  return (
    <>
      {heads.value.map(([layer, head]) => {
        const name = headName([layer, head]);
        const value = shownScores.value[layer * (info.value?.heads ?? 0) + head] ?? Number.NaN;
        if (!Number.isFinite(value)) return null;
        const color = slotColor(slots.value.get(name) ?? 0, view.theme.value);
        return (
          <circle
            key={name}
            class="ie-dot"
            r="4"
            fill={color}
            cx={ground.x[shown.value]}
            cy={ground.y(value)}
          />
        );
      })}
    </>
  );
}

/** The curve of the head under the pointer, here or in the grid, with its name and value. */
function Hovered({ view, ground, at }: { view: View; ground: Ground; at: ReadonlySignal<number | null> }) {
  const head = view.hoverHead.value;
  const [info, values] = [view.store.info.value, view.store.gridValues.value];
  if (head === null || info === null || values === null) return null;
  const checkpoint = at.value ?? view.store.shown.value;
  const curve = curveOf(values, info, head);
  const value = curve[checkpoint] ?? Number.NaN;
  const [x, y] = [ground.x[checkpoint] ?? 0, Number.isFinite(value) ? ground.y(value) : ground.bottom];
  const slot = view.store.slots.value.get(headName(head));
  const color = slot === undefined ? "var(--ie-ink)" : slotColor(slot, view.theme.value);
  return (
    <>
      <svg class="ie-chart-layer" width={ground.width} height={ground.height} aria-hidden="true">
        <path class="ie-curve-hovered" stroke={color} d={path(ground, curve)} />
        <circle class="ie-dot" r="4" fill={color} cx={x} cy={y} />
      </svg>
      <Tip x={x} y={y} width={ground.width} name={headName(head)}>
        {" "}
        {scoreText(value)}
        <span class="ie-tip-at"> · {info.labels[checkpoint]}</span>
        {at.value !== null && <Preview view={view} head={head} checkpoint={checkpoint} />}
      </Tip>
    </>
  );
}

/** The hovered head's pattern at the hovered checkpoint. */
function Preview({ view, head, checkpoint }: { view: View; head: Head; checkpoint: number }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const value = view.store.results.of("patterns", { head }).at(checkpoint)?.patterns ?? null;
  const tokens = view.store.promptInfo.value?.tokens.length ?? 0;
  useEffect(() => {
    const colors = attentionLut(view.store.viewState.peek().attention_scale, view.theme.peek());
    const room = PREVIEW * devicePixelRatio;
    if (canvas.current !== null) drawPattern(canvas.current, tokens, value, colors, room);
  });
  return value === null ? null : (
    <canvas
      ref={canvas}
      class="ie-preview"
      style={{ width: `${PREVIEW}px`, height: `${PREVIEW}px` }}
      role="img"
      aria-label={`Pattern of ${headName(head)} at ${view.store.info.value?.labels[checkpoint]}`}
    />
  );
}

function path(ground: Ground, curve: number[]): string {
  let pen = "M";
  let d = "";
  curve.forEach((value, checkpoint) => {
    if (!Number.isFinite(value)) {
      pen = "M";
      return;
    }
    d += `${pen}${ground.x[checkpoint]},${ground.y(value)}`;
    pen = "L";
  });
  return d;
}

/** Where in the chart the pointer is, in CSS pixels. */
function within(event: PointerEvent): [number, number] {
  const box = (event.currentTarget as HTMLElement).getBoundingClientRect();
  return [event.clientX - box.left, event.clientY - box.top];
}

function headNear(view: View, ground: Ground, checkpoint: number, y: number): Head | null {
  const [info, values] = [view.store.info.peek(), view.store.gridValues.peek()];
  if (info === null || values === null) return null;
  const size = info.layers * info.heads;
  let [best, distance] = [-1, REACH];
  for (let index = 0; index < size; index++) {
    const away = Math.abs(ground.y(values[checkpoint * size + index] ?? Number.NaN) - y);
    if (away < distance) [best, distance] = [index, away];
  }
  return best < 0 ? null : [Math.floor(best / info.heads), best % info.heads];
}
