/** What a chart says, read from its own marks: a value and its place by the numbers beside the axis. */

/** The value at a place of an axis with even marks, and the other way round. */
export interface Scale {
  place: (value: number) => number;
}

/** From the first and the last number beside an axis of a plot. */
export function scaleOf(chart: Element, axis: "x" | "y", read = numberOf): Scale {
  const marks = [...chart.querySelectorAll(`[data-mark="${axis}-axis tick label"] text`)];
  const [first, last] = [marks[0], marks.at(-1)];
  if (first === undefined || last === undefined || first === last) throw new Error(`no ${axis} axis`);
  const [a, b] = [first, last].map((mark) => [read(mark.textContent ?? ""), placeOf(mark)[axis]] as const);
  if (a === undefined || b === undefined) throw new Error(`no ${axis} axis`);
  return { place: (value) => a[1] + ((value - a[0]) / (b[0] - a[0])) * (b[1] - a[1]) };
}

export function numberOf(text: string): number {
  return Number(text.replace("−", "-"));
}

/** Where a mark of a plot is moved to. */
export function placeOf(mark: Element): { x: number; y: number } {
  const found = /translate\(([-\d.e]+),([-\d.e]+)\)/.exec(mark.getAttribute("transform") ?? "");
  return { x: Number(found?.[1]), y: Number(found?.[2]) };
}

/** The corners of a line. */
export function cornersOf(path: Element): { x: number; y: number }[] {
  return [...(path.getAttribute("d") ?? "").matchAll(/([-\d.e]+),([-\d.e]+)/g)].map(([, x, y]) => ({
    x: Number(x),
    y: Number(y),
  }));
}

/** The lines of a chart that have this colour. */
export function linesOf(chart: Element, stroke: string): Element[] {
  return [...chart.querySelectorAll("g[data-mark=line]")].filter(
    (group) => group.getAttribute("stroke") === stroke,
  );
}
