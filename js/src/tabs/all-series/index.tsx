/** The chosen score of every head in every series, side by side on the same axes. */
import { headCurve, plotHeads } from "../../chart/head-curves";
import type { Curve } from "../../chart/plot";
import { TrainingChart } from "../../chart/training-chart";
import { Save } from "../../export/save";
import { rankedHeads } from "../../state/counterparts";
import { headName, sameHead } from "../../state/heads";
import type { Store } from "../../state/store";
import { checkpointText, sentence, shortened } from "../../state/text";
import { trainingOf } from "../../state/training";
import { slotColor } from "../../ui/color";
import type { View, ViewProps } from "../../ui/view";
import { tab } from "../tab";
import { allSeriesTable } from "./table";

export default tab({
  name: "all_series",
  title: "Every series",
  group: "Over training",
  options: {},
  overTraining: true,
  isThere: ({ seriesList }) => seriesList.value.length > 1,
  Panel: AllSeries,
});

function AllSeries({ view }: ViewProps) {
  const { store } = view;
  const score = store.scoreInfo.value;
  return (
    <figure aria-label="Every series">
      <figcaption class="ie-caption">
        <Save
          view={view}
          title="Every series"
          about={{ training: true, everySeries: true, scores: [score], dashed: true }}
          draw={(paper) => <AllSeries view={paper} />}
          table={() => allSeriesTable(store)}
          shownTable={() => allSeriesTable(store, "shown")}
        />
        <p class="ie-meaning">
          {score?.title} of every head
          <span class="ie-hint">, in every series at the checkpoint nearest to the slider's</span>. Coloured
          are the selected heads and, in other series, those that rank as high; the best head of each is
          named.
        </p>
        <p class="ie-note ie-hint">
          <span class="ie-formula">{score?.formula}</span> · {score?.source}
        </p>
      </figcaption>
      <div class="ie-all-series">
        {store.seriesList.value.map((info, index) => (
          <One key={info.name} view={view} index={index} />
        ))}
      </div>
    </figure>
  );
}

function One({ view, index }: { view: View; index: number }) {
  const { store } = view;
  const info = store.seriesList.value[index];
  if (info === undefined) return null;
  return (
    <div class="ie-one-series">
      <button
        type="button"
        class="ie-one-title"
        aria-pressed={index === store.series.value}
        onClick={() => store.chooseSeries(index)}
      >
        {shortened(info.name)}
      </button>
      <span class="ie-note"> {checkpointText(info, store.shownEach.value[index] ?? 0)}</span>
      <TrainingChart
        view={view}
        series={index}
        plot={(width) =>
          plotHeads(view, index, { width, span: everyTraining(store), y: { domain: extent(store) } })
        }
        over={() => emphasised(view, index)}
        empty={absence(view, index)}
        note={index === store.seriesList.value.length - 1}
      />
    </div>
  );
}

/** What the axes of all series span. */
function everyTraining({ seriesList, unit }: Store): number[] {
  return seriesList.value.flatMap((info) => trainingOf(info, unit.value));
}

function extent({ seriesList, scoreInfo, gridIn }: Store): [number, number] {
  let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const index of seriesList.value.keys()) {
    for (const value of gridIn(index, scoreInfo.value?.name ?? "") ?? []) {
      if (value < low) low = value;
      if (value > high) high = value;
    }
  }
  return low < high ? [low, high] : [0, 1];
}

function absence(view: View, index: number): string {
  const { store } = view;
  const score = store.scoreInfo.value;
  if (score === null || store.scoreIn(index, score.name) !== null)
    return view.onPaper ? "not fetched" : "choose this series to see its heads";
  const reason = store.seriesList.value[index]?.left_out[score.title] ?? "";
  return `${score.title} is not measured in this series. ${sentence(reason)}`;
}

/** The selected heads' counterparts in a series, and its best one where that is none of them. */
function emphasised(view: View, index: number): Curve[] {
  const { store, theme } = view;
  const [info, score] = [store.seriesList.value[index], store.scoreInfo.value];
  const values = score === null ? null : store.gridIn(index, score.name);
  if (info === undefined || values === null) return [];
  const there = store.selectedIn(index);
  const selected = store.heads.value.flatMap((head, i) => {
    const other = there[i];
    if (other == null || there.findIndex((one) => one !== null && sameHead(one, other)) < i) return [];
    return [{ head: other, color: slotColor(store.slots.value.get(headName(head)) ?? 0, theme.value) }];
  });
  const best = rankedHeads(values, info)[0];
  const named = best === undefined || selected.some(({ head }) => sameHead(head, best));
  return [...(named ? [] : [{ head: best, color: "var(--ie-ink)" }]), ...selected].flatMap(
    ({ head, color }) => headCurve(view, index, head, color) ?? [],
  );
}
