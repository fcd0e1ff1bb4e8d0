/** What one head's pattern says about a pointed token, as colour on the strip and as a sentence. */
import { FAINT } from "../chart/arcs";
import { triangleIndex, triangleSize } from "../kernel/arrays";
import { mostAttended, type Row } from "../state/attention";
import { quoted } from "../state/text";
import { cellColors, type Lut, type Theme } from "../ui/color";
import type { Pointed } from "../ui/view";

/** How an option was marked last: of thousands, a frame writes to those alone that change. */
const marks = new WeakMap<Element, string>();

/** Marks the options of the strip: background = attention paid to it, underline = attention it pays. */
export function shadeTokens(
  options: ArrayLike<Element>,
  pointed: Pointed | null,
  triangle: Uint8Array | null,
  colors: Lut,
  theme: Theme,
): void {
  const scale = { min: 0, max: 255, kind: "sequential", lut: colors } as const;
  const usable = triangle !== null && triangle.length === triangleSize(options.length);
  for (let index = 0; index < options.length; index++) {
    const option = options[index] as HTMLElement;
    const paid =
      pointed && usable && index <= pointed.query ? triangle[triangleIndex(pointed.query, index)] : 0;
    const pays =
      pointed && usable && index >= pointed.query ? triangle[triangleIndex(index, pointed.query)] : 0;
    const { fill, ink } = (paid ?? 0) >= FAINT ? cellColors(scale, paid ?? 0, theme) : { fill: "", ink: "" };
    const under = String((pays ?? 0) >= FAINT ? (pays ?? 0) / 255 : 0);
    const isQuery = pointed?.query === index;
    const mark = [isQuery, fill, ink, under].join();
    if (marks.get(option) === mark) continue;
    marks.set(option, mark);
    option.classList.toggle("ie-token-query", isQuery);
    option.style.backgroundColor = fill;
    option.style.color = ink;
    option.style.setProperty("--ie-pays", under);
  }
}

/** The pointed query's attention at another checkpoint, and which. */
export interface Before {
  row: Row | null;
  label: string;
  /** "at" a checkpoint, "in" a head of another series. */
  at: "at" | "in";
}

/**
 * "query 7 ' C' attends 0.83 to key 4 ' C'": the pointed key, or the one that gets most; and " (0.12 at step 100)"
 * where that is known.
 */
export function attended(
  pointed: Pointed | null,
  row: Row | null,
  tokens: string[],
  before: Before | null = null,
): string {
  if (pointed === null || row === null) return "";
  const { query } = pointed;
  const key = pointed.key ?? mostAttended(row);
  const share = ({ values }: Row) => (values[key] ?? 0).toFixed(2);
  const then = before?.row == null ? "" : ` (${share(before.row)} ${before.at} ${before.label})`;
  return `query ${query} ${quoted(tokens[query] ?? "")} attends ${share(row)}${row.after} to key ${key} ${quoted(tokens[key] ?? "")}${then}`;
}

/** The same in three decimals, before → now, where both are as they were computed; else "". */
export function exactly(pointed: Pointed | null, row: Row | null, before: Before | null): string {
  const rows = before === null ? [row] : [before.row, row];
  if (pointed === null || row === null || !rows.every((each) => each?.exact)) return "";
  const key = pointed.key ?? mostAttended(row);
  return `exactly ${rows.map((each) => (each?.values[key] ?? 0).toFixed(3)).join(" → ")}`;
}
