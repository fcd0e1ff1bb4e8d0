/** A sentence that follows the pointer and the slider: shown at once, and read aloud once it has come to rest. */
import { useCallback } from "preact/hooks";
import { useRested } from "./use-rested";

export function Status({ text }: { text: string }) {
  const rested = useRested(useCallback(() => text, [text])).value;
  return (
    <div class="ie-status" role="status" aria-live={rested === text ? "polite" : "off"}>
      {/* Another element, once it rests: what is put into a live region is read, not what it was before. */}
      <span key={rested ?? ""}>{text}</span>
    </div>
  );
}
