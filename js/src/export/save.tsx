/**
 * The menu that saves a panel: as it is seen, as SVG or PNG, or its data as CSV. It belongs into the panel's
 * caption; the panel is the nearest figure or section around it.
 */
import { useSignal, useSignalEffect } from "@preact/signals";
import { useRef } from "preact/hooks";
import { labelText } from "../state/text";
import { useRoving } from "../ui/roving";
import type { ViewProps } from "../ui/view";
import { download, fileName } from "./download";
import { figureOf, pngOf } from "./figure";
import { csv, type Table } from "./table";

interface SaveProps extends ViewProps {
  /** Of the panel: the button is named "Save " and this. */
  title: string;
  table: () => Table;
}

const FORMATS = ["SVG", "PNG", "CSV"] as const;

export function Save({ view, title, table }: SaveProps) {
  const root = useRef<HTMLSpanElement>(null);
  const menu = useRef<HTMLSpanElement>(null);
  const roving = useRoving(menu, { role: "menuitem", count: FORMATS.length });
  const open = useSignal(false);
  const failed = useSignal<string | null>(null);
  /** Into the menu, which opens where it is not. */
  const enter = () => {
    open.value = true;
    menu.current?.querySelector<HTMLElement>("[role=menuitem]")?.focus();
  };
  useSignalEffect(() => {
    if (!open.value) return;
    enter();
    const close = (event: Event) => {
      if (!root.current?.contains(event.target as Node)) open.value = false;
    };
    document.addEventListener("pointerdown", close, true);
    return () => document.removeEventListener("pointerdown", close, true);
  });
  const onFocusOut = ({ relatedTarget }: FocusEvent) => {
    const inside = relatedTarget === null || root.current?.contains(relatedTarget as Node);
    if (!inside) open.value = false;
  };
  const close = () => {
    open.value = false;
    root.current?.querySelector<HTMLElement>("button")?.focus();
  };
  const save = async (format: (typeof FORMATS)[number]) => {
    close();
    failed.value = null;
    const { info, shown } = view.store;
    const label = info.value === null ? "" : labelText(info.value, shown.value);
    const name = fileName(`${info.value?.name ?? ""} ${title} ${label}`);
    try {
      if (format === "CSV") {
        download(`${name}.csv`, new Blob([csv(table())], { type: "text/csv" }));
        return;
      }
      const panel = root.current?.closest<HTMLElement>("figure, section");
      if (panel == null) return;
      const figure = figureOf(panel);
      const content =
        format === "PNG" ? await pngOf(figure) : new Blob([figure.text], { type: "image/svg+xml" });
      download(`${name}.${format.toLowerCase()}`, content);
    } catch (error) {
      failed.value = `${title} could not be saved: ${(error as Error).message}`;
    }
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.defaultPrevented) return; // moved within the menu
    if (event.key === "Escape" && open.value) close();
    else if (event.key === "ArrowDown" || event.key === "ArrowUp") enter();
    else return;
    event.preventDefault();
  };
  return (
    <span
      class="ie-save"
      ref={root}
      onKeyDown={onKeyDown}
      onFocusOut={onFocusOut}
      role="group"
      aria-label={`${title}: save`}
    >
      {failed.value !== null && <span role="alert">{failed.value}</span>}
      <button
        type="button"
        class="ie-save-button"
        aria-haspopup="menu"
        aria-expanded={open.value}
        aria-label={`Save ${title}`}
        onClick={() => {
          failed.value = null;
          open.value = !open.value;
        }}
      >
        Save
      </button>
      {open.value && (
        <span
          ref={menu}
          class="ie-save-menu"
          role="menu"
          aria-label={`Save ${title} as`}
          onKeyDown={roving.move}
          onFocusIn={roving.focused}
        >
          {FORMATS.map((format) => (
            <button
              key={format}
              type="button"
              role="menuitem"
              tabIndex={-1}
              onClick={() => void save(format)}
            >
              {format}
            </button>
          ))}
        </span>
      )}
    </span>
  );
}
