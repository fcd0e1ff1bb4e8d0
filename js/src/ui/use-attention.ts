/** Asks the kernel for the attention that is pointed at, as it was computed, once the pointer rests there. */
import { useSignal, useSignalEffect } from "@preact/signals";
import type { Head } from "../contract.gen";
import { blockOf } from "../state/attention";
import { isWeighed } from "../state/shown-patterns";
import { useAsks } from "./use-asks";
import type { View } from "./view";

const REST_MS = 120;

/** Of the current series, or of what it is compared with. */
export interface Whose {
  head: Head;
  series?: number;
  at?: number;
}

/** The token held to begin with was chosen by nobody, and is not asked about. */
export function useAttention(view: View, whose: () => Whose[]): void {
  const { store, hover, pointed, readHead } = view;
  /** The query, and whose it was then: of another head it is not asked at once. */
  const resting = useSignal<{ query: number; read: Head | null } | null>(null);
  useSignalEffect(() => {
    const chosen = (hover.value ?? store.lock.value) !== null;
    const [query, read] = [pointed.value?.query, readHead.value];
    const next = chosen && query !== undefined ? { query, read } : null;
    const timer = setTimeout(() => {
      resting.value = next;
    }, REST_MS);
    return () => clearTimeout(timer);
  });
  useAsks(store, () => {
    const [at, tokens] = [resting.value, store.promptInfo.value?.tokens.length ?? 0];
    if (at === null || at.read?.join() !== readHead.value?.join() || at.query >= tokens) return [];
    if (isWeighed(store)) return [];
    return whose().map(({ head, ...of }) => ({
      analysis: "attention",
      parameters: { head, ...blockOf(at.query, tokens) },
      resting: true,
      ...of,
    }));
  });
}
