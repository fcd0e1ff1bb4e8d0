/** The chosen score of every head of a series along training: all as a crowd, the selected as curves. */
import type { Head } from "../contract.gen";
import type { SeriesInfo } from "../kernel/model";
import { headName } from "../state/heads";
import { trainingOf } from "../state/training";
import { slotColor } from "../ui/color";
import type { View } from "../ui/view";
import { type Along, type Curve, type Drawn, type PlacedAxis, placesAlong, plotAlong } from "./plot";

export function plotHeads(
  { store, onPaper }: View,
  series: number,
  frame: Pick<Along, "width" | "height" | "span" | "y">,
): Drawn | null {
  const [info, chosen] = [store.seriesList.value[series], store.scoreInfo.value];
  const score = chosen && store.scoreIn(series, chosen.name);
  const values = score && store.gridIn(series, score.name);
  if (info === undefined || score === null || values === null) return null;
  const at = trainingOf(info, store.unit.value);
  return plotAlong([], {
    at,
    type: store.viewState.value.x_scale,
    crowd: { x: at, values, count: info.layers * info.heads },
    chance: score.chance,
    room: roomOf(info),
    yName: onPaper ? score.title : null,
    ...frame,
    y: { nice: true, ...(score.range[0] === 0 && { zero: true }), ...frame.y },
  });
}

/** The axis of that chart for the current series; null before it has a width. */
export function headAxis({ store }: View, width: number): PlacedAxis | null {
  const info = store.info.value;
  if (info === null || width === 0) return null;
  const at = trainingOf(info, store.unit.value);
  return placesAlong({ width, type: store.viewState.value.x_scale, at, room: roomOf(info) });
}

function roomOf({ layers, heads }: SeriesInfo): string[] {
  return [headName([layers - 1, heads - 1])];
}

/** The selected heads of the current series. */
export function selectedCurves(view: View): Curve[] {
  const { series, heads, slots } = view.store;
  return heads.value.flatMap((head) => {
    const color = slotColor(slots.value.get(headName(head)) ?? 0, view.theme.value);
    return headCurve(view, series.value, head, color) ?? [];
  });
}

export function headCurve({ store }: View, series: number, head: Head, color: string): Curve | null {
  const [info, score] = [store.seriesList.value[series], store.scoreInfo.value];
  const values = score && store.gridIn(series, score.name);
  if (info === undefined || values === null) return null;
  const [x, y] = [trainingOf(info, store.unit.value), curveOf(values, info, head)];
  return { name: headName(head), x, y, color, bold: true };
}

/** Scores of one head along the checkpoints. */
export function curveOf(
  values: Float32Array,
  { steps, layers, heads }: SeriesInfo,
  [layer, head]: Head,
): number[] {
  return steps.map((_, at) => values[at * layers * heads + layer * heads + head] ?? Number.NaN);
}
