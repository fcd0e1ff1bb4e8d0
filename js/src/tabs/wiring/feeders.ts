/** The heads that can feed another: how strongly they do, and where they stand in the drawing. */
import type { Head } from "../../contract.gen";
import { isClear } from "../../state/draws";
import { headName } from "../../state/heads";
import type { Values } from "../../state/results";
import { signed } from "../../state/text";

export interface Feeder {
  head: Head;
  composition: number;
  previousToken: number;
  effect: number;
  error: number;
}

/** Whether ablating it moves the induction score beyond its noise. */
export function isFelt({ effect, error }: Feeder): boolean {
  return Math.abs(effect) >= LEAST && isClear(effect, error);
}

/** What is known of one head at one checkpoint: every head of the layers below it, strongest first. */
export interface Fed {
  feeders: Feeder[];
  induction: number;
}

export function fedBy(found: Values<"wiring">, head: Head, heads: number): Fed {
  const at = (name: "composition" | "previous_token" | "effect" | "error", index: number) =>
    found[name][index] ?? Number.NaN;
  const feeders = Array.from(
    { length: head[0] * heads },
    (_, index): Feeder => ({
      head: [Math.floor(index / heads), index % heads],
      composition: at("composition", index),
      previousToken: at("previous_token", index),
      effect: at("effect", index),
      error: at("error", index),
    }),
  );
  const strength = ({ effect }: Feeder) => Math.abs(effect) || 0;
  return {
    feeders: feeders.sort((a, b) => strength(b) - strength(a)),
    induction: found.induction[0] ?? Number.NaN,
  };
}

/** Feeders drawn with an edge, and listed. */
export const DRAWN = 12;
/** A smaller change of the induction score is not worth a colour. */
export const LEAST = 0.01;
/** More heads than this below the head, and only those with an edge are drawn. */
const MANY = 200;
/** Feeders whose effect is written. */
export const LABELS = 4;
const [MOST_WIDTH, MOST_HEIGHT, MARGIN] = [720, 460, 34];
/** A circle smaller than this has no room for a name. */
const NAME_RADIUS = 10;
/** Of a number in bold, with room around it. */
const [LETTER, LINE] = [8, 13];

export interface WiringLayout {
  width: number;
  height: number;
  radius: number;
  /** Names are inside the circles; otherwise beside the numbers. */
  named: boolean;
  /** Every head below has a circle; otherwise only those with an edge. */
  all: boolean;
  /** Centre of a head: layers from the bottom up, heads from left to right. */
  place: (head: Head) => [x: number, y: number];
}

export function wiringLayout([top]: Head, heads: number, available: number): WiringLayout {
  const column = Math.min(130, (Math.min(available, MOST_WIDTH) - MARGIN) / heads);
  const row = Math.max(24, Math.min(92, MOST_HEIGHT / (top + 1)));
  const radius = Math.max(4, Math.min(16, 0.3 * row, 0.42 * column));
  return {
    width: MARGIN + column * heads,
    height: row * top + 2 * MARGIN,
    radius,
    named: radius >= NAME_RADIUS,
    all: top * heads <= MANY,
    place: ([layer, head]) => [MARGIN + (head + 0.5) * column, MARGIN + (top - layer) * row],
  };
}

export interface EffectLabel {
  text: string;
  x: number;
  y: number;
}

/** Numbers over the few strongest feeders that are felt, none over another. */
export function effectLabels(feeders: Feeder[], layout: WiringLayout): EffectLabel[] {
  const labels: EffectLabel[] = [];
  for (const { head, effect } of feeders.filter(isFelt).slice(0, LABELS)) {
    const number = signed(effect, 2);
    const text = layout.named ? number : `${headName(head)} ${number}`;
    const half = (LETTER * text.length) / 2;
    const [centre, y] = layout.place(head);
    const x = Math.max(half, Math.min(layout.width - half, centre));
    const label = { text, x, y: y - layout.radius - LINE / 2 };
    if (labels.every((other) => !overlap(label, other))) labels.push(label);
  }
  return labels;
}

function overlap(a: EffectLabel, b: EffectLabel): boolean {
  const across = (LETTER * (a.text.length + b.text.length)) / 2;
  return Math.abs(a.x - b.x) < across && Math.abs(a.y - b.y) < LINE;
}

/** One sentence for a reader who cannot see the drawing. */
export function wiringSummary(head: Head, { feeders, induction }: Fed): string {
  const best = feeders.find((feeder) => isFelt(feeder) && feeder.effect < 0);
  const scored = `${headName(head)}, induction ${induction.toFixed(3)}`;
  return best === undefined
    ? `${scored}: ablating any one earlier head does not clearly lower it`
    : `${scored}: ablating ${headName(best.head)} lowers it most, by ${Math.abs(best.effect).toFixed(3)}`;
}
