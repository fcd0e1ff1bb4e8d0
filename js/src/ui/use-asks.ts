/** Asks the kernel for what a component shows, while it is on the page; `asks` reads signals, not props. */
import { useEffect } from "preact/hooks";
import type { Ask } from "../state/results";
import type { Store } from "../state/store";

export function useAsks(store: Store, asks: () => Ask[]): void {
  useEffect(() => store.results.ask(asks), [store]);
}
