/** The row and the column of the pointed cell, and what it says. */
import { type ReadonlySignal, useComputed } from "@preact/signals";
import { Tip } from "../../chart/tip";
import type { Head } from "../../contract.gen";
import type { Row } from "../../state/attention";
import { sameHead } from "../../state/heads";
import { quoted } from "../../state/text";
import type { View } from "../../ui/view";
import type { Zooming } from "./zooming";

export interface Props {
  view: View;
  head: Head;
  tokens: ReadonlySignal<string[]>;
  /** Of the pointed query. */
  row: ReadonlySignal<Row | null>;
  zooming: Zooming;
}

/** The query's row and, where it is this head's, the key's column, on the picture. */
export function Crosses({ view, head, tokens, zooming: { now, ratio } }: Omit<Props, "row">) {
  const pointed = view.pointed.value;
  const whole = useComputed(() => now.value.whole / ratio.value).value;
  const cell = whole / tokens.value.length;
  if (pointed === null || pointed.query >= tokens.value.length) return null;
  const { query, key } = pointed;
  const own = key !== null && (pointed.head === null || sameHead(pointed.head, head));
  return (
    <>
      <Cross left={0} width={whole} top={query * cell} height={cell} />
      {own && <Cross left={key * cell} width={cell} top={0} height={whole} />}
    </>
  );
}

function Cross(box: Record<"left" | "top" | "width" | "height", number>) {
  const style = Object.fromEntries(Object.entries(box).map(([side, at]) => [side, `${at}px`]));
  return <div class="ie-cross" style={style} />;
}

/** The number of the cell, beside it. */
export function CellTip({ view, head, tokens, row, zooming: { now, ratio } }: Props) {
  const pointed = view.pointed.value;
  if (pointed === null || pointed.key === null) return null;
  const { query, key } = pointed;
  const own = pointed.head === null || sameHead(pointed.head, head);
  const value = row.value?.values[key];
  if (!own || value === undefined) return null;
  const { side, whole, left, top } = now.value;
  const [window, cell] = [side / ratio.value, whole / ratio.value / tokens.value.length];
  const y = (query + 0.5) * cell - top / ratio.value;
  return (
    <Tip
      x={(key + 0.5) * cell - left / ratio.value}
      y={Math.min(window - 24, Math.max(24, y))}
      width={window}
      reach={cell / 2}
      name={value.toFixed(3)}
    >
      {!row.value?.exact && <span class="ie-tip-at"> ± 0.002</span>}
      <br />
      {query} {quoted(tokens.value[query] ?? "", 14)} → {key} {quoted(tokens.value[key] ?? "", 14)}
    </Tip>
  );
}
