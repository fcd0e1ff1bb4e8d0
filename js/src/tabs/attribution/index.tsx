/** What every part of the model adds to the logit of one token, directly: of the answer, of what comes next, or of any. */
import { useComputed } from "@preact/signals";
import { Save } from "../../export/save";
import { atHandles } from "../../export/tables";
import { GridToScale } from "../../panels/grid-to-scale";
import type { Result } from "../../state/results";
import type { Store } from "../../state/store";
import { quoted, rounded, scoreText } from "../../state/text";
import { evenScale } from "../../ui/color";
import { Failures, pendingText } from "../../ui/pending";
import type { ViewProps } from "../../ui/view";
import { indices, type PanelProps, tab } from "../tab";
import { Bars } from "./bars";
import { TokenChoice } from "./choice";
import { AttributionOverTraining } from "./curve";
import { HeadTokens } from "./head";
import type { Attributed } from "./parts";
import { attributionTable } from "./table";

/** Bars and colours reach at least this far, in logits. */
const LEAST = 0.1;

const DLA = "DLA[q, t] = y_q · (W_U[:, t] − mean W_U), under the last norm";
const SOURCE = "Elhage et al. 2021; nostalgebraist 2020";

const options = {
  /** Id of the token whose logit it is; none for what comes next. */
  token: indices(),
};
type Props = PanelProps<typeof options, "attribution" | "head_tokens" | "predictions">;

export default tab({
  name: "attribution",
  title: "Attribution",
  group: "On this prompt",
  options,
  asks: ({ query, activeHead, options: { token } }) =>
    query === null
      ? {}
      : {
          attribution: { query, token: token[0] ?? null },
          ...(activeHead !== null && { head_tokens: { head: activeHead, query } }),
          predictions: {},
        },
  throughout: ["attribution"],
  Panel: Attribution,
});

function Attribution({ view, options, arrange, found }: Props) {
  const { store } = view;
  const [query, head] = [queryOf(store), store.activeHead.value];
  if (query === null) {
    return <p class="ie-note">Run a prompt: what adds to the logit of its next token is shown here.</p>;
  }
  const choose = (token: number | null) => arrange({ token: token === null ? [] : [token] });
  return (
    <>
      <p class="ie-meaning">
        What each part of the model adds, by itself, to the logit of one token; what lies below 0 writes
        against it. All parts sum to the logit, less its mean over the vocabulary. It is no effect: what later
        layers make of what a part writes is not in it, and the last norm divides as it did.
      </p>
      <TokenChoice view={view} query={query} chosen={options} choose={choose} found={found} />
      <Failures view={view} of={[found.attribution]} />
      <Parts view={view} query={query} result={found.attribution} />
      {head !== null && <HeadTokens view={view} head={head} query={query} result={found.head_tokens} />}
      {!store.alone.value && (
        <AttributionOverTraining view={view} result={found.attribution} says={[`${DLA}; ${SOURCE}.`]} />
      )}
    </>
  );
}

/** The position that is locked, or the last. */
function queryOf({ lock, promptInfo }: Store): number | null {
  const count = promptInfo.value?.tokens.length ?? 0;
  return count === 0 ? null : Math.min(lock.value ?? count - 1, count - 1);
}

interface PartsProps extends ViewProps {
  query: number;
  result: Result<"attribution">;
}

function Parts(props: PartsProps) {
  const { view, query, result } = props;
  const { store, theme } = view;
  const found = useComputed(() => result.at(store.shown.value));
  const known = useComputed(() =>
    (store.info.value?.steps ?? []).flatMap((_, checkpoint) => result.at(checkpoint) ?? []),
  );
  const ofHeads = useComputed(() => evenScale(arrays(known.value, HEADS), LEAST, theme.value));
  const ofParts = useComputed(() => evenScale(arrays(known.value, ALL), LEAST, theme.value));
  const values = useComputed(() => found.value?.heads ?? new Float32Array());
  const tokens = store.promptInfo.value?.tokens ?? [];
  const target = found.value?.target[0] ?? -1;
  const [cap, mean, logit] = (["cap", "mean_logit", "logit"] as const).map(
    (name) => found.value?.[name][0] ?? Number.NaN,
  ) as [number, number, number];
  return (
    <figure class="ie-attribution" aria-label="Attribution">
      <figcaption class="ie-caption">
        <Save
          view={view}
          title="Attribution"
          about={{ prompt: true, says: [`${DLA}, in logits; ${SOURCE}.`] }}
          draw={(paper) => <Parts {...props} view={paper} />}
          table={() => attributionTable(store, result)}
          shownTable={() => attributionTable(store, result, atHandles(store))}
          of={[result]}
        />
        <span class="ie-heading" role="heading" aria-level={3}>
          {found.value === null ? (
            "Attribution"
          ) : (
            <>
              Logit of <bdi>{quoted(found.value.tokens[target] ?? `#${target}`)}</bdi>
            </>
          )}
        </span>
        <span class="ie-note">
          {" "}
          after position {query} <bdi>{quoted(tokens[query] ?? "")}</bdi>
        </span>
        <p class="ie-note ie-hint">
          <span class="ie-formula">{DLA}</span> · {SOURCE}
        </p>
      </figcaption>
      {found.value === null && <p class="ie-note">{pendingText(store, result)}</p>}
      {known.value.length > 0 && (
        <div class="ie-columns ie-columns-scores">
          <GridToScale
            view={view}
            scale={ofHeads}
            values={values}
            label="Head attributions"
            score="attribution"
            units="logits"
          />
          <div>
            <Bars view={view} found={found} scale={ofParts} />
            <p class="ie-note">
              {Number.isFinite(mean) &&
                `The logit itself is ${scoreText(logit + mean)}, the mean over the vocabulary ${scoreText(mean)}.`}
              {Number.isFinite(cap) &&
                ` This model caps its logits at ${rounded(cap, 3)}: these are the ones before.`}
            </p>
          </div>
        </div>
      )}
    </figure>
  );
}

const HEADS = ["heads"] as const;
const ALL = ["heads", "mlps", "embedding", "position", "out_bias", "bias", "logit"] as const;

function arrays(known: Attributed[], names: readonly (typeof ALL)[number][]): Float32Array[] {
  return known.flatMap((one) => names.map((name) => one[name]));
}
