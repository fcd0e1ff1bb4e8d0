/** The rows of the ranking: only those in view exist, and only their patterns are asked for, once it rests. */
import { batch, type ReadonlySignal, useComputed, useSignal, useSignalEffect } from "@preact/signals";
import { useCallback, useEffect, useLayoutEffect, useRef } from "preact/hooks";
import { usePixelRatio } from "../../chart/canvas";
import type { Head } from "../../contract.gen";
import { movedTo } from "../../ui/roving";
import { useAsks } from "../../ui/use-asks";
import { useLeaving } from "../../ui/use-leaving";
import type { ViewProps } from "../../ui/view";
import { Preview } from "./preview";
import { type Column, Row } from "./row";
import { keptRows, listHeight, ROW, type Span, scrolledTo, seenRows } from "./rows";

/** Rows that are passed by are not worth a pattern. */
const REST_MS = 120;

export interface Ranking {
  heads: ReadonlySignal<Head[]>;
  first: ReadonlySignal<Column | null>;
  second: ReadonlySignal<Column | null>;
}

export function List({ view, heads, first, second }: ViewProps & Ranking) {
  const { store } = view;
  const list = useRef<HTMLDivElement>(null);
  const ratio = usePixelRatio();
  const cursor = useSignal(0);
  /** Whether the cursor's row is to have the focus once it exists. */
  const focusing = useRef(false);
  const seen = useSignal<Span>([0, 0]);
  const resting = useSignal<Span>([0, 0]);
  const count = heads.value.length;
  const height = listHeight(count);
  const see = () => {
    const next = seenRows(list.current?.scrollTop ?? 0, height, count);
    if (next.join() !== seen.peek().join()) seen.value = next;
  };
  useLayoutEffect(see, [count]);
  useEffect(() => {
    const timer = setTimeout(() => {
      resting.value = seen.value;
    }, REST_MS);
    return () => clearTimeout(timer);
  }, [seen.value]);
  useAsks(store, () =>
    heads.value
      .slice(...resting.value)
      .map((head) => ({ analysis: "patterns", parameters: { head }, beside: true })),
  );

  // Of a figure, none beyond what is seen.
  const rows = useComputed(() => {
    const [from, to] = seen.value;
    return view.onPaper
      ? Array.from({ length: to - from }, (_, i) => from + i)
      : keptRows(seen.value, heads.value.length, cursor.value);
  });
  useLayoutEffect(() => {
    if (!focusing.current) return;
    focusing.current = false;
    rowOf(list.current, cursor.peek())?.focus({ preventScroll: true });
  }, [cursor.value, rows.value]);

  /** Which row the pointer or the focus is on: what stands there changes as the slider moves. */
  const pointed = useSignal<number | null>(null);
  useSignalEffect(() => {
    if (pointed.value !== null) view.hoverHead.value = heads.value[pointed.value] ?? null;
  });
  /** Of these, the row that is previewed: where the pointer or the focus stays. */
  const previewed = useSignal<number | null>(null);
  const conceal = useCallback(() => {
    previewed.value = null;
  }, [previewed]);
  useSignalEffect(() => {
    const row = pointed.value;
    conceal();
    const timer = setTimeout(() => {
      previewed.value = row;
    }, REST_MS);
    return () => clearTimeout(timer);
  });
  const leave = () => {
    pointed.value = null;
    view.hoverHead.value = null;
  };
  useLeaving(leave);
  const choose = (event: MouseEvent | KeyboardEvent) => {
    const head = heads.peek()[rowAt(event.target) ?? -1];
    if (head !== undefined) store.selectHead(head, event.shiftKey || event.ctrlKey || event.metaKey);
  };
  const moveTo = (row: number) => {
    const element = list.current;
    if (element === null) return;
    element.scrollTop = scrolledTo(row, element.scrollTop, height);
    focusing.current = true;
    batch(() => {
      see();
      cursor.value = row;
    });
    // Where the row is there already and stays, nothing is drawn anew.
    rowOf(element, row)?.focus({ preventScroll: true });
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const row = paged(event.key, cursor.peek(), count, Math.floor(height / ROW));
    if (row !== null) {
      event.preventDefault();
      moveTo(row);
    } else if (event.key === "Enter" || event.key === " ") {
      event.preventDefault();
      choose(event);
    }
  };
  const [row, column] = [previewed.value, first.value];
  const [at, head] = row === null ? [] : [rowOf(list.current, row), heads.value[row]];
  return (
    <>
      <div
        ref={list}
        class="ie-ranked-list"
        role="listbox"
        aria-label={`Heads by ${first.value?.score.name}`}
        aria-multiselectable="true"
        tabIndex={-1}
        style={{ height: `${height}px` }}
        onScroll={() => {
          see();
          conceal();
        }}
        onClick={choose}
        onKeyDown={onKeyDown}
        onFocusIn={({ target }) => {
          cursor.value = rowAt(target) ?? cursor.peek();
          pointed.value = rowAt(target);
        }}
        onFocusOut={leave}
        onPointerOver={({ target }) => {
          pointed.value = rowAt(target);
        }}
        onPointerLeave={leave}
      >
        <div role="presentation" style={{ height: `${count * ROW}px` }}>
          {rows.value.map((row) => (
            <Row
              key={row}
              view={view}
              row={row}
              ratio={ratio}
              isTabStop={row === Math.min(cursor.value, count - 1)}
              heads={heads}
              first={first}
              second={second}
            />
          ))}
        </div>
      </div>
      {at && head && column && <Preview view={view} head={head} column={column} row={at} close={conceal} />}
    </>
  );
}

/** As in any list, and a page further with Page Up and Page Down; null for keys that lead nowhere. */
function paged(key: string, from: number, count: number, page: number): number | null {
  const pages: Record<string, number> = { PageUp: -page, PageDown: page };
  const by = pages[key];
  if (by === undefined) return movedTo(key, from, { role: "option", count });
  return Math.max(0, Math.min(count - 1, from + by));
}

function rowAt(target: EventTarget | null): number | null {
  const row = target instanceof HTMLElement ? target.closest<HTMLElement>("[data-row]") : null;
  return row === null ? null : Number(row.dataset.row);
}

function rowOf(list: HTMLElement | null, row: number): HTMLElement | null {
  return list?.querySelector<HTMLElement>(`[data-row="${row}"]`) ?? null;
}
