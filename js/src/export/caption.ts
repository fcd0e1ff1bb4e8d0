/** What a figure and its data are of, in words: the model, the checkpoint, and what was measured on which tokens. */
import type { ScoreInfo, SeriesInfo } from "../kernel/model";
import type { Other } from "../state/comparison";
import { doubtsText, findingText } from "../state/findings";
import type { Store } from "../state/store";
import { checkpointText, labelText, rounded, sentence, shortened, visible } from "../state/text";

/** What a figure declares of itself. */
export interface About {
  /** Where that is not the panel's own. */
  title?: string;
  /** Of all checkpoints; otherwise of those at the handles of the slider. */
  training?: boolean;
  /** Of all series. */
  everySeries?: boolean;
  /** Scores it shows, in the order in which they are explained. */
  scores?: (ScoreInfo | null)[];
  /** It was measured on the prompt. */
  prompt?: boolean;
  /** It draws chance as dashed lines. */
  dashed?: boolean;
  /** Beside what was measured it shows patterns on the prompt. */
  patterns?: boolean;
  /** Whatever else has to be said: a formula, inputs, a source. */
  says?: string[];
}

/** Of a figure, a line for what it is of, and one for each thing measured; names are cut. */
export function captionOf(store: Store, about: About): string[] {
  const { training = false, everySeries = false, patterns = false } = about;
  return [
    subject(store, { training, everySeries, marked: true }, LETTERS),
    ...doubts(store, { training }),
    ...measured(store, about, LETTERS),
    ...(patterns ? [promptText(store, LETTERS, "Patterns on the prompt")] : []).filter(Boolean).map(sentence),
  ];
}

/** The same of a table with these columns, names whole. */
export function noteOf(store: Store, about: About, columns: string[]): string[] {
  const [training, everySeries] = [columns.includes("checkpoint"), columns.includes("series")];
  const whole = Number.POSITIVE_INFINITY;
  return [
    subject(store, { training, everySeries, marked: false }, whole),
    ...counted(store, everySeries, columns),
    ...doubts(store, { training }),
    ...measured(store, { ...about, dashed: false }, whole),
  ];
}

/** Of a name, and half of those of a prompt. */
const LETTERS = 60;

function measured(store: Store, about: About, limit: number): string[] {
  const scores = (about.scores ?? []).flatMap((score) =>
    score === null ? [] : [scoreText(score, about.dashed ? " (dashed)" : "")],
  );
  const prompt = about.prompt ? promptText(store, limit) : "";
  return [...scores, ...(about.says ?? []), prompt].filter(Boolean).map(sentence);
}

function scoreText(score: ScoreInfo, drawn: string): string {
  const { title, formula, chance, probe, source, own, units } = score;
  const baseline = chance === null ? "" : `; chance ${rounded(chance, 2)}${drawn}`;
  const unit = units === "1" ? "" : `, in ${units}`;
  return ended(
    `${title}${own ? " (the reader's own)" : ""}: ${formula}${unit}${baseline}; on ${probe}; ${source}`,
  );
}

function promptText({ promptInfo }: Store, limit: number, lead = "Prompt"): string {
  const tokens = promptInfo.peek()?.tokens ?? [];
  if (tokens.length === 0) return "";
  const text = shortened(visible(tokens.join("")), 2 * limit);
  return `${lead}, ${tokens.length} ${tokens.length === 1 ? "token" : "tokens"}: ${text}`;
}

interface Of {
  training: boolean;
  everySeries: boolean;
  /** Whether what spans training marks where the slider is. */
  marked: boolean;
}

function subject(store: Store, { training, everySeries, marked }: Of, limit: number): string {
  const all = store.seriesList.peek();
  const [current, shown, each] = [store.series.peek(), store.shown.peek(), store.shownEach.peek()];
  const compared = store.comparison.other.peek();
  const indices = everySeries ? all.map((_, index) => index) : [current];
  const subjects = indices.flatMap((index) => {
    const info = all[index];
    if (info === undefined) return [];
    const before = index === current && compared !== null ? `${otherText(compared, current)} → ` : "";
    const at = `${before}${checkpointText(info, (index === current ? shown : each[index]) ?? 0)}`;
    const span = training && info.steps.length > 1 ? spanText(info) : "";
    const name = shortened(visible(info.name), limit) || "model without a name";
    if (span === "") return [[name, at].filter(Boolean).join(" · ")];
    return [`${name}${span}${marked ? `; marked: ${at}` : ""}`];
  });
  return sentence(ended(subjects.join(" | ")));
}

/** What is compared with; of another series with its name. */
function otherText({ series, info, checkpoint }: Other, current: number): string {
  const at = checkpointText(info, checkpoint);
  return series === current ? at : [visible(info.name), at].filter(Boolean).join(" · ");
}

/** What a column of steps counts, of series where that is something else. */
function counted(store: Store, everySeries: boolean, columns: string[]): string[] {
  if (!columns.some((name) => name.startsWith("step"))) return [];
  const infos = everySeries ? store.seriesList.peek() : [store.info.peek()];
  const units = new Set(infos.map((info) => info?.step_unit ?? "steps"));
  return [...units].filter((unit) => unit !== "steps").map((unit) => `Steps are ${unit}.`);
}

/** Which of the checkpoints that are shown may not be what their names say. */
function doubts({ info, shown, comparison }: Store, { training }: About): string[] {
  const [here, other] = [info.peek(), comparison.other.peek()];
  if (here === null) return [];
  const said = training
    ? [doubtsText(here)]
    : [findingText(here, shown.peek()), other === null ? "" : findingText(other.info, other.checkpoint)];
  return [...new Set(said)].filter(Boolean).map((text) => sentence(ended(text)));
}

/** ", 48 checkpoints from step 0 to step 4,000". */
function spanText(info: SeriesInfo): string {
  const last = info.steps.length - 1;
  return `, ${info.steps.length} checkpoints from ${labelText(info, 0)} to ${labelText(info, last)}`;
}

function ended(text: string): string {
  return /[.!?]$/.test(text) || text === "" ? text : `${text}.`;
}
