/** Numbers of checkpoints: a curve a series, or of one series a curve a measure; of one checkpoint, the numbers. */
import { type ReadonlySignal, useSignalEffect } from "@preact/signals";
import { useRef } from "preact/hooks";
import { type Curve, type Drawn, plotAlong } from "../../chart/plot";
import { currentTraining, eachSeries } from "../../chart/series-curves";
import { TrainingChart } from "../../chart/training-chart";
import type { Store } from "../../state/store";
import { scoreText, shortened } from "../../state/text";
import { trainingOf } from "../../state/training";
import { absentText } from "../../ui/pending";
import type { View, ViewProps } from "../../ui/view";
import { type Figure, inUnits } from "./figures";

/** Of a number beside its mark, in pixels. */
const VALUE_WIDTH = 45;

interface Props extends ViewProps {
  figure: Figure;
  empty: string;
}

export function OverTraining({ view, figure, empty }: Props) {
  if (!view.store.overTraining.value) return <Numbers view={view} figure={figure} />;
  return (
    <TrainingChart view={view} plot={(width) => overTraining(view, figure, width)} empty={empty}>
      {(drawn) => <ShownValues view={view} figure={figure} drawn={drawn} />}
    </TrainingChart>
  );
}

/** A value of the figure, at a checkpoint of its series. */
interface Value {
  series: number;
  measure: string;
  name: string;
  /** What the slider moves first of all. */
  main: boolean;
}

function valuesOf({ seriesList, series }: Store, { measures, names }: Figure): Value[] {
  const [{ name: measure }] = measures;
  if (measures.length === 1)
    return seriesList.value.map(({ name }, index) => {
      return { series: index, measure, name: shortened(name), main: index === series.value };
    });
  return measures.map(({ name }, index) => {
    return { series: series.value, measure: name, name: names[index] ?? name, main: index === 0 };
  });
}

function valueAt({ measureOf, shownEach }: Store, { series, measure }: Value): number {
  return measureOf(series, measure)?.values[shownEach.value[series] ?? 0] ?? Number.NaN;
}

/** What each series has, where each is one checkpoint. */
function Numbers({ view, figure }: Omit<Props, "empty">) {
  const values = valuesOf(view.store, figure);
  const unit = figure.measures[0].units === "1" ? "" : " nats";
  return (
    <dl class="ie-measure-numbers">
      {values.map((one) => {
        const value = valueAt(view.store, one);
        return (
          <div key={`${one.series}/${one.measure}`}>
            {values.length > 1 && (
              <dt>
                <bdi>{one.name}</bdi>
              </dt>
            )}
            <dd>
              {Number.isFinite(value) ? `${scoreText(value)}${unit}` : absentText(view.store, "not measured")}
            </dd>
          </div>
        );
      })}
    </dl>
  );
}

function overTraining(view: View, figure: Figure, width: number): Drawn | null {
  const { store } = view;
  const curves = curvesOf(store, figure);
  const known = curves.some(({ y }) => y.some(Number.isFinite));
  const [type, at] = [store.viewState.value.x_scale, currentTraining(store)];
  // The name of the axis, where the figure is all that there is.
  const yName = view.onPaper ? `${figure.title}${inUnits(figure.measures[0])}` : null;
  return known ? plotAlong(curves, { width, type, at, yName }) : null;
}

function curvesOf(store: Store, figure: Figure): (Curve & { y: Float32Array })[] {
  const [first] = figure.measures;
  if (figure.measures.length === 1)
    return eachSeries(store, (series) => store.measureOf(series, first.name)?.values ?? null);
  const x = currentTraining(store);
  return valuesOf(store, figure).flatMap(({ series, measure, name, main }) => {
    const y = store.measureOf(series, measure)?.values;
    return y === undefined
      ? []
      : [{ name, x, y, color: main ? "var(--ie-ink)" : "var(--ie-muted)", bold: main }];
  });
}

interface ShownProps extends Omit<Props, "empty"> {
  drawn: ReadonlySignal<Drawn | null>;
}

/** Every value at the checkpoint of its series. Moved, not drawn: this is in every frame. */
function ShownValues({ view, figure, drawn }: ShownProps) {
  const { store } = view;
  const [marks, text] = [useRef<HTMLDivElement>(null), useRef<HTMLSpanElement>(null)];
  const values = valuesOf(store, figure);
  useSignalEffect(() => {
    const chart = drawn.value;
    if (chart === null || marks.current === null || text.current === null) return;
    for (const [index, one] of valuesOf(store, figure).entries()) {
      const mark = marks.current.children[index] as HTMLElement | undefined;
      const training = store.seriesList.value[one.series];
      if (mark === undefined || training === undefined) continue;
      const at = store.shownEach.value[one.series] ?? 0;
      const value = valueAt(store, one);
      const [x, y] = [chart.at(trainingOf(training, store.unit.value)[at] ?? 0), chart.y(value)];
      // Where the names of the curves begin, it would be written over them.
      mark.classList.toggle("ie-measure-mark-end", x > chart.right - VALUE_WIDTH && values.length > 1);
      mark.style.transform = `translate(${x}px, ${Number.isFinite(value) ? y : chart.bottom}px)`;
      mark.hidden = !Number.isFinite(value) && !one.main;
      if (one.main) text.current.textContent = scoreText(value);
    }
  });
  return (
    <div ref={marks}>
      {values.map(({ series, measure, main }) => (
        <div key={`${series}/${measure}`} class={`ie-measure-mark ${main ? "" : "ie-measure-mark-other"}`}>
          {main && <span ref={text} class="ie-measure-value" />}
        </div>
      ))}
    </div>
  );
}
