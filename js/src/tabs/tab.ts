/**
 * What a tab is: its name, the options it keeps, what it asks of the kernel, and how it draws that.
 *
 * Options are saved as `view.tabs.<name>`; each is read by its parser, which puts what it begins with in the
 * place of everything it does not know. What `asks` gives back is asked for while the tab is on the page, and
 * nothing else is; `Panel` finds the answers under the same names.
 */
import type { ReadonlySignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import type { AnalysisKind, AnalysisParameters, Head } from "../contract.gen";
import type { PromptInfo, SeriesInfo } from "../kernel/model";
import type { Result } from "../state/results";
import type { Store } from "../state/store";
import type { View } from "../ui/view";

/** An option as it was saved, whatever that is, or as it begins. */
export interface Option<T> {
  (saved: unknown): T;
  /** The names that it may have, or else the kind of value (widget/induction_explorer/options.py). */
  allowed: readonly string[] | "flag" | "text" | "indices";
}
export type Options = Record<string, Option<unknown>>;
export type Chosen<O extends Options> = { [K in keyof O]: ReturnType<O[K]> };

/** What a question may depend on beside the tab's options. */
export interface Now {
  info: SeriesInfo;
  /** Null where this series has none that runs. */
  prompt: PromptInfo | null;
  heads: Head[];
  activeHead: Head | null;
  /** The position that is locked, or else the last; null without a prompt. */
  query: number | null;
}

export type Asks<A extends AnalysisKind> = { [N in A]?: AnalysisParameters[N] };

export interface PanelProps<O extends Options = Options, A extends AnalysisKind = never> {
  view: View;
  options: ReadonlySignal<Chosen<O>>;
  arrange: (change: Partial<Chosen<O>>) => void;
  found: { [N in A]: Result<N> };
}

/** What tabs stand under in the strip, in this order. */
export const GROUPS = ["Over training", "On this prompt", "On text", "Causes"] as const;

export interface Tab<O extends Options = Options, A extends AnalysisKind = never> {
  name: string;
  title: string;
  group: (typeof GROUPS)[number];
  options: O;
  /** Absent where nothing is asked. */
  asks?: (now: Now & { options: Chosen<O> }) => Asks<A>;
  /** Drawn over training: also asked at every checkpoint, as `found.<analysis>.throughout` has it. */
  throughout?: readonly A[];
  /** It asks the same of every series; `found.<analysis>.in(series)` has it. */
  everySeries?: true;
  /** It asks only where the slider's handles rest, and after what is shown beside it. */
  resting?: true;
  /** It is of training alone: not there where every series is one checkpoint. */
  overTraining?: true;
  /** Absent where it is always there. */
  isThere?: (store: Store) => boolean;
  Panel: (props: PanelProps<O, A>) => ComponentChildren;
}

/** Any tab, for those who only pass it on. */
export type AnyTab = Tab<Options, AnalysisKind>;

export function tab<O extends Options, A extends AnalysisKind = never>(declared: Tab<O, A>): AnyTab {
  return declared as unknown as AnyTab;
}

/** One of these, the first to begin with. */
export function oneOf<T extends string>(...allowed: [T, ...T[]]): Option<T> {
  return option(allowed, (saved) => (allowed.includes(saved as T) ? (saved as T) : allowed[0]));
}

export function flag(first: boolean): Option<boolean> {
  return option("flag", (saved) => (typeof saved === "boolean" ? saved : first));
}

export function text(first: string): Option<string> {
  return option("text", (saved) => (typeof saved === "string" ? saved : first));
}

/** Whole numbers from 0; none to begin with. */
export function indices(): Option<number[]> {
  return option("indices", (saved) =>
    Array.isArray(saved) && saved.every((one) => Number.isInteger(one) && one >= 0) ? saved : [],
  );
}

function option<T>(allowed: Option<T>["allowed"], parse: (saved: unknown) => T): Option<T> {
  return Object.assign(parse, { allowed });
}

/** What each option of these tabs may be, as JSON: the kernel checks views by it that are written in a cell. */
export function optionsText(tabs: AnyTab[]): string {
  const of = ({ options }: AnyTab) =>
    Object.fromEntries(Object.entries(options).map(([name, { allowed }]) => [name, allowed]));
  return `${JSON.stringify(Object.fromEntries(tabs.map((tab) => [tab.name, of(tab)])), null, 2)}\n`;
}

export function chosenOf<O extends Options>(options: O, saved: Record<string, unknown> = {}): Chosen<O> {
  return Object.fromEntries(
    Object.entries(options).map(([name, parse]) => [name, parse(saved[name])]),
  ) as Chosen<O>;
}
