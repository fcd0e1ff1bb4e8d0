/** Ablations and wiring of the fake series: previous-token heads feed the induction heads that form above them. */
import type { Head } from "../src/contract.gen";
import type { Request } from "../src/kernel/model";
import { formed, noise, type Shape } from "./data";

type Cause = Extract<
  Request,
  { kind: "ablation" | "ablation_grid" | "patching_estimate" | "patching_exact" | "wiring" }
>;
type Values = Record<string, number[]>;

export const DRAWS = 20;

/** What the arrays of the reply hold of one checkpoint. */
export function causesAt(shape: Shape, request: Cause, checkpoint: number, answered: boolean): Values {
  switch (request.kind) {
    case "ablation":
      return together(shape, checkpoint, request.heads, answered);
    case "ablation_grid":
      return each(shape, checkpoint);
    case "patching_estimate":
      return { estimated_change: estimates(shape, checkpoint), metric: [0.4] };
    case "patching_exact":
      return { exact_change: measured(shape, checkpoint, request.top) };
    case "wiring":
      return wiring(shape, checkpoint, request.head);
  }
}

/** How much a head attends to the token before, 0..1. */
function previousToken(shape: Shape, checkpoint: number, layer: number, head: number): number {
  const inclined = layer < shape.layers / 2 && noise(layer, head, 13) > 0.6;
  const rise = 1 / (1 + Math.exp(-(checkpoint - 0.4 * shape.checkpoints) * (22 / shape.checkpoints)));
  return inclined
    ? (0.4 + 0.5 * noise(layer, head, 17)) * rise
    : 0.03 + 0.03 * noise(checkpoint, layer, head);
}

function lossChange(shape: Shape, checkpoint: number, layer: number, head: number): number {
  const useful =
    0.3 * formed(shape, checkpoint, layer, head) + 0.12 * previousToken(shape, checkpoint, layer, head);
  return useful + 0.03 * (noise(checkpoint, layer, head, 19) - 0.4);
}

function allHeads({ layers, heads }: Shape): Head[] {
  return Array.from({ length: layers * heads }, (_, i) => [Math.floor(i / heads), i % heads]);
}

function together(shape: Shape, checkpoint: number, heads: Head[], answered: boolean): Values {
  const change = (chosen: Head[]) =>
    chosen.reduce((sum, [layer, head]) => sum + lossChange(shape, checkpoint, layer, head), 0);
  const others = allHeads(shape).filter(([la, h]) => !heads.some(([l2, h2]) => l2 === la && h2 === h));
  const controls = Array.from({ length: others.length < heads.length ? 0 : DRAWS }, (_, draw) =>
    change([...others].sort((a, b) => noise(draw, ...a) - noise(draw, ...b)).slice(0, heads.length)),
  );
  const one = (value: number) => [value];
  const learning = -0.6 * (checkpoint / shape.checkpoints);
  const before = 0.9 * (checkpoint / shape.checkpoints);
  return {
    loss: one(6 - 4 * (checkpoint / shape.checkpoints)),
    loss_change: one(change(heads)),
    loss_error: one(0.004 + 0.1 * Math.abs(change(heads))),
    in_context_learning: one(learning),
    in_context_learning_change: one(0.8 * change(heads)),
    in_context_learning_error: one(0.02),
    control_loss: controls,
    control_in_context_learning: controls.map((value) => 0.6 * value),
    answer_before: one(answered ? before : Number.NaN),
    answer_after: one(answered ? before * Math.exp(-4 * Math.abs(change(heads))) : Number.NaN),
    rank_before: one(answered ? Math.round(12 * (1 - before)) : -1),
    rank_after: one(answered ? Math.round(12 * (1 - before) + 30 * Math.abs(change(heads))) : -1),
  };
}

function each(shape: Shape, checkpoint: number): Values {
  const changes = allHeads(shape).map(([layer, head]) => lossChange(shape, checkpoint, layer, head));
  const of = (factor: number) => changes.map((change) => factor * change);
  return { loss: of(1), in_context_learning: of(0.8), induction_loss: of(9) };
}

/** Too small for the heads that matter, as estimates are. */
function estimates(shape: Shape, checkpoint: number): number[] {
  return allHeads(shape).map(([layer, head]) => {
    const change = 9 * lossChange(shape, checkpoint, layer, head);
    return change / (1 + 0.4 * Math.abs(change)) + 0.02 * (noise(checkpoint, head, layer, 37) - 0.5);
  });
}

function measured(shape: Shape, checkpoint: number, top: number | null): number[] {
  const estimated = estimates(shape, checkpoint).map(Math.abs);
  const least = [...estimated].sort((a, b) => b - a)[(top ?? estimated.length) - 1] ?? 0;
  return allHeads(shape).map(([layer, head], index) =>
    (estimated[index] as number) < least ? Number.NaN : 9 * lossChange(shape, checkpoint, layer, head),
  );
}

function wiring(shape: Shape, checkpoint: number, [layer, head]: Head): Values {
  const induction = 0.012 + formed(shape, checkpoint, layer, head);
  const of = (value: (below: number, other: number) => number) =>
    allHeads(shape).map(([la, h]) => (la < layer ? value(la, h) : Number.NaN));
  // Few heads feed a head: of the previous-token heads, those whose number comes out high.
  const share = (la: number, h: number) =>
    previousToken(shape, checkpoint, la, h) * (0.05 + 0.95 * noise(la, h, layer, head) ** 6);
  return {
    composition: of(
      (la, h) =>
        0.12 * share(la, h) + (noise(la, h, head, 23) - 0.5) * 0.02 * (checkpoint / shape.checkpoints),
    ),
    previous_token: of((la, h) => previousToken(shape, checkpoint, la, h)),
    effect: of(
      (la, h) => -induction * share(la, h) + 0.02 * (noise(checkpoint, la, h, 29) - 0.5) * induction,
    ),
    error: of((la, h) => 0.002 + 0.01 * noise(la, h, 31)),
    induction: [induction],
  };
}
