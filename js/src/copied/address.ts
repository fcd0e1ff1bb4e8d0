/** What the reader arranged, in the address of the page. */
import { HEAD_CLASSES } from "../contract.gen";

type Traits = Record<string, unknown>;
type Fits = (value: unknown, state: Traits) => boolean;

const isIndex: Fits = (value) => Number.isInteger(value) && (value as number) >= 0;
const isPair = (value: unknown) => Array.isArray(value) && value.length === 2 && value.every(Number.isFinite);
const isRecord = (value: unknown) => typeof value === "object" && value !== null && !Array.isArray(value);
const isText: Fits = (value) => typeof value === "string";
const orNone =
  (fits: Fits): Fits =>
  (value, state) =>
    value === null || fits(value, state);

/** What the page writes of its view: `ViewState` of kernel/model.ts. */
const IN_VIEW: Record<string, Fits> = {
  tab: isText,
  x_scale: isText,
  attention_scale: isText,
  attention_of: isText,
  compared_scores: isText,
  compared_patterns: isText,
  head_classes: (value) =>
    ["marked", "plain", ...HEAD_CLASSES.map(({ name }) => name)].includes(String(value)),
  compared_series: orNone((value, state) => isIndex(value, state) && (value as number) < count(state)),
  window: orNone(isPair),
  window_unit: orNone(isText),
  brush: orNone(isPair),
  tabs: (value) => isRecord(value) && Object.values(value as Traits).every(isRecord),
};

/** The traits that the page writes, as kernel/writer.ts has them, and which prompt is shown; a person may have written the address. */
const ARRANGED: Record<string, Fits> = {
  series: (value, state) => isIndex(value, state) && (value as number) < count(state),
  checkpoint: isIndex,
  compare: orNone(isIndex),
  score: isText,
  heads: (value) => Array.isArray(value) && value.every(isPair),
  prompt: (value, state) => kept(state).some(([text]) => text === value),
  answer: (value, state) => kept(state).some(([, answer]) => answer === value),
  _view: (value, state) =>
    isRecord(value) && Object.entries(value as Traits).every(([name, one]) => IN_VIEW[name]?.(one, state)),
};

/** The prompts that the copy holds, the same of every series. */
function kept({ _series }: Traits): [text: string, answer: string][] {
  return Array.isArray(_series) ? (_series[0]?.kept_prompts ?? []) : [];
}

function count({ _series }: Traits): number {
  return Array.isArray(_series) ? _series.length : 0;
}

/** What an address says of the traits of this state; nothing of what it says else, or wrong. */
export function arrangedIn(hash: string, state: Traits): Traits {
  try {
    const said: unknown = JSON.parse(decodeURIComponent(hash.slice(1)));
    if (!isRecord(said)) return {};
    return Object.fromEntries(
      Object.entries(said as Traits).filter(([name, value]) => ARRANGED[name]?.(value, state)),
    );
  } catch {
    return {};
  }
}

/** The address after these traits were set: it has what is not as it was to begin with. */
export function withArranged(hash: string, beginning: Traits, set: Traits): string {
  const now = { ...arrangedIn(hash, beginning), ...set };
  const said = Object.entries(now).filter(
    ([name, value]) => name in ARRANGED && JSON.stringify(value) !== JSON.stringify(beginning[name]),
  );
  return said.length === 0 ? "#" : `#${encodeURIComponent(JSON.stringify(Object.fromEntries(said)))}`;
}
