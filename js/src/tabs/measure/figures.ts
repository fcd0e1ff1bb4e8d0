/** What the tab of a measure draws: figures one under the other, each of one measure or of several on one axis. */
import type { MeasureInfo } from "../../kernel/model";

export interface Figure {
  title: string;
  meaning: string;
  /** At least one; several are each a number a checkpoint. */
  measures: [MeasureInfo, ...MeasureInfo[]];
  /** Of the curves, where there are several. */
  names: string[];
}

/** Measures that have no tab of their own: they are drawn in that of another, under it. */
const UNDER: Record<string, string> = {
  loss_slope: "loss_by_position",
  copyable_loss: "in_context_learning",
  other_loss: "in_context_learning",
};

/** Measures that share an axis, after the first of them; what one looks for there. */
const TOGETHER: Record<string, { with: string[]; title: string; names: string[]; meaning: string }> = {
  copyable_loss: {
    with: ["other_loss"],
    title: "Loss of copyable and of other tokens",
    names: ["copyable", "others"],
    meaning:
      "Copyable is a token that followed the same token earlier in the row, so that a perfect induction head would " +
      "predict it. Induction lowers the loss of these; what in-context learning does for the others is not copying.",
  },
};

/** What its values are in, after a comma; nothing where they have no unit. */
export function inUnits({ units }: MeasureInfo, preposition = ""): string {
  return units === "1" ? "" : `, ${preposition}nats`;
}

export function hasTab({ name }: MeasureInfo): boolean {
  return !Object.hasOwn(UNDER, name);
}

/** Its own, and those that are drawn under it. */
export function figuresOf(tab: string, infos: MeasureInfo[]): Figure[] {
  const joined = new Set(Object.values(TOGETHER).flatMap((figure) => figure.with));
  return infos
    .filter(({ name }) => (name === tab || UNDER[name] === tab) && !joined.has(name))
    .map((info) => {
      const together = TOGETHER[info.name];
      if (together === undefined)
        return { title: info.title, meaning: info.meaning, measures: [info], names: [] };
      const others = infos.filter(({ name }) => together.with.includes(name));
      return { ...together, measures: [info, ...others] };
    });
}
