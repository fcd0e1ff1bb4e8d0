/** A tab for each measure of the whole model, with the slider's checkpoint marked. */
import { Save } from "../../export/save";
import type { MeasureInfo } from "../../kernel/model";
import type { Result } from "../../state/results";
import { sentence } from "../../state/text";
import { absentText } from "../../ui/pending";
import type { ViewProps } from "../../ui/view";
import { absentLosses, LossesState } from "../losses";
import { type AnyTab, tab } from "../tab";
import { ClassCounts } from "./counts";
import { type Figure, figuresOf, hasTab, inUnits } from "./figures";
import { OverPositions } from "./over-positions";
import { OverTraining } from "./over-training";
import { measureTable } from "./table";

export function measureTabs(infos: MeasureInfo[]): AnyTab[] {
  return infos.filter(hasTab).map(({ name, title }) =>
    tab({
      name,
      title: name === WITH_CLASSES ? "Head classes" : title,
      group: "Over training",
      options: {},
      everySeries: true,
      asks: () => ({ losses: {} }),
      Panel: ({ view, found }) => (
        <>
          <LossesState view={view} losses={found.losses} />
          {name === WITH_CLASSES && <ClassCounts view={view} />}
          {figuresOf(name, infos).map((figure) => (
            <MeasurePanel key={figure.title} view={view} figure={figure} losses={found.losses} />
          ))}
        </>
      ),
    }),
  );
}

/** The measure whose tab has the classes of heads as well: sinks are one of them, on text. */
const WITH_CLASSES = "sink_fraction";

interface PanelProps extends ViewProps {
  figure: Figure;
}

function MeasurePanel({ view, figure, losses }: PanelProps & { losses: Result<"losses"> }) {
  const { measureOf, measuredOn, series } = view.store;
  if (figure.measures.every(({ name }) => measureOf(series.value, name) === null)) {
    if (losses.refusal !== null) return null; // said above
    const why = measuredOn.value[series.value] || absentLosses(view.store, losses, "Not measured.");
    return <p class="ie-note ie-measures-empty">{sentence(why)}</p>;
  }
  return <MeasureFigure view={view} figure={figure} />;
}

function MeasureFigure({ view, figure }: PanelProps) {
  const { store } = view;
  const { title, measures } = figure;
  const [{ per, on_text, source }] = measures;
  const units = inUnits(measures[0], "in ");
  const on = on_text ? (store.measuredOn.value[store.series.value] ?? "") : "";
  const names = measures.map(({ name }) => name);
  const empty = absentText(store, "No value is known.");
  const Drawing = per === "position" ? OverPositions : OverTraining;
  return (
    <figure aria-label={title}>
      <figcaption class="ie-caption">
        <Save
          view={view}
          title={title}
          about={{
            training: per === "checkpoint",
            everySeries: per === "checkpoint" && measures.length === 1,
            says: [`${title}: ${formulas(figure)}${units}${on === "" ? "" : `; on ${on}`}; ${source}.`],
          }}
          draw={(paper) => <MeasureFigure view={paper} figure={figure} />}
          table={() => measureTable(store, names)}
          shownTable={per === "position" ? () => measureTable(store, names, "shown") : undefined}
        />
        <p class="ie-meaning">{figure.meaning}</p>
        <p class="ie-note ie-hint">
          <span class="ie-formula">{formulas(figure)}</span>
          {units}
          {on !== "" && ` · on ${sentence(on)}`} · {source}
        </p>
      </figcaption>
      <Drawing view={view} figure={figure} empty={empty} />
    </figure>
  );
}

function formulas({ measures, names }: Figure): string {
  if (measures.length === 1) return measures[0].formula;
  return measures.map(({ formula }, index) => `${names[index]}: ${formula}`).join("; ");
}
