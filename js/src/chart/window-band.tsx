/** The phase change and the brushed checkpoints, as bands behind a chart along training. */
import { precise } from "../state/text";
import { trainingOf } from "../state/training";
import { followDrag, placeIn } from "../ui/pointing";
import type { View } from "../ui/view";
import type { TrainingChart } from "./training-axis";

interface Props {
  view: View;
  chart: TrainingChart;
}

/** Lies under the curves. The ends of a window that was found fade over their intervals. */
export function Bands({ view, chart, series }: Props & { series?: number }) {
  const { series: current, windowIn, range, info, viewState } = view.store;
  const box = { y: chart.top - 6, height: chart.bottom - chart.top + 6 };
  const span = ([from, to]: [number, number]) => ({
    x: inside(chart, from),
    width: Math.max(0, inside(chart, to) - inside(chart, from)),
  });
  const found = windowIn(series ?? current.value);
  const [first, last] = range.value.map((index) => chart.x[index] ?? 0) as [number, number];
  return (
    <svg class="ie-chart-layer ie-bands" width={chart.width} height={chart.height} aria-hidden="true">
      {found !== null && <rect class="ie-band" {...box} {...span([found.from, found.to])} />}
      {found?.intervals != null && (
        <>
          <rect class="ie-band-interval" {...box} {...span(found.intervals.from)} />
          <rect class="ie-band-interval" {...box} {...span(found.intervals.to)} />
        </>
      )}
      {series === undefined && viewState.value.brush !== null && info.value !== null && (
        <>
          <rect class="ie-outside" {...box} x={chart.left} width={Math.max(0, first - chart.left)} />
          <rect class="ie-outside" {...box} x={last} width={Math.max(0, chart.right - last)} />
        </>
      )}
    </svg>
  );
}

/** Lies over the curves: the ends of the window, to be dragged or moved by arrow keys. */
export function WindowHandles({ view, chart }: Props) {
  const found = view.store.window.value;
  if (found === null) return null;
  return (
    <>
      <End view={view} chart={chart} name="Window start" end={0} />
      <End view={view} chart={chart} name="Window end" end={1} />
    </>
  );
}

function End({ view, chart, name, end }: Props & { name: string; end: 0 | 1 }) {
  const { store } = view;
  const window = store.window.value;
  if (window === null || store.info.value === null) return null;
  const ends: [number, number] = [window.from, window.to];
  const xs = trainingOf(store.info.value, store.unit.value);
  const move = (x: number) => {
    const next: [number, number] = [...ends];
    next[end] = end === 0 ? Math.min(x, ends[1]) : Math.max(x, ends[0]);
    store.drawWindow(next);
  };
  const onPointerDown = (down: PointerEvent) => {
    // The chart would brush.
    down.stopPropagation();
    const { window, window_unit } = store.viewState.peek();
    const box = (down.currentTarget as HTMLElement).parentElement as HTMLElement;
    followDrag(down, {
      move(event) {
        const [x] = placeIn(event, box);
        move(chart.from(Math.max(chart.left, Math.min(chart.right, x))));
      },
      cancel: () => store.arrange({ window, window_unit }),
    });
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const later = [...xs].sort((a, b) => a - b).find((x) => x > ends[end]);
    const earlier = [...xs].sort((a, b) => b - a).find((x) => x < ends[end]);
    const goal = { ArrowRight: later, ArrowLeft: earlier }[event.key];
    if (goal === undefined) return;
    event.preventDefault();
    move(goal);
  };
  return (
    <div
      role="slider"
      class={`ie-window-end ${end === 1 ? "ie-window-last" : ""}`}
      tabIndex={0}
      aria-label={name}
      aria-valuemin={Math.min(...xs)}
      aria-valuemax={Math.max(...xs)}
      aria-valuenow={ends[end]}
      aria-valuetext={precise(ends[end])}
      title={`${name}: ${precise(ends[end])}. Drag to move it.`}
      style={{
        left: `${inside(chart, ends[end])}px`,
        top: `${chart.top - 6}px`,
        height: `${chart.bottom - chart.top + 6}px`,
      }}
      onPointerDown={onPointerDown}
      // The chart would point at what lies under the handle.
      onPointerMove={(event) => event.stopPropagation()}
      onKeyDown={onKeyDown}
    />
  );
}

/** Where an x is, or the nearer end of the chart where it is outside. */
function inside(chart: TrainingChart, x: number): number {
  return Math.max(chart.left, Math.min(chart.right, chart.at(x)));
}
