/** What a pointer points at is forgotten with the element: one that is taken away under it is never left. */
import { useEffect, useRef } from "preact/hooks";

/** Calls `leave` when the component goes. */
export function useLeaving(leave: () => void): void {
  const latest = useRef(leave);
  latest.current = leave;
  useEffect(() => () => latest.current(), []);
}
