/** What else there is of a panel, in its caption: its table, and the menu that saves it as SVG, PNG or CSV. */
import { useSignal, useSignalEffect } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useRef } from "preact/hooks";
import type { AnalysisKind } from "../contract.gen";
import type { Result } from "../state/results";
import { labelText, shortened } from "../state/text";
import { useRoving } from "../ui/roving";
import type { View, ViewProps } from "../ui/view";
import { type About, captionOf, noteOf } from "./caption";
import { deliver, fileName } from "./download";
import { pngOf } from "./figure";
import { drawnOnPaper } from "./paper";
import { csv, type Table } from "./table";
import { TableBelow } from "./table-view";

interface SaveProps extends ViewProps {
  /** Of the panel: the button is named "Save " and this. */
  title: string;
  about: About;
  /** The panel, in another view. */
  draw: (paper: View) => ComponentChildren;
  table: () => Table;
  /** What it draws of answers, where it draws nothing else: without any there is nothing to save. */
  of?: Result<AnalysisKind>[];
  /** The panel is a table or a list as it is: one of its numbers would say the same again. */
  isRead?: true;
  /** Of its table what the panel shows, where that is less. */
  shownTable?: (() => Table) | undefined;
  /** The same with numbers that the kernel alone has; null where they cannot be had. */
  exactTable?: () => Promise<Table | null>;
}

/** Formats, and what each gives. */
const FORMATS = { SVG: "vectors, to edit", PNG: "picture", CSV: "its numbers" } as const;
type Format = keyof typeof FORMATS;
const NAMES = Object.keys(FORMATS) as Format[];

export function Save(props: SaveProps) {
  const { view, of } = props;
  const isKnown = of?.some(({ throughout }) => throughout.known > 0) ?? true;
  return view.onPaper || !isKnown ? null : <Menu {...props} />;
}

function Menu({ view, title, about, draw, table, shownTable, exactTable, isRead }: SaveProps) {
  const root = useRef<HTMLSpanElement>(null);
  const menu = useRef<HTMLSpanElement>(null);
  const roving = useRoving(menu, { role: "menuitem", count: NAMES.length });
  const [open, reads] = [useSignal(false), useSignal(false)];
  const failed = useSignal<string | null>(null);
  /** Where the kernel has put it, in words; null where the page handed it over. */
  const placed = useSignal<string | null>(null);
  const waits = useSignal(false);
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
    root.current?.querySelector<HTMLElement>(".ie-save-button")?.focus();
  };
  const closeTable = () => {
    reads.value = false;
    root.current?.querySelector<HTMLElement>(".ie-table-button")?.focus();
  };
  const save = async (format: Format) => {
    close();
    failed.value = placed.value = null;
    const { store } = view;
    const { info, shown } = store;
    const label = info.value === null ? "" : labelText(info.value, shown.value);
    const name = fileName(`${shortened(info.value?.name ?? "")} ${shortened(title)} ${label}`);
    try {
      if (format === "CSV") {
        // What the page shows may be another by the time that the kernel has answered.
        const [shown, exact] = [table(), exactTable?.()];
        const of = noteOf(store, about, shown.columns);
        waits.value = exact !== undefined;
        const content = csv((await exact) ?? shown, of);
        placed.value = await deliver(
          store.requests,
          `${name}.csv`,
          new Blob([content], { type: "text/csv" }),
        );
        return;
      }
      const screen = root.current?.closest(".ie");
      if (screen == null) return;
      const sheet = { title: about.title ?? title, caption: captionOf(store, about), draw };
      const figure = await drawnOnPaper(screen, view, sheet);
      const content =
        format === "PNG" ? await pngOf(figure) : new Blob([figure.text], { type: "image/svg+xml" });
      placed.value = await deliver(store.requests, `${name}.${format.toLowerCase()}`, content);
    } catch (error) {
      failed.value = `${title} could not be saved: ${(error as Error).message}`;
    } finally {
      waits.value = false;
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
      {waits.value && (
        <span class="ie-note" aria-live="polite">
          asking the kernel …
        </span>
      )}
      {failed.value !== null && <span role="alert">{failed.value}</span>}
      {placed.value !== null && (
        <span class="ie-note" aria-live="polite">
          {placed.value}
        </span>
      )}
      {!isRead && (
        <button
          type="button"
          class="ie-table-button"
          aria-expanded={reads.value}
          aria-label={`Table of ${title}`}
          onClick={() => {
            reads.value = !reads.value;
          }}
        >
          Table
        </button>
      )}
      {reads.value && (
        <TableBelow
          from={root}
          view={view}
          title={title}
          table={table}
          shownTable={shownTable}
          close={closeTable}
        />
      )}
      <button
        type="button"
        class="ie-save-button"
        aria-haspopup="menu"
        aria-expanded={open.value}
        aria-label={`Save ${title}`}
        onClick={() => {
          failed.value = placed.value = null;
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
          {NAMES.map((format) => (
            <button
              key={format}
              type="button"
              role="menuitem"
              tabIndex={-1}
              aria-label={format}
              aria-description={FORMATS[format]}
              data-gives={FORMATS[format]}
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
