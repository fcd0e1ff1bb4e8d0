/**
 * A copy of an explorer: no kernel, no network. In a page of its own, what it holds stands in the page, and what
 * the reader arranges in the address, so that a link opens where it was left. In a module, which a page of others
 * draws as an anywidget (MyST's `{anywidget}`), what it holds stands before this.
 */
import { arrangedIn, withArranged } from "./copied/address";
import { open } from "./open-copy";

/** Written before this in a module (export/module.py), and nowhere else. */
declare const COPY: { held: string; styles: string; said: string };

export default {
  /** Where `el` is, a style of the page around it may not reach: this brings its own. */
  render({ el }: { el: HTMLElement }): () => void {
    const end = new AbortController();
    const styles = document.createElement("style");
    const main = document.createElement("div");
    const footer = document.createElement("p");
    styles.textContent = COPY.styles;
    footer.textContent = COPY.said;
    footer.className = "ie-note";
    el.append(styles, main, footer);
    void open(COPY.held, main, { arranged: () => ({}), onArranged: () => {} }, end.signal);
    return () => end.abort();
  },
};

function openPage(): void {
  document.documentElement.classList.toggle("embedded", new URLSearchParams(location.search).has("embed"));
  const held = document.getElementById("held")?.textContent ?? "";
  const onArranged = (beginning: Record<string, unknown>, set: Record<string, unknown>) => {
    const { hash } = location;
    const next = withArranged(hash, beginning, set);
    // A frame without an address of its own, as of a notebook, has none to change.
    if (next !== hash) {
      try {
        history.replaceState(null, "", next);
      } catch {}
    }
  };
  const arranged = (state: Record<string, unknown>) => arrangedIn(location.hash, state);
  const arranging = { arranged, onArranged };
  void open(held, document.querySelector("main") as HTMLElement, arranging, new AbortController().signal);
}

if (typeof COPY === "undefined") openPage();
