/** The wiring of one head as a layered graph: layer 0 at the bottom, the head itself on top. */
import { type ReadonlySignal, useSignalEffect } from "@preact/signals";
import { useRef } from "preact/hooks";
import { Tip } from "../../chart/tip";
import type { Head } from "../../contract.gen";
import { headName, sameHead } from "../../state/heads";
import { changeText, scoreText } from "../../state/text";
import { slotColor } from "../../ui/color";
import { headAt } from "../../ui/pointing";
import { useLeaving } from "../../ui/use-leaving";
import type { View } from "../../ui/view";
import { type Look, paintWiring } from "./drawing";
import { DRAWN, type Fed, LABELS, type WiringLayout } from "./feeders";

/** Of "induction 0.716" beside the head, in pixels. */
const SCORE_WIDTH = 112;

interface Props {
  view: View;
  head: Head;
  fed: ReadonlySignal<Fed | null>;
  look: ReadonlySignal<Look>;
  layout: ReadonlySignal<WiringLayout>;
  choose: (feeder: Head) => void;
}

export function WiringGraph({ view, head, fed, look, layout, choose }: Props) {
  const { store, theme } = view;
  const picture = useRef<SVGSVGElement>(null);
  const { width, height, radius, named, all, place } = layout.value;
  const below = head[0] * (store.info.value?.heads ?? 1);
  useSignalEffect(() => {
    const [svg, found] = [picture.current, fed.value];
    if (svg === null || found === null) return;
    const of = (name: string) => svg.querySelector(`.ie-wiring-${name}`) as Element;
    const parts = {
      picture: svg,
      edges: of("edges").children,
      nodes: of("nodes").children,
      labels: of("labels").children,
      score: of("score"),
    };
    paintWiring(parts, head, found, layout.value, look.value);
  });
  const leave = () => {
    view.hoverHead.value = null;
  };
  useLeaving(leave);
  const [x, y] = place(head);
  const toTheLeft = x + radius + 10 + SCORE_WIDTH > width;
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: the table is the way to do this by keyboard
    <div
      class="ie-wiring-graph"
      role="presentation"
      onPointerOver={(event) => {
        view.hoverHead.value = headAt(event.target);
      }}
      onPointerLeave={leave}
      onClick={(event) => {
        const feeder = headAt(event.target);
        if (feeder !== null && !sameHead(feeder, head)) choose(feeder);
      }}
    >
      <svg ref={picture} role="img" aria-label={`What feeds ${headName(head)}`} width={width} height={height}>
        <g class="ie-wiring-layers">
          {range(head[0] + 1).map((layer) => (
            <text key={layer} x={0} y={place([layer, 0])[1]} dy="0.32em">
              L{layer}
            </text>
          ))}
        </g>
        <g class="ie-wiring-edges">
          {range(Math.min(DRAWN, below)).map((index) => (
            <path key={index} fill="none" />
          ))}
        </g>
        <g class="ie-wiring-nodes">
          {range(all ? below : Math.min(DRAWN, below)).map((index) => (
            <g key={index}>
              <circle r={radius} />
              {named && <text dy="0.32em" />}
            </g>
          ))}
        </g>
        <g class="ie-wiring-active" data-head={head.join()} transform={`translate(${x},${y})`}>
          <circle r={radius + 3} fill={slotColor(store.slots.value.get(headName(head)) ?? 0, theme.value)} />
          {named && (
            <text class="ie-wiring-name" dy="0.32em">
              H{head[1]}
            </text>
          )}
          <text
            class="ie-wiring-score"
            x={(radius + 10) * (toTheLeft ? -1 : 1)}
            dy="0.32em"
            text-anchor={toTheLeft ? "end" : "start"}
          />
        </g>
        <Ring view={view} head={head} layout={layout.value} />
        <g class="ie-wiring-labels">
          {range(LABELS).map((index) => (
            <text key={index} dy="0.32em" />
          ))}
        </g>
      </svg>
      <Feeding view={view} fed={fed} layout={layout.value} />
    </div>
  );
}

/** Around the head under the pointer, here or in another view. */
function Ring({ view, head, layout }: { view: View; head: Head; layout: WiringLayout }) {
  const hovered = view.hoverHead.value;
  if (hovered === null || hovered[0] >= head[0]) return null;
  const [cx, cy] = layout.place(hovered);
  return <circle class="ie-wiring-ring" cx={cx} cy={cy} r={layout.radius + 2} />;
}

function Feeding({ view, fed, layout }: { view: View; fed: Props["fed"]; layout: WiringLayout }) {
  const hovered = view.hoverHead.value;
  const feeder = hovered && fed.value?.feeders.find(({ head }) => sameHead(head, hovered));
  if (feeder == null) return null;
  const [x, y] = layout.place(feeder.head);
  return (
    <Tip x={x} y={y} width={layout.width} reach={layout.radius} name={headName(feeder.head)}>
      {" "}
      effect {changeText(feeder.effect)} ± {scoreText(feeder.error)}
      <br />
      K-composition {Number.isFinite(feeder.composition) ? changeText(feeder.composition) : "unknown"}
      <br />
      previous token {scoreText(feeder.previousToken)}
    </Tip>
  );
}

function range(length: number): number[] {
  return Array.from({ length }, (_, index) => index);
}
