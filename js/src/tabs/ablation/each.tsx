/** What every head does alone, as a grid like that of the scores. */
import { type Signal, useComputed, useSignal } from "@preact/signals";
import type { AnalysisKind } from "../../contract.gen";
import { Save } from "../../export/save";
import { analysisTable, atHandles } from "../../export/tables";
import { GridToScale } from "../../panels/grid-to-scale";
import type { Result } from "../../state/results";
import { lowered } from "../../state/text";
import { evenScale, type Scale } from "../../ui/color";
import { pendingText, progressText } from "../../ui/pending";
import type { ViewProps } from "../../ui/view";

/** Colours reach at least this far, in nats: smaller changes are the noise of the text. */
const LEAST = 0.01;

const WHAT = {
  loss: { title: "loss", meaning: "Blue: the loss rises without the head." },
  in_context_learning: {
    title: "in-context learning",
    meaning: "Loss late in a row less loss early, so lower is better. Blue: weaker without the head.",
  },
  induction_loss: {
    title: "induction loss",
    meaning: "Of repeated random tokens. Blue: the repeat is harder to predict without the head.",
  },
};

interface Props extends ViewProps {
  result: Result<"ablation_grid">;
  /** How heads are ablated, in words. */
  how: string;
  frozen: boolean;
}

export function EachHead(props: Props) {
  const what = useSignal<keyof typeof WHAT>("loss");
  return <Each {...props} what={what} />;
}

function Each(props: Props & { what: Signal<keyof typeof WHAT> }) {
  const { view, result, how, frozen, what } = props;
  const { store, theme } = view;
  const values = useComputed(() => result.at(store.shown.value)?.[what.value] ?? new Float32Array());
  /** At every checkpoint where something is known. */
  const known = useComputed(() =>
    (store.info.value?.steps ?? []).flatMap((_, i) => result.at(i)?.[what.value] ?? []),
  );
  const scale = useComputed<Scale>(() => evenScale(known.value, LEAST, theme.value));
  const { title, meaning } = WHAT[what.value];
  return (
    <GridToScale
      view={view}
      scale={scale}
      values={values}
      label="Ablation effects"
      score={`${title} change`}
      digits={3}
      units={known.value.length > 0 ? "nats" : null}
      caption={
        <div class="ie-caption">
          <Save
            view={view}
            title="Ablation of each head"
            about={{ says: [`Ablated, one head at a time: ${lowered(how)}`] }}
            draw={(paper) => <Each {...props} view={paper} />}
            table={() => analysisTable(store, result, "layer head")}
            shownTable={() => analysisTable(store, result, "layer head", { checkpoints: atHandles(store) })}
            of={[result]}
          />
          <span class="ie-heading" role="heading" aria-level={3}>
            Each head alone
          </span>{" "}
          <label class="ie-note">
            change of{" "}
            <select
              class="ie-select"
              aria-label="Change of"
              value={what.value}
              onChange={(event) => {
                what.value = event.currentTarget.value as keyof typeof WHAT;
              }}
            >
              {Object.entries(WHAT).map(([name, { title }]) => (
                <option key={name} value={name}>
                  {title}
                </option>
              ))}
            </select>
          </label>
        </div>
      }
    >
      {known.value.length > 0 && (
        <p class="ie-note">
          {meaning} {frozen && "Here later heads always attend anew."}
        </p>
      )}
      <Waiting view={view} result={result} />
    </GridToScale>
  );
}

/** Nothing where nothing is missing. */
export function Waiting({ view, result }: ViewProps & { result: Result<AnalysisKind> }) {
  const missing = result.at(view.store.shown.value) === null;
  const text = missing ? pendingText(view.store, result) : progressText(view.store, result);
  return text === "" ? null : <p class="ie-note">{text}</p>;
}
