/** Names in a chart, written beside what they name; those that had to move away from it keep a thread to it. */
import { visible } from "../state/text";
import { type Box, type Dots, FONT_SIZE, type Label, placeNames } from "./labels";

/** A name further up or down than this is not seen to belong to what it names. */
const FAR = 10;

interface Props {
  labels: Label[];
  box: Box;
  away?: number;
  /** Not to be written over, where there is a choice. */
  dots?: Dots;
  /** Whether what is named is a dot; the curves lead to their names themselves. */
  threads?: boolean;
}

export function Names({ labels, box, away, dots, threads = false }: Props) {
  return (
    <>
      {placeNames(labels, box, away, dots).map(({ name, text, x, y, anchor, color, bold, of }) => (
        <g key={name} class="ie-name" data-x={of.x} data-y={of.y}>
          {threads && Math.abs(y - of.y) > FAR && (
            <line x1={of.x} y1={of.y} x2={x} y2={y} stroke={color} stroke-width={0.75} />
          )}
          <text
            x={x}
            y={y}
            dy="0.32em"
            text-anchor={anchor}
            fill={color}
            stroke="var(--ie-ground)"
            stroke-width={3}
            paint-order="stroke"
            font-size={FONT_SIZE}
            font-weight={bold ? 600 : 400}
          >
            {text}
            {text !== name && <title>{visible(name)}</title>}
          </text>
        </g>
      ))}
    </>
  );
}
