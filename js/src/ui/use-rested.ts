/** What follows the slider, but not into every frame: read anew where what it is read from has come to rest. */
import { effect, type ReadonlySignal, useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";

const REST_MS = 120;

/** What `read` gives of signals: at once to begin with, later no sooner than that; null until then. */
export function useRested<T>(read: () => T): ReadonlySignal<T | null> {
  const found = useSignal<T | null>(null);
  useEffect(() => {
    let stop = () => {};
    let timer: ReturnType<typeof setTimeout> | undefined;
    const follow = () => {
      let changed = false;
      stop = effect(() => {
        if (changed) {
          timer = setTimeout(() => {
            stop();
            follow();
          }, REST_MS);
          return;
        }
        changed = true;
        found.value = read();
      });
    };
    if (found.peek() === null) follow();
    else timer = setTimeout(follow, REST_MS);
    return () => {
      clearTimeout(timer);
      stop();
    };
  }, [read, found]);
  return found;
}
