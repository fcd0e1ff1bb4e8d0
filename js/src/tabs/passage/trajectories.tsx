/** The loss of chosen tokens of the prompt over training, with the mean of the passage. */
import { type ReadonlySignal, useComputed } from "@preact/signals";
import { type Curve, type Drawn, plotAlong } from "../../chart/plot";
import { currentTraining, eachSeries } from "../../chart/series-curves";
import { TrainingChart } from "../../chart/training-chart";
import { Save } from "../../export/save";
import { characters, meanTrajectory, mostFallen, sameTokens, trajectory } from "../../state/passage";
import type { Result } from "../../state/results";
import { isolated, visible } from "../../state/text";
import { slotColor } from "../../ui/color";
import { Progress, Throughout } from "../../ui/pending";
import type { View, ViewProps } from "../../ui/view";
import { passageTable } from "./table";

/** Drawn when the reader has chosen none. */
const CHOSEN_FOR_THEM = 3;

interface Props extends ViewProps {
  result: Result<"predictions">;
  chosen: ReadonlySignal<{ tokens: number[] }>;
  choose: (tokens: number[]) => void;
}

export function Trajectories(props: Props) {
  const { view, result, chosen, choose } = props;
  const { store } = view;
  const tokens = useComputed(() => {
    const count = store.promptInfo.value?.tokens.length ?? 0;
    const there = chosen.value.tokens.filter((token) => token > 0 && token < count);
    return there.length > 0 ? there : mostFallen(store, CHOSEN_FOR_THEM);
  });
  const { promptInfo } = store;
  const missing = chosen.value.tokens.filter((token) => token >= (promptInfo.value?.tokens.length ?? 0));
  const own = chosen.value.tokens.length > missing.length;
  return (
    <figure aria-label="Token losses over training">
      <figcaption class="ie-caption">
        <Save
          view={view}
          title="Token losses over training"
          about={{ training: true, everySeries: true, prompt: true }}
          draw={(paper) => <Trajectories {...props} view={paper} />}
          table={() => passageTable(store)}
          shownTable={() => passageTable(store, { positions: tokens.value })}
          of={[result]}
        />
        <p class="ie-meaning">Loss of single tokens over training, with the mean of the passage.</p>
        <p class="ie-note">
          in nats
          {own ? (
            <span class="ie-hint"> · tokens chosen above</span>
          ) : (
            <>
              {" "}
              · the tokens whose loss falls most<span class="ie-hint">; click others above</span>
            </>
          )}
          {missing.length > 0 && ` · the prompt has no token ${missing.join(", ")}`}
          {own && (
            <span class="ie-hint">
              {" "}
              ·{" "}
              <button type="button" class="ie-link" onClick={() => choose([])}>
                choose for me
              </button>
            </span>
          )}
          <Comparison view={view} />
          <Progress view={view} result={result.throughout} />
        </p>
      </figcaption>
      <Throughout view={view} of={result} />
      <TrainingChart view={view} plot={(width) => plot(view, tokens, width)} empty="" />
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

function plot(view: View, tokens: ReadonlySignal<number[]>, width: number): Drawn | null {
  const curves = curvesOf(view, tokens);
  const [at, type] = [currentTraining(view.store), view.store.viewState.value.x_scale];
  const known = curves.some(({ y }) => Array.from(y).some(Number.isFinite));
  return known
    ? plotAlong(curves, { width, type, at, named: true, yName: view.onPaper ? "loss, nats" : null })
    : null;
}

function curvesOf({ store, theme }: View, tokens: ReadonlySignal<number[]>): Curve[] {
  const { prompts, promptInfo, info } = store;
  if (info.value === null) return [];
  const alike = sameTokens(prompts.value);
  const means = eachSeries(store, (series) => {
    const read = prompts.value[series]?.tokens ?? [];
    return meanTrajectory(store, series, alike ? read.length - 1 : characters(read));
  }).map((curve) => (curve.bold ? { ...curve, name: alike ? "mean" : "mean a character" } : curve));
  const chosen = tokens.value.map((token, slot) => ({
    name: `${token} ${isolated(visible(promptInfo.value?.tokens[token] ?? ""))}`,
    color: slotColor(slot, theme.value),
    bold: true,
    x: currentTraining(store),
    y: trajectory(store, token),
  }));
  return [...means, ...chosen];
}
