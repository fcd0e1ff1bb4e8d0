/** A curve for every series, the one that the slider moves first of all. */
import type { Store } from "../state/store";
import { shortened } from "../state/text";
import { trainingOf } from "../state/training";
import type { Curve } from "./plot";

/** `values`: one a checkpoint of a series; null where it has none. */
export function eachSeries<Y extends Curve["y"]>(
  { seriesList, series, unit }: Store,
  values: (series: number) => Y | null,
): (Curve & { y: Y })[] {
  return seriesList.value.flatMap((info, index) => {
    const [y, bold] = [values(index), index === series.value];
    const color = bold ? "var(--ie-ink)" : "var(--ie-muted)";
    return y === null
      ? []
      : [{ name: shortened(info.name), x: trainingOf(info, unit.value), y, color, bold }];
  });
}

/** Where the checkpoints of the current series lie. */
export function currentTraining({ info, unit }: Store): number[] {
  return info.value === null ? [] : trainingOf(info.value, unit.value);
}
