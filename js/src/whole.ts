/**
 * The rest of a state that came without what is large.
 *
 * A page that is loaded again, or finds its kernel again, gets the states of all widgets in one message. To
 * keep that small, the kernel leaves out what it computed, and each widget asks for its own.
 */
import { type Model, onChange } from "./model";

/** Sees to it until `abort` that the model has everything; null when it has, else resolves once it does. */
export function whole(model: Model, abort: AbortSignal): Promise<void> | null {
  const isBehind = () => model.get("_behind") > 0;
  const ask = () => model.send({ id: "state", kind: "state" });
  let arrive = () => {};
  const rest = isBehind()
    ? new Promise<void>((resolve) => {
        arrive = resolve;
      })
    : null;
  onChange(model, "_behind", () => (isBehind() ? ask() : arrive()), abort);
  if (rest !== null) ask();
  return rest;
}
