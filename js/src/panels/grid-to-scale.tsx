/** One number a head as a grid like that of the scores, as wide as there is room, with the scale of its colours. */
import type { ReadonlySignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { ScaleLegend } from "../chart/legend";
import { useGridLayout } from "../chart/use-grid-layout";
import type { Scale } from "../ui/color";
import type { ViewProps } from "../ui/view";
import { Cells } from "./head-grid";

interface Props extends ViewProps {
  scale: ReadonlySignal<Scale>;
  values: ReadonlySignal<Float32Array>;
  /** Of the grid, and what each cell is said to be. */
  label: string;
  score: string;
  digits?: number;
  /** Beside the colours; no scale without. */
  units: string | null;
  /** Above the grid, and under its scale. */
  caption?: ComponentChildren;
  children?: ComponentChildren;
}

export function GridToScale({ view, scale, values, units, caption, children, ...cells }: Props) {
  const [ref, layout] = useGridLayout(view.store);
  const laid = layout.value;
  return (
    <section ref={ref} class="ie-each">
      {caption}
      {laid !== null && (
        <Cells
          key={`${laid.layers}x${laid.heads}`}
          view={view}
          layout={laid}
          scale={scale}
          values={values}
          {...cells}
        />
      )}
      {units !== null && (
        <ScaleLegend view={view} scale={scale.value} title={units} chance={null} values={values} />
      )}
      {children}
    </section>
  );
}
