/** The change of loss by ablating the selected heads, through training, over the range of random heads. */
import { type Drawn, plotAlong } from "../../chart/plot";
import { TrainingChart } from "../../chart/training-chart";
import { Save } from "../../export/save";
import { analysisTable } from "../../export/tables";
import { headName } from "../../state/heads";
import type { Result } from "../../state/results";
import { lowered } from "../../state/text";
import { trainingOf } from "../../state/training";
import { Progress, pendingText, Throughout } from "../../ui/pending";
import type { View, ViewProps } from "../../ui/view";

/** Letters that fit beside the curve. */
const LONGEST_NAME = 12;

interface Props extends ViewProps {
  result: Result<"ablation">;
  /** How heads are ablated, in words. */
  how: string;
}

export function AblationThroughTraining(props: Props) {
  const { view, result } = props;
  const { info, connected, shown } = view.store;
  if (!result.asked || (info.value?.steps.length ?? 0) < 2) return null;
  const refused = result.failure(shown.value) !== null && !result.throughout.isApart;
  const gone = !connected.value || refused;
  return gone && result.known === 0 ? null : <Chart {...props} />;
}

function Chart(props: Props) {
  const { view, result, how } = props;
  const { store } = view;
  const { throughout } = result;
  return (
    <figure aria-label="Ablation through training">
      <figcaption class="ie-caption">
        <Save
          view={view}
          title="Ablation through training"
          about={{ training: true, says: [`Ablated: ${lowered(how)}`] }}
          draw={(paper) => <Chart {...props} view={paper} />}
          table={() => analysisTable(store, result, "")}
          of={[result]}
        />
        <span class="ie-heading" role="heading" aria-level={3}>
          Change of loss through training
        </span>
        <span class="ie-note">
          {" "}
          in nats, without {store.heads.value.map(headName).join(" + ")}
          {result.whole(store.shown.value)?.control_loss.length !== 0 && "; grey: the range of random heads"}
          <Progress view={view} result={throughout} />
        </span>
      </figcaption>
      <Throughout view={view} of={result} />
      <TrainingChart
        view={view}
        plot={(width) => plot(view, result, width)}
        empty={throughout.refusal === null && pendingText(store, throughout)}
      />
    </figure>
  );
}

/** Null while fewer than two checkpoints are known. */
function plot({ store, onPaper }: View, result: Result<"ablation">, width: number): Drawn | null {
  const info = store.info.value;
  if (info === null) return null;
  const x = trainingOf(info, store.unit.value);
  const found = x.map((_, checkpoint) => result.whole(checkpoint));
  if (found.filter((one) => one !== null).length < 2) return null;
  const name = store.heads.value.map(headName).join("+");
  const curve = {
    name: name.length <= LONGEST_NAME ? name : `${store.heads.value.length} heads`,
    color: "var(--ie-ink)",
    bold: true,
    x,
    y: found.map((one) => one?.loss_change[0] ?? Number.NaN),
  };
  const compared = found.flatMap((one, checkpoint) => {
    const controls = one?.control_loss ?? [];
    return controls.length === 0
      ? []
      : [{ x: x[checkpoint] ?? 0, low: Math.min(...controls), high: Math.max(...controls) }];
  });
  return plotAlong([curve], {
    width,
    at: x,
    type: store.viewState.value.x_scale,
    y: { nice: true, zero: true },
    named: true,
    yName: onPaper ? "change of loss, nats" : null,
    ...(compared.length > 0 && {
      band: {
        x: compared.map((one) => one.x),
        low: compared.map(({ low }) => low),
        high: compared.map(({ high }) => high),
      },
    }),
  });
}
