/** Measures of the whole model, one tab each, with the slider's checkpoint marked. */
import { type ReadonlySignal, type Signal, useComputed, useSignal, useSignalEffect } from "@preact/signals";
import { useRef } from "preact/hooks";
import type { MeasureInfo } from "../model";
import { scoreText } from "../text";
import { type Drawn, plotOverPositions, plotOverTraining } from "./measure-plot";
import { useWidth } from "./use-width";
import type { View, ViewProps } from "./view";

export function Measures({ view }: ViewProps) {
  const { measureInfos, measuredOn, series } = view.store;
  const chosen = useSignal("loss");
  const infos = measureInfos.value;
  const info = infos.find(({ name }) => name === chosen.value) ?? infos[0];
  if (info === undefined) return null;
  const known = view.store.measureOf(series.value, info.name) !== null;
  return (
    <section class="ie-section ie-measures">
      <Tabs infos={infos} chosen={chosen} current={info.name} />
      <div role="tabpanel" aria-label={info.title}>
        {known ? (
          <Panel key={info.name} view={view} info={info} />
        ) : (
          <p class="ie-note ie-measures-empty">{measuredOn.value[series.value] || "computing …"}</p>
        )}
      </div>
    </section>
  );
}

interface TabsProps {
  infos: MeasureInfo[];
  chosen: Signal<string>;
  current: string;
}

function Tabs({ infos, chosen, current }: TabsProps) {
  const onKeyDown = (event: KeyboardEvent) => {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (step === undefined) return;
    // The notebook would take these keys for moving between cells.
    event.stopPropagation();
    event.preventDefault();
    const index = infos.findIndex(({ name }) => name === current);
    const next = (index + step + infos.length) % infos.length;
    chosen.value = infos[next]?.name ?? current;
    (event.currentTarget as HTMLElement).querySelectorAll<HTMLElement>("[role=tab]")[next]?.focus();
  };
  return (
    <div class="ie-tabs" role="tablist" aria-label="Measures" onKeyDown={onKeyDown}>
      {infos.map(({ name, title }) => (
        <button
          key={name}
          type="button"
          role="tab"
          class="ie-tab"
          aria-selected={name === current}
          tabIndex={name === current ? 0 : -1}
          onClick={() => {
            chosen.value = name;
          }}
        >
          {title}
        </button>
      ))}
    </div>
  );
}

function Panel({ view, info }: { view: View; info: MeasureInfo }) {
  const { store } = view;
  const [ref, width] = useWidth<HTMLElement>();
  const drawn = useComputed<Drawn | null>(() => {
    if (width.value === 0) return null;
    return info.per_position
      ? overPositions(view, info.name, width.value)
      : overTraining(view, info.name, width.value);
  });
  const unit = store.info.value?.tokens.every((tokens) => tokens !== null) ? "tokens seen" : "training steps";
  return (
    <figure ref={ref}>
      <figcaption class="ie-caption">
        <p class="ie-meaning">{info.meaning}</p>
        <p class="ie-note">
          <span class="ie-formula">{info.formula}</span>, in nats
          {info.on_text && ` · on ${store.measuredOn.value[store.series.value]}`} · {info.source}
        </p>
      </figcaption>
      {drawn.value === null ? (
        <div class="ie-measures-empty">{store.working.value && "computing …"}</div>
      ) : (
        <Chart view={view} info={info} drawn={drawn} />
      )}
      <div class="ie-measures-axis">
        {info.per_position
          ? "position in the row, log scale; every checkpoint in grey"
          : `${unit}, log scale`}
      </div>
    </figure>
  );
}

function overTraining(view: View, name: string, width: number): Drawn | null {
  const { seriesList, series, measureOf } = view.store;
  const known = seriesList.value.every((info) => info.tokens.every((tokens) => tokens !== null));
  const curves = seriesList.value.flatMap((info, index) => {
    const measure = measureOf(index, name);
    const x = known ? (info.tokens as number[]) : info.steps;
    if (measure === null) return [];
    return [{ name: info.name, current: index === series.value, x, y: Array.from(measure.values) }];
  });
  return curves.some(({ y }) => y.some(Number.isFinite)) ? plotOverTraining(curves, width) : null;
}

function overPositions(view: View, name: string, width: number): Drawn | null {
  const measure = view.store.measureOf(view.store.series.value, name);
  const positions = view.store.measureOf(view.store.series.value, "positions");
  const [count, length] = measure?.shape ?? [];
  if (!measure || !positions || count === undefined || length === undefined) return null;
  const curves = Array.from({ length: count }, (_, index) =>
    Array.from(measure.values.subarray(index * length, (index + 1) * length)),
  ).filter((curve) => curve.every(Number.isFinite));
  return curves.length > 0 ? plotOverPositions(curves, Array.from(positions.values), width) : null;
}

interface ChartProps {
  view: View;
  info: MeasureInfo;
  drawn: ReadonlySignal<Drawn | null>;
}

function Chart({ view, info, drawn }: ChartProps) {
  const { store } = view;
  const [base, now, label] = [
    useRef<HTMLDivElement>(null),
    useRef<SVGGElement>(null),
    useRef<HTMLDivElement>(null),
  ];
  useSignalEffect(() => {
    if (drawn.value !== null) base.current?.replaceChildren(drawn.value.element);
  });
  // Drawn by hand, not by Preact: this runs in every frame of scrubbing.
  useSignalEffect(() => {
    const chart = drawn.value;
    const measure = store.measureOf(store.series.value, info.name);
    if (chart === null || measure === null || now.current === null || label.current === null) return;
    const index = store.shown.value;
    if (info.per_position) {
      const length = measure.shape[1] ?? 0;
      const values = measure.values.subarray(index * length, (index + 1) * length);
      now.current.firstElementChild?.setAttribute("d", path(chart, values));
      label.current.textContent = "";
      return;
    }
    const value = measure.values[index] ?? Number.NaN;
    const [x, y] = [chart.x[index] ?? 0, Number.isFinite(value) ? chart.y(value) : chart.bottom];
    now.current.firstElementChild?.setAttribute("d", `M${x},${chart.top - 4}V${chart.bottom}`);
    now.current.lastElementChild?.setAttribute("transform", `translate(${x},${y})`);
    label.current.textContent = scoreText(value);
    label.current.style.left = `${x + 7}px`;
    label.current.style.top = `${Math.max(0, y - 24)}px`;
  });
  const chart = drawn.value;
  if (chart === null) return null;
  const onPointerUp = (event: PointerEvent) => {
    if (info.per_position) return;
    const box = (event.currentTarget as HTMLElement).getBoundingClientRect();
    const at = event.clientX - box.left;
    const distances = chart.x.map((x) => Math.abs(x - at));
    store.moveTo(distances.indexOf(Math.min(...distances)));
  };
  return (
    <div
      class={info.per_position ? "ie-chart ie-chart-still" : "ie-chart"}
      role="presentation"
      style={{ height: `${chart.height}px` }}
      onPointerUp={onPointerUp}
    >
      <div ref={base} class="ie-chart-layer" />
      <svg class="ie-chart-layer" width={chart.width} height={chart.height} aria-hidden="true">
        <g ref={now}>
          <path class={info.per_position ? "ie-measure-now" : "ie-rule"} />
          {!info.per_position && <circle class="ie-dot" r="4" fill="var(--ie-ink)" />}
        </g>
      </svg>
      <div ref={label} class="ie-measure-value" />
    </div>
  );
}

function path(chart: Drawn, values: Float32Array): string {
  let d = "";
  values.forEach((value, position) => {
    if (Number.isFinite(value)) d += `${d === "" ? "M" : "L"}${chart.x[position]},${chart.y(value)}`;
  });
  return d;
}
