/** The grid of all heads, laid out by the width of what it stands in; null until that is known. */
import { type ReadonlySignal, useComputed } from "@preact/signals";
import type { RefObject } from "preact";
import type { Store } from "../state/store";
import { useWidth } from "../ui/use-size";
import { type GridLayout, gridLayout } from "./grid-drawing";

export function useGridLayout({
  info,
}: Store): [RefObject<HTMLElement | null>, ReadonlySignal<GridLayout | null>] {
  const [ref, available] = useWidth<HTMLElement>();
  const layout = useComputed(() =>
    info.value === null || available.value === 0
      ? null
      : gridLayout(info.value.layers, info.value.heads, available.value),
  );
  return [ref, layout];
}
