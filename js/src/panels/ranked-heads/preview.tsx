/** The pattern of a row that is pointed at or has the focus, large enough to be read, over the list. */
import { useEffect, useLayoutEffect, useRef } from "preact/hooks";
import { drawPattern } from "../../chart/pattern-drawing";
import type { Head } from "../../contract.gen";
import { triangleIndex } from "../../kernel/arrays";
import { classText, namedIn } from "../../state/classes";
import { headName } from "../../state/heads";
import { sharedText } from "../../state/shared-keys";
import { checkpointText, quoted, scoreText } from "../../state/text";
import { attentionLut } from "../../ui/color";
import type { View } from "../../ui/view";
import { type Column, valueAt } from "./row";

/** In CSS pixels: the pattern's side, and how far from the row the preview is. */
const [SIDE, GAP] = [220, 4];

interface Props {
  view: View;
  head: Head;
  column: Column;
  /** Which is not covered. */
  row: HTMLElement;
  close: () => void;
}

export function Preview({ view, head, column, row, close }: Props) {
  const { store, theme } = view;
  const [card, canvas] = [useRef<HTMLDivElement>(null), useRef<HTMLCanvasElement>(null)];
  const [info, tokens] = [store.info.value, store.promptInfo.value?.tokens ?? []];
  const at = store.settled.value;
  const triangle = store.results.of("patterns", { head }).at(at)?.patterns ?? null;
  const colors = attentionLut(store.viewState.value.attention_scale, theme.value);
  useEffect(() => {
    if (canvas.current !== null)
      drawPattern(canvas.current, tokens.length, triangle, colors, SIDE * devicePixelRatio);
  });
  useLayoutEffect(() => {
    if (card.current === null) return;
    card.current.showPopover?.();
    const { width, height } = card.current.getBoundingClientRect();
    const page = { width: document.documentElement.clientWidth, height: innerHeight };
    const { left, top } = placed(row.getBoundingClientRect(), { width, height }, page);
    Object.assign(card.current.style, { left: `${left}px`, top: `${top}px` });
  });
  // As soon as it is seen, Escape takes it away.
  useLayoutEffect(() => {
    const onKeyDown = (event: KeyboardEvent) => {
      if (event.key !== "Escape") return;
      event.stopPropagation(); // the notebook would leave the cell
      event.preventDefault();
      close();
    };
    window.addEventListener("keydown", onKeyDown, { capture: true });
    return () => window.removeEventListener("keydown", onKeyDown, { capture: true });
  }, [close]);
  if (info === null) return null;
  const name = headName(head);
  const named = namedIn(store.classes.settled.value, info, head);
  const shared = sharedText(info, head);
  const when = checkpointText(info, at);
  const cell = triangle && strongest(triangle, tokens.length);
  return (
    <div ref={card} class="ie-ranked-preview" popover="manual" role="tooltip">
      <strong>{name}</strong> {column.score.title} {scoreText(valueAt(column, info, at, head))}
      <div class="ie-note">{when}</div>
      {named !== null && <div class="ie-note">{classText(named)}</div>}
      {shared !== "" && <div class="ie-note">{shared}</div>}
      {triangle === null ? (
        <p class="ie-note">computing …</p>
      ) : (
        <canvas
          ref={canvas}
          style={{ width: `${SIDE}px`, height: `${SIDE}px` }}
          role="img"
          aria-label={["Pattern of", name, when].join(" ").trim()}
        />
      )}
      {cell && (
        <div>
          strongest in the later half: {cell.query} {quoted(tokens[cell.query] ?? "", 14)} → {cell.key}{" "}
          {quoted(tokens[cell.key] ?? "", 14)} {(cell.value / 255).toFixed(2)}
        </div>
      )}
    </div>
  );
}

/** The last of the strongest cells of the prompt's later half: early tokens have little else to attend to. */
export function strongest(
  triangle: Uint8Array,
  tokens: number,
): { query: number; key: number; value: number } | null {
  let found: ReturnType<typeof strongest> = null;
  for (let query = Math.ceil(tokens / 2); query < tokens; query++) {
    for (let key = 0; key <= query; key++) {
      const value = triangle[triangleIndex(query, key)] ?? 0;
      if (value >= (found?.value ?? 0)) found = { query, key, value };
    }
  }
  return found;
}

type Box = Pick<DOMRect, "right" | "top" | "bottom">;
type Size = Pick<DOMRect, "width" | "height">;

/** Over other rows, below its own or else above: neither the head's cell nor its curve is there. */
export function placed(row: Box, size: Size, page: Size): { left: number; top: number } {
  const fits = row.bottom + GAP + size.height <= page.height;
  const top = fits ? row.bottom + GAP : Math.max(0, row.top - GAP - size.height);
  return { left: Math.max(0, row.right - size.width), top };
}
