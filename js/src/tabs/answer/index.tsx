/** Rank and probability of the answer over training: what the notebook's test_prompt says, at every checkpoint. */
import { type Drawn, plotAlong } from "../../chart/plot";
import { currentTraining, eachSeries } from "../../chart/series-curves";
import { TrainingChart } from "../../chart/training-chart";
import { Save } from "../../export/save";
import { WAITING } from "../../kernel/connection";
import type { Result } from "../../state/results";
import type { Store } from "../../state/store";
import { fromOne, probabilityText, quoted } from "../../state/text";
import { Failures, OtherFailures, Progress, Throughout } from "../../ui/pending";
import type { View, ViewProps } from "../../ui/view";
import { type PanelProps, tab } from "../tab";
import { answerTable } from "./table";

export default tab({
  name: "answer",
  title: "Answer",
  group: "On this prompt",
  options: {},
  everySeries: true,
  asks: () => ({ predictions: {} }),
  throughout: ["predictions"],
  Panel: Answer,
});

interface Props extends ViewProps {
  result: Result<"predictions">;
}

function Answer({ view, found }: PanelProps<Record<never, never>, "predictions">) {
  const { promptInfo, answer, overTraining } = view.store;
  const token = promptInfo.value?.answer ?? "";
  const training = overTraining.value;
  if (token === "") {
    return (
      <p class="ie-note">
        No answer is given. Type the expected continuation beside the prompt, with its leading space, and run
        it: its rank among all tokens is {training ? "followed through training" : "shown here"}.
      </p>
    );
  }
  return (
    <>
      <p class="ie-meaning">
        How the model's guess after the prompt comes to be <bdi>{quoted(token)}</bdi>
        {token !== answer.value && (
          <>
            , the first token of <bdi>{quoted(answer.value)}</bdi>
          </>
        )}
        . <Now view={view} result={found.predictions} />
      </p>
      <OtherFailures view={view} of={found.predictions.throughout} />
      {training ? (
        <>
          <Throughout view={view} of={found.predictions} />
          <One view={view} result={found.predictions} kind="rank" />
          <One view={view} result={found.predictions} kind="probability" />
        </>
      ) : (
        <Failures view={view} of={[found.predictions]} />
      )}
    </>
  );
}

function One({ view, result, kind }: Props & { kind: "rank" | "probability" }) {
  const { store } = view;
  const error = result.failure(store.shown.value);
  return (
    <figure aria-label={`Answer ${kind}`}>
      <figcaption class="ie-caption">
        <span class="ie-heading" role="heading" aria-level={3}>
          {kind === "rank" ? "Rank of the answer" : "Probability of the answer"}
        </span>
        <Save
          view={view}
          title={`Answer ${kind}`}
          about={{
            training: true,
            everySeries: true,
            prompt: true,
            says: [`Answer: ${quoted(store.promptInfo.value?.answer ?? "")}.`],
          }}
          draw={(paper) => <One view={paper} result={result} kind={kind} />}
          table={() => answerTable(store, result)}
          of={[result]}
        />
        <span class="ie-note">
          {kind === "rank" ? " among all tokens, log scale; 1 is the likeliest" : " after the prompt"}
          <Progress view={view} result={result.throughout} />
        </span>
      </figcaption>
      <TrainingChart
        view={view}
        plot={(width) => plot(view, result, kind, width)}
        empty={error?.message ?? WAITING[store.connection.state.value]}
        say={kind === "rank" ? String : probabilityText}
        note={kind === "probability"}
      />
    </figure>
  );
}

function plot(
  { store, onPaper }: View,
  result: Result<"predictions">,
  kind: "rank" | "probability",
  width: number,
): Drawn | null {
  const curves = eachSeries(store, (series) => answersOf(store, result.in(series), series, kind));
  if (!curves.some(({ y }) => y.some(Number.isFinite))) return null;
  const along = {
    width,
    type: store.viewState.value.x_scale,
    at: currentTraining(store),
    yName: onPaper ? kind : null,
  };
  if (kind === "probability") return plotAlong(curves, { ...along, y: { domain: [0, 1] } });
  const lowest = Math.max(2, ...curves.flatMap(({ y }) => y.filter(Number.isFinite)));
  const y = { type: "log", domain: [lowest, 1] } as const;
  return plotAlong(curves, { ...along, y, ticks: { ticks: decades(lowest), tickFormat: String } });
}

function answersOf(
  store: Store,
  result: Result<"predictions">,
  series: number,
  kind: "rank" | "probability",
): number[] {
  const [info, prompt] = [store.seriesList.value[series], store.prompts.value[series]];
  const last = (prompt?.tokens.length ?? 0) - 1;
  return (info?.steps ?? []).map((_, checkpoint) => {
    const found = result.at(checkpoint);
    const rank = found?.answer_rank[last] ?? -1;
    if (found === null || rank < 0) return Number.NaN;
    return kind === "rank" ? fromOne(rank) : (found.answer_probability[last] ?? Number.NaN);
  });
}

function decades(lowest: number): number[] {
  const ticks = [1];
  for (let rank = 10; rank <= lowest; rank *= 10) ticks.push(rank);
  return ticks;
}

function Now({ view, result }: Props) {
  const { store } = view;
  const last = (store.promptInfo.value?.tokens.length ?? 0) - 1;
  const found = result.at(store.shown.value);
  if (found === null) return null;
  return (
    <span>
      Here it ranks {fromOne(found.answer_rank[last] ?? Number.NaN)}, with probability{" "}
      {probabilityText(found.answer_probability[last] ?? Number.NaN)}.
    </span>
  );
}
