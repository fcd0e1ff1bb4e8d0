/** What is known against checkpoints, in words. */
import type { SeriesInfo } from "../kernel/model";

/** Why a checkpoint could not be used, or may not be what it is called; "" where nothing is known. */
export function saidOf({ faults, findings }: SeriesInfo, index: number): string {
  const fault = faults[index];
  if (fault !== undefined) return `could not be used: ${fault}`;
  const found = findings.filter(({ checkpoints }) => checkpoints.includes(index));
  return found.map(({ doubtful, reason }) => `${doubtful ? "doubtful" : "of note"}: ${reason}`).join("; ");
}

/** The same after its label: "step 512 · doubtful: holds the final model". */
export function findingText(info: SeriesInfo, index: number): string {
  const said = saidOf(info, index);
  return said && `${info.labels[index]} · ${said}`;
}

/** "86 of 154 checkpoints are doubtful"; "" where none is. */
export function doubtsText({ findings, labels }: SeriesInfo): string {
  const doubtful = new Set(findings.flatMap((one) => (one.doubtful ? one.checkpoints : [])));
  if (doubtful.size === 0) return "";
  return `${doubtful.size} of ${labels.length} checkpoints ${doubtful.size === 1 ? "is" : "are"} doubtful`;
}
