/** Where checkpoints lie along training: in tokens, or in steps; one unit for everything on the page. */
import type { SeriesInfo } from "../kernel/model";
import { isolated, shortened } from "./text";

export type Unit = "tokens" | "steps";

/** Tokens where every checkpoint of every series knows how many it has seen, else steps. */
export function trainingUnit(all: SeriesInfo[]): Unit {
  return all.every((info) => firstUnknown(info) === -1) ? "tokens" : "steps";
}

/** What the axis counts, in a word; of series that do not count alike, steps. */
export function unitName(all: SeriesInfo[], unit: Unit): string {
  const names = new Set(all.map(({ step_unit }) => step_unit));
  return unit === "steps" && names.size === 1 ? ([...names][0] as string) : unit;
}

/** Why the unit is not tokens; "" where it is. */
export function whySteps(all: SeriesInfo[]): string {
  const without = all.find((info) => firstUnknown(info) !== -1);
  if (without === undefined) return "";
  const name = isolated(shortened(without.name));
  return without.tokens.some((tokens) => tokens !== null)
    ? `${name} has no token count at ${without.labels[firstUnknown(without)]}`
    : `${name} has no token counts`;
}

/** Which tokens nobody counted, to be said after what the axis is; "" where all are counted. */
export function whichEstimated(all: SeriesInfo[]): string {
  const each = all.flatMap(({ name, labels, tokens_estimated }) => {
    const at = labels.filter((_, index) => tokens_estimated[index]);
    const more = at.length > 3 ? ` and ${at.length - 2} more` : "";
    const named = (more === "" ? at : at.slice(0, 2)).join(", ") + more;
    return at.length === 0 ? [] : [all.length === 1 ? named : `${isolated(shortened(name))} ${named}`];
  });
  return each.length === 0 ? "" : ` (≈ estimated from the steps at ${each.join("; ")})`;
}

/** Whether it is one checkpoint, and so nothing along training. */
export function isAlone({ steps }: SeriesInfo): boolean {
  return steps.length < 2;
}

/** Each checkpoint's place. */
export function trainingOf(info: SeriesInfo, unit: Unit): number[] {
  return unit === "tokens" ? (info.tokens as number[]) : info.steps;
}

/** What checkpoint 0 keeps of a logarithmic axis, about: it stands apart from the rest. */
const ZERO_SHARE = 0.06;

/**
 * The scale on which neighbouring checkpoints crowd less: the sum of the reciprocals of their distances, in parts of
 * the axis. Where they are dense at even distances that is linear, where each is a multiple of the last, logarithmic.
 */
export function roomierScale(all: SeriesInfo[], unit: Unit): "log" | "linear" {
  const each = all.map((info) => [...new Set(trainingOf(info, unit))].sort((a, b) => a - b));
  const every = each.flat();
  const [least, most] = [Math.min(...every), Math.max(...every)];
  const first = Math.min(...every.filter((x) => x > 0));
  const linear = (x: number) => (x - least) / (most - least);
  const begin = least > 0 ? 0 : ZERO_SHARE;
  const log = (x: number) =>
    x <= 0 ? 0 : begin + (1 - begin) * (Math.log(x / first) / Math.log(most / first));
  const crowding = (place: (x: number) => number) =>
    each.reduce(
      (sum, xs) => sum + xs.slice(1).reduce((all, x, i) => all + 1 / (place(x) - place(xs[i] as number)), 0),
      0,
    );
  return crowding(linear) < crowding(log) ? "linear" : "log";
}

/** The checkpoint of `to` that is nearest to `from`'s `index`. */
export function nearestCheckpoint(from: SeriesInfo, index: number, to: SeriesInfo, unit: Unit): number {
  const goal = trainingOf(from, unit)[index] ?? 0;
  const away = trainingOf(to, unit).map((x) => Math.abs(x - goal));
  return Math.max(0, away.indexOf(Math.min(...away)));
}

function firstUnknown({ tokens }: SeriesInfo): number {
  return tokens.indexOf(null);
}
