/**
 * A chart along training as a reader meets it: bands under the curves, the rules of both handles, a click
 * that moves the slider, a drag that brushes.
 */
import { type ReadonlySignal, useSignalEffect } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useRef } from "preact/hooks";
import type { View } from "../ui/view";
import type { Drawn } from "./measure-plot";
import { pointAlong } from "./pointing";
import { Bands, WindowHandles } from "./window-band";

interface Props {
  view: View;
  drawn: ReadonlySignal<Drawn | null>;
  /** Drawn over the curves. */
  children?: ComponentChildren;
}

export function TrainingChartView({ view, drawn, children }: Props) {
  const base = useRef<HTMLDivElement>(null);
  const onPointerDown = pointAlong(view.store, drawn);
  useSignalEffect(() => {
    if (drawn.value !== null) base.current?.replaceChildren(drawn.value.element);
  });
  const chart = drawn.value;
  if (chart === null) return null;
  return (
    <div
      class="ie-chart"
      role="presentation"
      style={{ height: `${chart.height}px` }}
      onPointerDown={onPointerDown}
    >
      <Bands view={view} chart={chart} />
      <div ref={base} class="ie-chart-layer" />
      <Rules view={view} drawn={drawn} />
      {children}
      <WindowHandles view={view} chart={chart} />
    </div>
  );
}

/** Where the handles are. Moved, not drawn: this is in every frame. */
function Rules({ view, drawn }: Props) {
  const { store } = view;
  const [now, then] = [useRef<HTMLDivElement>(null), useRef<HTMLDivElement>(null)];
  useSignalEffect(() => {
    const chart = drawn.value;
    if (chart === null || now.current === null || then.current === null) return;
    moveTo(now.current, chart.x[store.shown.value]);
    moveTo(then.current, chart.x[store.shownCompare.value ?? -1]);
  });
  const [top, bottom] = [(drawn.value?.top ?? 0) - 4, drawn.value?.bottom ?? 0];
  const style = { top: `${top}px`, height: `${bottom - top}px` };
  return (
    <>
      <div ref={now} class="ie-measure-rule" style={style} />
      <div ref={then} class="ie-measure-rule ie-measure-rule-second" style={style} hidden />
    </>
  );
}

function moveTo(rule: HTMLElement, x: number | undefined): void {
  rule.hidden = x === undefined;
  rule.style.transform = `translateX(${x ?? 0}px)`;
}
