/** What is drawn of attention, and its colours: which scale, and what the bar's ends and middle stand for. */

import { rounded } from "../state/text";
import { AttentionOf } from "../ui/attention-of";
import { type AttentionScale, attentionAt, gradient, LEAST_ATTENTION, lut } from "../ui/color";
import type { ViewProps } from "../ui/view";

const SCALES: AttentionScale[] = ["linear", "square root", "log"];

export function AttentionLegend({ view }: ViewProps) {
  const { store, theme } = view;
  const scale = store.viewState.value.attention_scale;
  return (
    <span class="ie-attention-legend">
      <AttentionOf view={view} />
      <select
        class="ie-select"
        aria-label="Attention colours"
        value={scale}
        onChange={({ currentTarget }) =>
          store.arrange({ attention_scale: currentTarget.value as AttentionScale })
        }
      >
        {SCALES.map((each) => (
          <option key={each} value={each}>
            {each}
          </option>
        ))}
      </select>
      <span class="ie-attention-bar" aria-hidden="true">
        <span>{scale === "log" ? `<${rounded(LEAST_ATTENTION, 1)}` : "0"}</span>
        <span class="ie-legend-bar" style={{ background: gradient(lut("sequential", theme.value)) }}>
          <span class="ie-legend-middle">{rounded(attentionAt(scale, 0.5), 2)}</span>
        </span>
        <span>1</span>
      </span>
    </span>
  );
}
