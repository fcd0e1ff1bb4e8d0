/** One tab stop for many items: within it, arrow keys, Home and End move the focus, as WAI-ARIA's patterns ask. */
import { useSignal } from "@preact/signals";
import type { RefObject } from "preact";

export interface Items {
  /** Tabs and menus go on from the last to the first; lists, which are broken into lines, and grids end there. */
  role: "tab" | "menuitem" | "option" | "gridcell";
  count: number;
  /** Items in a row of a grid. */
  columns?: number;
}

/** The item that a key leads to from `index`; null for keys that lead nowhere. */
export function movedTo(key: string, index: number, { role, count, columns = count }: Items): number | null {
  const around = (at: number) => (at + count) % count;
  const inside = (at: number, other: number) => (at < 0 || at >= count ? other : at);
  const first = index - (index % columns);
  const last = Math.min(first + columns, count) - 1;
  const [before, after] = [Math.max(first, index - 1), Math.min(last, index + 1)];
  const arrows: Record<string, number> = {
    tab: { ArrowLeft: around(index - 1), ArrowRight: around(index + 1) },
    menuitem: { ArrowUp: around(index - 1), ArrowDown: around(index + 1) },
    option: { ArrowLeft: before, ArrowUp: before, ArrowRight: after, ArrowDown: after },
    gridcell: {
      ...{ ArrowLeft: before, ArrowRight: after },
      ...{ ArrowUp: inside(index - columns, index), ArrowDown: inside(index + columns, index) },
    },
  }[role];
  return { ...arrows, Home: first, End: last }[key] ?? null;
}

export interface Roving {
  /** The item that is the tab stop. */
  cursor: () => number;
  /** Of an item. */
  tabIndex: (index: number) => 0 | -1;
  /** Moves the focus by a key, and says which item has it then; null for keys that lead nowhere. */
  move: (event: KeyboardEvent) => number | null;
  /** To be told of what took the focus inside: it is the tab stop from then on. */
  focused: (event: FocusEvent) => void;
}

/** The items inside of `root`; the one that had the focus last is the tab stop, or else the one `at` is given for. */
export function useRoving(root: RefObject<HTMLElement | null>, items: Items, at?: number): Roving {
  const last = useSignal(0);
  const all = () => [...(root.current?.querySelectorAll<HTMLElement>(`[role=${items.role}]`) ?? [])];
  // There may be fewer items than there were when the cursor was moved.
  const cursor = () => at ?? Math.min(last.value, items.count - 1);
  return {
    cursor,
    tabIndex: (index) => (index === cursor() ? 0 : -1),
    move(event) {
      const to = movedTo(event.key, cursor(), items);
      if (to === null) return null;
      event.preventDefault();
      all()[to]?.focus();
      return to;
    },
    focused({ target }) {
      const index = all().indexOf(target as HTMLElement);
      if (index >= 0) last.value = index;
    },
  };
}
