/** Pages of the fake series' heads: each row attends one back where a head is early, and by induction where it has formed. */
import type { Head } from "../src/contract.gen";
import { formed, type Shape } from "./data";
import type { Values } from "./fake-kernel";

/** Rows are long where the prompt is. */
export function pageSizes(prompt: number) {
  const position = prompt > 500 ? 512 : 24;
  return { sequence: 14, position, slot: 8, token: 12, distance: position };
}
const PERIOD = 8;

export function headPageAt(shape: Shape, checkpoint: number, [layer, head]: Head, prompt = 0): Values {
  const { sequence, position, slot, token, distance } = pageSizes(prompt);
  /** The last sequence is shorter. */
  const lengthOf = (nth: number) => (nth === sequence - 1 ? position - 7 : position);
  const back = layer === 0 ? 1 : PERIOD - 1;
  const strength = Math.max(0.1, formed(shape, checkpoint, layer, head));
  const most = (nth: number) => strength * (1 - nth / (sequence + 1));
  const each = (of: (nth: number) => number) => Array.from({ length: sequence }, (_, nth) => of(nth));
  const ids = each((nth) => nth).flatMap((nth) =>
    Array.from({ length: position }, (_, at) => (at < lengthOf(nth) ? (at % PERIOD) + nth : -1)),
  );
  const cells = each((nth) => nth).flatMap((nth) =>
    Array.from({ length: position }, (_, q) => ({ q, weight: q < lengthOf(nth) ? most(nth) : 0 })),
  );
  const slots = (of: (cell: { q: number; weight: number }) => [number, number], empty: number) =>
    cells.flatMap((cell) =>
      Array.from({ length: slot }, (_, at) => (cell.weight > 0 && at < 2 ? (of(cell)[at] as number) : empty)),
    );
  const ranks = Array.from({ length: token }, (_, rank) => rank);
  return {
    rows: [256],
    row: each((nth) => 2 * nth + 1),
    interval: each((nth) => (nth < 6 ? 5 : 4 - Math.floor((nth - 6) / 2))),
    strength: each(most),
    ids,
    keys: slots(({ q }) => [Math.max(0, q - back), q], -1),
    attention: slots(({ weight }) => [Math.round(255 * weight), Math.round(50 * (1 - weight))], 0),
    distances: Array.from({ length: distance }, (_, at) => (at === back ? strength : (1 - strength) / 100)),
    first: [0.2 * (1 - strength)],
    from_ids: ranks,
    from_share: ranks.map((rank) => 0.2 / (rank + 1)),
    from_times: ranks.map((rank) => 3 / (rank + 1)),
    at_ids: ranks.map((rank) => rank + 10),
    at_share: ranks.map((rank) => 0.3 / (rank + 1)),
    at_times: ranks.map((rank) => 4 / (rank + 1)),
  };
}
