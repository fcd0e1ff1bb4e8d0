/**
 * Names of the tokens along one side of the enlarged pattern: each, or every nth where there is no room. On a canvas:
 * as elements they would be laid out anew in every frame in which the picture moves.
 */
import { type ReadonlySignal, useComputed, useSignalEffect } from "@preact/signals";
import { useRef } from "preact/hooks";
import { surfaceOf } from "../../chart/canvas";
import { namedEvery, tokensShown } from "../../chart/zoom";
import { truncated, visible } from "../../state/text";
import type { View } from "../../ui/view";
import type { Zooming } from "./zooming";

/** In CSS pixels: what a name takes across and along, and its distance from the picture. */
const [NAME, LENGTH, AWAY] = [14, 92, 6];
/** Of a name. */
const LETTERS = 12;
/** What stands for the spaces at its ends, so that they can be seen. */
const SPACE = "·";

interface Props {
  view: View;
  axis: "query" | "key";
  tokens: ReadonlySignal<string[]>;
  zooming: Zooming;
}

export function Names({ view, axis, tokens, zooming: { now, ratio } }: Props) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const every = useEvery(tokens, { now, ratio });
  useSignalEffect(() => {
    void view.theme.value; // which has another ink
    if (canvas.current === null) return;
    const { top, left, side, whole } = now.value;
    const [from, cell] = [axis === "query" ? top : left, whole / tokens.value.length];
    // Half a name longer at both ends than the picture, at whose edges names may stand.
    const along = side / ratio.value + NAME;
    const [width, height] = axis === "query" ? [LENGTH, along] : [along, LENGTH];
    const surface = surfaceOf(canvas.current, width, height, ratio.value);
    if (surface === null) return;
    const { context } = surface;
    context.clearRect(0, 0, width, height);
    const { color, fontFamily, fontSize } = getComputedStyle(canvas.current);
    context.fillStyle = color;
    context.font = `${fontSize} ${fontFamily}`;
    context.textAlign = "right";
    context.textBaseline = "middle";
    if (axis === "key") context.rotate(-Math.PI / 2); // read upwards, so that names end at the cells they name
    const [first, last] = tokensShown(from, now.value, tokens.value.length);
    const start = Math.ceil(first / every.value) * every.value;
    for (let index = start; index <= last; index += every.value) {
      const inside = (index + 0.5) * cell - from;
      if (inside < 0 || inside > side) continue;
      const at = inside / ratio.value + NAME / 2;
      const text = nameOf(tokens.value[index] ?? "");
      if (axis === "query") context.fillText(text, LENGTH - AWAY, at);
      else context.fillText(text, -AWAY, at);
    }
  });
  return (
    <canvas ref={canvas} class={`ie-enlarged-names ie-enlarged-names-${axis}`} data-every={every.value} />
  );
}

function nameOf(token: string): string {
  return truncated(visible(token), LETTERS).replace(/^ +| +$/g, (spaces) => SPACE.repeat(spaces.length));
}

/** Of how many tokens one has room for its name. */
export function useEvery(
  tokens: ReadonlySignal<string[]>,
  { now, ratio }: Pick<Zooming, "now" | "ratio">,
): ReadonlySignal<number> {
  return useComputed(() => namedEvery(NAME * ratio.value, now.value, tokens.value.length));
}
