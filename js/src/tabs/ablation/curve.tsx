/** The change of loss by ablating the selected heads, through training, over the range of random heads. */
import { useComputed } from "@preact/signals";
import { AxisNote } from "../../chart/axis-note";
import { type Drawn, plotOverTraining } from "../../chart/measure-plot";
import { TrainingChartView } from "../../chart/training-chart";
import { Save } from "../../export/save";
import { ablationTable } from "../../export/tables";
import { headName } from "../../state/heads";
import { trainingOf } from "../../state/training";
import { Progress, pendingText } from "../../ui/pending";
import { useWidth } from "../../ui/use-width";
import type { View, ViewProps } from "../../ui/view";

/** Letters that fit beside the curve. */
const LONGEST_NAME = 12;

export function AblationThroughTraining({ view }: ViewProps) {
  const { info, heads, promptInfo, connected, shown, causes } = view.store;
  const cannot = promptInfo.value?.error != null || (info.value?.steps.length ?? 0) < 2;
  if (cannot || heads.value.length === 0) return null;
  const { known, failure } = causes.ablation();
  const gone = !connected.value || failure(shown.value) !== null;
  return gone && known === 0 ? null : <Chart view={view} />;
}

function Chart({ view }: ViewProps) {
  const { store } = view;
  const [ref, width] = useWidth<HTMLElement>();
  const drawn = useComputed<Drawn | null>(() => (width.value === 0 ? null : plot(view, width.value)));
  const cause = store.causes.ablation();
  return (
    <figure ref={ref}>
      <figcaption class="ie-caption">
        <Save view={view} title="Ablation through training" table={() => ablationTable(store)} />
        <span class="ie-heading">Change of loss through training</span>
        <span class="ie-note">
          {" "}
          in nats, without {store.heads.value.map(headName).join(" + ")}
          {cause.at(store.shown.value)?.control_loss?.length !== 0 && "; grey: the range of random heads"}
          <Progress view={view} cause={cause} />
        </span>
      </figcaption>
      {drawn.value === null ? (
        <p class="ie-note ie-measures-empty">
          {store.info.value?.light === false
            ? "This model is too large to ablate heads at every checkpoint unasked: induction_kernels.ablations(series, heads) does it."
            : pendingText(store, cause)}
        </p>
      ) : (
        <>
          <TrainingChartView view={view} drawn={drawn} />
          <AxisNote view={view} />
        </>
      )}
    </figure>
  );
}

/** Null while fewer than two checkpoints are known. */
function plot({ store }: View, width: number): Drawn | null {
  const info = store.info.value;
  if (info === null) return null;
  const cause = store.causes.ablation();
  const x = trainingOf(info, store.unit.value);
  const found = x.map((_, checkpoint) => cause.at(checkpoint));
  if (found.filter((one) => one !== null).length < 2) return null;
  const name = store.heads.value.map(headName).join("+");
  const curve = {
    name: name.length <= LONGEST_NAME ? name : `${store.heads.value.length} heads`,
    current: true,
    x,
    y: found.map((one) => one?.loss_change?.[0] ?? Number.NaN),
  };
  const compared = found.flatMap((one, checkpoint) => {
    const controls = one?.control_loss ?? [];
    return controls.length === 0
      ? []
      : [{ x: x[checkpoint] ?? 0, low: Math.min(...controls), high: Math.max(...controls) }];
  });
  return plotOverTraining([curve], {
    width,
    type: store.viewState.value.x_scale,
    y: { nice: true, zero: true },
    named: true,
    ...(compared.length > 0 && {
      band: {
        x: compared.map((one) => one.x),
        low: compared.map(({ low }) => low),
        high: compared.map(({ high }) => high),
      },
    }),
  });
}
