/** The chosen score of every head in every series, side by side on the same axes. */
import { useComputed, useSignalEffect } from "@preact/signals";
import { useRef } from "preact/hooks";
import { AxisNote } from "../../chart/axis-note";
import {
  curveOf,
  type Emphasis,
  type Frame,
  type Ground,
  plotEmphasis,
  plotGround,
} from "../../chart/curves-plot";
import { Save } from "../../export/save";
import { rankedHeads } from "../../state/counterparts";
import { headName, sameHead } from "../../state/heads";
import type { Window } from "../../state/phases";
import { checkpointText, sentence } from "../../state/text";
import { trainingOf } from "../../state/training";
import { slotColor } from "../../ui/color";
import { useWidth } from "../../ui/use-width";
import type { View, ViewProps } from "../../ui/view";
import { tab } from "../tab";
import { allSeriesTable } from "./table";

/** A chart narrower than this shows nothing. */
const NARROW = 260;
const GAP = 16;

export default tab({
  name: "all_series",
  title: "Every series",
  options: {},
  overTraining: true,
  isThere: ({ seriesList }) => seriesList.value.length > 1,
  Panel: AllSeries,
});

function AllSeries({ view }: ViewProps) {
  const { store } = view;
  const [ref, width] = useWidth<HTMLElement>();
  const grounds = useComputed<(Ground | null)[]>(() => (width.value === 0 ? [] : plotAll(view, width.value)));
  const score = store.scoreInfo.value;
  return (
    <figure ref={ref}>
      <figcaption class="ie-caption">
        <Save view={view} title="Every series" table={() => allSeriesTable(store)} />
        <p class="ie-meaning">
          {score?.title} of every head, in every series at the checkpoint nearest to the slider's. Coloured
          are the selected heads and, in other series, those that rank as high; the best head of each is
          named.
        </p>
        <p class="ie-note">
          <span class="ie-formula">{score?.formula}</span> · {score?.source}
        </p>
      </figcaption>
      <div class="ie-all-series" style={{ gap: `${GAP}px` }}>
        {grounds.value.map((ground, index) => (
          <One key={store.seriesList.value[index]?.name} view={view} index={index} ground={ground} />
        ))}
      </div>
      <AxisNote view={view} />
    </figure>
  );
}

function plotAll(view: View, width: number): (Ground | null)[] {
  const { seriesList, scoreInfo, viewState, unit } = view.store;
  const [infos, score] = [seriesList.value, scoreInfo.value];
  if (score === null) return [];
  const grids = infos.map((_, index) => view.store.gridIn(index, score.name));
  const columns = Math.max(1, Math.min(infos.length, Math.floor((width + GAP) / (NARROW + GAP))));
  const shared = { xs: infos.flatMap((info) => trainingOf(info, unit.value)), y: extent(grids) };
  const frame: Frame = {
    width: Math.floor((width + GAP) / columns) - GAP,
    type: viewState.value.x_scale,
    unit: unit.value,
    shared,
  };
  return infos.map((info, index) => {
    const [own, values] = [view.store.scoreIn(index, score.name), grids[index]];
    return own !== null && values != null ? plotGround(info, own, values, frame) : null;
  });
}

function extent(values: (Float32Array | null)[]): [number, number] {
  let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const grid of values) {
    for (const value of grid ?? []) {
      if (value < low) low = value;
      if (value > high) high = value;
    }
  }
  return low < high ? [low, high] : [0, 1];
}

function One({ view, index, ground }: { view: View; index: number; ground: Ground | null }) {
  const { store } = view;
  const [base, over, rule] = [
    useRef<HTMLDivElement>(null),
    useRef<HTMLDivElement>(null),
    useRef<HTMLDivElement>(null),
  ];
  useSignalEffect(() => {
    if (ground !== null) base.current?.replaceChildren(ground.element);
  });
  useSignalEffect(() => {
    if (ground !== null) over.current?.replaceChildren(plotEmphasis(ground, emphasised(view, index), null));
  });
  useSignalEffect(() => {
    const x = ground?.x[store.shownEach.value[index] ?? 0];
    if (rule.current === null) return;
    rule.current.hidden = x === undefined;
    rule.current.style.transform = `translateX(${x ?? 0}px)`;
  });
  const info = store.seriesList.value[index];
  if (info === undefined) return null;
  const window = store.windowIn(index);
  const at = store.shownEach.value[index] ?? 0;
  return (
    <div class="ie-one-series" style={ground === null ? {} : { width: `${ground.width}px` }}>
      <button
        type="button"
        class="ie-one-title"
        aria-pressed={index === store.series.value}
        onClick={() => store.chooseSeries(index)}
      >
        {info.name}
      </button>
      <span class="ie-note"> {checkpointText(info, at)}</span>
      {ground === null ? (
        <p class="ie-note">{absence(view, index)}</p>
      ) : (
        <div
          class="ie-chart ie-chart-still"
          style={{ width: `${ground.width}px`, height: `${ground.height}px` }}
        >
          {window !== null && <Band ground={ground} window={window} />}
          <div ref={base} class="ie-chart-layer" />
          <div ref={over} class="ie-chart-layer" />
          <div
            ref={rule}
            class="ie-measure-rule"
            style={{ top: `${ground.top - 4}px`, height: `${ground.bottom - ground.top + 4}px` }}
          />
        </div>
      )}
    </div>
  );
}

/** Why there is no chart of a series. */
function absence({ store }: View, index: number): string {
  const score = store.scoreInfo.value;
  if (score === null || store.scoreIn(index, score.name) !== null)
    return "choose this series to see its heads";
  const reason = store.seriesList.value[index]?.left_out[score.title] ?? "";
  return `${score.title} is not measured in this series. ${sentence(reason)}`;
}

/** The selected heads' counterparts in a series, and its best one where that is none of them. */
function emphasised({ store, theme }: View, index: number): Emphasis[] {
  const [info, score] = [store.seriesList.value[index], store.scoreInfo.value];
  const values = score === null ? null : store.gridIn(index, score.name);
  if (info === undefined || values === null) return [];
  const there = store.selectedIn(index);
  const selected = store.heads.value.flatMap((head, i) => {
    const other = there[i];
    if (other == null || there.findIndex((one) => one !== null && sameHead(one, other)) < i) return [];
    return [{ head: other, color: slotColor(store.slots.value.get(headName(head)) ?? 0, theme.value) }];
  });
  const best = rankedHeads(values, info)[0];
  const named = best === undefined || selected.some(({ head }) => sameHead(head, best));
  return [...(named ? [] : [{ head: best, color: "var(--ie-ink)" }]), ...selected].map(({ head, color }) => ({
    name: headName(head),
    color,
    curve: curveOf(values, info, head),
  }));
}

/** The phase change of one series. */
function Band({ ground, window }: { ground: Ground; window: Window }) {
  const inside = (x: number) => Math.max(ground.left, Math.min(ground.right, ground.at(x)));
  const [left, right] = [inside(window.from), inside(window.to)];
  return (
    <svg class="ie-chart-layer" width={ground.width} height={ground.height} aria-hidden="true">
      <rect
        class="ie-band"
        x={left}
        y={ground.top - 6}
        width={Math.max(0, right - left)}
        height={ground.bottom - ground.top + 6}
      />
    </svg>
  );
}
