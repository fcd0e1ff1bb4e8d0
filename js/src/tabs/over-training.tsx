/** An analysis of the chosen heads over training: a figure with its caption, what is under way, and its chart. */
import type { ComponentChildren } from "preact";
import type { Drawn } from "../chart/plot";
import { TrainingChart } from "../chart/training-chart";
import type { AnalysisKind } from "../contract.gen";
import type { About } from "../export/caption";
import { Save } from "../export/save";
import type { Table } from "../export/table";
import type { Result } from "../state/results";
import { Progress, pendingText, Throughout } from "../ui/pending";
import type { View, ViewProps } from "../ui/view";

interface Props extends ViewProps {
  result: Result<AnalysisKind>;
  title: string;
  heading?: string;
  /** What is drawn, after the heading. */
  note: ComponentChildren;
  about: About;
  table: () => Table;
  /** Null while fewer than two checkpoints are known. */
  plot: (view: View, width: number) => Drawn | null;
}

export function OverTraining(props: Props) {
  const { view, result, title, heading = title, note, about, table, plot } = props;
  const { throughout } = result;
  return (
    <figure aria-label={title}>
      <figcaption class="ie-caption">
        <Save
          view={view}
          title={title}
          about={{ training: true, ...about }}
          draw={(paper) => <OverTraining {...props} view={paper} />}
          table={table}
          of={[result]}
        />
        <span class="ie-heading" role="heading" aria-level={3}>
          {heading}
        </span>
        <span class="ie-note">
          {" "}
          {note}
          <Progress view={view} result={throughout} />
        </span>
      </figcaption>
      <Throughout view={view} of={result} />
      <TrainingChart
        view={view}
        plot={(width) => plot(view, width)}
        empty={throughout.refusal === null && pendingText(view.store, throughout)}
      />
    </figure>
  );
}
