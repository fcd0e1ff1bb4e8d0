/** Which score the grid and the curves show, and what that score is. */
import type { ScoreInfo } from "../kernel/model";
import { rounded, sentence } from "../state/text";
import { OneLine } from "../ui/one-line";
import type { ViewProps } from "../ui/view";

export function ScorePicker({ view }: ViewProps) {
  const { scores, scoreInfo, info } = view.store;
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
        <ScoreOptions scores={scores.value} />
      </select>
      <div class="ie-score-text">
        <p class="ie-meaning">{chosen.meaning}</p>
        <OneLine>
          {chosen.own && "Yours · "}
          <span class="ie-formula">{chosen.formula}</span>
          {chosen.units !== "1" && ` · in ${chosen.units}`} · range {rangeText(chosen.range)} · chance{" "}
          {chosen.chance === null ? "not defined" : rounded(chosen.chance, 2)} · on {chosen.probe} ·{" "}
          {chosen.source}
        </OneLine>
        {chosen.said.map((one) => (
          <p key={one} class="ie-note">
            {sentence(one)}
          </p>
        ))}
        <Unread view={view} score={chosen} />
        <StandIn view={view} />
        <LeftOut reasons={info.value?.left_out ?? {}} />
      </div>
    </div>
  );
}

/** Why a score of the reader's own has no numbers where the slider is, or elsewhere. */
function Unread({ view, score: { name, faults } }: ViewProps & { score: ScoreInfo }) {
  const { info, shown, connected } = view.store;
  const missing = Object.keys(faults);
  if (missing.length === 0) return null;
  const here = faults[shown.value];
  const [first = ""] = missing;
  const where = here === undefined ? (info.value?.labels[Number(first)] ?? first) : "this checkpoint";
  return (
    <p class="ie-note ie-unread" role="status">
      No numbers at {where}: {sentence(here ?? faults[first] ?? "")}
      {missing.length > 1 && ` ${missing.length} checkpoints are without.`}{" "}
      {connected.value && info.value?.without_model === null && (
        <button type="button" class="ie-link ie-hint" onClick={() => view.store.scoreAgain(name)}>
          Try again
        </button>
      )}
    </p>
  );
}

/** Said where another series was chosen that lacks the score. */
function StandIn({ view }: ViewProps) {
  const { missingScore, scoreInfo } = view.store;
  const missing = missingScore.value;
  return (
    <div class="ie-note" aria-live="polite">
      {missing !== null &&
        `${missing.title} is not measured in this series, so ${scoreInfo.value?.title} is shown. ${sentence(missing.reason)}`}
    </div>
  );
}

/** Every score as an option, in groups. */
export function ScoreOptions({ scores }: { scores: ScoreInfo[] }) {
  return [...new Set(scores.map(({ group }) => group))].map((label) => (
    <optgroup key={label} label={label}>
      {scores
        .filter(({ group }) => group === label)
        .map(({ name, title }) => (
          <option key={name} value={name}>
            {title}
          </option>
        ))}
    </optgroup>
  ));
}

/** Why scores are not there to be picked, one line a reason. */
function LeftOut({ reasons }: { reasons: Record<string, string> }) {
  return [...new Set(Object.values(reasons))].map((reason) => (
    <p key={reason} class="ie-note">
      Without{" "}
      {Object.keys(reasons)
        .filter((title) => reasons[title] === reason)
        .join(", ")}
      : {sentence(reason)}
    </p>
  ));
}

function rangeText([low, high]: ScoreInfo["range"]): string {
  if (low === null && high === null) return "unbounded";
  return `${low === null ? "−∞" : rounded(low, 3)} to ${high === null ? "∞" : rounded(high, 3)}`;
}
