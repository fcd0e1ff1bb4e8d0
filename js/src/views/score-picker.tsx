/** Which score the grid and the curves show, and what that score is. */
import type { ScoreInfo } from "../model";
import { compact } from "../text";
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
        <Group label="Attention" scores={scores.value.filter((score) => !isLogit(score))} />
        <Group label="Logits (pre-softmax)" scores={scores.value.filter(isLogit)} />
      </select>
      <div class="ie-score-text">
        <p class="ie-meaning">{chosen.meaning}</p>
        <p class="ie-note">
          <span class="ie-formula">{chosen.formula}</span> · range {rangeText(chosen.range)} · chance{" "}
          {chosen.chance === null ? "not defined" : compactNumber(chosen.chance)} · on {chosen.probe} ·{" "}
          {chosen.source}
        </p>
      </div>
    </div>
  );
}

function isLogit({ name }: ScoreInfo): boolean {
  return name.endsWith("_logit");
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
  return `${low === null ? "−∞" : compact(low)} to ${high === null ? "∞" : compact(high)}`;
}

function compactNumber(value: number): string {
  return String(Number(value.toPrecision(2)));
}
