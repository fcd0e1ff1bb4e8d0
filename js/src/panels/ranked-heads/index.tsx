/** All heads, strongest first, each with its pattern on the prompt and a second score beside it. */
import { useComputed } from "@preact/signals";
import { Save } from "../../export/save";
import { readsPrompts } from "../../state/held";
import { rankedHeads, secondScore } from "../../state/ranking";
import { lowered } from "../../state/text";
import { absentText } from "../../ui/pending";
import type { ViewProps } from "../../ui/view";
import { ScoreOptions } from "../score-picker";
import { List } from "./list";
import type { Column } from "./row";
import { rankedTable } from "./table";

/** Where the second score is kept, among the options of tabs. */
const OPTIONS = "ranked_heads";
/** Rows that stand in for those that are not known yet. */
const SKELETONS = 5;

export function RankedHeads({ view }: ViewProps) {
  const { store } = view;
  const { scores, scoreInfo, gridValues, series, info, settled, viewState } = store;
  const first = useComputed<Column | null>(() =>
    scoreInfo.value === null || gridValues.value === null
      ? null
      : { score: scoreInfo.value, values: gridValues.value },
  );
  const second = useComputed<Column | null>(() => {
    const saved = viewState.value.tabs[OPTIONS]?.second;
    const score = secondScore(scores.value, scoreInfo.value?.name ?? "", saved);
    return score && { score, values: store.gridIn(series.value, score.name) ?? new Float32Array() };
  });
  // Ranked where the slider rests: another order in every frame could not be read, and would cost the frame.
  const heads = useComputed(() => {
    if (info.value === null || gridValues.value === null) return [];
    const size = info.value.layers * info.value.heads;
    const values = gridValues.value.subarray(settled.value * size, (settled.value + 1) * size);
    return values.some(Number.isFinite) ? rankedHeads(values, info.value) : [];
  });
  const moving = useComputed(() => store.shown.value !== settled.value);
  const title = scoreInfo.value?.title ?? "";
  return (
    <section class={`ie-ranked ${(info.value?.steps.length ?? 0) > 1 ? "" : "ie-ranked-still"}`}>
      <div class="ie-caption">
        <span class="ie-heading" role="heading" aria-level={3}>
          Heads by {lowered(title)}
        </span>
        <span class="ie-note">
          {moving.value ? ` at ${info.value?.labels[settled.value]}` : " strongest first"}
        </span>
        <Save
          view={view}
          title="Ranked heads"
          about={{
            scores: [first.value?.score ?? null, second.value?.score ?? null],
            patterns: readsPrompts(info.value),
          }}
          draw={(paper) => <RankedHeads view={paper} />}
          table={() =>
            rankedTable(
              heads.value,
              info.value,
              settled.value,
              [first.value, second.value],
              store.classes.settled.value,
            )
          }
          isRead
        />
      </div>
      <div class="ie-ranked-row ie-ranked-head">
        <span class="ie-ranked-value" aria-hidden="true">
          {title}
        </span>
        {second.value !== null && (
          <select
            class="ie-select"
            aria-label="Second column"
            value={second.value.score.name}
            onChange={({ currentTarget }) => store.arrangeTab(OPTIONS, { second: currentTarget.value })}
          >
            <ScoreOptions scores={scores.value.filter(({ name }) => name !== scoreInfo.value?.name)} />
          </select>
        )}
      </div>
      {heads.value.length === 0 ? (
        <Skeleton text={absentText(store, "No values of this score at this checkpoint.")} />
      ) : (
        <List view={view} heads={heads} first={first} second={second} />
      )}
    </section>
  );
}

/** Rows without anything in them, and why. */
function Skeleton({ text }: { text: string }) {
  return (
    <div class="ie-ranked-list ie-ranked-skeleton">
      <p class="ie-note">{text}</p>
      {Array.from({ length: SKELETONS }, (_, index) => (
        <div key={index} class="ie-ranked-row" aria-hidden="true">
          <span />
          <span />
          <span />
          <span />
        </div>
      ))}
    </div>
  );
}
