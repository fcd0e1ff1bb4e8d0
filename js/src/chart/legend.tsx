/** The colour scale with its ends, and where chance lies on it. */
import type { ReadonlySignal } from "@preact/signals";
import { headName } from "../state/heads";
import { changeText, rounded, scoreText } from "../state/text";
import { gradient, type Scale } from "../ui/color";
import { absentText } from "../ui/pending";
import type { ViewProps } from "../ui/view";
import { missing } from "./grid-drawing";

interface LegendProps extends ViewProps {
  scale: ReadonlySignal<Scale | null>;
  /** Whether the colours are changes from another checkpoint. */
  isChange: boolean;
}

export function Legend({ view, scale, isChange }: LegendProps) {
  const { scoreInfo, shownScores } = view.store;
  if (scale.value === null || scoreInfo.value === null) {
    return <p class="ie-note">{absentText(view.store, "No values of this score at this checkpoint.")}</p>;
  }
  const { chance, title } = scoreInfo.value;
  return (
    <ScaleLegend
      view={view}
      scale={scale.value}
      title={title}
      chance={isChange ? null : chance}
      values={shownScores}
      before={view.store.comparison.before}
      signed={isChange}
    />
  );
}

interface ScaleLegendProps extends ViewProps {
  scale: Scale;
  title: string;
  chance: number | null;
  /** One a head, layer by layer. */
  values: ReadonlySignal<Float32Array>;
  /** The same at the checkpoint compared with. */
  before?: ReadonlySignal<Float32Array | null>;
  /** Whether gains have a plus. */
  signed?: boolean;
}

export function ScaleLegend({ view, scale, title, chance, values, before, signed }: ScaleLegendProps) {
  const { min, max, lut } = scale;
  const at = chance === null ? null : (100 * (chance - min)) / (max - min);
  return (
    <div class="ie-legend" aria-hidden="true">
      <span class="ie-legend-title">{title}</span>
      <span class="ie-legend-end">{rounded(min, 2)}</span>
      <span class="ie-legend-bar" style={{ background: gradient(lut) }}>
        {at !== null && at >= 0 && at <= 100 && (
          <span class="ie-legend-chance" style={{ left: `${at}%` }}>
            <span class="ie-legend-chance-text">chance</span>
          </span>
        )}
      </span>
      <span class="ie-legend-end">
        {signed && "+"}
        {rounded(max, 2)}
      </span>
      <Readout view={view} values={values} before={before?.value ?? null} />
    </div>
  );
}

interface ReadoutProps extends Pick<ScaleLegendProps, "view" | "values"> {
  before: Float32Array | null;
}

/** The value under the pointer, for cells too small to hold a number; where it is compared, both, and the change. */
function Readout({ view, values, before }: ReadoutProps) {
  const head = view.hoverHead.value;
  const info = view.store.info.value;
  const look = `ie-legend-readout ${before === null ? "" : "ie-legend-compared"}`;
  if (head === null || info === null) return <span class={look} />;
  const index = head[0] * info.heads + head[1];
  const said = (all: Float32Array) => {
    const value = all[index] ?? Number.NaN;
    return Number.isFinite(value) ? scoreText(value) : missing(info, head, all);
  };
  const change = (values.value[index] ?? Number.NaN) - (before?.[index] ?? Number.NaN);
  return (
    <span class={look}>
      {headName(head)} {before !== null && `${said(before)} → `}
      {said(values.value)}
      {Number.isFinite(change) && ` (${changeText(change)})`}
    </span>
  );
}
