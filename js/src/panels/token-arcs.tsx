/** Arcs from the held token to what it attends to, and lighter ones from what attends to it, behind the strip. */
import { type ReadonlySignal, useComputed, useSignal, useSignalEffect } from "@preact/signals";
import type { RefObject } from "preact";
import { useRef } from "preact/hooks";
import { arcPath, type Box, strongestLinks } from "../chart/arcs";
import { triangleSize } from "../kernel/arrays";
import { headName } from "../state/heads";
import { slotColor } from "../ui/color";
import { useWidth } from "../ui/use-size";
import type { View } from "../ui/view";

/** Between the lines of the strip and at its left edge, in CSS pixels, as tokens.css has it. */
const [GAP, EDGE] = [14, 12];

interface Props {
  view: View;
  /** Holds the tokens, and scrolls. */
  list: RefObject<HTMLDivElement | null>;
  pattern: ReadonlySignal<Uint8Array | null>;
}

export function TokenArcs({ view, list, pattern }: Props) {
  const [ref, width] = useWidth<HTMLDivElement>();
  const scrolled = useSignal(0);
  useSignalEffect(() => {
    const strip = list.current;
    if (strip === null) return;
    const follow = () => {
      scrolled.value = strip.scrollTop;
    };
    strip.addEventListener("scroll", follow);
    return () => strip.removeEventListener("scroll", follow);
  });
  const color = useComputed(() => {
    const head = view.readHead.value;
    const slot = head === null ? undefined : view.store.slots.value.get(headName(head));
    return slot === undefined ? "var(--ie-ink)" : slotColor(slot, view.theme.value);
  });
  return (
    <div class="ie-arcs" ref={ref}>
      <svg aria-hidden="true" style={{ transform: `translateY(${-scrolled.value}px)`, color: color.value }}>
        <Paths view={view} list={list} pattern={pattern} width={width} />
      </svg>
    </div>
  );
}

function Paths({ view, list, pattern, width }: Props & { width: ReadonlySignal<number> }) {
  const held = view.pointed.value?.query ?? null;
  const tokens = view.store.promptInfo.value?.tokens.length ?? 0;
  const boxes = useRef<(token: number) => Box | null>(() => null);
  boxes.current = (token) => {
    const option = list.current?.children[token];
    if (!(option instanceof HTMLElement)) return null;
    const { offsetLeft: left, offsetTop: top, offsetWidth, offsetHeight: height } = option;
    return { left, top, width: offsetWidth, height };
  };
  const triangle = pattern.value;
  if (held === null || width.value === 0 || triangle?.length !== triangleSize(tokens)) return null;
  const from = boxes.current(held);
  if (from === null) return null;
  return (
    <>
      {strongestLinks(triangle, tokens, held)
        .reverse()
        .map(({ token, share, paid }) => {
          const to = boxes.current(token);
          return (
            to !== null && (
              <path
                key={token}
                class={paid ? "ie-arc" : "ie-arc ie-arc-paying"}
                d={paid ? arcPath(from, to, GAP, EDGE) : arcPath(to, from, GAP, EDGE)}
                stroke-width={0.75 + 2.5 * share}
                stroke-opacity={(paid ? 0.35 : 0.15) + (paid ? 0.6 : 0.35) * share}
              />
            )
          );
        })}
    </>
  );
}
