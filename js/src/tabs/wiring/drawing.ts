/** What a frame of scrubbing changes in the drawing of the wiring: attributes, never elements. */
import type { Head } from "../../contract.gen";
import { headName } from "../../state/heads";
import { scoreText } from "../../state/text";
import { cellColors, lut, type Scale, type Theme } from "../../ui/color";
import {
  DRAWN,
  effectLabels,
  type Fed,
  type Feeder,
  isFelt,
  type WiringLayout,
  wiringSummary,
} from "./feeders";

export interface Look {
  theme: Theme;
  /** Of effects. */
  effects: Scale;
  /** The composition of the widest line. */
  widest: number;
  /** Colours of the selected heads, by name. */
  selected: ReadonlyMap<string, string>;
}

/** Elements to be painted, in the order they were made. */
export interface Parts {
  picture: SVGSVGElement;
  edges: ArrayLike<Element>;
  nodes: ArrayLike<Element>;
  labels: ArrayLike<Element>;
  score: Element;
}

const [THIN, WIDE] = [1, 9];

export function lineWidth(composition: number, widest: number): number {
  const share = Math.max(0, Math.min(1, (composition || 0) / widest));
  return THIN + (WIDE - THIN) * share;
}

/** Blue where the induction score falls without the head: it is needed. Grey is too little to tell. */
export function lineColor(feeder: Feeder, look: Look): string {
  return isFelt(feeder) ? cellColors(look.effects, -feeder.effect, look.theme).fill : "var(--ie-curve)";
}

export function nodeScale(theme: Theme): Scale {
  return { min: 0, max: 1, kind: "sequential", lut: lut("sequential", theme) };
}

export function paintWiring(parts: Parts, head: Head, fed: Fed, layout: WiringLayout, look: Look): void {
  // The strongest last, over the others.
  const strongest = fed.feeders.slice(0, DRAWN).reverse();
  strongest.forEach((feeder, i) => {
    const edge = parts.edges[i];
    if (edge === undefined) return;
    put(edge, "d", curve(layout, feeder.head, head));
    put(edge, "stroke", lineColor(feeder, look));
    put(edge, "stroke-width", lineWidth(feeder.composition, look.widest).toFixed(2));
  });
  paintNodes(parts.nodes, layout.all ? inOrder(fed.feeders) : strongest, layout, look);
  const labels = effectLabels(fed.feeders, layout);
  for (let i = 0; i < parts.labels.length; i++) {
    const [element, label] = [parts.labels[i] as Element, labels[i]];
    write(element, label?.text ?? "");
    put(element, "x", (label?.x ?? 0).toFixed(1));
    put(element, "y", (label?.y ?? 0).toFixed(1));
  }
  write(parts.score, `induction ${scoreText(fed.induction)}`);
  put(parts.picture, "aria-label", wiringSummary(head, fed));
}

function inOrder(feeders: Feeder[]): Feeder[] {
  return [...feeders].sort((a, b) => a.head[0] - b.head[0] || a.head[1] - b.head[1]);
}

function paintNodes(nodes: ArrayLike<Element>, feeders: Feeder[], layout: WiringLayout, look: Look): void {
  const scale = nodeScale(look.theme);
  feeders.forEach((feeder, i) => {
    const node = nodes[i];
    const [circle, name] = node?.children ?? [];
    if (node === undefined || circle === undefined) return;
    const { fill, ink } = cellColors(scale, feeder.previousToken, look.theme);
    const [x, y] = layout.place(feeder.head);
    put(node, "transform", `translate(${x.toFixed(1)},${y.toFixed(1)})`);
    put(node, "data-head", feeder.head.join());
    const selected = look.selected.get(headName(feeder.head));
    put(circle, "fill", fill);
    put(circle, "stroke", selected ?? "var(--ie-muted)");
    put(circle, "stroke-width", selected === undefined ? "0.75" : "3");
    if (name === undefined) return;
    put(name, "fill", ink);
    write(name, headName(feeder.head).replace(/^L\d+/, ""));
  });
}

/** From the top of one head into the bottom of the other. */
function curve(layout: WiringLayout, from: Head, to: Head): string {
  const [x1, y1] = layout.place(from);
  const [x2, y2] = layout.place(to);
  const middle = (y1 + y2) / 2;
  return `M${x1.toFixed(1)},${y1}C${x1.toFixed(1)},${middle} ${x2.toFixed(1)},${middle} ${x2.toFixed(1)},${y2}`;
}

/** Attributes that stay as they are cost nothing. */
function put(element: Element, name: string, value: string): void {
  if (element.getAttribute(name) !== value) element.setAttribute(name, value);
}

function write(element: Element, text: string): void {
  if (element.textContent !== text) element.textContent = text;
}
