/**
 * What the page around the widget says: its theme, and whether a kernel is behind the model.
 *
 * anywidget's model has no word for a lost kernel, but ipywidgets says it in three ways. The element of a
 * view made without a live comm carries a class. A comm that dies later (kernel restart) fires
 * "comm_live_update", without saying which way: models are born live, so it can only mean the end (and the
 * class is no help here, for anywidget takes the view's own listeners off). A kernel that is shut down fires
 * nothing; JupyterLab's manager then disposes of its kernel object, which can be watched.
 */
import { type ReadonlySignal, type Signal, signal } from "@preact/signals";
import type { Theme } from "./color";
import { listen, type Model } from "./model";

const DEAD_CLASS = "jupyter-widgets-disconnected";

/** The part of a Lumino signal that is used here. */
interface Emitter {
  connect: (slot: () => void) => void;
  disconnect: (slot: () => void) => void;
}

/** JupyterLab's widget manager, as far as it is looked at; other hosts have none of this. */
interface LabManager {
  kernel?: { disposed?: Emitter; isDisposed?: boolean } | null;
}

/** Turns `connected` false as soon as the host has no live kernel behind this view. */
export function watchKernel(
  model: Model,
  el: HTMLElement,
  connected: Signal<boolean>,
  abort: AbortSignal,
): void {
  const lose = () => {
    connected.value = false;
  };
  if (el.classList.contains(DEAD_CLASS)) lose();
  listen(model, "comm_live_update", lose, abort);
  listen(model, "comm:close", lose, abort);

  const kernel = (model.widget_manager as LabManager | undefined)?.kernel;
  if (kernel?.isDisposed) lose();
  const disposed = kernel?.disposed;
  if (disposed === undefined) return;
  disposed.connect(lose);
  abort.addEventListener("abort", () => disposed.disconnect(lose), { once: true });
}

function currentTheme(): Theme {
  const { body } = document;
  const jupyter = body.dataset.jpThemeLight;
  if (jupyter !== undefined) return jupyter === "false" ? "dark" : "light";
  const kind = body.dataset.vscodeThemeKind ?? body.className;
  if (/vscode-(dark|high-contrast(?!-light))/.test(kind)) return "dark";
  if (/vscode-(light|high-contrast-light)/.test(kind)) return "light";
  return matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
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
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", update, { signal: abort });
  return theme;
}
