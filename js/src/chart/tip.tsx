/** What is said of a point in a chart, beside it: on its right, or on its left where there is more room. */
import type { ComponentChildren } from "preact";

interface Props {
  /** Of the point, in a chart that is `width` wide, in CSS pixels. */
  x: number;
  y: number;
  width: number;
  /** How far what is drawn there reaches from the point. */
  reach?: number;
  /** Of what is there. */
  name: string;
  /** What else is said of it. */
  children?: ComponentChildren;
}

export function Tip({ x, y, width, reach = 0, name, children }: Props) {
  const left = x > width / 2;
  return (
    <div
      class={`ie-tip ${left ? "ie-tip-left" : "ie-tip-right"}`}
      style={{ left: `${left ? x - reach : x + reach}px`, top: `${y}px` }}
    >
      <strong>{name}</strong>
      {children}
    </div>
  );
}
