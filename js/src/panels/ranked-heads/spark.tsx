/** A head's score over training as a line of a few pixels, as high as all heads go, and where the slider is. */
import { curveOf } from "../../chart/head-curves";
import type { Head } from "../../contract.gen";
import { extent } from "../../ui/color";
import type { View } from "../../ui/view";
import type { Column } from "./row";

const WIDTH = 64;
const HEIGHT = 26;
const PAD = 3;

export function Spark({ view, head, column }: { view: View; head: Head; column: Column }) {
  const { info, settled: shown } = view.store;
  if (info.value === null) return null;
  const curve = curveOf(column.values, info.value, head);
  const [low, high] = spanOf(column);
  const x = (at: number) => PAD + ((WIDTH - 2 * PAD) * at) / (curve.length - 1);
  const y = (value: number) => HEIGHT - PAD - ((HEIGHT - 2 * PAD) * (value - low)) / (high - low);
  const now = curve[shown.value] ?? Number.NaN;
  return (
    <svg class="ie-ranked-spark" width={WIDTH} height={HEIGHT} aria-hidden="true">
      <path d={path(curve, x, y)} />
      {Number.isFinite(now) && <circle r="2.5" cx={x(shown.value)} cy={y(now)} />}
    </svg>
  );
}

function path(curve: number[], x: (at: number) => number, y: (value: number) => number): string {
  let [d, pen] = ["", "M"];
  // No more points than there are pixels.
  const every = Math.ceil(curve.length / WIDTH);
  curve.forEach((value, at) => {
    if (at % every !== 0 && at !== curve.length - 1) return;
    if (Number.isFinite(value)) d += `${pen}${x(at).toFixed(1)},${y(value).toFixed(1)}`;
    pen = Number.isFinite(value) ? "L" : "M";
  });
  return d;
}

const spans = new WeakMap<Float32Array, [number, number]>();

/** Lowest and highest value of all heads at all checkpoints; 0 lies between them. */
export function spanOf({ values }: Column): [number, number] {
  const known = spans.get(values);
  if (known !== undefined) return known;
  const [low, high] = extent(values) ?? [0, 1];
  const [from, to] = [Math.min(0, low), Math.max(0, high)];
  const span: [number, number] = [from, to > from ? to : 1];
  spans.set(values, span);
  return span;
}
