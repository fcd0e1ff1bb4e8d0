/** The loss of chosen tokens of the prompt over training, with the mean of the passage. */
import { type ReadonlySignal, useComputed } from "@preact/signals";
import { AxisNote } from "../../chart/axis-note";
import { type Drawn, plotOverTraining, type TrainingCurve } from "../../chart/measure-plot";
import { TrainingChartView } from "../../chart/training-chart";
import { Save } from "../../export/save";
import { characters, meanTrajectory, mostFallen, sameTokens, trajectory } from "../../state/passage";
import { isolated, visible } from "../../state/text";
import { trainingOf } from "../../state/training";
import { slotColor } from "../../ui/color";
import { useWidth } from "../../ui/use-width";
import type { View, ViewProps } from "../../ui/view";
import { passageTable } from "./table";

/** Drawn when the reader has chosen none. */
const CHOSEN_FOR_THEM = 3;

interface Props extends ViewProps {
  chosen: ReadonlySignal<{ tokens: number[] }>;
  choose: (tokens: number[]) => void;
}

export function Trajectories({ view, chosen, choose }: Props) {
  const { store } = view;
  const [ref, width] = useWidth<HTMLElement>();
  const tokens = useComputed(() => {
    const count = store.promptInfo.value?.tokens.length ?? 0;
    const there = chosen.value.tokens.filter((token) => token > 0 && token < count);
    return there.length > 0 ? there : mostFallen(store, CHOSEN_FOR_THEM);
  });
  const drawn = useComputed<Drawn | null>(() => {
    if (width.value === 0) return null;
    const curves = curvesOf(view, tokens);
    return curves.some(({ y }) => y.some(Number.isFinite))
      ? plotOverTraining(curves, { width: width.value, type: store.viewState.value.x_scale, named: true })
      : null;
  });
  const { promptInfo } = store;
  const missing = chosen.value.tokens.filter((token) => token >= (promptInfo.value?.tokens.length ?? 0));
  const own = chosen.value.tokens.length > missing.length;
  return (
    <figure ref={ref}>
      <figcaption class="ie-caption">
        <Save view={view} title="Token losses over training" table={() => passageTable(store)} />
        <p class="ie-meaning">Loss of single tokens over training, with the mean of the passage.</p>
        <p class="ie-note">
          in nats · {own ? "tokens chosen above" : "the tokens whose loss falls most; click others above"}
          {missing.length > 0 && ` · the prompt has no token ${missing.join(", ")}`}
          {own && (
            <>
              {" "}
              ·{" "}
              <button type="button" class="ie-link" onClick={() => choose([])}>
                choose for me
              </button>
            </>
          )}
          <Comparison view={view} />
        </p>
      </figcaption>
      {promptInfo.value?.scrub === false && (
        <p class="ie-note">
          This model is too large to run the prompt at every checkpoint unasked: only where the slider has
          rested is known.
        </p>
      )}
      {drawn.value !== null && <TrainingChartView view={view} drawn={drawn} />}
      <AxisNote view={view} />
    </figure>
  );
}

/** How the means of several series are comparable. */
function Comparison({ view }: ViewProps) {
  const { prompts, seriesList } = view.store;
  if (seriesList.value.length < 2) return null;
  return sameTokens(prompts.value)
    ? " · means of the other series in grey"
    : " · the series read the prompt as different tokens, so only tokens of this one are drawn, and means are per character";
}

function curvesOf(view: View, tokens: ReadonlySignal<number[]>): TrainingCurve[] {
  const { store, theme } = view;
  const { seriesList, prompts, series, promptInfo, info } = store;
  if (info.value === null) return [];
  const alike = sameTokens(prompts.value);
  const means = seriesList.value.map((each, index) => {
    const read = prompts.value[index]?.tokens ?? [];
    const current = index === series.value;
    return {
      name: current ? (alike ? "mean" : "mean a character") : each.name,
      current,
      x: trainingOf(each, store.unit.value),
      y: meanTrajectory(store, index, alike ? read.length - 1 : characters(read)),
    };
  });
  const x = trainingOf(info.value, store.unit.value);
  const chosen = tokens.value.map((token, slot) => ({
    name: `${token} ${isolated(visible(promptInfo.value?.tokens[token] ?? ""))}`,
    current: false,
    color: slotColor(slot, theme.value),
    x,
    y: trajectory(store, token),
  }));
  return [...means, ...chosen];
}
