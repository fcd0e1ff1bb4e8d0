/** A note that takes one line; where it is longer it is cut until more of it is asked for. */
import { useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useLayoutEffect } from "preact/hooks";
import { useWidth } from "./use-size";

export function OneLine({ children }: { children: ComponentChildren }) {
  const [line, width] = useWidth<HTMLParagraphElement>();
  const open = useSignal(false);
  const isCut = useSignal(false);
  void width.value;
  useLayoutEffect(() => {
    if (line.current !== null && !open.value)
      isCut.value = line.current.scrollWidth > line.current.clientWidth;
  });
  return (
    <div class="ie-one-line">
      <p ref={line} class={`ie-note ${open.value ? "" : "ie-cut"}`}>
        {children}
      </p>
      {isCut.value && (
        <button
          type="button"
          class="ie-link ie-note"
          aria-expanded={open.value}
          onClick={() => {
            open.value = !open.value;
          }}
        >
          {open.value ? "less" : "more"}
        </button>
      )}
    </div>
  );
}
