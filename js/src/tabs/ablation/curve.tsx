/** The change of loss by ablating the selected heads, through training, over the range of random heads. */
import { type Drawn, plotAlong } from "../../chart/plot";
import { analysisTable } from "../../export/tables";
import { headName } from "../../state/heads";
import type { Result } from "../../state/results";
import { lowered } from "../../state/text";
import { trainingOf } from "../../state/training";
import type { View, ViewProps } from "../../ui/view";
import { OverTraining } from "../over-training";

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

function Chart({ view, result, how }: Props) {
  const { store } = view;
  const compared = result.whole(store.shown.value)?.control_loss.length !== 0;
  const heads = store.heads.value.map(headName).join(" + ");
  return (
    <OverTraining
      view={view}
      result={result}
      title="Ablation through training"
      heading="Change of loss through training"
      note={`in nats, without ${heads}${compared ? "; grey: the range of random heads" : ""}`}
      about={{ says: [`Ablated: ${lowered(how)}`] }}
      table={() => analysisTable(store, result, "")}
      plot={(view, width) => plot(view, result, width)}
    />
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
