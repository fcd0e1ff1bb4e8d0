/** A tab for each measure of the whole model, with the slider's checkpoint marked. */
import { type ReadonlySignal, useComputed, useSignalEffect } from "@preact/signals";
import { useRef } from "preact/hooks";
import { type Drawn, pathOf, placeOfPosition, plotAlong, plotOverPositions } from "../../chart/plot";
import { currentTraining, eachSeries } from "../../chart/series-curves";
import { TrainingChart } from "../../chart/training-chart";
import { Save } from "../../export/save";
import type { MeasureInfo } from "../../kernel/model";
import type { Result } from "../../state/results";
import { scoreText, sentence } from "../../state/text";
import { trainingOf } from "../../state/training";
import { absentText } from "../../ui/pending";
import { useWidth } from "../../ui/use-size";
import type { View, ViewProps } from "../../ui/view";
import { absentLosses, LossesState } from "../losses";
import { type AnyTab, tab } from "../tab";
import { measureTable } from "./table";

/** Of a number beside its mark, in pixels. */
const VALUE_WIDTH = 45;

/** Measures that are drawn in the tab of another, under it. */
const UNDER: Record<string, string> = { loss_slope: "loss_by_position" };

export function measureTabs(infos: MeasureInfo[]): AnyTab[] {
  return infos
    .filter(({ name }) => !Object.hasOwn(UNDER, name))
    .map(({ name, title }) =>
      tab({
        name,
        title,
        group: "Over training",
        options: {},
        everySeries: true,
        asks: () => ({ losses: {} }),
        Panel: ({ view, found }) => (
          <>
            <LossesState view={view} losses={found.losses} />
            {infos
              .filter((info) => info.name === name || UNDER[info.name] === name)
              .map((info) => (
                <MeasurePanel key={info.name} view={view} info={info} losses={found.losses} />
              ))}
          </>
        ),
      }),
    );
}

interface PanelProps extends ViewProps {
  info: MeasureInfo;
}

function MeasurePanel({ view, info, losses }: PanelProps & { losses: Result<"losses"> }) {
  const { measureOf, measuredOn, series } = view.store;
  if (measureOf(series.value, info.name) === null) {
    if (losses.refusal !== null) return null; // said above
    const why = measuredOn.value[series.value] || absentLosses(view.store, losses, "Not measured.");
    return <p class="ie-note ie-measures-empty">{sentence(why)}</p>;
  }
  return <MeasureFigure view={view} info={info} />;
}

function MeasureFigure({ view, info }: PanelProps) {
  const { store } = view;
  const empty = absentText(store, "No value is known.");
  const on = info.on_text ? (store.measuredOn.value[store.series.value] ?? "") : "";
  return (
    <figure aria-label={info.title}>
      <figcaption class="ie-caption">
        <Save
          view={view}
          title={info.title}
          about={{
            training: info.per === "checkpoint",
            everySeries: info.per === "checkpoint",
            says: [
              `${info.title}: ${info.formula}, in nats${on === "" ? "" : `; on ${on}`}; ${info.source}.`,
            ],
          }}
          draw={(paper) => <MeasureFigure view={paper} info={info} />}
          table={() => measureTable(store, info.name)}
          shownTable={info.per === "position" ? () => measureTable(store, info.name, "shown") : undefined}
        />
        <p class="ie-meaning">{info.meaning}</p>
        <p class="ie-note ie-hint">
          <span class="ie-formula">{info.formula}</span>, in nats
          {on !== "" && ` · on ${sentence(on)}`} · {info.source}
        </p>
      </figcaption>
      {info.per === "position" ? (
        <OverPositions view={view} info={info} empty={empty} />
      ) : !store.overTraining.value ? (
        <Numbers view={view} info={info} />
      ) : (
        <TrainingChart view={view} plot={(width) => overTraining(view, info, width)} empty={empty}>
          {(drawn) => <ShownValues view={view} info={info} drawn={drawn} />}
        </TrainingChart>
      )}
    </figure>
  );
}

/** What each series has, where each is one checkpoint. */
function Numbers({ view, info }: PanelProps) {
  const { seriesList, measureOf } = view.store;
  return (
    <dl class="ie-measure-numbers">
      {seriesList.value.map(({ name }, series) => {
        const value = measureOf(series, info.name)?.values[0] ?? Number.NaN;
        return (
          <div key={name}>
            {seriesList.value.length > 1 && (
              <dt>
                <bdi>{name}</bdi>
              </dt>
            )}
            <dd>
              {Number.isFinite(value) ? `${scoreText(value)} nats` : absentText(view.store, "not measured")}
            </dd>
          </div>
        );
      })}
    </dl>
  );
}

/** Of the axis, where the figure is all that there is. */
function yNameOf({ onPaper }: View, { title }: MeasureInfo): string | null {
  return onPaper ? `${title}, nats` : null;
}

function overTraining(view: View, info: MeasureInfo, width: number): Drawn | null {
  const { store } = view;
  const curves = eachSeries(store, (series) => store.measureOf(series, info.name)?.values ?? null);
  const known = curves.some(({ y }) => y.some(Number.isFinite));
  const [type, at] = [store.viewState.value.x_scale, currentTraining(store)];
  return known ? plotAlong(curves, { width, type, at, yName: yNameOf(view, info) }) : null;
}

function overPositions(view: View, info: MeasureInfo, width: number): Drawn | null {
  const measure = view.store.measureOf(view.store.series.value, info.name);
  const positions = view.store.measureOf(view.store.series.value, "positions");
  const [count, length] = measure?.shape ?? [];
  if (!measure || !positions || count === undefined || length === undefined) return null;
  const curves = Array.from({ length: count }, (_, index) =>
    Array.from(measure.values.subarray(index * length, (index + 1) * length)),
  ).filter((curve) => curve.every(Number.isFinite));
  const places = Array.from(positions.values);
  return curves.length > 0 ? plotOverPositions(curves, places, width, yNameOf(view, info)) : null;
}

interface ChartProps extends PanelProps {
  drawn: ReadonlySignal<Drawn | null>;
}

/** No chart along training: the slider changes the curve, not a place on the axis. */
function OverPositions({ view, info, empty }: PanelProps & { empty: string }) {
  const [ref, width] = useWidth<HTMLDivElement>();
  const base = useRef<HTMLDivElement>(null);
  const drawn = useComputed(() => (width.value === 0 ? null : overPositions(view, info, width.value)));
  useSignalEffect(() => {
    if (drawn.value !== null) base.current?.replaceChildren(drawn.value.element);
  });
  return (
    <div ref={ref}>
      {drawn.value === null ? (
        <div class="ie-measures-empty">{empty}</div>
      ) : (
        <div
          class="ie-chart ie-chart-still"
          role="presentation"
          style={{ height: `${drawn.value.height}px` }}
        >
          <div ref={base} class="ie-chart-layer" />
          <ShownCurve view={view} info={info} drawn={drawn} />
        </div>
      )}
      <div
        class="ie-axis-note"
        style={{ marginRight: `${width.value - (drawn.value?.right ?? width.value)}px` }}
      >
        position in the row, log scale{view.store.alone.value ? "" : "; every checkpoint in grey"}
      </div>
    </div>
  );
}

/** The value of every series at its checkpoint. Moved, not drawn: this is in every frame. */
function ShownValues({ view, info, drawn }: ChartProps) {
  const { store } = view;
  const [marks, text] = [useRef<HTMLDivElement>(null), useRef<HTMLSpanElement>(null)];
  useSignalEffect(() => {
    const chart = drawn.value;
    if (chart === null || marks.current === null || text.current === null) return;
    const alone = store.seriesList.value.length < 2;
    store.seriesList.value.forEach((series, index) => {
      const mark = marks.current?.children[index] as HTMLElement | undefined;
      const at = store.shownEach.value[index] ?? 0;
      const value = store.measureOf(index, info.name)?.values[at] ?? Number.NaN;
      if (mark === undefined) return;
      const [x, y] = [chart.at(trainingOf(series, store.unit.value)[at] ?? 0), chart.y(value)];
      // Where the names of the curves begin, it would be written over them.
      mark.classList.toggle("ie-measure-mark-end", x > chart.right - VALUE_WIDTH && !alone);
      mark.style.transform = `translate(${x}px, ${Number.isFinite(value) ? y : chart.bottom}px)`;
      mark.hidden = !Number.isFinite(value) && index !== store.series.value;
      if (index === store.series.value && text.current !== null) text.current.textContent = scoreText(value);
    });
  });
  return (
    <div ref={marks}>
      {store.seriesList.value.map((series, index) => (
        <div
          key={series.name}
          class={`ie-measure-mark ${index === store.series.value ? "" : "ie-measure-mark-other"}`}
        >
          {index === store.series.value && <span ref={text} class="ie-measure-value" />}
        </div>
      ))}
    </div>
  );
}

/** The curve over positions at the shown checkpoint. */
function ShownCurve({ view, info, drawn }: ChartProps) {
  const { store } = view;
  const curve = useRef<SVGPathElement>(null);
  useSignalEffect(() => {
    const measure = store.measureOf(store.series.value, info.name);
    if (drawn.value === null || measure === null) return;
    const length = measure.shape[1] ?? 0;
    const start = store.shown.value * length;
    const x = Array.from(store.measureOf(store.series.value, "positions")?.values ?? [], placeOfPosition);
    curve.current?.setAttribute(
      "d",
      pathOf(drawn.value, { x, y: measure.values.subarray(start, start + length) }),
    );
  });
  return (
    <svg class="ie-chart-layer" width={drawn.value?.width} height={drawn.value?.height} aria-hidden="true">
      <path ref={curve} class="ie-measure-now" />
    </svg>
  );
}
