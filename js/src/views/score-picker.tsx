/** Which score the grid and the curves show, and what that score is. */
import type { ScoreInfo } from "../model";
import type { ViewProps } from "./view";

export function ScorePicker({ view }: ViewProps) {
  const { scores, scoreInfo } = view.store;
  const chosen = scoreInfo.value;
  if (chosen === null) return null;
  return (
    <div class="ie-score">
      <select
        class="ie-select ie-heading"
        aria-label="Score"
        value={chosen.name}
        onChange={(event) => view.store.chooseScore(event.currentTarget.value)}
      >
        {GROUPS.map((label) => (
          <Group
            key={label}
            label={label}
            scores={scores.value.filter((score) => groupOf(score) === label)}
          />
        ))}
      </select>
      <div class="ie-score-text">
        <p class="ie-meaning">{chosen.meaning}</p>
        <p class="ie-note">
          <span class="ie-formula">{chosen.formula}</span> · range {rangeText(chosen.range)} · chance{" "}
          {chosen.chance === null ? "not defined" : number(chosen.chance, 2)} · on {chosen.probe} ·{" "}
          {chosen.source}
        </p>
      </div>
    </div>
  );
}

const GROUPS = ["Attention", "Logits (pre-softmax)", "As TransformerLens' detect_head"] as const;

function groupOf({ name }: ScoreInfo): (typeof GROUPS)[number] {
  if (name.endsWith("_logit")) return GROUPS[1];
  return name.includes("_detect_") ? GROUPS[2] : GROUPS[0];
}

function Group({ label, scores }: { label: string; scores: ScoreInfo[] }) {
  if (scores.length === 0) return null;
  return (
    <optgroup label={label}>
      {scores.map(({ name, title }) => (
        <option key={name} value={name}>
          {title}
        </option>
      ))}
    </optgroup>
  );
}

function rangeText([low, high]: ScoreInfo["range"]): string {
  if (low === null && high === null) return "unbounded";
  return `${low === null ? "−∞" : number(low, 3)} to ${high === null ? "∞" : number(high, 3)}`;
}

function number(value: number, digits: number): string {
  return String(Number(value.toPrecision(digits))).replace("-", "−");
}
