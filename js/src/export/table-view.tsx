/** The numbers of a panel as a table on the page, for whoever cannot see the chart or wants to read it: those of its CSV. */
import { useSignal } from "@preact/signals";
import { createPortal, type RefObject } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { checkpointText, isolated, visible } from "../state/text";
import { useRested } from "../ui/use-rested";
import type { ViewProps } from "../ui/view";
import type { Cell, Table } from "./table";
import { TRAINING } from "./tables";

/** On one page: more would take long to lay out. */
const ROWS = 100;
/** Of tables with more rows, columns are not looked through for what is the same in all of them. */
const LOOKED_THROUGH = 5000;
/** Digits that a number is rounded to. */
const DIGITS = 4;
const SCROLLING = /^(Arrow|Page|Home$|End$)/;
/** What says which row one is in. */
const NAMING = new Set(["series", "step", "layer", "head", "query", "key", "position", "rank", "token"]);

interface Props extends ViewProps {
  title: string;
  /** All rows. */
  table: () => Table;
  /** Those of what the panel shows, where these are fewer. */
  shownTable?: (() => Table) | undefined;
  close: () => void;
}

/** At the end of the panel that `from` stands in. */
export function TableBelow({ from, ...props }: Props & { from: RefObject<Element | null> }) {
  const [place, put] = useState<Element | null>(null);
  useEffect(() => {
    const panel = from.current?.closest("figure, section, .ie-enlarged-body");
    const below = panel?.appendChild(document.createElement("div"));
    if (below === undefined) return;
    below.className = "ie-data";
    put(below);
    return () => below.remove();
  }, [from]);
  return place && createPortal(<TableView {...props} />, place);
}

function TableView({ view, title, table, shownTable, close }: Props) {
  const scroll = useRef<HTMLElement>(null);
  const [all, page] = [useSignal(false), useSignal(0)];
  const rested = useRested(all.value || shownTable === undefined ? table : shownTable).value;
  const drawn = rested !== null;
  useEffect(() => {
    if (drawn) scroll.current?.focus();
  }, [drawn]);
  if (rested === null) return null;
  const pages = Math.max(1, Math.ceil(rested.rows.length / ROWS));
  const at = Math.min(page.value, pages - 1); // there may be fewer than there were
  const turn = (by: number) => {
    page.value = Math.max(0, Math.min(page.value, pages - 1) + by);
    scroll.current?.scrollTo({ top: 0 });
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (SCROLLING.test(event.key)) event.stopPropagation(); // an enlarged pattern would move
    if (event.key !== "Escape") return;
    event.preventDefault();
    close();
  };
  return (
    <div role="group" aria-label={`${title}: table`} onKeyDown={onKeyDown}>
      <section
        ref={scroll}
        class="ie-data-scroll"
        aria-label={`Table of ${title}`}
        // biome-ignore lint/a11y/noNoninteractiveTabindex: keys scroll what is in it
        tabIndex={0}
      >
        <Numbers view={view} title={title} table={rested} first={at * ROWS} />
      </section>
      <div class="ie-data-pages">
        <span class="ie-note" role="status">
          {rowsText(rested.rows.length, at * ROWS)}
        </span>
        {pages > 1 && (
          <>
            <button type="button" class="ie-link" disabled={at === 0} onClick={() => turn(-1)}>
              Previous rows
            </button>
            <button type="button" class="ie-link" disabled={at === pages - 1} onClick={() => turn(1)}>
              Next rows
            </button>
          </>
        )}
        {shownTable !== undefined && (
          <label class="ie-note">
            <input
              type="checkbox"
              checked={all.value}
              onChange={({ currentTarget }) => {
                all.value = currentTarget.checked;
                page.value = 0;
              }}
            />{" "}
            all rows of its CSV
          </label>
        )}
        <button type="button" class="ie-link" aria-label={`Close table of ${title}`} onClick={close}>
          Close
        </button>
      </div>
    </div>
  );
}

interface NumbersProps extends ViewProps {
  title: string;
  table: Table;
  /** The row that the page begins with. */
  first: number;
}

function Numbers({ view, title, table, first }: NumbersProps) {
  const { columns, rows, holds } = table;
  const same = sameInAll(table);
  const kept = columns.flatMap((name, index) => (same.has(index) ? [] : [{ name, index }]));
  const count = Math.max(0, Math.min(ROWS, rows.length - first));
  const checkpoint = same.has(0) ? -1 : columns.indexOf("checkpoint");
  const shown = view.store.shown.value;
  const common = [...same].filter((index) => tells(view, table, index));
  return (
    <table class="ie-numbers">
      <caption>
        <strong>{title}.</strong> {holds}
        {common.length > 0 && ` In every row: ${common.map((index) => sameText(table, index)).join(", ")}.`}{" "}
        Rounded to {DIGITS} digits.
      </caption>
      <thead>
        <tr>
          {kept.map(({ name }) => (
            <th key={name} scope="col">
              {wordsOf(name)}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {Array.from({ length: count }, (_, nth) => {
          const row = rows.at(first + nth) ?? [];
          const isShown = checkpoint >= 0 && row[checkpoint] === shown;
          return (
            <tr key={first + nth} aria-current={isShown ? "true" : undefined}>
              {kept.map(({ name, index }) => {
                const text = cellText(row[index] ?? null);
                return NAMING.has(name) ? (
                  <th key={name} scope="row">
                    {text}
                  </th>
                ) : (
                  <td key={name}>{text}</td>
                );
              })}
            </tr>
          );
        })}
      </tbody>
    </table>
  );
}

/** Columns of the series and the checkpoint that say the same in all rows. */
function sameInAll({ columns, rows }: Table): Set<number> {
  const context = ["series", ...TRAINING, "step_before", "step_after", "query", "query_token"];
  if (rows.length < 2 || rows.length > LOOKED_THROUGH) return new Set();
  const same = new Set(columns.flatMap((name, index) => (context.includes(name) ? [index] : [])));
  const first = rows.at(0) ?? [];
  for (const row of rows) {
    for (const index of same) if (row[index] !== first[index]) same.delete(index);
  }
  return same;
}

/** Not that nothing is known or estimated, nor the place in training of a model that has none. */
function tells({ store }: ViewProps["view"], { columns, rows }: Table, index: number): boolean {
  const value = rows.at(0)?.[index] ?? null;
  if (value === null || value === "false") return false;
  const { overTraining, info } = store;
  const placed = overTraining.value || (info.value !== null && checkpointText(info.value, 0) !== "");
  return placed || !TRAINING.includes(columns[index] ?? "");
}

function sameText({ columns, rows }: Table, index: number): string {
  return `${wordsOf(columns[index] ?? "")} ${cellText(rows.at(0)?.[index] ?? null)}`;
}

function wordsOf(column: string): string {
  return isolated(visible(column.replaceAll("_", " ")));
}

function cellText(value: Cell): string {
  if (value === null) return "none";
  if (typeof value === "string") return isolated(visible(value)) || "empty";
  if (Number.isInteger(value)) return value.toLocaleString("en-US").replace("-", "−");
  return String(Number(value.toPrecision(DIGITS))).replaceAll("-", "−");
}

/** "rows 1 to 100 of 2,048". */
function rowsText(count: number, first: number): string {
  if (count === 0) return "no rows yet";
  const number = (value: number) => value.toLocaleString("en-US");
  if (count <= ROWS) return count === 1 ? "1 row" : `${number(count)} rows`;
  return `rows ${number(first + 1)} to ${number(Math.min(count, first + ROWS))} of ${number(count)}`;
}
