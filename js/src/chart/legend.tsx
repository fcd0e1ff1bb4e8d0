/** The colour scale with its ends, and where chance lies on it. */
import type { ReadonlySignal } from "@preact/signals";
import { headName } from "../state/heads";
import { rounded, scoreText } from "../state/text";
import { gradient, type Scale } from "../ui/color";
import { absentText } from "../ui/pending";
import type { ViewProps } from "../ui/view";
import { missing } from "./grid-drawing";

export function Legend({ view, scale }: ViewProps & { scale: ReadonlySignal<Scale | null> }) {
  const { scoreInfo, shownScores } = view.store;
  if (scale.value === null || scoreInfo.value === null) {
    return <p class="ie-note">{absentText(view.store, "No values of this score yet.")}</p>;
  }
  const { chance, title } = scoreInfo.value;
  return <ScaleLegend view={view} scale={scale.value} title={title} chance={chance} values={shownScores} />;
}

interface ScaleLegendProps extends ViewProps {
  scale: Scale;
  title: string;
  chance: number | null;
  /** One a head, layer by layer. */
  values: ReadonlySignal<Float32Array>;
}

export function ScaleLegend({ view, scale, title, chance, values }: ScaleLegendProps) {
  const { min, max, lut } = scale;
  const at = chance === null ? null : (100 * (chance - min)) / (max - min);
  return (
    <div class="ie-legend">
      <span class="ie-legend-title">{title}</span>
      <span class="ie-legend-end">{rounded(min, 2)}</span>
      <span class="ie-legend-bar" style={{ background: gradient(lut) }}>
        {at !== null && at >= 0 && at <= 100 && (
          <span class="ie-legend-chance" style={{ left: `${at}%` }}>
            <span class="ie-legend-chance-text">chance</span>
          </span>
        )}
      </span>
      <span class="ie-legend-end">{rounded(max, 2)}</span>
      <Readout view={view} values={values} />
    </div>
  );
}

/** The value under the pointer, for cells too small to hold a number. */
function Readout({ view, values }: Pick<ScaleLegendProps, "view" | "values">) {
  const head = view.hoverHead.value;
  const info = view.store.info.value;
  if (head === null || info === null) return <span class="ie-legend-readout" />;
  const value = values.value[head[0] * info.heads + head[1]] ?? Number.NaN;
  return (
    <span class="ie-legend-readout">
      {headName(head)} {Number.isFinite(value) ? scoreText(value) : missing(info, head, values.value)}
    </span>
  );
}
