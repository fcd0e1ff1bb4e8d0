/**
 * The rest of a state that came without what is large.
 *
 * A page that is loaded again, or finds its kernel again, gets the states of all widgets in one message. To
 * keep that small, the kernel leaves out what it computed, and each widget asks for its own.
 */
import { signal } from "@preact/signals";
import { Connection } from "./connection";
import { type Model, onChange } from "./model";

/** What there is until the rest has arrived: how it stands with the kernel that is to send it. */
export interface Rest {
  connection: Connection;
  arrived: Promise<void>;
}

/** Asks the kernel for everything that it computed. */
export function askForState(model: Model, connection: Connection): void {
  try {
    model.send({ id: "state", kind: "state" });
  } catch {
    // JupyterLab's comm throws once its kernel was shut down.
    connection.lose();
  }
}

/** Sees to it until `abort` that the model has everything; null when it has enough to be drawn. */
export function whole(model: Model, abort: AbortSignal): Rest | null {
  const isBehind = () => model.get("_behind") > 0;
  const missing = signal(model.get("_series") === undefined);
  const connection = new Connection(missing, abort);
  let arrive = () => {};
  const arrived = new Promise<void>((resolve) => {
    arrive = resolve;
  });
  const ask = () => askForState(model, connection);
  // A busy kernel has the question already, and the answer is large.
  connection.whenQuiet(() => {
    if (connection.host.peek() !== "busy") ask();
  });
  const look = () => {
    if (isBehind()) return ask();
    missing.value = false;
    arrive();
  };
  onChange(model, "_behind", look, abort);
  if (isBehind()) ask();
  return missing.peek() ? { connection, arrived } : null;
}
