/**
 * The anywidget module of every explorer: it loads the real one, which travels once a page.
 *
 * What a widget carries is sent for each widget again, in one message when a page is loaded again. So the
 * module has a widget of its own, bundle.py's Module, whose state is saved in the notebook with the others.
 */
import type { InitializeProps, RenderProps } from "@anywidget/types";
import { fromBase64, unpackedFrom } from "./packed";

interface Traits {
  /** The widget that carries the module. */
  _module: string;
}
type Initialize = Pick<InitializeProps<Traits>, "model" | "signal">;
type Render = Pick<RenderProps<Traits>, "model" | "el" | "signal">;
interface Widget {
  initialize: (props: Initialize) => void;
  render: (props: Render) => void;
}
type Make = () => Widget;

/** bundle.py's Module. */
interface Carrier {
  get: (trait: "version" | "code" | "styles") => string;
}
interface Manager {
  get_model: (id: string) => Promise<Carrier>;
}
/** What the kernel sends where it is asked for what the carrier holds. */
type Sent = { id: "module" } & Record<"version" | "code" | "styles", string>;

const SHARED = Symbol.for("induction-explorer");
const STYLES = "induction-explorer";
/** While a page is loaded, the carrier may be there only a moment after its explorers. */
const [TRIES, PAUSE_MS] = [30, 50];
/** How long the kernel is waited for. */
const PATIENCE_MS = 60_000;

/** By version: every copy of this file looks here. */
const modules = (): Map<string, Promise<Make>> => {
  const page = globalThis as { [SHARED]?: Map<string, Promise<Make>> };
  page[SHARED] ??= new Map();
  return page[SHARED];
};

async function findCarrier(model: Initialize["model"], signal: AbortSignal): Promise<Carrier> {
  const manager = model.widget_manager as unknown as Manager;
  const id = model.get("_module").replace(/^IPY_MODEL_/, "");
  for (let tries = 1; ; tries++) {
    try {
      return await manager.get_model(id);
    } catch (error) {
      if (tries === TRIES) return sentCarrier(model, signal, error);
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    }
  }
}

/** A page may be younger than the carrier and not be told of it, as in VS Code: then the kernel is asked. */
function sentCarrier(model: Initialize["model"], signal: AbortSignal, error: unknown): Promise<Carrier> {
  return new Promise((resolve, reject) => {
    const hear = (sent: Sent) => {
      if (sent?.id !== "module") return;
      end();
      resolve({ get: (trait) => sent[trait] });
    };
    const giveUp = () => {
      end();
      reject(error);
    };
    const timer = setTimeout(giveUp, PATIENCE_MS);
    const end = () => {
      clearTimeout(timer);
      model.off("msg:custom", hear);
      signal.removeEventListener("abort", giveUp);
    };
    model.on("msg:custom", hear);
    signal.addEventListener("abort", giveUp, { once: true });
    model.send({ kind: "module" });
  });
}

async function unpack(carrier: Carrier): Promise<Make> {
  const text = (packed: string) => unpackedFrom(fromBase64(packed), "gzip").text();
  const styles = await text(carrier.get("styles"));
  const source = new Blob([await text(carrier.get("code"))], { type: "text/javascript" });
  const url = URL.createObjectURL(source);
  const module = await import(url).finally(() => URL.revokeObjectURL(url));
  const style = document.getElementById(STYLES) ?? document.createElement("style");
  style.id = STYLES;
  style.textContent = styles;
  document.head.append(style);
  return module.default;
}

async function load({ model, signal }: Initialize): Promise<Make> {
  const carrier = await findCarrier(model, signal);
  const version = carrier.get("version");
  const known = modules().get(version) ?? unpack(carrier);
  modules().set(version, known);
  known.catch(() => modules().delete(version));
  return known;
}

export default () => {
  let widget: Promise<Widget>;
  return {
    /** Waits for nothing: anywidget gives up on a model that takes two seconds, and a page may be slow. */
    initialize(props: Initialize): void {
      widget = load(props).then((make) => {
        const made = make();
        if (!props.signal.aborted) made.initialize(props);
        return made;
      });
      widget.catch(() => {}); // render says it, where the reader looks
    },
    async render(props: Render): Promise<void> {
      const made = await widget;
      if (!props.signal.aborted) made.render(props);
    },
  };
};
