/**
 * The anywidget module of every explorer: it loads the real one, which travels once a page.
 *
 * What a widget carries is sent for each widget again, in one message when a page is loaded again. So the
 * module has a widget of its own, bundle.py's Module, whose state is saved in the notebook with the others.
 */
import type { InitializeProps, RenderProps } from "@anywidget/types";

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

const SHARED = Symbol.for("induction-explorer");
const STYLES = "induction-explorer";
/** While a page is loaded, the carrier may be there only a moment after its explorers. */
const [TRIES, PAUSE_MS] = [30, 50];

/** By version: every copy of this file looks here. */
const modules = (): Map<string, Promise<Make>> => {
  const page = globalThis as { [SHARED]?: Map<string, Promise<Make>> };
  page[SHARED] ??= new Map();
  return page[SHARED];
};

async function findCarrier({ widget_manager, get }: Initialize["model"]): Promise<Carrier> {
  const id = get("_module").replace(/^IPY_MODEL_/, "");
  for (let tries = 1; ; tries++) {
    try {
      return await (widget_manager as unknown as Manager).get_model(id);
    } catch (error) {
      if (tries === TRIES) throw error;
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    }
  }
}

async function unpack(carrier: Carrier): Promise<Make> {
  const packed = Uint8Array.from(atob(carrier.get("code")), (char) => char.charCodeAt(0));
  const text = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
  const source = new Blob([await new Response(text).text()], { type: "text/javascript" });
  const url = URL.createObjectURL(source);
  const module = await import(url).finally(() => URL.revokeObjectURL(url));
  const style = document.getElementById(STYLES) ?? document.createElement("style");
  style.id = STYLES;
  style.textContent = carrier.get("styles");
  document.head.append(style);
  return module.default;
}

async function load(model: Initialize["model"]): Promise<Make> {
  const carrier = await findCarrier(model);
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
      widget = load(props.model).then((make) => {
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
