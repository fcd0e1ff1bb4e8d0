/**
 * Values along training as a reader meets them: curves with their names, the phase change as a band under them,
 * the rules of both handles, a tip at the curve that is pointed at, a click that moves the slider, a drag that
 * brushes, and what is said while there is nothing to draw.
 */
import { type ReadonlySignal, useComputed, useSignal, useSignalEffect } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useRef } from "preact/hooks";
import { compact, scoreText } from "../state/text";
import { useHover } from "../ui/pointing";
import { useWidth } from "../ui/use-size";
import type { View } from "../ui/view";
import { AxisNote } from "./axis-note";
import { Names } from "./names";
import { type Curve, type Drawn, namesOf, pathOf } from "./plot";
import { nearest, nearestPoint, pointAlong } from "./pointing";
import { Tip } from "./tip";
import { Bands, WindowHandles } from "./window-band";

/** A pointer further away than this from every curve points at none. */
const REACH = 40;

interface Props {
  view: View;
  /** What stands still, at a width; null while nothing is known. */
  plot: (width: number) => Drawn | null;
  /** Said instead. */
  empty: ComponentChildren;
  /** Curves that are chosen more often than all is drawn. */
  over?: () => Curve[];
  /** Where it is not the one that the slider moves: nothing can be moved in its chart. */
  series?: number;
  /** How a value is said. */
  say?: (value: number) => string;
  /** What pointing does, where it is not to say the nearest curve: it is told the checkpoint and the height. */
  hover?: { move: (drawn: Drawn, checkpoint: number, y: number) => void; leave: () => void };
  /** Whether it says what its axis is. */
  note?: boolean;
  /** Drawn over the curves. */
  children?: (drawn: ReadonlySignal<Drawn | null>) => ComponentChildren;
}

export function TrainingChart(props: Props) {
  const { view, plot, empty, note = true } = props;
  const [ref, width] = useWidth<HTMLDivElement>();
  const drawn = useComputed(() => (width.value === 0 ? null : plot(width.value)));
  const chart = drawn.value;
  return (
    <div ref={ref}>
      {chart === null ? <div class="ie-measures-empty">{empty}</div> : <Chart {...props} drawn={drawn} />}
      {chart !== null && note && <AxisNote view={view} right={chart.width - chart.right} />}
    </div>
  );
}

type ChartProps = Omit<Props, "plot" | "empty" | "note"> & { drawn: ReadonlySignal<Drawn | null> };

function Chart({ view, drawn, over, series, say = scoreText, hover, children }: ChartProps) {
  const pointed = useSignal<[number, number] | null>(null);
  const base = useRef<HTMLDivElement>(null);
  const above = useComputed(() => over?.() ?? []);
  useSignalEffect(() => {
    if (drawn.value !== null) base.current?.replaceChildren(drawn.value.element);
  });
  const pointing = useHover({
    move(x, y) {
      const now = drawn.peek();
      if (now === null) return;
      if (hover === undefined) pointed.value = [x, y];
      else hover.move(now, nearest(now.x, x), y);
    },
    leave() {
      pointed.value = null;
      hover?.leave();
    },
  });
  const chart = drawn.value;
  if (chart === null) return null;
  const still = series !== undefined;
  return (
    <div
      class={`ie-chart ${still ? "ie-chart-still" : ""}`}
      role="presentation"
      style={{ height: `${chart.height}px` }}
      // The slider is the way to do this by keyboard.
      {...(!still && { onPointerDown: pointAlong(view.store, drawn) })}
      {...pointing}
    >
      <Bands view={view} chart={chart} {...(still && { series })} />
      <div ref={base} class="ie-chart-layer" />
      <svg class="ie-chart-layer" width={chart.width} height={chart.height} aria-hidden="true">
        {above.value.map((curve) => (
          <g key={curve.name} data-mark="line" fill="none" stroke={curve.color} stroke-width={2}>
            <path d={pathOf(chart, curve)} />
          </g>
        ))}
        <Names
          labels={[...namesOf(above.value, chart), ...chart.names]}
          box={{ left: 0, right: chart.width, top: chart.top, bottom: chart.bottom }}
        />
      </svg>
      <Rules view={view} drawn={drawn} {...(still && { series })} />
      {children?.(drawn)}
      {pointed.value !== null && (
        <Pointed
          view={view}
          chart={chart}
          at={pointed.value}
          curves={[...chart.curves, ...above.value]}
          say={say}
        />
      )}
      {!still && <WindowHandles view={view} chart={chart} />}
    </div>
  );
}

interface PointedProps {
  view: View;
  chart: Drawn;
  at: [number, number];
  curves: Curve[];
  say: (value: number) => string;
}

/** Name and value of the curve that is nearest to the pointer, at its nearest checkpoint. */
function Pointed({ view, chart, at, curves, say }: PointedProps) {
  const all = curves.flatMap((curve) =>
    curve.x.map((x, i) => ({ curve, x, value: curve.y[i] ?? Number.NaN })),
  );
  const places = all.map(({ x, value }) => [chart.at(x), chart.y(value)] as const);
  const found = nearestPoint(places, at, REACH);
  if (found === null) return null;
  const [{ curve, x, value }, [left, top]] = [all[found], places[found]] as [
    (typeof all)[0],
    [number, number],
  ];
  return (
    <>
      <svg class="ie-chart-layer" width={chart.width} height={chart.height} aria-hidden="true">
        <circle class="ie-dot" r="4" fill={curve.color} cx={left} cy={top} />
      </svg>
      <Tip x={left} y={top} width={chart.width} name={curve.name}>
        {" "}
        {say(value)}
        <span class="ie-tip-at">
          {" "}
          · {compact(x)} {view.store.unitName.value}
        </span>
      </Tip>
    </>
  );
}

interface RulesProps {
  view: View;
  drawn: ReadonlySignal<Drawn | null>;
  series?: number;
}

/** Where the handles are. Moved, not drawn: this is in every frame. */
function Rules({ view, drawn, series }: RulesProps) {
  const { store } = view;
  const [now, then] = [useRef<HTMLDivElement>(null), useRef<HTMLDivElement>(null)];
  useSignalEffect(() => {
    const chart = drawn.value;
    if (chart === null || now.current === null || then.current === null) return;
    const shown = series === undefined ? store.shown.value : store.shownEach.value[series];
    moveTo(now.current, chart.x[shown ?? -1]);
    moveTo(then.current, series === undefined ? chart.x[store.shownCompare.value ?? -1] : undefined);
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
