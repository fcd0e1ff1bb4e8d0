/** How many heads have each class, over training; of one checkpoint, the numbers. */
import { type Curve, plotAlong } from "../../chart/plot";
import { currentTraining } from "../../chart/series-curves";
import { TrainingChart } from "../../chart/training-chart";
import { CLASS_THRESHOLD, HEAD_CLASSES } from "../../contract.gen";
import { Save } from "../../export/save";
import { rowsOf, type Table } from "../../export/table";
import { TRAINING, training } from "../../export/tables";
import { titleOf } from "../../state/classes";
import type { Store } from "../../state/store";
import { slotColor } from "../../ui/color";
import { absentText } from "../../ui/pending";
import type { ViewProps } from "../../ui/view";

const TITLE = "Heads of each class";
const MEANING =
  "How many heads look mainly at one place on random tokens. A class says where a head looks, not what it writes " +
  "or whether the model needs it; a head that looks at two places counts for the one it looks at most.";
const FORMULA = `class = the largest of six selectivities, from ${CLASS_THRESHOLD}`;
const UNKNOWN = "The six selectivities are not known here.";
const SOURCE = "arXiv 2606.02378";

export function ClassCounts({ view }: ViewProps) {
  const { store } = view;
  const counts = store.classes.countsIn(store.series.value);
  const lacking = store.classes.lacksScoresIn(store.series.value);
  return (
    <figure aria-label={TITLE}>
      <figcaption class="ie-caption">
        <Save
          view={view}
          title={TITLE}
          about={{ training: true, says: [`${TITLE}: ${FORMULA}; ${SOURCE}.`] }}
          draw={(paper) => <ClassCounts view={paper} />}
          table={() => countTable(store)}
        />
        <p class="ie-meaning">{MEANING}</p>
        <p class="ie-note ie-hint">
          <span class="ie-formula">{FORMULA}</span> · {SOURCE}
        </p>
      </figcaption>
      {counts === null ? (
        <p class="ie-note ie-measures-empty">{lacking ? UNKNOWN : absentText(store, UNKNOWN)}</p>
      ) : store.alone.value ? (
        <Numbers counts={counts[0] ?? []} />
      ) : (
        <TrainingChart
          view={view}
          plot={(width) =>
            plotAlong(curvesOf(store, counts, view.theme.value), {
              width,
              type: store.viewState.value.x_scale,
              at: currentTraining(store),
              yName: view.onPaper ? "heads" : null,
            })
          }
          empty=""
          say={(value) => String(value)}
        />
      )}
    </figure>
  );
}

type Counts = readonly (readonly number[] | null)[];

/** Of the classes that some head has at some checkpoint. */
function curvesOf(store: Store, counts: Counts, theme: Parameters<typeof slotColor>[1]): Curve[] {
  const x = currentTraining(store);
  return HEAD_CLASSES.flatMap((one, index) => {
    const y = counts.map((row) => row?.[index] ?? Number.NaN);
    return y.some((count) => count > 0)
      ? [{ name: titleOf(one), x, y, color: slotColor(index, theme), bold: false }]
      : [];
  });
}

function Numbers({ counts }: { counts: readonly number[] }) {
  return (
    <dl class="ie-measure-numbers">
      {[...HEAD_CLASSES.map(titleOf), "unnamed"].map((name, index) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{counts[index]}</dd>
        </div>
      ))}
    </dl>
  );
}

/** A row for each checkpoint of each series. */
export function countTable(store: Store): Table {
  const parts = store.seriesList.value.map((info, series) => {
    const counts = store.classes.countsIn(series);
    const none = [...HEAD_CLASSES, null].map(() => null);
    const row = (at: number) => [info.name, ...training(info, at), ...(counts?.[at] ?? none)];
    return { count: info.steps.length, row };
  });
  const columns = ["series", ...TRAINING, ...HEAD_CLASSES.map(({ name }) => name), "unnamed"];
  return {
    columns,
    rows: rowsOf(parts),
    holds: "A row for each checkpoint of each series: heads of each class.",
  };
}
