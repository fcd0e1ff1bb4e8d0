/** Asks the kernel for the attention that is pointed at, as it was computed, once the pointer rests there. */
import { type ReadonlySignal, useSignal, useSignalEffect } from "@preact/signals";
import type { Head } from "../contract.gen";
import { blockOf } from "../state/attention";
import { useAsks } from "./use-asks";
import type { View } from "./view";

const REST_MS = 120;

/** `head` is whose; the token held to begin with was chosen by nobody, and is not asked about. */
export function useAttention(view: View, head: ReadonlySignal<Head | null>): void {
  const { store, hover, pointed } = view;
  const resting = useSignal<{ head: Head; query: number } | null>(null);
  useSignalEffect(() => {
    const [of, chosen] = [head.value, hover.value ?? store.lock.value];
    const next = of === null || chosen === null ? null : { head: of, query: pointed.value?.query ?? 0 };
    const timer = setTimeout(() => {
      resting.value = next;
    }, REST_MS);
    return () => clearTimeout(timer);
  });
  useAsks(store, () => {
    const [at, tokens] = [resting.value, store.promptInfo.value?.tokens.length ?? 0];
    if (at === null || at.query >= tokens) return [];
    const parameters = { head: at.head, ...blockOf(at.query, tokens) };
    return [{ analysis: "attention", parameters, resting: true }];
  });
}
