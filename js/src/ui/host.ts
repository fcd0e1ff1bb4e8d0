/**
 * What the page around the widget says: its theme, and how its kernel is.
 *
 * anywidget's model has no word for a lost kernel, but ipywidgets says it in three ways. The element of a
 * view made without a live comm carries a class. A comm that dies later (kernel restart) fires
 * "comm_live_update", without saying which way: models are born live, so it can only mean the end (and the
 * class is no help here, for anywidget takes the view's own listeners off). A kernel that is shut down or that
 * died fires nothing; but the managers of JupyterLab and VS Code hold their kernel object, which says whether
 * it runs a cell, whether the way to it is open, and when it ends.
 */
import { type ReadonlySignal, signal } from "@preact/signals";
import type { Connection, HostWord } from "../kernel/connection";
import { listen, type Model } from "../kernel/model";
import type { Theme } from "./color";

const DEAD_CLASS = "jupyter-widgets-disconnected";

/** The part of a Lumino signal that is used here. */
interface Emitter {
  connect: (slot: () => void) => void;
  disconnect: (slot: () => void) => void;
}

/** JupyterLab's kernel object, as far as it is looked at; other hosts have none, or less of it. */
interface HostKernel {
  isDisposed?: boolean;
  status?: string;
  connectionStatus?: string;
  disposed?: Emitter;
  statusChanged?: Emitter;
  connectionStatusChanged?: Emitter;
}

/** Words for a kernel whose widgets are lost, even where another is started in its place. */
const ENDED = new Set(["dead", "terminating", "restarting", "autorestarting"]);

function hostWord({ status, connectionStatus }: HostKernel): HostWord {
  if (connectionStatus !== undefined && connectionStatus !== "connected") return "connecting";
  return status === "busy" || status === "idle" ? status : "unknown";
}

/** Tells the connection what the host knows of the kernel behind this view. */
export function watchKernel(model: Model, el: HTMLElement, connection: Connection, abort: AbortSignal): void {
  const lose = () => connection.lose();
  if (el.classList.contains(DEAD_CLASS)) lose();
  listen(model, "comm_live_update", lose, abort);
  listen(model, "comm:close", lose, abort);

  const manager = model.widget_manager as { kernel?: HostKernel | null; farewell?: string } | undefined;
  connection.farewell = manager?.farewell ?? connection.farewell;
  const kernel = manager?.kernel;
  if (kernel == null) return;
  const look = () => {
    if (kernel.isDisposed || ENDED.has(kernel.status ?? "")) lose();
    connection.host.value = hostWord(kernel);
  };
  look();
  for (const [emitter, slot] of [
    [kernel.disposed, lose],
    [kernel.statusChanged, look],
    [kernel.connectionStatusChanged, look],
  ] as const) {
    if (emitter === undefined) continue;
    emitter.connect(slot);
    abort.addEventListener("abort", () => emitter.disconnect(slot), { once: true });
  }
}

function currentTheme(): Theme {
  const { body } = document;
  const system = matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
  // Grounds and inks are then the system's, whatever the host's theme is.
  if (matchMedia("(forced-colors: active)").matches) return system;
  const kind = body.dataset.vscodeThemeKind ?? body.className;
  if (/vscode-(dark|high-contrast(?!-light))/.test(kind)) return "dark";
  if (/vscode-(light|high-contrast-light)/.test(kind)) return "light";
  const jupyter = body.dataset.jpThemeLight;
  if (jupyter !== undefined) return jupyter === "false" ? "dark" : "light";
  return system;
}

export function watchTheme(abort: AbortSignal): ReadonlySignal<Theme> {
  const theme = signal(currentTheme());
  const update = () => {
    theme.value = currentTheme();
  };
  const observer = new MutationObserver(update);
  observer.observe(document.body, {
    attributes: true,
    attributeFilter: ["class", "data-jp-theme-light", "data-vscode-theme-kind"],
  });
  abort.addEventListener("abort", () => observer.disconnect(), { once: true });
  for (const query of ["(prefers-color-scheme: dark)", "(forced-colors: active)"]) {
    matchMedia(query).addEventListener("change", update, { signal: abort });
  }
  return theme;
}
