/** What ablating each head would do, estimated for all at once, beside what it does where that was measured. */
import { type ReadonlySignal, useComputed, useSignalEffect } from "@preact/signals";
import { useRef } from "preact/hooks";
import { Names } from "../../chart/names";
import { Save } from "../../export/save";
import { atHandles, headAt } from "../../export/tables";
import { GridToScale } from "../../panels/grid-to-scale";
import { headName } from "../../state/heads";
import type { Result } from "../../state/results";
import { changeText, decimals } from "../../state/text";
import { evenScale, type Scale } from "../../ui/color";
import { pendingText } from "../../ui/pending";
import { useWidth } from "../../ui/use-size";
import type { ViewProps } from "../../ui/view";
import { correlations, furthest, type Pair, pairsOf } from "./agreement";
import { Waiting } from "./each";
import { type Agreement, plotAgreement } from "./estimated-plot";
import { estimatedTable } from "./estimated-table";

const FORMULA = "Σ over positions of (z′ − z) · ∂m/∂z";
const SOURCE = "Nanda 2023; Syed et al. 2023; Kramár et al. 2024";
/** Names beside dots: of so many heads, those furthest from their estimates. */
const NAMED = 5;
const AWAY = 8;

/** Colours reach at least so far. */
export const METRICS = {
  second_copy_loss: { title: "induction loss", units: "nats", least: 0.01 },
  answer_logit: { title: "logit of the answer", units: "logits", least: 0.1 },
};
export type Metric = keyof typeof METRICS;

/** How many heads are ablated beside the estimates, those with the largest; null for every one. */
export const TOP = { none: 0, five: 5, ten: 10, twenty: 20, all: null };
export type Top = keyof typeof TOP;

interface Choices {
  metric: Metric;
  top: Top;
}

interface Props extends ViewProps {
  estimate: Result<"patching_estimate">;
  measured: Result<"patching_exact">;
  options: ReadonlySignal<Choices>;
  arrange: (change: Partial<Choices>) => void;
  /** How heads are ablated, in words. */
  how: string;
}

export function Estimated(props: Props) {
  const { view, estimate, measured, options, how } = props;
  const { store } = view;
  const { metric } = options.value;
  const table = (checkpoints?: number[]) => estimatedTable(store, estimate, measured, metric, checkpoints);
  return (
    <figure class="ie-estimated" aria-label="Estimated ablations">
      <figcaption class="ie-caption">
        <Save
          view={view}
          title="Estimated ablations"
          about={{
            prompt: metric === "answer_logit",
            says: [`Estimated, not ablated: ${FORMULA}, m the ${METRICS[metric].title}; ${SOURCE}. ${how}`],
          }}
          draw={(paper) => <Estimated {...props} view={paper} />}
          table={() => table()}
          shownTable={() => table(atHandles(store))}
          of={[estimate]}
        />
        <span class="ie-heading" role="heading" aria-level={3}>
          Each head, estimated
        </span>
        <span class="ie-note"> by attribution patching: no head is ablated</span>
        <p class="ie-note ie-hint">
          <span class="ie-formula">{FORMULA}</span> · {SOURCE}
        </p>
      </figcaption>
      {!view.onPaper && <Chosen {...props} />}
      <div class="ie-columns ie-columns-scores">
        <Grid {...props} />
        <Beside {...props} />
      </div>
      <p class="ie-note">
        Blue: it would rise without the head. An estimate is the slope where the model stands. It misses heads
        that feed a saturated softmax, effects that cancel here, and whatever keeps a loss near 0: ablate the
        heads that matter. Later heads attend anew in both.
      </p>
    </figure>
  );
}

function Chosen({ options, arrange }: Props) {
  return (
    <div class="ie-choices ie-hint">
      <label class="ie-choice">
        Estimated change of{" "}
        <select
          class="ie-select"
          aria-label="Estimated change of"
          value={options.value.metric}
          onChange={(event) => arrange({ metric: event.currentTarget.value as Metric })}
        >
          {Object.entries(METRICS).map(([name, { title }]) => (
            <option key={name} value={name}>
              {title}
            </option>
          ))}
        </select>
      </label>
      <label class="ie-choice">
        Ablate exactly{" "}
        <select
          class="ie-select"
          aria-label="Ablate exactly"
          value={options.value.top}
          onChange={(event) => arrange({ top: event.currentTarget.value as Top })}
        >
          {Object.entries(TOP).map(([name, count]) => (
            <option key={name} value={name}>
              {count === null ? "every head" : count === 0 ? "no head" : `the ${count} largest`}
            </option>
          ))}
        </select>
      </label>
    </div>
  );
}

function Grid({ view, estimate, options }: Props) {
  const { store, theme } = view;
  const values = useComputed(() => estimate.at(store.shown.value)?.estimated_change ?? new Float32Array());
  const known = useComputed(() =>
    (store.info.value?.steps ?? []).flatMap((_, i) => estimate.at(i)?.estimated_change ?? []),
  );
  const { title, units } = METRICS[options.value.metric];
  const scale = useComputed<Scale>(() =>
    evenScale(known.value, METRICS[options.value.metric].least, theme.value),
  );
  return (
    <GridToScale
      view={view}
      scale={scale}
      values={values}
      label="Attribution patching estimates"
      score={`estimated ${title} change`}
      digits={3}
      units={known.value.length > 0 ? `${units}, estimated` : null}
    >
      <Waiting view={view} result={estimate} />
    </GridToScale>
  );
}

function Beside({ view, estimate, measured, options }: Props) {
  const { store } = view;
  const [ref, width] = useWidth<HTMLElement>();
  const pairs = useComputed(() =>
    pairsOf(
      estimate.at(store.shown.value)?.estimated_change ?? [],
      measured.at(store.shown.value)?.exact_change ?? [],
    ),
  );
  const plot = useComputed<Agreement | null>(() =>
    width.value === 0 || pairs.value.length === 0
      ? null
      : plotAgreement(pairs.value, METRICS[options.value.metric].units, width.value),
  );
  return (
    <section ref={ref}>
      {plot.value !== null && <Chart view={view} plot={plot} pairs={pairs.value} />}
      <p class="ie-note">
        {options.value.top === "none"
          ? "Ablate some of them exactly, and what was estimated stands beside what was measured."
          : pairs.value.length === 0
            ? pendingText(store, measured)
            : agreementText(
                pairs.value,
                store.info.value?.heads ?? 1,
                measured.whole(store.shown.value) === null,
              )}
      </p>
    </section>
  );
}

/** The correlation in words, and what is missed most. */
export function agreementText(pairs: Pair[], heads: number, coming: boolean): string {
  const most = furthest(pairs);
  if (most === undefined) return "";
  const { pearson, spearman } = correlations(pairs);
  const count =
    pairs.length === 1 ? "The 1 head that was ablated" : `The ${pairs.length} heads that were ablated`;
  const related = Number.isFinite(pearson)
    ? `estimated and measured changes correlate by ${decimals(pearson, 2)} (Pearson), their ranks by ${decimals(spearman, 2)} (Spearman)`
    : "too few, or too much alike, for a correlation";
  const name = headName(headAt(most.head, { heads }));
  const off = `${name} is estimated at ${changeText(most.estimated)} and measured at ${changeText(most.exact)}`;
  return `${count}: ${related}. Furthest off, ${off}. On the dashed line the two are one.${coming ? " More are coming." : ""}`;
}

function Chart({ view, plot, pairs }: ViewProps & { plot: ReadonlySignal<Agreement | null>; pairs: Pair[] }) {
  const base = useRef<HTMLDivElement>(null);
  useSignalEffect(() => {
    if (plot.value !== null) base.current?.replaceChildren(plot.value.element);
  });
  const drawn = plot.value;
  if (drawn === null) return null;
  const heads = view.store.info.value?.heads ?? 1;
  const off = ({ estimated, exact }: Pair) => Math.abs(exact - estimated);
  const named = pairs.map((pair, index) => ({ pair, at: drawn.dots[index] ?? [0, 0] }));
  const labels = named
    .sort((a, b) => off(b.pair) - off(a.pair))
    .slice(0, NAMED)
    .map(({ pair, at: [x, y] }) => ({
      name: headName(headAt(pair.head, { heads })),
      x,
      y,
      color: "var(--ie-ink)",
      bold: false,
    }));
  return (
    <div class="ie-chart" style={{ height: `${drawn.height}px` }}>
      <div ref={base} class="ie-chart-layer" />
      <svg class="ie-chart-layer" width={drawn.width} height={drawn.height} aria-hidden="true">
        <Names labels={labels} box={drawn.box} away={AWAY} dots={drawn.dots} threads />
      </svg>
    </div>
  );
}
