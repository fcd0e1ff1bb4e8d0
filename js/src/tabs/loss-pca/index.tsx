/** The path of training in the plane of the first two components of per-token losses. */
import { type ReadonlySignal, useComputed, useSignal, useSignalEffect } from "@preact/signals";
import { useRef } from "preact/hooks";
import { Names } from "../../chart/names";
import { nearestPoint } from "../../chart/pointing";
import { Tip } from "../../chart/tip";
import { Save } from "../../export/save";
import { isInside } from "../../state/phases";
import { precise, shortened, tokensText } from "../../state/text";
import { trainingOf } from "../../state/training";
import { placeIn, useHover } from "../../ui/pointing";
import { useWidth } from "../../ui/use-size";
import type { View, ViewProps } from "../../ui/view";
import { absentLosses, LossesState } from "../losses";
import { oneOf, type PanelProps, tab } from "../tab";
import { AWAY, type Path, type Plane, plotPaths } from "./plot";
import { componentTable } from "./table";

/** A pointer further away than this from every point points at none. */
const REACH = 24;

const options = {
  /** Principal components of all series together, or of each on its own, standardised. */
  fit: oneOf("joint", "standardised"),
};
type Props = PanelProps<typeof options, "losses">;
type Fit = "joint" | "standardised";

export default tab({
  name: "loss_pca",
  title: "Loss PCA",
  group: "Over training",
  options,
  overTraining: true,
  everySeries: true,
  asks: () => ({ losses: {} }),
  Panel: LossPca,
});

function LossPca(props: Props) {
  const { view, options, arrange, found } = props;
  const { store } = view;
  const [ref, width] = useWidth<HTMLElement>();
  const plane = useComputed<Plane | null>(() => {
    const paths = pathsOf(view, options.value.fit);
    return width.value === 0 || paths.length === 0
      ? null
      : plotPaths(paths, axesOf(view, options.value.fit), width.value);
  });
  const { fit } = options.value;
  return (
    <figure ref={ref} aria-label="Loss PCA">
      <figcaption class="ie-caption">
        <Save
          view={view}
          title="Loss PCA"
          about={{ training: true, everySeries: fit === "joint" }}
          draw={(paper) => <LossPca {...props} view={paper} />}
          table={() => componentTable(store, fit)}
        />
        <p class="ie-meaning">
          Every checkpoint as one point, by its losses of the same tokens. The path turns where training does.
        </p>
        <p class="ie-note">
          {fit === "joint"
            ? `principal components of losses in nats, of one token a row of text, ${store.componentsOf.value} · Olsson et al. 2022`
            : "principal components of standardised losses, of one token a row of text, one fit a series; only this series is shown, as axes of different fits cannot be compared · Kissane 2023"}
          <Turn view={view} />
        </p>
      </figcaption>
      <label class="ie-choice ie-hint">
        Fit{" "}
        <select
          class="ie-select"
          value={fit}
          onChange={(event) => arrange({ fit: event.currentTarget.value as Fit })}
        >
          <option value="joint">jointly over series</option>
          <option value="standardised">each series, standardised</option>
        </select>
      </label>
      <LossesState view={view} losses={found.losses} />
      {plane.value === null ? (
        <p class="ie-note ie-measures-empty">
          {absentLosses(store, found.losses, store.componentsOf.value || "No losses to draw.")}
        </p>
      ) : (
        <Chart view={view} plane={plane} />
      )}
    </figure>
  );
}

/** Where the current series' path turns most. */
function Turn({ view }: ViewProps) {
  const { phases, series, info, unitName } = view.store;
  const turn = phases.value[series.value]?.turn ?? null;
  if (turn === null || info.value === null) return null;
  const [low, high] = turn.interval;
  return ` · sharpest turn ${turn.degrees.toFixed(0)}° at ${precise(turn.at)} ${unitName.value} (95 %: ${precise(low)}–${precise(high)})`;
}

/** [x, y] of every checkpoint. */
function pathsOf({ store }: View, fit: Fit): Path[] {
  const name = fit === "joint" ? "loss_pca" : "loss_pca_standardised";
  return store.seriesList.value.flatMap((info, index) => {
    const points = store.measureOf(index, name);
    const current = index === store.series.value;
    if (points === null || (name !== "loss_pca" && !current)) return [];
    const window = store.windowIn(index);
    const xs = trainingOf(info, store.unit.value);
    return [
      {
        name: shortened(info.name),
        current,
        points: xs.map((x, i) => ({
          x: points.values[2 * i] ?? Number.NaN,
          y: points.values[2 * i + 1] ?? Number.NaN,
          inside: isInside(window, x),
        })),
      },
    ];
  });
}

function axesOf({ store }: View, fit: Fit): [string, string] {
  const name = fit === "joint" ? "loss_pca_explained" : "loss_pca_standardised_explained";
  const explained = store.measureOf(store.series.value, name)?.values;
  const label = (k: 0 | 1) =>
    `component ${k + 1}, ${explained ? (100 * (explained[k] ?? 0)).toFixed(0) : "?"} % of variance`;
  return [label(0), label(1)];
}

function Chart({ view, plane }: { view: View; plane: ReadonlySignal<Plane | null> }) {
  const { store } = view;
  const [base, ring] = [useRef<HTMLDivElement>(null), useRef<HTMLDivElement>(null)];
  const hovered = useSignal<number | null>(null);
  useSignalEffect(() => {
    if (plane.value !== null) base.current?.replaceChildren(plane.value.element);
  });
  useSignalEffect(() => {
    const at = plane.value?.current[store.shown.value];
    if (ring.current === null) return;
    ring.current.hidden = at === undefined || Number.isNaN(at[0]);
    if (at !== undefined) ring.current.style.transform = `translate(${at[0]}px, ${at[1]}px)`;
  });
  const near = (at: [number, number]) => nearestPoint(plane.peek()?.current ?? [], at, REACH);
  const pointing = useHover({
    move(x, y) {
      hovered.value = near([x, y]);
    },
    leave() {
      hovered.value = null;
    },
  });
  const drawn = plane.value;
  if (drawn === null) return null;
  const info = store.info.value;
  const tip = hovered.value === null ? undefined : drawn.current[hovered.value];
  const tokens = info === null || hovered.value === null ? "" : tokensText(info, hovered.value);
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: the slider is the way to do this by keyboard
    <div
      class="ie-chart"
      role="presentation"
      style={{ height: `${drawn.height}px` }}
      {...pointing}
      onClick={(event) => {
        const index = near(placeIn(event));
        if (index !== null) store.moveTo(index);
      }}
    >
      <div ref={base} class="ie-chart-layer" />
      <svg class="ie-chart-layer" width={drawn.width} height={drawn.height} aria-hidden="true">
        <Names labels={drawn.names} box={drawn.box} away={AWAY} dots={drawn.dots} threads />
      </svg>
      <div ref={ring} class="ie-ring" />
      {tip !== undefined && hovered.value !== null && info !== null && (
        <Tip x={tip[0]} y={tip[1]} width={drawn.width} name={info.labels[hovered.value] ?? ""}>
          {tokens !== "" && <span class="ie-tip-at"> · {tokens}</span>}
        </Tip>
      )}
    </div>
  );
}
