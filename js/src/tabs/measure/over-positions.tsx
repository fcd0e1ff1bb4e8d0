/** A curve over positions for every checkpoint. The slider changes the curve, not a place on the axis. */
import { type ReadonlySignal, useComputed, useSignalEffect } from "@preact/signals";
import { useRef } from "preact/hooks";
import { type Drawn, pathOf, placeOfPosition, plotOverPositions } from "../../chart/plot";
import type { MeasureInfo } from "../../kernel/model";
import { useWidth } from "../../ui/use-size";
import type { View, ViewProps } from "../../ui/view";
import { type Figure, inUnits } from "./figures";

interface Props extends ViewProps {
  figure: Figure;
  empty: string;
}

export function OverPositions({ view, figure, empty }: Props) {
  const [info] = figure.measures;
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

function overPositions(view: View, info: MeasureInfo, width: number): Drawn | null {
  const measure = view.store.measureOf(view.store.series.value, info.name);
  const positions = view.store.measureOf(view.store.series.value, "positions");
  const [count, length] = measure?.shape ?? [];
  if (!measure || !positions || count === undefined || length === undefined) return null;
  const curves = Array.from({ length: count }, (_, index) =>
    Array.from(measure.values.subarray(index * length, (index + 1) * length)),
  ).filter((curve) => curve.every(Number.isFinite));
  const places = Array.from(positions.values);
  const yName = view.onPaper ? `${info.title}${inUnits(info)}` : null;
  return curves.length > 0 ? plotOverPositions(curves, places, width, yName) : null;
}

interface ShownProps extends ViewProps {
  info: MeasureInfo;
  drawn: ReadonlySignal<Drawn | null>;
}

/** The curve over positions at the shown checkpoint. */
function ShownCurve({ view, info, drawn }: ShownProps) {
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
